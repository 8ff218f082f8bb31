"""Tables of arXiv 2312.02021 with a column a class, a condition, a severity or a cost."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from replidg.config.street_classes import CLASSES
from replidg.metrics.vltseg import PAGES, Arm, Source
from replidg.metrics.vltseg_studies import COSTS
from replidg.reporting.style import label
from replidg.reporting.vltseg_names import arm_name, main_arms
from replidg.reporting.vltseg_tables import printed

COST_NAMES = {
    "iterations": "iterations",
    "parameters": "parameters (M)",
    "encoder_parameters": "encoder (M)",
    "trainable_parameters": "trained (M)",
}


def conditions(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source]
) -> pd.DataFrame:
    """Return mIoU on ACDC by condition, mean over seeds; sweeps are left out."""
    rows = metrics[(metrics["artefact"] == "runs") & (metrics["dataset"] == "acdc")]
    return _by_column(rows[rows["domain"] != "all"], "domain", main_arms(arms), sources)


def classes(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source]
) -> pd.DataFrame:
    """Return the IoU of every class by data set and network, mean over seeds; no sweeps."""
    rows = metrics[metrics["artefact"] == "classes"]
    tables = []
    for dataset in [page for page in dict.fromkeys([*PAGES, *rows["dataset"]])]:
        own = rows[rows["dataset"] == dataset]
        if len(own):
            table = _by_column(own, "domain", main_arms(arms), sources)
            table.insert(0, "data set", label(dataset))
            tables.append(table)
    whole = pd.concat(tables, ignore_index=True)
    return whole[["data set", "source", "network", *(c for c in CLASSES if c in whole)]]


def _by_column(
    rows: pd.DataFrame, column: str, arms: Mapping[str, Arm], sources: Mapping[str, Source]
) -> pd.DataFrame:
    wide = rows.pivot_table(
        index=["setting", "method"], columns=column, values="value", aggfunc="mean"
    )
    order = [(s, a) for s in sources for a in arms if (s, a) in wide.index]
    table = wide.reindex(order).reset_index().rename_axis(columns=None)
    return printed(table.rename(columns={"setting": "source"}), arms)


def perturbations(metrics: pd.DataFrame, arms: Mapping[str, Arm]) -> pd.DataFrame:
    """Return mIoU by network, corruption and severity; the mean over corruptions first."""
    rows = metrics[metrics["artefact"] == "perturbations"]
    wide = rows.pivot_table(index=["method", "domain"], columns="x", values="value")
    wide.columns = [f"severity {x:.0f}" if x else "as they are" for x in wide.columns]
    table = wide.reset_index().rename(columns={"domain": "corruption"})
    places = {name: place for place, name in enumerate(arms)}
    table["_order"] = [
        (places[m], d != "all", d)
        for m, d in zip(table["method"], table["corruption"], strict=True)
    ]
    table = table.sort_values("_order", ignore_index=True).drop(columns="_order")
    table["method"] = [arm_name(name, arms) for name in table["method"]]
    table["corruption"] = table["corruption"].map(
        lambda name: "mean" if name == "all" else name.replace("_", " ")
    )
    return table.rename(columns={"method": "network"})


def training(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source]
) -> pd.DataFrame:
    """Return what each training was and took, mean over seeds."""
    rows = metrics[metrics["artefact"] == "training"]
    table = _by_column(rows, "metric", arms, sources) if len(rows) else pd.DataFrame()
    if table.empty:
        raise ValueError("no training says what it took; train_segmentor writes it")
    order = [(s, a) for s in sources for a in arms]
    known = set(zip(rows["setting"], rows["method"], strict=True))
    extra = [arms[a].extra for s, a in order if (s, a) in known]
    for place, (key, name) in enumerate(
        {"encoder": "image tower", "decoder": "decoder", "trained": "trained blocks",
         "language": "language guidance", "augmentation": "augmentation"}.items()
    ):  # fmt: skip
        table.insert(2 + place, name, [each.get(key) or "" for each in extra])
    costs = {key: COST_NAMES[key] for key in COSTS if key in table}
    if "iterations" in table:
        table["iterations"] = table["iterations"].round().astype("Int64")
    words = [name for name in table if name not in COSTS]
    return table[[*words, *costs]].rename(columns=costs)
