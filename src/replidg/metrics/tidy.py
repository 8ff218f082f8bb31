"""The tidy table that every figure and table reads (docs/architecture.md)."""

from __future__ import annotations

import numpy as np
import pandas as pd

COLUMNS = [
    "paper", "artefact", "dataset", "domain", "method", "setting",
    "seed", "metric", "value", "n", "x",
]  # fmt: skip


def tidy(table: pd.DataFrame, **constants: object) -> pd.DataFrame:
    """Return `table` with all tidy columns; those it lacks get `constants` or are empty.

    Args:
        table: rows with `value` and some of the other columns.
        constants: columns with one value, e.g. paper="alignment".
    """
    empty = {"domain": "all", "method": "", "setting": "", "seed": pd.NA, "n": 0, "x": np.nan}
    filled = table.assign(**{k: v for k, v in (empty | constants).items() if k not in table})
    types = {"seed": "Int64", "n": "int64", "value": "float64", "x": "float64"}
    return filled[COLUMNS].astype(types)
