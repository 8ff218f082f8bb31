"""Distances of sets of images and sizes of objects: Figs 5 and 10 of the `alignment` paper."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from replidg.metrics.accuracy import bin_of
from replidg.reporting.style import DATASET_ORDER, PlotStyle, apply, dataset_colors, label, order
from replidg.reporting.tidy import artefact_rows

#: What Fig 5 compares, in the order of its bars.
PAIRS = {
    "target_pretraining": ("target and its neighbours in pretraining", "#0072B2"),
    "target_target": ("two halves of the target", "#BDBDBD"),
    "source_target": ("source and target", "#E69F00"),
}


def discrepancies(metrics: pd.DataFrame, style: PlotStyle | None = None) -> Figure:
    """Fig 5: maximum mean discrepancy of each target domain to pretraining and to its sources.

    One panel a data set; an estimate below 0 is drawn as it is.
    """
    style = style or PlotStyle()
    rows = artefact_rows(metrics, "fig5", "mmd")
    datasets = order(rows["dataset"], DATASET_ORDER)
    columns = min(2, len(datasets))
    lines = -(-len(datasets) // columns)
    width = style.column_width_in if columns == 1 else style.page_width_in
    with apply(style):
        fig = Figure(figsize=(width, 2.1 * lines + 0.8), layout="constrained")
        axes = fig.subplots(lines, columns, squeeze=False).ravel()
        for ax, dataset in zip(axes, datasets, strict=False):
            table = rows[rows["dataset"] == dataset].pivot(
                index="domain", columns="setting", values="value"
            )
            places = np.arange(len(table))
            for index, (pair, (words, color)) in enumerate(PAIRS.items()):
                values = table[pair] if pair in table else np.full(len(table), np.nan)
                ax.bar(places + (index - 1) * 0.27, values, 0.25, color=color, label=words)
            slant = {"rotation": 20, "ha": "right"} if len(table) > 4 else {}
            ax.set_xticks(places, [label(name) for name in table.index], **slant)
            ax.axhline(0, color="#555555", linewidth=0.6)
            ax.tick_params(axis="x", length=0)
            ax.grid(False, axis="x")
            ax.yaxis.set_major_locator(MaxNLocator(4))
            ax.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
            ax.set_ylabel("MMD")
            ax.set_title(label(dataset), loc="center")
        for ax in axes[len(datasets) :]:
            ax.set_axis_off()
        handles, words = axes[0].get_legend_handles_labels()
        fig.legend(handles, words, loc="outside lower center", ncols=1 if columns == 1 else 3)
    return fig


def object_sizes(
    metrics: pd.DataFrame, style: PlotStyle | None = None, min_images: int = 5
) -> Figure:
    """Fig 10: share of the image that the labelled object's box takes, by AlignmentScore bin.

    Mean (line) and middle half (band) of the images of a bin, a panel for all data sets together
    and for each. Bins with fewer than `min_images` images are left out.
    """
    style = style or PlotStyle()
    rows = artefact_rows(metrics, "fig10", "share_mean")
    low, high = (artefact_rows(metrics, "fig10", f"share_{side}") for side in ("low", "high"))
    datasets = order(set(rows["dataset"]) - {"all"}, DATASET_ORDER)
    shown = ["all", *datasets] if len(datasets) > 1 else datasets
    colors = {"all": "#000000"} | dataset_colors(datasets, style)
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    width = style.column_width_in if columns == 1 else style.page_width_in
    with apply(style):
        fig = Figure(figsize=(width, 2.0 * lines + 0.5), layout="constrained")
        axes = fig.subplots(lines, columns, squeeze=False, sharey=True).ravel()
        for ax, dataset in zip(axes, shown, strict=False):
            mean, below, above = (_line(part, dataset, min_images) for part in (rows, low, high))
            ax.plot(mean.index, mean, color=colors[dataset], marker="o")
            ax.fill_between(
                below.index, below, above, color=colors[dataset], alpha=0.2, linewidth=0
            )
            ax.set_title(label(dataset), loc="left")
            ax.set_ylim(0, 100)
        for ax in axes[::columns]:
            ax.set_ylabel("Object size (% of image)")
        for ax in axes[len(shown) :]:
            ax.set_axis_off()
        fig.supxlabel("AlignmentScore (cosine similarity)", fontsize=style.font_size)
    return fig


def _line(rows: pd.DataFrame, dataset: str, min_images: int) -> pd.Series:
    """Percent by bin centre, of the bins with enough images."""
    own = rows[(rows["dataset"] == dataset) & (rows["n"] >= min_images)].sort_values("x")
    width = float(rows["setting"].iloc[0])
    edges = bin_of(own["x"].to_numpy(), width)
    return pd.Series(100 * own["value"].to_numpy(), index=edges + width / 2)
