"""Counts of the `alignment` paper as bars: parts of domains, classes, and other bar figures."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from replidg.reporting.curve_parts import THOUSANDS
from replidg.reporting.style import DATASET_ORDER, EN_DASH, PlotStyle, apply, label, order
from replidg.reporting.tidy import artefact_rows

SPLIT_COLORS = {"original": "#BDBDBD", "IP": "#0072B2", "OOP": "#E69F00"}
CLASS_COLORS = {"unsplit": "#8C8C8C", "IP": "#0072B2", "OOP": "#E69F00"}
CLASS_TITLES = {
    "unsplit": "before splitting",
    "IP": "in pretraining (IP)",
    "OOP": "out of pretraining (OOP)",
}
#: Bars in a line of a class histogram.
CLASSES_A_LINE = 70


def split_counts(metrics: pd.DataFrame, style: PlotStyle | None = None) -> Figure:
    """Fig 17: images of each domain before the split, in-pretraining and out-of-pretraining.

    One panel a data set, horizontal bars, the count at the end of each bar (an en dash where the
    metrics have no such row).
    """
    style = style or PlotStyle()
    rows = artefact_rows(metrics, "fig17", "images")
    rows = rows[rows["setting"].isin(SPLIT_COLORS) & (rows["domain"] != "all")]
    datasets = order(rows["dataset"], DATASET_ORDER)
    tables = [
        rows[rows["dataset"] == dataset]
        .pivot(index="domain", columns="setting", values="value")
        .reindex(columns=list(SPLIT_COLORS))
        for dataset in datasets
    ]
    columns = min(2, len(tables))
    heights = [
        max(len(table) for table in tables[start : start + columns])
        for start in range(0, len(tables), columns)
    ]
    width = style.column_width_in if columns == 1 else style.page_width_in
    pitch = 3.9 * style.small / 72 * 1.25
    with apply(style):
        fig = Figure(
            figsize=(width, sum(heights) * pitch + 0.62 * len(heights) + 0.3), layout="constrained"
        )
        axes = fig.subplots(len(heights), columns, squeeze=False, height_ratios=heights).ravel()
        for index, (dataset, table) in enumerate(zip(datasets, tables, strict=True)):
            # Equal bars in all panels of a row, however many domains each has.
            _count_bars(axes[index], dataset, table, len(table) / heights[index // columns], style)
            if index + columns >= len(tables):
                axes[index].set_xlabel("Images")
        for ax in axes[len(tables) :]:
            ax.set_axis_off()
        handles = [Patch(color=color, label=label(s)) for s, color in SPLIT_COLORS.items()]
        fig.legend(handles=handles, loc="outside upper center", ncols=3)
    return fig


def _count_bars(
    ax: Axes, dataset: str, table: pd.DataFrame, scale: float, style: PlotStyle
) -> None:
    """The panel of one data set: a group of three bars for each domain."""
    thickness, places = 0.27 * scale, np.arange(len(table))
    longest = float(np.nanmax(table.to_numpy(dtype=float), initial=1.0))
    for index, (setting, color) in enumerate(SPLIT_COLORS.items()):
        values = table[setting].to_numpy(dtype=float)
        offset = (index - 1) * thickness * 1.05
        bars = ax.barh(
            places + offset, np.nan_to_num(values), thickness, color=color, label=label(setting)
        )
        ax.bar_label(
            bars,
            labels=[EN_DASH if math.isnan(value) else f"{value:,.0f}" for value in values],
            padding=2,
            fontsize=style.small,
        )
    ax.set_yticks(places, [label(domain) for domain in table.index])
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlim(0, longest * 1.24)
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.xaxis.set_major_formatter(THOUSANDS)
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    ax.set_title(label(dataset), loc="left")


def _classes(metrics: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Images by class name (rows, in label order) and part (columns)."""
    rows = artefact_rows(metrics, "classes", "images", dataset=dataset)
    place = rows["setting"].str.split("/", n=1, expand=True)
    rows = rows.assign(part=place[0], name=place[1])
    table = rows.pivot(index=["x", "name"], columns="part", values="value").sort_index()
    return table.droplevel("x")


def class_shift(metrics: pd.DataFrame, dataset: str, style: PlotStyle | None = None) -> Figure:
    """Fig 18: share of each class in the IP and the OOP part of one data set."""
    style = style or PlotStyle()
    table = _classes(metrics, dataset)[["IP", "OOP"]]
    shares = 100 * table / table.sum().replace(0, np.nan)
    places, thickness = np.arange(len(shares)), 0.38
    with apply(style):
        height = 0.7 + 0.24 * len(shares)
        fig = Figure(figsize=(style.column_width_in, height), layout="constrained")
        ax = fig.subplots()
        for offset, part in ((-1, "IP"), (1, "OOP")):
            ax.barh(
                places + offset * thickness / 2, shares[part].fillna(0), thickness,
                color=SPLIT_COLORS[part], label=label(part),
            )  # fmt: skip
        ax.set_yticks(places, [label(name) for name in shares.index])
        ax.set_ylim(len(shares) - 0.5, -0.5)
        ax.tick_params(axis="y", length=0)
        ax.grid(False, axis="y")
        ax.set_xlabel("Share of the part's images (%)")
        ax.set_title(label(dataset), loc="left")
        fig.legend(loc="outside upper right", ncols=2)
    return fig


def class_histogram(
    metrics: pd.DataFrame, dataset: str, part: str, style: PlotStyle | None = None
) -> Figure:
    """Figs 19 to 33: images of each class in one part of a data set, in label order.

    Args:
        metrics: tidy metrics with the artefact ``classes``.
        dataset: as in the metrics.
        part: ``IP``, ``OOP`` or ``unsplit``.
        style: sizes and fonts.
    """
    style = style or PlotStyle()
    counts = _classes(metrics, dataset)[part]
    lines = max(1, math.ceil(len(counts) / CLASSES_A_LINE))
    per_line = math.ceil(len(counts) / lines)
    small = style.small if per_line <= 20 else max(4.0, style.small - 2)
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 1.9 * lines + 0.3), layout="constrained")
        axes = fig.subplots(lines, 1, squeeze=False, sharey=True).ravel()
        for ax, start in zip(axes, range(0, len(counts), per_line), strict=True):
            own = counts.iloc[start : start + per_line]
            ax.bar(np.arange(len(own)), own, 0.8, color=CLASS_COLORS[part])
            ax.set_xticks(np.arange(len(own)), [label(name) for name in own.index], rotation=90)
            ax.tick_params(axis="x", length=0, labelsize=small)
            ax.set_xlim(-0.6, per_line - 0.4)
            ax.grid(False, axis="x")
            ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
            ax.yaxis.set_major_formatter(THOUSANDS)
            ax.set_ylabel("Images")
        axes[0].set_title(f"{label(dataset)}, {CLASS_TITLES[part]}", loc="left")
    return fig
