"""Checks of `forgotten.training`."""

from __future__ import annotations

from replidg.config.schema import Config


def problems(config: Config) -> list[str]:
    """Return what is wrong with `forgotten.training`, one line each."""
    return []


def provided(config: Config) -> set[str]:
    """Return what the configuration provides of what the artefacts of trainings need."""
    paper = config.forgotten
    return {"forgotten:training"} if paper and paper.training else set()
