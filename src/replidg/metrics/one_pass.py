"""Every number of the alignment paper that needs no other model, in one pass over predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from replidg.metrics import accuracy, contrast, correlation, predictors, sensitivity
from replidg.metrics.alignment import Bounds
from replidg.metrics.tidy import tidy


def evaluate(
    tables: Iterable[pd.DataFrame],
    images: pd.DataFrame,
    at: Bounds,
    curve: Mapping[str, float],
    zero_shot: pd.DataFrame | None = None,
    contrast_method: str = "",
) -> pd.DataFrame:
    """Return tidy rows of `table1`, `curves`, `sensitivity`, `correlations`, `fig6`, `table5`, ….

    Args:
        tables: scored predictions (`scored.read_scored`) of one or more runs each. They are taken
            one at a time: those of a full run are tens of millions of rows.
        images: `dataset`, `image_id`, `part`, `score`, `probability` of every image.
        at: the thresholds as scores.
        curve: the configured bins: `bin_width`, `threshold_points`, `resamples`.
        zero_shot: zero-shot predictions; without them there are no Tables 5 and 6.
        contrast_method: whom Tables 5 and 6 hold against zero-shot.
    """
    widths = {
        name: predictors.nice_width(own["probability"].to_numpy())
        for name, own in images.groupby("dataset")
    }
    limits = sensitivity.thresholds_between(at, int(curve["threshold_points"]))
    parts: dict[str, list[pd.DataFrame]] = {}
    for table in tables:
        found = {
            "table1": accuracy.accuracy_by_setting(table),
            "bins": accuracy.bin_counts(table, curve["bin_width"]),
            "fine": accuracy.bin_counts(table, correlation.FINE),
            "sensitivity": sensitivity.accuracy_by_threshold(table, at, limits),
        }
        for name, own in table.groupby("dataset"):
            calibrated = own.assign(score=own["probability"])
            found[f"fig6 {name}"] = accuracy.bin_counts(calibrated, widths[name])
        chosen = table[table["method"] == contrast_method]
        if zero_shot is not None and len(chosen):
            found["contrast"] = contrast.two_by_two(zero_shot, chosen)
        for name, rows in found.items():
            parts.setdefault(name, []).append(rows)
    whole = {name: pd.concat(rows, ignore_index=True) for name, rows in parts.items()}
    return pd.concat(_tidied(whole, widths, curve), ignore_index=True)


def _tidied(
    whole: Mapping[str, pd.DataFrame], widths: Mapping[str, float], curve: Mapping[str, float]
) -> list[pd.DataFrame]:
    constants = {"paper": "alignment", "metric": "accuracy"}
    domains = {"target": "domain"}
    rows = [
        tidy(whole["table1"].rename(columns=domains), artefact="table1", **constants),
        tidy(whole["sensitivity"].rename(columns=domains), artefact="sensitivity", **constants),
        tidy(
            accuracy.curve(whole["bins"]).assign(setting=f"{curve['bin_width']:g}"),
            artefact="curves",
            **constants,
        ),
        tidy(
            correlation.correlations(whole["fine"], int(curve["resamples"])),
            artefact="correlations",
            paper="alignment",
        ),
    ]
    for name, width in widths.items():
        if f"fig6 {name}" in whole:
            points = accuracy.curve(whole[f"fig6 {name}"]).query("dataset != 'all'")
            rows.append(tidy(points.assign(setting=f"{width:g}"), artefact="fig6", **constants))
    if "contrast" in whole:
        # A file may hold one target: the paper counts all of a data set's together.
        keys = ["artefact", "dataset", "method", "seed", "setting"]
        table = whole["contrast"].groupby(keys)["value"].sum().reset_index()
        rows.append(tidy(table.assign(n=table["value"]), paper="alignment", metric="images"))
    return rows
