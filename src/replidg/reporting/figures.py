"""Figures of the `alignment` paper: tidy metrics in, a Matplotlib figure out, nothing on disk.

A score bin is given by its left edge; its accuracy is drawn at the bin's centre. Accuracy is the
mean over seeds; bands are one sample standard deviation over seeds, where there are two or more.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from replidg.reporting.style import (
    DATASET_ORDER,
    EN_DASH,
    METHOD_ORDER,
    PlotStyle,
    apply,
    dataset_colors,
    label,
    method_style,
    order,
)
from replidg.reporting.tidy import artefact_rows

SCORE_AXIS = "AlignmentScore (cosine similarity)"
ACCURACY_AXIS = "Accuracy (%)"
SPLIT_COLORS = {"original": "#BDBDBD", "IP": "#0072B2", "OOP": "#E69F00"}
_THOUSANDS = FuncFormatter(lambda value, _: f"{value:,.0f}")


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
    ax.xaxis.set_major_formatter(_THOUSANDS)
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    ax.set_title(label(dataset), loc="left")


def accuracy_vs_score(
    metrics: pd.DataFrame, method: str, style: PlotStyle | None = None, min_images: int = 5
) -> Figure:
    """Fig 2b: accuracy of one method by AlignmentScore bin, over the images in each bin.

    The curve is the one of the data sets pooled with equal weight. Bins with fewer than
    `min_images` images are hollow points outside the line, without a band.
    """
    style = style or PlotStyle()
    rows = artefact_rows(metrics, "curves", "accuracy", dataset="all", method=method)
    thresholds = _thresholds(metrics)
    with apply(style):
        fig = Figure(figsize=(style.column_width_in, 3.5), layout="constrained")
        top, bottom = fig.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
        look = method_style(method)
        _draw_curve(top, rows, look.color, look.marker, look.linestyle, method, min_images)
        _stacked_histogram(bottom, metrics, style)
        _mark_thresholds([top, bottom], thresholds, style)
        _finish_accuracy(top)
        bottom.set_xlabel(SCORE_AXIS)
        top.tick_params(axis="x", length=0)
        fig.align_ylabels([top, bottom])
        _legend_below(fig, [top, bottom], [rows], min_images, columns=2)
    return fig


def accuracy_by_dataset(
    metrics: pd.DataFrame, method: str, style: PlotStyle | None = None, min_images: int = 5
) -> Figure:
    """Fig 7: accuracy of one method by AlignmentScore bin, a curve for each data set.

    Bins with fewer than `min_images` images are hollow points outside the line, without a band.
    """
    style = style or PlotStyle()
    rows = artefact_rows(metrics, "curves", "accuracy", method=method)
    rows = rows[rows["dataset"] != "all"]
    if rows.empty:
        raise ValueError("artefact 'curves': only the pooled data set 'all', none by itself")
    colors = dataset_colors(rows["dataset"], style)
    with apply(style):
        fig = Figure(figsize=(style.column_width_in, 2.9), layout="constrained")
        ax = fig.subplots()
        groups = []
        for (dataset, color), marker in zip(colors.items(), "osD^vPX<>" * 9, strict=False):
            groups.append(rows[rows["dataset"] == dataset])
            _draw_curve(ax, groups[-1], color, marker, "-", dataset, min_images)
        _mark_thresholds([ax], _thresholds(metrics), style)
        _finish_accuracy(ax)
        ax.set_xlabel(SCORE_AXIS)
        _legend_below(fig, [ax], groups, min_images, columns=2)
    return fig


def accuracy_by_method(
    metrics: pd.DataFrame, style: PlotStyle | None = None, min_images: int = 5
) -> Figure:
    """Fig 11: accuracy of every method by AlignmentScore bin, data sets pooled with equal weight.

    Bins with fewer than `min_images` images are left out. Means over seeds only: bands of a
    dozen methods would hide each other.
    """
    style = style or PlotStyle()
    rows = artefact_rows(metrics, "curves", "accuracy", dataset="all")
    methods = order(rows["method"], METHOD_ORDER)
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 3.5), layout="constrained")
        ax = fig.subplots()
        for index, method in enumerate(methods):
            bins = _bins(rows[rows["method"] == method])
            bins = bins[bins["n"] >= min_images]
            look = method_style(method)
            every = max(1, len(bins) // 10)
            ax.plot(
                bins["centre"], bins["mean"], color=look.color, linestyle=look.linestyle,
                marker=look.marker, markevery=(index % every, every), label=label(method),
                zorder=2 if method == "zero_shot" else 3,
            )  # fmt: skip
        _mark_thresholds([ax], _thresholds(metrics), style)
        _finish_accuracy(ax)
        ax.set_xlabel(SCORE_AXIS)
        fig.legend(loc="outside right center", labelspacing=0.45)
    return fig


def _bins(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a bin: left edge, centre, width, mean and sd over seeds, number of images."""
    widths = sorted(rows["setting"].unique())
    if len(widths) != 1:
        raise ValueError(f"artefact 'curves': one bin width expected, found {widths}")
    rows = rows.dropna(subset=["value", "x"])
    grouped = rows.groupby("x", sort=True)
    bins = grouped["value"].agg(["mean", "std"]).assign(n=grouped["n"].min()).reset_index()
    return bins.assign(centre=bins["x"] + float(widths[0]) / 2, width=float(widths[0]))


