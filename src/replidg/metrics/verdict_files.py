"""Verdicts as files, and what got worse between two of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from replidg.files import whole_file
from replidg.metrics.verdicts import COLUMNS, KEYS, REPRODUCED, TEXT, VERDICTS, typed


def write_verdicts(table: pd.DataFrame, path: Path) -> None:
    """Write verdicts as csv, whole or not at all."""
    with whole_file(path) as temporary:
        table.reindex(columns=COLUMNS).to_csv(temporary, index=False, lineterminator="\n")


def read_verdicts(path: Path) -> pd.DataFrame:
    """Read verdicts; empty text stays text.

    Raises:
        ValueError: the file is no table of verdicts.
    """
    table = pd.read_csv(path, dtype=dict.fromkeys(TEXT, str), keep_default_na=False, na_values=[""])
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise ValueError(f"{path} is no table of verdicts: it lacks {', '.join(missing)}")
    table = typed(table)
    unknown = set(table["verdict"]) - set(VERDICTS)
    if unknown:
        raise ValueError(f"{path}: no such verdict: {', '.join(sorted(unknown))}")
    return table


def regressions(now: pd.DataFrame, baseline: pd.DataFrame) -> pd.DataFrame:
    """Return what was `reproduced` in the baseline and deviates or is gone now: `KEYS`, `now`.

    A number that is not comparable or not run this time is gone as well.
    """
    good = baseline[baseline["verdict"] == REPRODUCED][KEYS]
    current = now[[*KEYS, "verdict", "reason"]].rename(columns={"verdict": "now"})
    merged = good.merge(current, on=KEYS, how="left").fillna({"now": "gone", "reason": ""})
    return merged[merged["now"] != REPRODUCED].reset_index(drop=True)
