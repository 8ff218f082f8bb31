"""Reductions of arXiv 2410.08258: from every epoch's accuracies to its figures and Table 2.

Figures 2, 3 and 7 to 14 show the last epoch, Figs 15 to 17 every epoch, and Table 2 the mean over
epochs (published errata: `table2_epoch_mean`). Accuracies are in percent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from replidg.config.forgotten_sets import NATURAL, RENDITION, split_name
from replidg.metrics.tidy import tidy

PAPER = "forgotten"
SUITES = {"natural": NATURAL, "rendition": RENDITION}
VERSIONS = ("standard", "clean")
#: Of Fig 15: three of the natural and two of the rendition sets.
FIG15 = {
    "natural_3": ("imagenet_a", "imagenet_v2", "objectnet"),
    "rendition_2": ("imagenet_r", "imagenet_sketch"),
}
#: Figures of the scaling runs, and of the ResNets: version and suite of each.
SCALING = {
    "fig7": ("standard", "natural"),
    "fig8": ("standard", "rendition"),
    "fig9": ("clean", "natural"),
    "fig10": ("clean", "rendition"),
}
SUBSETS = dict(zip(("fig11", "fig12", "fig13", "fig14"), SCALING.values(), strict=True))
PLACE = ["dataset", "domain"]
#: Which sets average Fig 3 is not stated; the clean natural ones give the paper's natural axis.
MIX_VERSION = "clean"


@dataclass(frozen=True)
class Size:
    """Images of a training set, in units (a million in the paper).

    Attributes:
        natural: of the natural pool.
        rendition: of the rendition pool.
        random: of the random pool.
    """

    natural: float = 0.0
    rendition: float = 0.0
    random: float = 0.0

    @property
    def total(self) -> float:
        """All images."""
        return self.natural + self.rendition + self.random

    @property
    def fraction(self) -> float:
        """Share of renditions among natural images and renditions."""
        return self.rendition / (self.natural + self.rendition)


def last_epoch(points: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of each run's last epoch."""
    last = points.groupby(["run", "seed"])["epoch"].transform("max")
    return points[points["epoch"] == last]


