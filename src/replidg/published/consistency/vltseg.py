"""Checks of arXiv 2312.02021."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from replidg.published.consistency.check import HALF, Check, one, rows


def checks(table: pd.DataFrame) -> Iterator[Check]:
    """Yield the checks."""
    yield from _means(table)
    yield from _rpd(table)
    yield from _repeats(table)


def _means(table: pd.DataFrame) -> Iterator[Check]:
    """DG means: a mean of rounded numbers is off by half a digit, and so is its own print."""
    for artefact, place, half in (
        ("t1", "dataset", HALF), ("t2", "dataset", HALF), ("t5", "domain", HALF),
        ("v1", "dataset", HALF / 10),
    ):  # fmt: skip
        chosen = rows(table, artefact=artefact)
        for (setting, method), found in chosen.groupby(["setting", "method"]):
            mean = found[found[place] == "average"]["value"]
            if mean.empty:  # a row with a single target
                continue
            cells = found[~found[place].isin(["average", "day_clear"]) & _validated(found)]
            name = f"{artefact}/{setting}/{method}/mean"
            yield Check(name, float(mean.iloc[0]), cells["value"].mean(), 2 * half)


def _validated(found: pd.DataFrame) -> pd.Series:
    """Say which rows a mean is over: test servers' numbers are in no mean, but t5 is all test."""
    return (found["split"] == "val") | (found["artefact"] == "t5")


def _rpd(table: pd.DataFrame) -> Iterator[Check]:
    """The rPD of Tables T3 and T4 from the cells, with the rounding of both sides passed on."""
    for artefact in ("t3", "t4"):
        for (source, method), found in rows(table, artefact=artefact).groupby(
            ["setting", "method"]
        ):
            scores = found[found["metric"] != "rpd"]
            own = one(scores, dataset=source)
            rpd = 100 * scores[scores["dataset"] != source]["value"].mean() / own
            allowed = HALF + (100 + rpd) * HALF / own
            printed = one(found, metric="rpd")
            yield Check(f"{artefact}/{source}/{method}/rpd", printed, rpd, allowed)


def _repeats(table: pd.DataFrame) -> Iterator[Check]:
    """Cells that stand in two tables, and points that are one model."""
    twins = {"segformer": "baseline", "eva02_clip": "vltseg"}
    for ours, theirs in twins.items():
        for row in rows(table, artefact="t2", method=theirs).itertuples():
            if row.dataset != "average":
                there = one(
                    table, artefact="t1", method=ours, dataset=row.dataset, setting="gta5"
                )  # fmt: skip
                yield Check(f"t2/{theirs}/{row.dataset}", row.value, there, 0.0)
    for row in rows(table, artefact="f2", setting="gta5/early_to_deep", x=[12.0]).itertuples():
        there = one(
            table, artefact="f2", setting="gta5/deep_to_early", x=12.0, dataset=row.dataset
        )  # fmt: skip
        # All twelve blocks are frozen either way; 0.1 is what reading a picture may be off.
        yield Check(f"f2/{row.dataset}/all_frozen", row.value, there, 0.1)
