"""Corrupted images, and what trainings took, of arXiv 2312.02021."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from replidg.metrics.segmentation import Areas, mean_iou
from replidg.metrics.tidy import tidy
from replidg.metrics.vltseg import PAPER, Arm


def perturbation_rows(
    tables: Iterable[tuple[str, str, int, str, Mapping[tuple[str, int], Areas], Areas]],
    arms: Mapping[str, Arm],
) -> pd.DataFrame:
    """Return scores on corrupted images, tidy.

    Args:
        tables: source, arm, seed, data set, (corruption, severity) -> areas, and the areas of the
            images as they are.
        arms: by name.

    Returns:
        Rows of "perturbations" (`domain` the corruption, or "all" for their mean, `x` the severity,
        0 for images as they are) and of "f3" (its means, named as the published ones: the paper
        does not say which images were corrupted).
    """
    rows = []
    for source, arm, seed, dataset, corrupted, clean in tables:
        keys = {"dataset": dataset, "method": arm, "setting": source, "seed": seed}
        keys |= {"metric": "miou", "artefact": "perturbations"}
        first = next(iter(corrupted.values())).images
        kept = _only(clean, first)
        by_severity: dict[int, list[float]] = {}
        for (kind, severity), areas in sorted(corrupted.items()):
            value = float(mean_iou(areas))
            by_severity.setdefault(severity, []).append(value)
            rows.append(keys | {"domain": kind, "x": severity, "value": value, "n": len(first)})
        means = {0: float(mean_iou(kept))}
        means |= {severity: float(np.mean(found)) for severity, found in by_severity.items()}
        for severity, value in means.items():
            row = keys | {"domain": "all", "x": severity, "value": value, "n": len(first)}
            rows.append(row)
            if severity and "f3" in arms[arm].studies:
                names = {"dataset": "unstated", "method": arms[arm].studies["f3"]}
                rows.append(row | names | {"setting": "corrupted", "artefact": "f3"})
    columns = ["artefact", "dataset", "domain", "method", "setting", "seed", "metric", "value"]
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
    return tidy(table, paper=PAPER)


def _only(areas: Areas, images: Sequence[str]) -> Areas:
    """Return the given images of a data set, in its order."""
    wanted = set(images)
    places = [place for place, image in enumerate(areas.images) if image in wanted]
    if len(places) != len(wanted):
        raise ValueError(
            f"{len(wanted) - len(places)} images were tested corrupted and not as they are; the "
            "test job has to run again"
        )
    return Areas(
        tuple(areas.images[place] for place in places),
        tuple(areas.conditions[place] for place in places),
        areas.right[places], areas.truth[places], areas.pred[places],
    )  # fmt: skip


#: What a training's `metrics.json` may say, and the unit that a table prints it in. Not the time:
#: a second run gives the same tables, and the report has the times of the jobs.
COSTS = {
    "iterations": 1.0,
    "parameters": 1e6,
    "encoder_parameters": 1e6,
    "trainable_parameters": 1e6,
}


def training_rows(found: Iterable[tuple[str, str, int, Mapping[str, Any]]]) -> pd.DataFrame:
    """Return what each training took, tidy; what a file does not say is left out.

    Args:
        found: source, arm, seed and content of `metrics.json`.

    Returns:
        Rows of "training": `method` the arm, `setting` the source, `metric` a key of `COSTS`;
        parameters are in millions.
    """
    rows = [
        {"method": arm, "setting": source, "seed": seed, "metric": name, "value": said[name] / unit}
        for source, arm, seed, said in found
        for name, unit in COSTS.items()
        if isinstance(said.get(name), int | float)
    ]
    columns = ["method", "setting", "seed", "metric", "value"]
    table = pd.DataFrame(rows, columns=columns)
    return tidy(table, paper=PAPER, artefact="training", dataset="all")
