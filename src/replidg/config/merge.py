"""Lay one configuration over another."""

from __future__ import annotations

from typing import Any


def merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with `override` laid over it, table by table, as Snakemake merges overlays.

    Tables are merged key by key; everything else, lists too, is replaced.
    """
    nested = {
        key: merge(base[key], value)
        for key, value in override.items()
        if isinstance(value, dict) and isinstance(base.get(key), dict)
    }
    return base | override | nested