def _draw_curve(
    ax: Axes, rows: pd.DataFrame, color: str, marker: str, linestyle: str, name: str, few: int
) -> None:
    """A line through the bins that have enough images, its band, and the others hollow."""
    bins = _bins(rows)
    solid, hollow = bins[bins["n"] >= few], bins[bins["n"] < few]
    ax.plot(
        solid["centre"], solid["mean"], color=color, linestyle=linestyle, marker=marker,
        label=label(name), zorder=3,
    )  # fmt: skip
    band = solid[solid["std"].notna()]
    if not band.empty:
        low = (band["mean"] - band["std"]).clip(lower=0)
        high = (band["mean"] + band["std"]).clip(upper=100)
        ax.fill_between(band["centre"], low, high, color=color, alpha=0.2, linewidth=0, zorder=2)
    if not hollow.empty:
        ax.plot(
            hollow["centre"], hollow["mean"], color=color, linestyle="none", marker="o",
            markerfacecolor="white", label="_hollow", zorder=3,
        )  # fmt: skip


def _stacked_histogram(ax: Axes, metrics: pd.DataFrame, style: PlotStyle) -> None:
    """Images in each bin, the data sets on top of each other."""
    rows = artefact_rows(metrics, "histogram", "images")
    rows = rows[rows["dataset"] != "all"]
    table = rows.pivot(index="x", columns="dataset", values="value").fillna(0).sort_index()
    edges = table.index.to_numpy(dtype=float)
    width = float(np.diff(edges).min()) if len(edges) > 1 else 0.01
    table = table[table.sum(axis=1) > 0]
    edges, base = table.index.to_numpy(dtype=float), np.zeros(len(table))
    for dataset, color in dataset_colors(table.columns, style).items():
        heights = table[dataset].to_numpy(dtype=float)
        ax.bar(
            edges, heights, width, bottom=base, align="edge", color=color, edgecolor="white",
            linewidth=0.3, label=label(dataset),
        )  # fmt: skip
        base += heights
    ax.set_ylabel("Images")
    ax.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    ax.yaxis.set_major_formatter(_THOUSANDS)


def _thresholds(metrics: pd.DataFrame) -> dict[str, float]:
    """The scores at which images are dropped or change split."""
    rows = artefact_rows(metrics, "thresholds", "score")
    return {
        str(name): float(value) for name, value in zip(rows["setting"], rows["value"], strict=True)
    }


def _mark_thresholds(axes: list[Axes], thresholds: dict[str, float], style: PlotStyle) -> None:
    """Vertical lines through all `axes`, their names above the first."""
    low, high = axes[0].get_xlim()
    margin = 0.02 * (high - low)
    low = min([low, *(score - margin for score in thresholds.values())])
    high = max([high, *(score + margin for score in thresholds.values())])
    axes[0].set_xlim(low, high)
    # Side by side while there is room for the middle one, else the middle one a line higher.
    ordered = sorted(thresholds.values())
    gaps = [right - left for left, right in itertools.pairwise(ordered)]
    lift = style.small * 1.3 if gaps and min(gaps) < 0.11 * (high - low) else 0
    names = {
        "low": ("low", "right", 0), "split": ("OOP | IP", "center", lift),
        "high": ("high", "left", 0),
    }  # fmt: skip
    for name, (text, side, above) in names.items():
        if name not in thresholds:
            continue
        for ax in axes:
            ax.axvline(
                thresholds[name], color="#555555", linewidth=0.8, linestyle=(0, (4, 2)), zorder=1
            )
        axes[0].annotate(
            text, (thresholds[name], 1), xycoords=("data", "axes fraction"), ha=side, va="bottom",
            xytext=(0, 2 + above), textcoords="offset points", fontsize=style.small,
        )  # fmt: skip


def _finish_accuracy(ax: Axes) -> None:
    """Label the accuracy axis and keep it within what a percentage can be."""
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, -2), min(high, 102))
    ax.set_ylabel(ACCURACY_AXIS)


def _legend_below(
    fig: Figure, axes: list[Axes], drawn: list[pd.DataFrame], min_images: int, columns: int
) -> None:
    """One legend under the axes: curves, histograms, and what a hollow point means."""
    handles = [handle for ax in axes for handle in ax.get_legend_handles_labels()[0]]
    if any((_bins(rows)["n"] < min_images).any() for rows in drawn):
        note = f"fewer than {min_images} images"
        handles.append(
            Line2D([], [], color="#555555", linestyle="none", marker="o", markerfacecolor="white",
                   label=note)
        )  # fmt: skip
    fig.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)))
