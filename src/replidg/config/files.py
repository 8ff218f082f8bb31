"""Read a configuration the way Snakemake does, for the commands that start no workflow."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from replidg.config.check import ConfigError, load
from replidg.config.merge import merge
from replidg.config.schema import Config


def read(paths: Iterable[Path]) -> Config:
    """Return the configuration of several files, the later ones laid over the earlier.

    Raises:
        ConfigError: a file is missing or no YAML table, or the configuration is wrong.
    """
    content: dict[str, Any] = {}
    for path in paths:
        content = merge(content, _table(path))
    return load(content)


def _table(path: Path) -> dict[str, Any]:
    try:
        table = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is no YAML: {error}") from None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{path} is no table of keys and values")
    return table or {}
