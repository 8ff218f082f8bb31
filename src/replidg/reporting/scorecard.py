"""The scorecard: how each figure and table stands against what its paper published.

Verdicts are judged elsewhere (`replidg.metrics.verdicts`); here they are put to the artefacts that
they belong to, counted, and summed up in one state an artefact.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from replidg.artefacts import Artefact, target
from replidg.metrics.verdicts import (
    DEVIATES,
    NOT_COMPARABLE,
    NOT_RUN,
    REPRODUCED,
    UNPUBLISHED,
    typed,
)

HOLDS, FAILS, UNTOLD = "holds", "does not hold", "cannot be told"
#: Name of the table that holds a paper's claims.
CLAIMS = "claims"


class State(NamedTuple):
    """How an artefact stands.

    Attributes:
        key: for filters and styles.
        words: what the page says.
        tone: `good`, `bad`, `warn`, `mute` or `none`.
        mark: a character that tells it apart without colour.
    """

    key: str
    words: str
    tone: str
    mark: str


#: Every state, in the order of the legend.
STATES: dict[str, State] = {
    state.key: state
    for state in (
        State("reproduced", "reproduced", "good", "\u2713"),
        State("partly", "reproduced in part", "warn", "\u25d0"),
        State("deviates", "deviates", "bad", "\u2717"),
        State("holds", "claims hold", "good", "\u2713"),
        State("untold", "claims hold or cannot be told", "warn", "\u25d0"),
        State("fails", "a claim does not hold", "bad", "\u2717"),
        State("incomparable", "not comparable", "mute", "\u2248"),
        State("unpublished", "no published value", "none", "\u2013"),
        State("apart", "no number in common", "none", "\u25cb"),
        State("absent", "not run", "none", "\u25cb"),
    )
}
#: The state whose colour a single number's verdict has; what was compared comes first.
VERDICT_STATES: dict[str, str] = {
    REPRODUCED: "reproduced",
    DEVIATES: "deviates",
    NOT_COMPARABLE: "incomparable",
    NOT_RUN: "absent",
    UNPUBLISHED: "unpublished",
}


class ClaimRow(NamedTuple):
    """One claim as its table words it."""

    statement: str
    result: str
    reason: str


def read_claims(data: bytes) -> list[ClaimRow]:
    """Read a table of claims (columns Claim, Result, Why); another table has none.

    Args:
        data: csv.
    """
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    if not {"Claim", "Result", "Why"} <= set(rows.fieldnames or ()):
        return []
    return [ClaimRow(row["Claim"] or "", row["Result"] or "", row["Why"] or "") for row in rows]


def count_claims(claims: Iterable[ClaimRow]) -> dict[str, int]:
    """Return how many claims hold, do not hold and cannot be told; results without one left out."""
    results = [claim.result for claim in claims]
    known = (HOLDS, FAILS, UNTOLD)
    return {word: results.count(word) for word in known if word in results}


def place(verdicts: pd.DataFrame, artefacts: Sequence[Artefact]) -> pd.DataFrame:
    """Return verdicts with the column `target`: the artefact that shows each, empty if none does.

    Published tables are named as artefacts are. Where a paper's table is made once a data set,
    the artefact has the data set's name behind (`main` of PACS is `main_pacs`).

    Args:
        verdicts: columns of `replidg.metrics.verdicts.COLUMNS`, maybe of several papers.
        artefacts: those that the page knows.

    Returns:
        Sorted by target in the order of `artefacts`, what belongs to none last; the order within
        an artefact stays.
    """
    names = [target(artefact) for artefact in artefacts]
    known = set(names)
    table = typed(verdicts)
    whole = table["paper"] + "_" + table["artefact"]
    split = whole + "_" + table["dataset"].str.lower()
    table["target"] = whole.where(whole.isin(known), split.where(split.isin(known), ""))
    order = {name: rank for rank, name in enumerate(names)} | {"": len(names)}
    ranks = table["target"].map(order).astype(int)
    return table.loc[ranks.sort_values(kind="stable").index].reset_index(drop=True)


def counts_by_target(placed: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return for each target how many numbers have which verdict."""
    if placed.empty:
        return {}
    counts = pd.crosstab(placed["target"], placed["verdict"])
    return {str(name): in_order(row) for name, row in counts.iterrows()}


def in_order(counts: Mapping[str, int] | pd.Series) -> dict[str, int]:
    """Return counts by verdict in the order in which the page tells them, none of 0."""
    return {name: int(counts[name]) for name in VERDICT_STATES if counts.get(name, 0)}


def state_of(counts: Mapping[str, int], claims: Sequence[ClaimRow] = ()) -> State:
    """Sum up an artefact that was run.

    A number that deviates outweighs all others. `reproduced` is said only if every published number
    is; if some are and the rest could not be compared, it is so in part.

    Args:
        counts: numbers by verdict, none if nothing of it is published.
        claims: those of the artefact, if it is a table of claims.
    """
    if claims:
        found = count_claims(claims)
        told = "fails" if FAILS in found else "untold" if UNTOLD in found else "holds"
        return STATES[told]
    open_ones = counts.get(NOT_COMPARABLE, 0) + counts.get(NOT_RUN, 0)
    if counts.get(DEVIATES):
        return STATES["deviates"]
    if counts.get(REPRODUCED):
        return STATES["partly" if open_ones else "reproduced"]
    if counts.get(NOT_COMPARABLE):
        return STATES["incomparable"]
    return STATES["apart" if counts.get(NOT_RUN) else "unpublished"]


def words_of(counts: Mapping[str, int]) -> str:
    """Return counts in words, e.g. `3 reproduced, 1 deviates`, `2 hold`."""
    several = {HOLDS: "hold", FAILS: "do not hold", "deviates": "deviate"}
    words = {name: name if n == 1 else several.get(name, name) for name, n in counts.items()}
    return ", ".join(f"{n:,} {words[name]}" for name, n in counts.items())
