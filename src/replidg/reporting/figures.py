"""Accuracy curves of the `alignment` paper: tidy metrics in, a Matplotlib figure out, no files.

What the curves share is in `replidg.reporting.curve_parts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from replidg.metrics.sensitivity import gap_by_threshold
from replidg.reporting.curve_parts import (
    INK,
    bins_of,
    draw_curve,
    finish_accuracy,
    legend_below,
    mark_thresholds,
    stacked_histogram,
    thresholds_of,
)
from replidg.reporting.published_points import draw_published, published_points
from replidg.reporting.style import (
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


@dataclass(frozen=True)
class Score:
    """A score of an image, the tidy metrics that are about it, and the paper's own curve."""

    axis: str
    curves: str
    histogram: str = ""
    thresholds: str = ""
    published: str = ""


ALIGNMENT = Score(SCORE_AXIS, "curves", "histogram", "thresholds", "fig2b")
PERCEPTUAL = Score(
    "PerceptualSimilarityScore (cosine similarity)",
    "curves_perceptual",
    "histogram_perceptual",
    "thresholds_perceptual",
    "fig2a",
)
SOURCE = Score("Similarity to source images (cosine)", "curves_source")
#: The panels of Fig 8: score and its name among the `predictors`.
PREDICTORS = {
    "alignment": Score("AlignmentScore", "curves_alignment"),
    "perceptual": Score("PerceptualSimilarity", "curves_perceptual"),
    "mean": Score("mean of both", "curves_mean"),
}


def accuracy_vs_score(
    metrics: pd.DataFrame,
    method: str,
    style: PlotStyle | None = None,
    min_images: int = 5,
    score: Score = ALIGNMENT,
) -> Figure:
    """Fig 2: accuracy of one method by bin of a score, over the images in each bin.

    The curve is the one of the data sets pooled with equal weight. Bins with fewer than
    `min_images` images are hollow points outside the line, without a band. The paper's own curve
    is hollow behind it, if our bins are as wide as its.
    """
    style = style or PlotStyle()
    rows = artefact_rows(metrics, score.curves, "accuracy", dataset="all", method=method)
    thresholds = thresholds_of(metrics, score.thresholds)
    with apply(style):
        fig = Figure(figsize=(style.column_width_in, 3.5), layout="constrained")
        top, bottom = fig.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
        look = method_style(method)
        draw_curve(top, rows, look.color, look.marker, look.linestyle, method, min_images)
        _draw_published(top, score.published, rows, method)
        stacked_histogram(bottom, metrics, style, score.histogram)
        mark_thresholds([top, bottom], thresholds, style)
        finish_accuracy(top)
        bottom.set_xlabel(score.axis)
        top.tick_params(axis="x", length=0)
        fig.align_ylabels([top, bottom])
        legend_below(fig, [top, bottom], [rows], min_images, columns=2)
    return fig


def _draw_published(ax: Axes, artefact: str, rows: pd.DataFrame, method: str) -> None:
    """Draw the paper's curve of the pooled data sets, if our bins are as wide as its."""
    width, look = str(rows["setting"].iloc[0]), method_style(method)
    points = published_points("alignment", artefact, dataset="all", method=method, setting=width)
    draw_published(ax, points, look.color, marker=look.marker, shift=float(width) / 2)


def accuracy_by_dataset(
    metrics: pd.DataFrame,
    method: str,
    style: PlotStyle | None = None,
    min_images: int = 5,
    score: Score = ALIGNMENT,
) -> Figure:
    """Figs 7 and 9: accuracy of one method by bin of a score, a curve for each data set.

    Bins with fewer than `min_images` images are hollow points outside the line, without a band.
    """
    style = style or PlotStyle()
    rows = artefact_rows(metrics, score.curves, "accuracy", method=method)
    rows = rows[rows["dataset"] != "all"]
    if rows.empty:
        raise ValueError(
            f"artefact {score.curves!r}: only the pooled data set 'all', none by itself"
        )
    colors = dataset_colors(rows["dataset"], style)
    with apply(style):
        fig = Figure(figsize=(style.column_width_in, 2.9), layout="constrained")
        ax = fig.subplots()
        groups = []
        for (dataset, color), marker in zip(colors.items(), "osD^vPX<>" * 9, strict=False):
            groups.append(rows[rows["dataset"] == dataset])
            draw_curve(ax, groups[-1], color, marker, "-", dataset, min_images)
        if score.thresholds:
            mark_thresholds([ax], thresholds_of(metrics, score.thresholds), style)
        finish_accuracy(ax)
        ax.set_xlabel(score.axis)
        legend_below(fig, [ax], groups, min_images, columns=2)
    return fig


