"""From confusions to every number of arXiv 2312.02021: runs, classes, and its tables' rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from replidg.config.street_classes import CLASSES
from replidg.metrics.segmentation import (
    Areas,
    class_iou,
    constant_iou,
    mean_iou,
    relative_performance,
)
from replidg.metrics.tidy import tidy

PAPER = "vltseg"
#: Data sets that the paper tests on, in its order.
PAGES = ("cityscapes", "bdd100k", "mapillary_vistas", "acdc")
#: What the DG mean of a table is over.
MEANS = {"t1": PAGES, "t2": PAGES[:3], "v1": PAGES[:3]}
#: Stands for the mean over the data sets that a paper's mean is over, and over those of them that
#: this configuration tests: another number, so it has another name.
AVERAGE, PARTIAL = "average", "average of those tested"
#: Artefacts whose rows are named as the published ones.
PAPER_ARTEFACTS = ("t1", "t2", "t3", "v1", "r1", "f2", "f3")
CONSTANT = "most_frequent_class"
#: The public re-implementation's checkpoints: what ours is called beside them, by source.
REIMPLEMENTED = {
    "gta5": "gta_1",
    "synthia": "synthia_1",
    "cityscapes": "cityscapes_1",
    "bdd100k": "bdd100k_1",
    "mapillary_vistas": "mapillary_1",
    "acdc": "acdc_1",
    "mapillary_cityscapes": "mapillary_cityscapes_1",
}
#: A source that the published numbers name by what it was trained on.
_SETTINGS = {"mapillary_cityscapes": "mapillary_vistas+cityscapes"}


@dataclass(frozen=True)
class Arm:
    """What the numbers need to know of a network that is trained.

    Attributes:
        pretraining: of its encoder: `vision_language`, `vision` or `none`.
        encoder: name of the encoder.
        frozen: whether the whole encoder is.
        frozen_first: blocks that stay as they are, from the first.
        frozen_last: from the last.
        studies: study -> what the arm is called there; for a table of the paper its own method.
        extra: what else tables print, by name.
    """

    pretraining: str
    encoder: str
    frozen: bool = False
    frozen_first: int = 0
    frozen_last: int = 0
    studies: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """What a run trained on: data sets and `synthetic` or `real`."""

    datasets: Sequence[str]
    kind: str


class Tested(NamedTuple):
    """One trained network on one data set."""

    source: str
    arm: str
    seed: int
    dataset: str
    areas: Areas


def score_runs(tested: Iterable[Tested]) -> pd.DataFrame:
    """Return scores of every run and data set, tidy.

    Returns:
        Rows of the artefact "runs" (`dataset` tested, `domain` "all" or a condition, `method` the
        arm, `setting` the source, metric `miou`), of "classes" (`domain` the class, `x` its train
        id, metric `iou`; NaN for a class that is nowhere), and of "constant" (what predicting the
        data set's most frequent class everywhere would score), values in percent.
    """
    rows, constant = [], {}
    for one in tested:
        keys = {
            "dataset": one.dataset, "method": one.arm, "setting": one.source, "seed": one.seed,
        }  # fmt: skip
        conditions = sorted(set(one.areas.conditions) - {""})
        parts = {"all": one.areas} | {name: one.areas.where(name) for name in conditions}
        for domain, areas in parts.items():
            rows.append(keys | _scored("runs", domain, float(mean_iou(areas)), areas))
        for number, value in enumerate(class_iou(one.areas)):
            row = _scored("classes", CLASSES[number], float(value), one.areas)
            rows.append(keys | row | {"x": number, "metric": "iou"})
        constant[one.dataset] = one.areas
    for dataset, areas in constant.items():
        row = {"dataset": dataset, "method": CONSTANT, "setting": "", "seed": pd.NA}
        rows.append(row | _scored("constant", "all", constant_iou(areas), areas))
    return tidy(pd.DataFrame(rows), paper=PAPER)


def _scored(artefact: str, domain: str, value: float, areas: Areas) -> dict[str, Any]:
    count = len(areas.images)
    return {"artefact": artefact, "domain": domain, "metric": "miou", "value": value, "n": count}


def paper_rows(
    runs: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source]
) -> pd.DataFrame:
    """Return the rows of the paper's tables and of Figure F2, named as the published numbers.

    Args:
        runs: rows of `score_runs`.
        arms: by name.
        sources: by name.

    Returns:
        Tidy rows of the artefacts t1, t2, t3, v1, r1 and f2. `dataset` "average" is a mean over all
        data sets of the paper's mean; `PARTIAL` one over those that were tested.
    """
    whole = runs[(runs["artefact"] == "runs") & (runs["domain"] == "all")]
    kinds = {name: source.kind for name, source in sources.items()}
    real = [n for n, s in sources.items() if s.kind == "real" and list(s.datasets) == [n]]
    known = {
        "t1": [name for name, kind in kinds.items() if kind == "synthetic"],
        "t2": ["gta5"],
        "t3": real,
        "v1": ["gta5", "cityscapes"],
        "r1": [name for name in sources if name in REIMPLEMENTED],
    }
    parts = [_freezing(whole, arms)]
    for study, names in known.items():
        members = {name: arm.studies[study] for name, arm in arms.items() if study in arm.studies}
        rows = whole[whole["method"].isin(members) & whole["setting"].isin(names)]
        rows = rows[rows["dataset"].isin(MEANS.get(study, PAGES))].assign(artefact=study)
        rows["method"] = rows["method"].map(members).astype(object)
        if study == "r1":
            rows["method"] = rows["setting"].map(REIMPLEMENTED).astype(object)
            rows["setting"] = rows["setting"].replace(_SETTINGS)
        parts.append(rows)
        if study in MEANS:
            parts.append(_means(rows, MEANS[study], sources))
        if study == "t3":
            parts.append(_rpd(rows))
    filled = [part for part in parts if len(part)]
    return tidy(pd.concat(filled, ignore_index=True) if filled else runs.iloc[:0], paper=PAPER)


def _means(rows: pd.DataFrame, pages: Sequence[str], sources: Mapping[str, Source]) -> pd.DataFrame:
    """Mean over the targets, of each seed; a data set of the source is no target."""
    found = []
    for (method, setting, seed), own in rows.groupby(["method", "setting", "seed"]):
        trained = sources[setting].datasets if setting in sources else ()
        targets = [page for page in pages if page not in trained]
        own = own[own["dataset"].isin(targets)]
        if own.empty:
            continue
        name = AVERAGE if set(own["dataset"]) == set(targets) else PARTIAL
        found.append(
            own.iloc[:1].assign(
                dataset=name, method=method, setting=setting, seed=seed,
                value=own["value"].mean(), n=own["n"].sum(),
            )
        )  # fmt: skip
    return pd.concat(found, ignore_index=True) if found else rows.iloc[:0]


def _rpd(rows: pd.DataFrame) -> pd.DataFrame:
    """Relative performance under domain shift of each seed; its own score must be there."""
    found = []
    for (_, setting, _), own in rows.groupby(["method", "setting", "seed"]):
        values = own.set_index("dataset")["value"]
        if setting not in values or len(values) < 2:
            continue
        others = values.drop(setting)
        name = AVERAGE if set(values.index) == set(PAGES) else PARTIAL
        value = relative_performance(others.tolist(), values[setting])
        found.append(own.iloc[:1].assign(dataset=name, metric="rpd", value=value, n=own["n"].sum()))
    return pd.concat(found, ignore_index=True) if found else rows.iloc[:0]


def _freezing(whole: pd.DataFrame, arms: Mapping[str, Arm]) -> pd.DataFrame:
    """Figure F2: how many blocks are frozen from either end; none frozen is the setting `full`."""
    rows = whole[whole["method"].map(lambda name: "f2" in arms[name].studies)]
    frozen = {name for name, arm in arms.items() if arm.frozen_first or arm.frozen_last}
    sources = rows.loc[rows["method"].isin(frozen), "setting"].unique()
    rows = rows[rows["dataset"].isin(PAGES) & rows["setting"].isin(sources)]
    found = []
    for name, own in rows.groupby("method"):
        arm = arms[name]
        count = arm.frozen_first or arm.frozen_last
        side = "full" if not count else "early_to_deep" if arm.frozen_first else "deep_to_early"
        found.append(
            own.assign(
                artefact="f2", method=arm.studies["f2"], setting=own["setting"] + f"/{side}",
                x=float(count),
            )
        )  # fmt: skip
    return pd.concat(found, ignore_index=True) if found else rows.iloc[:0]
