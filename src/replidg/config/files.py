"""Read a configuration the way Snakemake does, and files that are based on others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from replidg.config.check import ConfigError, load
from replidg.config.merge import merge
from replidg.config.schema import Config

#: Each job reads the files again, and the one in C takes a tenth of the time.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: The key by which a file names another that is read before it.
BASE = "base"


def read(paths: Iterable[Path]) -> Config:
    """Return the configuration of several files, the later ones laid over the earlier.

    Raises:
        ConfigError: a file is missing or no YAML table, or the configuration is wrong.
    """
    return load(merged(paths))


def merged(paths: Iterable[Path], last: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what files say together: the first, what the others are based on, the others.

    Args:
        paths: the demo's file, then overlays as given with `--configfile`.
        last: goes over all of them, as `--config` does.

    Raises:
        ConfigError: a file is missing, no YAML table, or based on itself.
    """
    first, *others = paths
    content = _table(first)
    for path in in_order(others):
        content = merge(content, _table(path))
    content = merge(content, dict(last or {}))
    content.pop(BASE, None)
    return content


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Return files in the order in which they are read, each once.

    What files are based on comes before all of them; a file that is given itself keeps its place,
    so that others can lie between it and the one that is based on it.

    Raises:
        ConfigError: a base is missing or no text, or files are based on one another.
    """
    given = {path.resolve(): path for path in paths}
    found: dict[Path, None] = {}
    for path in given.values():
        for base in _bases(path, ()):
            if base not in given:
                found[base] = None
    return [*found, *given.values()]


def _bases(path: Path, above: tuple[Path, ...]) -> list[Path]:
    """Return what a file is based on, the lowest first."""
    name = _table(path).get(BASE)
    if name is None:
        return []
    if not isinstance(name, str):
        raise ConfigError(f"{path}: {BASE} must be the path of another file, beside this one")
    base = (path.parent / name).resolve()
    if base == path.resolve() or base in above:
        chain = " -> ".join(str(each) for each in (*above, path, base))
        raise ConfigError(f"{path}: {BASE}: files are based on one another: {chain}")
    if not base.is_file():
        raise ConfigError(
            f"{path}: {BASE}: there is no file {base}; give its path as seen from this file"
        )
    return [*_bases(base, (*above, path)), base]


def _table(path: Path) -> dict[str, Any]:
    try:
        table = yaml.load(path.read_text(), LOADER)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is no YAML: {error}") from None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{path} is no table of keys and values")
    return table or {}
