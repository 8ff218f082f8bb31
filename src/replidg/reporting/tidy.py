"""Pick the rows of one artefact out of the tidy metrics, or say clearly why that cannot be."""

from __future__ import annotations

import pandas as pd

COLUMNS: tuple[str, ...] = (
    "paper", "artefact", "dataset", "domain", "method", "setting", "seed", "metric", "value", "n",
    "x",
)  # fmt: skip


def artefact_rows(metrics: pd.DataFrame, artefact: str, metric: str, **where: str) -> pd.DataFrame:
    """The rows of `artefact` and `metric` whose columns equal `where`.

    Args:
        metrics: tidy metrics (one value a row).
        artefact: value of the column ``artefact``.
        metric: value of the column ``metric``.
        **where: further columns and the value each must have.

    Raises:
        ValueError: a column is missing, or no row is left; the message names the artefact, the
            columns seen and what the column asked for holds instead.
    """
    seen = ", ".join(map(str, metrics.columns))
    missing = [column for column in COLUMNS if column not in metrics.columns]
    if missing:
        raise ValueError(
            f"artefact {artefact!r}: the metrics lack the columns {missing}; columns seen: {seen}"
        )
    rows = metrics
    wanted = {"artefact": artefact, "metric": metric} | where
    for column, value in wanted.items():
        found = sorted(map(str, rows[column].unique()))
        rows = rows[rows[column] == value]
        if rows.empty:
            raise ValueError(
                f"artefact {artefact!r}: no row with {column} = {value!r}, only {found}; "
                f"columns seen: {seen}"
            )
    return rows
