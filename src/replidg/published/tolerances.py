"""How far a replication may be off a published number, by declared rules (`tolerances.yaml`)."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pandas as pd
import yaml
from pydantic import Field, TypeAdapter, ValidationError

from replidg.published.schema import METRICS, PublishedError
from replidg.typed import Strict

FILE = Path(__file__).with_name("tolerances.yaml")
MATCHED = ("paper", "artefact", "dataset", "domain", "method", "setting", "metric", "quality")


class Rule(Strict):
    """A tolerance and the rows that it is for.

    Attributes:
        match: column and the value, or values, that it must have; * stands for anything.
        tolerance: in the metric's unit; 0 asks for the same number.
        why: where the tolerance comes from.
    """

    match: dict[str, str | tuple[str, ...]] = Field(min_length=1)
    tolerance: float = Field(ge=0, allow_inf_nan=False)
    why: str = Field(min_length=1)

    def fits(self, row: dict[str, object]) -> bool:
        """Say whether the rule is for this row."""
        return all(
            any(fnmatchcase(str(row[column]), pattern) for pattern in _patterns(wanted))
            for column, wanted in self.match.items()
        )


def _patterns(wanted: str | tuple[str, ...]) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else wanted


def read_rules(path: Path = FILE) -> tuple[Rule, ...]:
    """Read and check the rules.

    Raises:
        PublishedError: a rule is wrong or matches an unknown column or metric.
    """
    try:
        rules = TypeAdapter(tuple[Rule, ...]).validate_python(
            yaml.safe_load(path.read_text(encoding="utf-8"))
        )
    except (ValidationError, yaml.YAMLError) as error:
        raise PublishedError(f"{path}: {error}") from error
    for number, rule in enumerate(rules, start=1):
        wrong = set(rule.match) - set(MATCHED)
        wrong |= set(_patterns(rule.match.get("metric", ()))) - set(METRICS)
        if wrong:
            raise PublishedError(f"{path}: rule {number} matches {sorted(wrong)}, which is unknown")
    return rules


def add_tolerances(table: pd.DataFrame, path: Path = FILE) -> pd.DataFrame:
    """Return published rows with `tolerance` and `tolerance_why` from the first rule that fits.

    Raises:
        PublishedError: no rule fits a row.
    """
    rules = _cached(path)
    found = []
    for row in table[list(MATCHED)].to_dict("records"):
        rule = next((rule for rule in rules if rule.fits(row)), None)
        if rule is None:
            raise PublishedError(f"{path}: no rule fits {row}")
        found.append((rule.tolerance, rule.why))
    tolerance, why = zip(*found, strict=True) if found else ((), ())
    return table.assign(
        tolerance=pd.Series(tolerance, index=table.index, dtype="float64"),
        tolerance_why=pd.Series(why, index=table.index, dtype="str"),
    )


_cached = cache(read_rules)
