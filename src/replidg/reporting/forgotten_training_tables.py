"""Tables of arXiv 2410.08258 on training: Table 2, and what the paper claims."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from replidg.metrics.forgotten import VERSIONS
from replidg.metrics.forgotten_claims import forgotten_claims
from replidg.published import load
from replidg.reporting.artefact_files import Records, claim_records
from replidg.reporting.forgotten_look import NAMES

SUITES = ("natural", "rendition")
CAPTION = (
    "Top-1 accuracy (%) averaged over the natural and the rendition test sets, standard and clean; "
    "mean over all epochs, as the paper's numbers are. Paper: published."
)


def make(name: str, metrics: pd.DataFrame, series: Mapping[str, str]) -> Records:
    """Make one table.

    Args:
        name: table2 or claims.
        metrics: tidy metrics.
        series: published name: our training set.

    Raises:
        ValueError: there is no such table.
    """
    if name == "claims":
        return claim_records(forgotten_claims(metrics))
    if name == "table2":
        return Records(compared(metrics, series), CAPTION, 2)
    raise ValueError(f"forgotten has no table {name!r}")


def compared(metrics: pd.DataFrame, series: Mapping[str, str]) -> pd.DataFrame:
    """Return Table 2: a row a training set, our mean over seeds beside the published number.

    Raises:
        ValueError: no run makes it.
    """
    ours, paper = (rows[rows["artefact"] == "table2"] for rows in (metrics, load("forgotten")))
    if ours.empty:
        raise ValueError("table2: no run makes it; see forgotten.training.mixes.series")
    keys = ["method", "setting", "domain"]
    means, printed = (rows.groupby(keys)["value"].mean() for rows in (ours, paper))
    records = []
    for method in dict.fromkeys(ours["method"]):
        record: dict[str, object] = {
            "Training set": NAMES[method],
            "Our set": series.get(method, ""),
        }
        for version in VERSIONS:
            for suite in SUITES:
                key = (method, version, suite)
                record[f"{suite} {version}"] = float(means.get(key, float("nan")))
                record[f"{suite} {version}, paper"] = float(printed.get(key, float("nan")))
        records.append(record)
    return pd.DataFrame(records)
