"""Parts of the curve figures: bins, lines with bands, histograms, thresholds, legends.

A score bin is given by its left edge; its accuracy is drawn at the bin's centre. Accuracy is the
mean over seeds; bands are one sample standard deviation over seeds, where there are two or more.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from replidg.reporting.style import PlotStyle, dataset_colors, label
from replidg.reporting.tidy import artefact_rows

ACCURACY_AXIS = "Accuracy (%)"
THOUSANDS = FuncFormatter(lambda value, _: f"{value:,.0f}")
INK = "#555555"


def bins_of(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a bin: left edge, centre, width, mean and sd over seeds, number of images."""
    widths = sorted(rows["setting"].unique())
    if len(widths) != 1:
        raise ValueError(f"artefact 'curves': one bin width expected, found {widths}")
    rows = rows.dropna(subset=["value", "x"])
    grouped = rows.groupby("x", sort=True)
    bins = grouped["value"].agg(["mean", "std"]).assign(n=grouped["n"].min()).reset_index()
    return bins.assign(centre=bins["x"] + float(widths[0]) / 2, width=float(widths[0]))


def draw_curve(
    ax: Axes, rows: pd.DataFrame, color: str, marker: str, linestyle: str, name: str, few: int
) -> None:
    """A line through the bins that have enough images, its band, and the others hollow."""
    bins = bins_of(rows)
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


def stacked_histogram(
    ax: Axes, metrics: pd.DataFrame, style: PlotStyle, artefact: str = "histogram"
) -> None:
    """Images in each bin, the data sets on top of each other."""
    rows = artefact_rows(metrics, artefact, "images")
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
    ax.yaxis.set_major_formatter(THOUSANDS)


def thresholds_of(metrics: pd.DataFrame, artefact: str = "thresholds") -> dict[str, float]:
    """The scores at which images are dropped or change split."""
    rows = artefact_rows(metrics, artefact, "score")
    return {
        str(name): float(value) for name, value in zip(rows["setting"], rows["value"], strict=True)
    }


def mark_thresholds(axes: list[Axes], at: dict[str, float], style: PlotStyle) -> None:
    """Vertical lines through all `axes`, their names above the first."""
    low, high = axes[0].get_xlim()
    margin = 0.02 * (high - low)
    low = min([low, *(score - margin for score in at.values())])
    high = max([high, *(score + margin for score in at.values())])
    axes[0].set_xlim(low, high)
    # Side by side while there is room for the middle one, else the middle one a line higher.
    ordered = sorted(at.values())
    gaps = [right - left for left, right in itertools.pairwise(ordered)]
    lift = style.small * 1.3 if gaps and min(gaps) < 0.11 * (high - low) else 0
    names = {
        "low": ("low", "right", 0), "split": ("OOP | IP", "center", lift),
        "high": ("high", "left", 0),
    }  # fmt: skip
    for name, (text, side, above) in names.items():
        if name not in at:
            continue
        for ax in axes:
            ax.axvline(at[name], color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        axes[0].annotate(
            text, (at[name], 1), xycoords=("data", "axes fraction"), ha=side, va="bottom",
            xytext=(0, 2 + above), textcoords="offset points", fontsize=style.small,
        )  # fmt: skip


def finish_accuracy(ax: Axes) -> None:
    """Label the accuracy axis and keep it within what a percentage can be."""
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, -2), min(high, 102))
    ax.set_ylabel(ACCURACY_AXIS)


def legend_below(
    fig: Figure, axes: list[Axes], drawn: list[pd.DataFrame], min_images: int, columns: int
) -> None:
    """One legend under the axes: curves, histograms, and what a hollow point means."""
    handles = [handle for ax in axes for handle in ax.get_legend_handles_labels()[0]]
    if any((bins_of(rows)["n"] < min_images).any() for rows in drawn):
        note = f"fewer than {min_images} images"
        handles.append(
            Line2D([], [], color=INK, linestyle="none", marker="o", markerfacecolor="white",
                   label=note)
        )  # fmt: skip
    fig.legend(handles=handles, loc="outside lower center", ncols=min(columns, len(handles)))
