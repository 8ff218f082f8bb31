"""The base of every typed table that is read from YAML."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A table in which every key must be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def without_nulls(value: Any) -> Any:
    """Return a table without its empty entries: null takes away what an earlier file had."""
    if not isinstance(value, dict):
        return value
    return {name: other for name, other in value.items() if other is not None}
