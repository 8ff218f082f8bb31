"""The base of every typed table that is read from YAML."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A table in which every key must be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)