def in_suite(rows: pd.DataFrame, suite: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the test sets of a suite."""
    places = {split_name(name) for name in suite}
    found = [place in places for place in zip(rows["dataset"], rows["domain"], strict=True)]
    return rows[np.array(found, bool)]


def suite_means(rows: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the plain mean over each suite's test sets.

    Args:
        rows: `dataset`, `domain`, `value` and `keys`, each test set once for a key.
        keys: columns that name a mean.

    Returns:
        `keys`, `domain` (the suite), `value`, and `n`, the number of sets.
    """
    parts = []
    for suite, sets in SUITES.items():
        means = in_suite(rows, sets).groupby(list(keys), sort=False)["value"].agg(["mean", "size"])
        means = means.reset_index().rename(columns={"mean": "value", "size": "n"})
        parts.append(means.assign(domain=suite))
    return pd.concat(parts, ignore_index=True)


def epoch_means(points: pd.DataFrame) -> pd.DataFrame:
    """Return each run's mean over epochs of its suites' means (Table 2)."""
    rows = points.rename(columns={"top1": "value"})
    means = suite_means(rows, ["run", "seed", "version", "epoch"])
    keys = ["run", "seed", "version", "domain"]
    return (
        means.groupby(keys, sort=False).agg(value=("value", "mean"), n=("n", "max")).reset_index()
    )


def ratios(panels: pd.DataFrame) -> pd.DataFrame:
    """Return the relative corrected OOD accuracy (Fig 2): natural over random of the same size.

    Args:
        panels: rows of Figs 7 to 10: `setting`, `dataset`, `domain`, `x`, `method`, `value`; the
            mean over seeds is taken.

    Returns:
        `setting`, `dataset`, `domain`, `x`, `value`.
    """
    keys = ["setting", *PLACE, "x"]
    means = panels.groupby([*keys, "method"], sort=False)["value"].mean().unstack("method")
    methods = ["laion_natural", "laion_random"]
    both = means.reindex(columns=methods).dropna()
    both = both[both["laion_random"] > 0]
    found = (both["laion_natural"] / both["laion_random"]).rename("value")
    return found.reset_index()


def best_mixes(averages: pd.DataFrame) -> pd.DataFrame:
    """Return the rendition fraction whose two averages are furthest from the origin (Fig 3A).

    Args:
        averages: `setting` (the total), `domain` (natural or rendition), `x` (the fraction) and
            `value`.

    Returns:
        `setting` and `value`, the fraction.
    """
    if averages.empty:
        return pd.DataFrame({"setting": [], "value": []})
    means = averages.groupby(["setting", "x", "domain"])["value"].mean().unstack("domain").dropna()
    distance = np.hypot(means["natural"], means["rendition"])
    best = distance.groupby("setting", sort=False).idxmax()
    return pd.DataFrame(
        {"setting": list(best.index), "value": [fraction for _, fraction in best.tolist()]}
    )


def metrics(
    points: pd.DataFrame,
    sizes: Mapping[str, Size],
    series: Mapping[str, str],
    unit_name: str,
    resnets: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the tidy rows of every figure and of Table 2.

    Args:
        points: `run`, `seed`, `epoch`, `dataset`, `domain`, `version`, `n`, `top1`.
        sizes: run: its training set.
        series: published name: run (Table 2, Figs 15 to 17).
        unit_name: printed behind a number of units.
        resnets: `run`, `method`, `size`, `draw`, `dataset`, `domain`, `version`, `n`, `top1`.
    """
    last = last_epoch(points)
    panels = scaling(last, sizes)
    averages = mixing(last, sizes, unit_name)
    parts = [
        panels,
        tidy(
            ratios(panels), paper=PAPER, artefact="fig2", method="laion_natural", metric="ratio",
            seed=0,
        ),
        averages,
        tidy(
            best_mixes(averages[averages["artefact"] == "fig3a"]),
            paper=PAPER, artefact="fig3a", dataset="all", method="laion_mix",
            metric="best_rendition_fraction", seed=0,
        ),
        compared(points, series),
        robustness(points, series),
    ]  # fmt: skip
    if resnets is not None:
        parts += [subsets(resnets), resnet_points(resnets)]
    whole = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return whole


def scaling(last: pd.DataFrame, sizes: Mapping[str, Size]) -> pd.DataFrame:
    """Return Figs 7 to 10: runs of natural or of random images alone."""
    methods = {}
    for run, size in sizes.items():
        if size.total == size.natural:
            methods[run] = "laion_natural"
        elif size.total == size.random:
            methods[run] = "laion_random"
    rows = last[last["run"].isin(methods)]
    rows = rows.assign(
        method=rows["run"].map(methods),
        x=rows["run"].map(lambda run: round(sizes[run].total, 1)),
    )
    return _panels(rows, SCALING)


def _panels(rows: pd.DataFrame, figures: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    parts = []
    for artefact, (version, suite) in figures.items():
        own = in_suite(rows[rows["version"] == version], SUITES[suite])
        own = own.rename(columns={"top1": "value", "version": "setting"})
        parts.append(tidy(own, artefact=artefact, metric="accuracy", paper=PAPER))
    return pd.concat(parts, ignore_index=True)


def mixing(last: pd.DataFrame, sizes: Mapping[str, Size], unit_name: str) -> pd.DataFrame:
    """Return Fig 3: suite means of runs without random images, by total and by natural images."""
    mixed = {run: size for run, size in sizes.items() if not size.random}
    rows = last[(last["version"] == MIX_VERSION) & last["run"].isin(mixed)]
    means = suite_means(rows.rename(columns={"top1": "value"}), ["run", "seed"])
    constants = {"dataset": "average", "method": "laion_mix", "metric": "accuracy", "paper": PAPER}
    by_total = means.assign(
        setting=[f"total={mixed[run].total:.0f}{unit_name}" for run in means["run"]],
        x=[round(mixed[run].fraction, 3) for run in means["run"]],
    )
    several = by_total.groupby("setting")["x"].transform("nunique") > 2
    by_natural = means.assign(
        setting=[f"natural={mixed[run].natural:.0f}{unit_name}" for run in means["run"]],
        x=[round(mixed[run].rendition, 2) for run in means["run"]],
    )
    more = by_natural.groupby("setting")["x"].transform("nunique") > 1
    parts = [
        tidy(by_total[several], artefact="fig3a", **constants),
        tidy(by_natural[more], artefact="fig3b", **constants),
    ]
    return pd.concat(parts, ignore_index=True)


def compared(points: pd.DataFrame, series: Mapping[str, str]) -> pd.DataFrame:
    """Return Table 2: means over all epochs."""
    names = {run: name for name, run in series.items()}
    means = epoch_means(points[points["run"].isin(names)])
    rows = means.assign(method=means["run"].map(names)).rename(columns={"version": "setting"})
    rows = rows[rows["method"] != "laion_rendition"]
    return tidy(rows, artefact="table2", dataset="average", metric="accuracy", paper=PAPER)


def robustness(points: pd.DataFrame, series: Mapping[str, str]) -> pd.DataFrame:
    """Return Figs 15 to 17: every epoch of the series against ImageNet-Val, standard sets."""
    names = {run: name for name, run in series.items() if name != "laion_mix_16m"}
    rows = points[points["run"].isin(names) & (points["version"] == "standard")]
    rows = rows.assign(
        method=rows["run"].map(names), setting=[f"epoch={epoch:02d}" for epoch in rows["epoch"]]
    )
    return _against_validation(rows)


def _against_validation(rows: pd.DataFrame) -> pd.DataFrame:
    keys = ["method", "setting", "seed"]
    validation = rows[rows["dataset"] == "imagenet_val"].set_index(keys)["top1"]
    others = rows[rows["dataset"] != "imagenet_val"].rename(columns={"top1": "value"})
    others = others.join(validation.rename("x"), on=keys, how="inner")
    constants = {"metric": "accuracy", "paper": PAPER}
    is_domain_net = others["dataset"] == "domain_net"
    parts = [
        tidy(others[~is_domain_net], artefact="fig16", **constants),
        tidy(others[is_domain_net], artefact="fig17", **constants),
    ]
    for domain, datasets in FIG15.items():
        own = others[others["dataset"].isin(datasets)]
        found = own.groupby([*keys, "x"], sort=False)["value"].agg(["mean", "size"]).reset_index()
        found = found[found["size"] == len(datasets)].rename(columns={"mean": "value"})
        part = found.drop(columns="size").assign(domain=domain, n=len(datasets))
        parts.append(tidy(part, artefact="fig15", dataset="average", **constants))
    return pd.concat(parts, ignore_index=True)


def subsets(resnets: pd.DataFrame) -> pd.DataFrame:
    """Return Figs 11 to 14: ResNets by number of training images; a draw is a seed."""
    return _panels(resnets.rename(columns={"size": "x", "draw": "seed"}), SUBSETS)


def resnet_points(resnets: pd.DataFrame) -> pd.DataFrame:
    """Return the ResNets' points of Figs 15 to 17, one a model."""
    rows = resnets[resnets["version"] == "standard"]
    rows = rows.assign(
        method="imagenet_resnet50", setting="model=" + rows["run"], seed=rows["draw"]
    )
    return _against_validation(rows)
