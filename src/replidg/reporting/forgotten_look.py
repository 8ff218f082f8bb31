"""What the figures of arXiv 2410.08258 share: colours, published points, the axis of sizes."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from replidg.config.forgotten_sets import TEST_SETS
from replidg.published import load
from replidg.reporting.style import MethodStyle, PlotStyle

#: The paper's unit: sizes are comparable only if ours is the same.
MILLION, THOUSAND = "M", "k"
PUBLISHED = "#8A8A8A"

SERIES: dict[str, MethodStyle] = {
    "laion_natural": MethodStyle("#0072B2", "o"),
    "laion_random": MethodStyle("#009E73", "s"),
    "laion_mix_13m": MethodStyle("#E69F00", "D"),
    "laion_mix_16m": MethodStyle("#D55E00", "v"),
    "laion_rendition": MethodStyle("#CC79A7", "^"),
    "imagenet_resnet50": MethodStyle("#555555", "x"),
    "imagenet_natural": MethodStyle("#0072B2", "o"),
    "imagenet_subset": MethodStyle("#009E73", "s"),
}
NAMES = {
    "laion_natural": "LAION-Natural",
    "laion_random": "random",
    "laion_mix_13m": "LAION-Mix-13M",
    "laion_mix_16m": "LAION-Mix-16M",
    "laion_rendition": "LAION-Rendition",
    "imagenet_resnet50": "ResNets, ImageNet subsets",
    "imagenet_natural": "ImageNet-Natural",
    "imagenet_subset": "random subset of ImageNet",
}
TITLES = {(each.dataset, each.domain): each.title for each in TEST_SETS.values()}


@dataclass(frozen=True)
class Options:
    """What a figure needs to know besides the metrics.

    Attributes:
        unit_name: printed behind a number of web images; `M` for the paper's millions.
        resnet_unit: behind a number of ImageNet's images; `k` for thousands.
        published: draw the paper's points, hollow, behind ours.
    """

    unit_name: str = MILLION
    resnet_unit: str = THOUSAND
    published: bool = True


def published(artefact: str, options: Options) -> pd.DataFrame:
    """Return the paper's accuracies or ratios of an artefact; no row if none are to be drawn."""
    rows = load("forgotten")
    rows = rows[(rows["artefact"] == artefact) & rows["metric"].isin(["accuracy", "ratio"])]
    return rows if options.published else rows.iloc[:0]


def own(metrics: pd.DataFrame, artefact: str, metric: str = "accuracy") -> pd.DataFrame:
    """Return our rows of an artefact.

    Raises:
        ValueError: there are none; says what to configure.
    """
    rows = metrics[(metrics["artefact"] == artefact) & (metrics["metric"] == metric)]
    if rows.empty:
        raise ValueError(
            f"{artefact}: no run makes it; see forgotten.training.mixes.sets (runs of natural or "
            "of random images of equal sizes, mixes of equal totals) and mixes.series"
        )
    return rows


def at(rows: pd.DataFrame, place: tuple[str, str]) -> pd.DataFrame:
    """Return the rows of a test set."""
    return rows[(rows["dataset"] == place[0]) & (rows["domain"] == place[1])]


def paper_axis(ax: Axes, unit: str, paper_unit: str) -> Axes:
    """Return the axes for the paper's points: ours, or one with sizes of its own above."""
    if unit == paper_unit:
        return ax
    above = ax.twiny()
    above.spines["top"].set_visible(True)
    above.spines["top"].set_color(PUBLISHED)
    above.tick_params(axis="x", colors=PUBLISHED, labelcolor=PUBLISHED)
    above.grid(visible=False)
    above.set_zorder(ax.get_zorder() - 1)
    ax.patch.set_visible(False)
    return above


def hollow(ax: Axes, rows: pd.DataFrame, color: str, marker: str, line: bool = True) -> None:
    """Draw the paper's points at `x`, `value`, if there are any."""
    if rows.empty:
        return
    rows = rows.sort_values("x")
    ax.plot(
        rows["x"], rows["value"], linestyle=":" if line else "none", linewidth=0.8, marker=marker,
        color=color, markerfacecolor="none", alpha=0.55, zorder=1,
    )  # fmt: skip


def mean_line(ax: Axes, rows: pd.DataFrame, look: MethodStyle, name: str | None) -> None:
    """Draw our points at `x`, `value`: the mean over seeds, and the range where there are some."""
    found = rows.groupby("x")["value"].agg(["mean", "min", "max"])
    ax.plot(
        found.index, found["mean"], color=look.color, marker=look.marker,
        linestyle=look.linestyle, label=name, zorder=3,
    )  # fmt: skip
    if (found["max"] > found["min"]).any():
        ax.fill_between(found.index, found["min"], found["max"], color=look.color, alpha=0.15)


def hollow_key(style: PlotStyle) -> Line2D:
    """Return the legend's entry of the paper's points."""
    return Line2D(
        [], [], color=PUBLISHED, marker="o", markerfacecolor="none", linestyle=":",
        markersize=style.marker_size, label="published",
    )  # fmt: skip
