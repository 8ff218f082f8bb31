"""The papers' own errors, as `errata.yaml` states them."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from replidg.artefacts import PAPERS
from replidg.published.schema import PublishedError
from replidg.typed import Strict


class Erratum(Strict):
    """One error or contradiction of a paper.

    Attributes:
        paper: key of the paper.
        name: what rows' notes call it.
        where: in the paper.
        what: is wrong.
        treatment: which of the numbers we use, and how.
        fails: names of the checks in `consistency` that fail because of it.
    """

    paper: str
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    where: str = Field(min_length=1)
    what: str = Field(min_length=1)
    treatment: str = Field(min_length=1)
    fails: tuple[str, ...] = ()


def read_errata(path: Path) -> tuple[Erratum, ...]:
    """Read and check the list.

    Raises:
        PublishedError: an entry is wrong, its paper unknown, or a name used twice for one paper.
    """
    try:
        found = TypeAdapter(tuple[Erratum, ...]).validate_python(
            yaml.safe_load(path.read_text(encoding="utf-8"))
        )
    except (ValidationError, yaml.YAMLError) as error:
        raise PublishedError(f"{path}: {error}") from error
    seen = set()
    for erratum in found:
        if erratum.paper not in PAPERS:
            raise PublishedError(f"{path}: {erratum.name}: no paper {erratum.paper!r}")
        if (erratum.paper, erratum.name) in seen:
            raise PublishedError(f"{path}: {erratum.name} stands there twice")
        seen.add((erratum.paper, erratum.name))
    return found