def accuracy_by_method(
    metrics: pd.DataFrame,
    style: PlotStyle | None = None,
    min_images: int = 5,
    dataset: str = "all",
) -> Figure:
    """Figs 11 to 16: accuracy of every method by AlignmentScore bin.

    Of one data set, or of all pooled with equal weight. Bins with fewer than `min_images` images
    are left out. Means over seeds only: bands of a dozen methods would hide each other.
    """
    style = style or PlotStyle()
    rows = artefact_rows(metrics, "curves", "accuracy", dataset=dataset)
    methods = order(rows["method"], METHOD_ORDER)
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 3.5), layout="constrained")
        ax = fig.subplots()
        for index, method in enumerate(methods):
            bins = bins_of(rows[rows["method"] == method])
            bins = bins[bins["n"] >= min_images]
            look = method_style(method)
            every = max(1, len(bins) // 10)
            ax.plot(
                bins["centre"], bins["mean"], color=look.color, linestyle=look.linestyle,
                marker=look.marker, markevery=(index % every, every), label=label(method),
                zorder=2 if method == "zero_shot" else 3,
            )  # fmt: skip
        if dataset == "all":
            for method in methods:
                _draw_published(ax, "fig11", rows, method)
        mark_thresholds([ax], thresholds_of(metrics), style)
        finish_accuracy(ax)
        ax.set_xlabel(SCORE_AXIS)
        if dataset != "all":
            # Above the names of the thresholds.
            fig.suptitle(label(dataset), x=0.02, ha="left", fontweight="bold", size=style.font_size)
        fig.legend(loc="outside right center", labelspacing=0.45)
    return fig


def accuracy_by_probability(
    metrics: pd.DataFrame, method: str, style: PlotStyle | None = None, min_images: int = 5
) -> Figure:
    """Fig 6: accuracy of one method by the zero-shot probability of the true class.

    A panel for each data set: the probability has another range in each, which is the figure's
    point.
    """
    style = style or PlotStyle()
    rows = artefact_rows(metrics, "fig6", "accuracy", method=method)
    colors = dataset_colors(rows["dataset"], style)
    columns = min(len(colors), 3)
    lines = -(-len(colors) // columns)
    width = style.column_width_in if columns == 1 else style.page_width_in
    with apply(style):
        fig = Figure(figsize=(width, 2.0 * lines + 0.6), layout="constrained")
        axes = fig.subplots(lines, columns, squeeze=False, sharey=True).ravel()
        groups = []
        for ax, (dataset, color) in zip(axes, colors.items(), strict=False):
            groups.append(rows[rows["dataset"] == dataset])
            draw_curve(ax, groups[-1], color, "o", "-", method, min_images)
            ax.set_title(label(dataset), loc="left")
            ax.xaxis.set_major_locator(MaxNLocator(4))
        _finish_shared(axes[: len(colors)], columns)
        for place, ax in enumerate(axes[: len(colors)]):
            if place + columns >= len(colors):  # nothing below it
                ax.set_xlabel("Zero-shot probability")
        for ax in axes[len(colors) :]:
            ax.set_axis_off()
        legend_below(fig, [axes[0]], groups, min_images, columns=2)
        fig.legends[0].legend_handles[0].set_color(INK)  # colours are the data sets', not its
    return fig


def accuracy_by_predictor(
    metrics: pd.DataFrame, method: str, style: PlotStyle | None = None, min_images: int = 5
) -> Figure:
    """Fig 8: accuracy of one method by AlignmentScore, PerceptualSimilarityScore and their mean.

    A panel a score, of the same images, data sets pooled with equal weight. Above each is the rank
    correlation of score and right prediction, the mean over data sets and seeds.
    """
    style = style or PlotStyle()
    found = artefact_rows(metrics, "predictors", "rho", method=method)
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 2.5), layout="constrained")
        axes = fig.subplots(1, len(PREDICTORS), sharey=True)
        groups = []
        for place, (name, score) in enumerate(PREDICTORS.items()):
            rows = artefact_rows(metrics, score.curves, "accuracy", dataset="all", method=method)
            groups.append(rows)
            look = method_style(method)
            draw_curve(
                axes[place], rows, look.color, look.marker, look.linestyle, method, min_images
            )
            rho = found.loc[found["setting"] == name, "value"].mean()
            told = "none" if np.isnan(rho) else f"{rho:.2f}"
            axes[place].set_title(f"rank correlation {told}", loc="left", fontweight="normal")
            axes[place].set_xlabel(score.axis)
        _finish_shared(axes, len(axes))
        legend_below(fig, [axes[0]], groups, min_images, columns=2)
    return fig


def _finish_shared(axes: Sequence[Axes], columns: int) -> None:
    """Finish panels that share the accuracy axis, once all are drawn; the first column names it."""
    for place, ax in enumerate(axes):
        finish_accuracy(ax)
        if place % columns:
            ax.set_ylabel("")


def gap_by_method(
    metrics: pd.DataFrame, style: PlotStyle | None = None, min_images: int = 5
) -> Figure:
    """Not in the paper: the gap of IP and OOP accuracy by the threshold that divides them.

    Mean over domains, then data sets, then seeds. A domain counts where both sides have
    `min_images` images; a threshold at which fewer domains count than at the most is left out,
    since a mean over other domains compares with nothing.
    """
    style = style or PlotStyle()
    rows = artefact_rows(metrics, "sensitivity", "accuracy")
    gaps = gap_by_threshold(rows, min_images)
    if gaps.empty:
        raise ValueError(f"no domain has {min_images} images on both sides of a threshold")
    gaps = gaps[gaps["n"] == gaps.groupby("method")["n"].transform("max")]
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 3.2), layout="constrained")
        ax = fig.subplots()
        for method in order(gaps["method"], METHOD_ORDER):
            mean = gaps[gaps["method"] == method].groupby("x")["value"].mean()
            look = method_style(method)
            ax.plot(
                mean.index, mean, color=look.color, linestyle=look.linestyle, marker=look.marker,
                markevery=max(1, len(mean) // 10), label=label(method),
            )  # fmt: skip
        ax.axhline(0, color=INK, linewidth=0.8)
        mark_thresholds([ax], thresholds_of(metrics), style)
        ax.set_xlabel("Threshold of the AlignmentScore that divides OOP and IP")
        ax.set_ylabel("IP less OOP accuracy (points)")
        fig.legend(loc="outside right center", labelspacing=0.45)
    return fig
