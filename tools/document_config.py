"""Write config/README.md and workflow/schemas/config.schema.json from the configuration's models.

`--check` writes nothing and exits with status 1 if one of the two files is out of date.
"""

from __future__ import annotations

import argparse
import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from replidg.config.schema import Config

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = Path("workflow/schemas/config.schema.json")
README = Path("config/README.md")

INTRODUCTION = """\
<!-- Written by tools/document_config.py from src/replidg/config/*.py. -->

# Configuration

`config.yaml` at the top of the repository is always read. It holds the demo. A file given with
`--configfile` is an overlay on it. Nothing else distinguishes the scales: rules, scripts and the
package do not know which one they run at, and `scale` is only a name that the report prints.

| scale | files | data | backbone |
|---|---|---|---|
| demo | `config.yaml` | pictures that ship with the package | a tiny CLIP, trained in the run |
| full | + `config/full.yaml` | folders that you have (`data_root`) | the paper's checkpoint |
| rehearsal | + `config/rehearsal.yaml` | the demo's pictures, few | the papers' architectures |

## How overlays merge

Snakemake merges an overlay key by key: a table is merged with the table below it, and everything
else, lists included, is replaced. So

- an overlay names only what it changes;
- `seeds: [0]` replaces the list, it does not add to it;
- a key is never removed: to undo one of the demo's keys, set it to the value that you want (its
  default is in the tables below), and set an optional one to `null`;
- an entry of a table (a data set, a model, a method) that nothing refers to is left alone by `all`;
- an overlay may be based on another file: `base: full.yaml`, as seen from the overlay. That is read
  before all overlays, unless it is given itself: then it keeps its place.

Several overlays may be given, the last one wins, and `--config` goes over all of them. Both options
take every word up to the next option, so targets come first:

```sh
./replidg alignment_fig17 --configfile config/full.yaml mine.yaml -n
./replidg --config 'alignment={seeds: [0]}' -n
```

The merged configuration is checked before any job starts: an unknown key, a wrong value, a name
that refers to nothing or a missing folder stops the run with one line each. Editors that know JSON
schemas can use `workflow/schemas/config.schema.json`; it describes the merged configuration.

A rule reruns only if a key that it reads changes. Keys that affect speed alone (`embedding`,
`alignment.search`, `alignment.training.workers`, `alignment.training.checkpoint_every_s`) make only
the report run again, which shows the configuration.

## Keys

`<name>` stands for a name of your choice. A key in **bold** must be given.
"""

WORDS = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    type(None): "null",
    Any: "anything",
}
LIMITS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def models() -> dict[type[BaseModel], list[str]]:
    """Return every table of the configuration with the places it is used at, top first."""
    found: dict[type[BaseModel], list[str]] = {}
    waiting = [(Config, "")]
    while waiting:
        model, path = waiting.pop(0)
        found.setdefault(model, []).append(path)
        for name, field in model.model_fields.items():
            inner = f"{path}.{name}".lstrip(".")
            waiting += [(m, inner + suffix) for m, suffix in tables_in(field.annotation)]
    return found


def tables_in(annotation: Any, suffix: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """Yield the models in a type, each with what its keys add to the path."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, suffix
        return
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = inner[:1]
    elif origin is dict:
        inner, suffix = inner[1:], f"{suffix}.<name>"
    elif origin is Literal:
        return
    for part in inner:
        yield from tables_in(part, suffix)


def type_words(annotation: Any, limits: tuple[Any, ...] = ()) -> str:
    """Return a type in words; models become links."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_words(inner[0], (*limits, *inner[1:]))
    if origin is Literal:
        words = " or ".join(f"`{value}`" for value in inner)
    elif origin in (Union, types.UnionType):
        words = " or ".join(type_words(part) for part in inner)
    elif origin is dict:
        words = "table of any keys" if inner[1] is Any else f"table: name → {type_words(inner[1])}"
    elif origin is list:
        words = f"list of {type_words(inner[0])}"
    elif origin is tuple:
        words = f"list of {len(inner)}: " + ", ".join(type_words(part) for part in inner)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        words = f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    else:
        words = WORDS[annotation]
    bounds = [
        f"{sign} {getattr(limit, name):g}"
        for limit in limits
        for name, sign in LIMITS.items()
        if getattr(limit, name, None) is not None
    ]
    if any(getattr(limit, "min_length", None) for limit in limits):
        bounds.append("not empty")
    return ", ".join([words, *bounds])


def default_words(field: FieldInfo) -> str:
    """Return a default as YAML would write it; a table's defaults are in its own section."""
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return "its defaults"
    # A list of tables is written as such.
    told = json.dumps(value, ensure_ascii=False, default=lambda table: table.model_dump())
    return f"`{told}`"


def section(model: type[BaseModel], paths: list[str]) -> str:
    """Return the heading, the places and the table of one model."""
    where = ", ".join(f"`{path}`" for path in paths if path) or "the top of the file"
    summary = (model.__doc__ or "").strip()
    lines = [
        f"### {model.__name__}",
        f"At {where}.",
        summary,
        "| key | type | default | description |\n|---|---|---|---|\n"
        + "\n".join(row(name, field) for name, field in model.model_fields.items()),
    ]
    return "\n\n".join(lines)


def row(name: str, field: FieldInfo) -> str:
    """Return the table's row of one key."""
    shown = f"**`{name}`**" if field.is_required() else f"`{name}`"
    cells = [
        shown,
        type_words(field.annotation, tuple(field.metadata)),
        default_words(field),
        field.description or "",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def render_readme() -> str:
    """Return the text of config/README.md."""
    sections = [section(model, paths) for model, paths in models().items()]
    return "\n".join([INTRODUCTION, "\n\n".join(sections), ""])


def render_schema() -> str:
    """Return the JSON schema of the merged configuration."""
    schema = Config.model_json_schema() | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "replidg configuration",
        "description": "The configuration after config.yaml and its overlays are merged.",
    }
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def documents() -> dict[Path, str]:
    """Return the text that each generated file should have."""
    return {SCHEMA: render_schema(), README: render_readme()}


def outdated(root: Path = ROOT) -> list[Path]:
    """Return the generated files that are missing or differ."""
    return [
        path
        for path, text in documents().items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    ]


def main() -> int:
    """Write or check the files; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    if parser.parse_args().check:
        old = outdated()
        for path in old:
            print(f"{path} is out of date; run python tools/document_config.py", file=sys.stderr)
        return 1 if old else 0
    for path, text in documents().items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
