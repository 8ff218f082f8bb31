"""The package's layers import downwards only, and no file grows beyond reading."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "replidg"
BASE = {
    "config",
    "files",
    "log",
    "measured",
    "progress",
    "seeds",
    "artefacts",
    "artefacts_vltseg",
    "artefacts_forgotten",
    "checkout",
    "devices",
    "orphans",
    "checkpoints",
    "arithmetic",
    "processes",
    "compat",
    "typed",
    # What training selects by and metrics report.
    "scores",
    # Pages of facts that the configuration is checked against; it lies in `data` for its readers.
    "data.registry",
}
#: What each layer may import besides itself.
ALLOWED = {
    **{name: BASE for name in BASE},
    "data": BASE,
    "models": {*BASE, "data"},
    "methods": {*BASE, "data", "models"},
    "segmentation": {*BASE, "data", "models"},
    "training": {*BASE, "data", "models", "methods"},
    "metrics": BASE,
    "published": BASE,
    "reporting": {*BASE, "metrics", "published"},
    "budget": {*BASE, "data"},
    "status": BASE,
}
FILES = sorted(SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Return the module's dotted name below `replidg`."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path) for path in FILES}


def imports(source: str, package: str = "") -> set[str]:
    """Return absolute names of all that a module imports, in functions too.

    `from a import b` gives a.b: b may be a module. `package` is where relative imports start.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            stem = ".".join([*above, *filter(None, [node.module])]) if node.level else node.module
            found |= {f"{stem}.{alias.name}" for alias in node.names}
    return found


def own_imports(path: Path) -> set[str]:
    """Return the modules of the package that a file imports, below `replidg`."""
    parent = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    wanted = set()
    for name in imports(path.read_text(), f"replidg.{parent}".rstrip(".")):
        if name == "replidg" or name.startswith("replidg."):
            inner = name.removeprefix("replidg").lstrip(".")
            while inner and inner not in MODULES:  # a name in a module
                inner = inner.rpartition(".")[0]
            wanted.add(inner)
    return wanted - {""}


def layer(module: str) -> str:
    """Return the layer of a module: its first name, or the base module that it belongs to."""
    for name in BASE:
        if module == name or module.startswith(f"{name}."):
            return name
    return module.partition(".")[0]


def test_the_parser_sees_all_kinds_of_imports():
    source = "import a.b\nfrom c import d\ndef f():\n    from .e import g\n    from .. import h\n"
    assert imports(source, "replidg.data") == {"a.b", "c.d", "replidg.data.e.g", "replidg.h"}
    assert {"data.retrieve", "training.job", "cli"} <= MODULES
    assert "models.store" in own_imports(SOURCE / "training" / "job.py")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_downwards(path):
    own = layer(name_of(path))
    if own in ("cli", "commands", ""):  # the command line may import anything, the package nothing
        assert own or not own_imports(path)
        return
    assert own in ALLOWED, f"{own} is a new layer; say here what it may import"
    wrong = {name for name in own_imports(path) if layer(name) not in {own, *ALLOWED[own]}}
    assert not wrong, f"{name_of(path)} may not import {sorted(wrong)}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_imports_snakemake(path):
    assert not {name for name in imports(path.read_text()) if name.startswith("snakemake")}


def test_no_cycles():
    graph = {name_of(path): own_imports(path) - {name_of(path)} for path in FILES}
    done: set[str] = set()
    while graph.keys() - done:
        ready = {name for name in graph.keys() - done if graph[name] <= done}
        assert ready, f"a cycle among {sorted(graph.keys() - done)}"
        done |= ready


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_modules_are_short(path):
    assert len(path.read_text().splitlines()) < 300


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").glob("*.py")), ids=lambda p: p.stem)
def test_scripts_are_short(path):
    assert len(path.read_text().splitlines()) < 120
