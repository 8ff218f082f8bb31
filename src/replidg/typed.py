"""The base of every typed table that is read from YAML."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

Value = TypeVar("Value")


class Strict(BaseModel):
    """A table in which every key must be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def without_nulls(value: Any) -> Any:
    """Leave out what a later file sets to null: tables of several files are merged key by key."""
    if not isinstance(value, dict):
        return value
    return {name: each for name, each in value.items() if each is not None}


#: A table by name from which a later file can take things away.
Named = Annotated[dict[str, Value], BeforeValidator(without_nulls)]
