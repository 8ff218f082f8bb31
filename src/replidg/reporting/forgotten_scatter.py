"""Figures 3 and 15 to 17 of arXiv 2410.08258: mixes, and effective robustness."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from replidg.metrics.probit import along, fit_probit_line, from_probit, to_probit
from replidg.reporting.forgotten_look import (
    MILLION,
    NAMES,
    PUBLISHED,
    SERIES,
    TITLES,
    Options,
    at,
    hollow,
    hollow_key,
    mean_line,
    own,
    paper_axis,
    published,
)
from replidg.reporting.style import PALETTES, MethodStyle, PlotStyle, apply

#: Natural images are blue, renditions orange, as in the lines.
FRACTIONS = LinearSegmentedColormap.from_list("fractions", ["#0072B2", "#999999", "#D55E00"])
MARKERS = "osD^vPX"
TICKS = [1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95]
AVERAGES = {
    "natural_3": "ImageNet-A, ImageNet-V2, ObjectNet",
    "rendition_2": "ImageNet-R, ImageNet-Sketch",
}


def mixes(name: str, metrics: pd.DataFrame, options: Options, style: PlotStyle) -> Figure:
    """Fig 3A: average accuracy on rendition against natural sets; colour: share of renditions."""
    ours, theirs = _wide(own(metrics, name)), _wide(published(name, options))
    with apply(style):
        fig = Figure(figsize=(style.page_width_in * 0.75, 4.6), layout="constrained")
        ax = fig.subplots()
        for place, (_, rows) in enumerate(theirs.groupby("setting", sort=False)):
            rows = rows.sort_values("x")
            ax.plot(rows["natural"], rows["rendition"], ":", color=PUBLISHED, linewidth=0.7)
            ax.scatter(
                rows["natural"], rows["rendition"], s=14, marker=MARKERS[place % len(MARKERS)],
                facecolors="none", edgecolors=FRACTIONS(rows["x"]), alpha=0.6, linewidths=0.8,
            )  # fmt: skip
        for place, (setting, rows) in enumerate(ours.groupby("setting", sort=False)):
            rows = rows.sort_values("x")
            ax.plot(rows["natural"], rows["rendition"], "-", color="#444444", linewidth=0.9)
            ax.scatter(
                rows["natural"], rows["rendition"], s=30, marker=MARKERS[place % len(MARKERS)],
                c=FRACTIONS(rows["x"]), label=setting.removeprefix("total="), zorder=3,
            )  # fmt: skip
            best = rows.loc[np.hypot(rows["natural"], rows["rendition"]).idxmax()]
            ax.plot(best["natural"], best["rendition"], "*", color="#000000", ms=9, zorder=4)
        ax.set_xlabel("Average over natural test sets (%)")
        ax.set_ylabel("Average over rendition test sets (%)")
        handles, names = ax.get_legend_handles_labels()
        if len(theirs):
            handles, names = [*handles, hollow_key(style)], [*names, "published"]
        fig.legend(
            handles, names, title="Training images; star: best mix", ncols=4,
            loc="outside lower center",
        )  # fmt: skip
        bar = fig.colorbar(ScalarMappable(Normalize(0, 1), FRACTIONS), ax=ax)
        bar.set_label("Share of renditions")
    return fig


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `setting`, `x`, `natural` and `rendition`, means over seeds, in the rows' order."""
    means = rows.groupby(["setting", "x", "domain"], sort=False)["value"].mean().unstack("domain")
    return means.reset_index().rename_axis(columns=None)


def added(name: str, metrics: pd.DataFrame, options: Options, style: PlotStyle) -> Figure:
    """Fig 3B: average accuracy on natural and on rendition sets by number of added renditions."""
    rows, theirs = own(metrics, name), published(name, options)
    colors = PALETTES["okabe_ito"]
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 3.3), layout="constrained")
        axes = fig.subplots(1, 2)
        for ax, domain in zip(axes, ("natural", "rendition"), strict=True):
            behind = paper_axis(ax, options.unit_name, MILLION)
            for place, (_, paper) in enumerate(
                theirs[theirs["domain"] == domain].groupby("setting", sort=False)
            ):
                color = colors[place % 7] if behind is ax else PUBLISHED
                hollow(behind, paper, color, MARKERS[place % len(MARKERS)])
            own_rows = rows[rows["domain"] == domain]
            for place, (setting, mine) in enumerate(own_rows.groupby("setting", sort=False)):
                look = MethodStyle(colors[place % 7], MARKERS[place % len(MARKERS)])
                mean_line(ax, mine, look, f"{setting.removeprefix('natural=')} natural")
            ax.set_title(f"{domain} test sets", loc="left")
            ax.set_xlabel(f"Renditions added ({options.unit_name or 'images'})")
            ax.set_ylabel("Average top-1 (%)")
        handles, names = axes[0].get_legend_handles_labels()
        if len(theirs):
            same = options.unit_name == MILLION
            told = "published" if same else "published (millions: axis above)"
            handles, names = [*handles, hollow_key(style)], [*names, told]
        fig.legend(handles, names, loc="outside lower center", ncols=4)
    return fig


def robustness(name: str, metrics: pd.DataFrame, options: Options, style: PlotStyle) -> Figure:
    """Figs 15 to 17: accuracy against that on ImageNet-Val, every epoch, on probit axes.

    The line is fitted to the ResNets (Miller et al. 2021); above it is effective robustness.
    """
    rows, theirs = own(metrics, name), published(name, options)
    titles = AVERAGES if name == "fig15" else TITLES
    places = [place for place in titles if len(_at(rows, place))]
    columns = min(3, len(places))
    lines = math.ceil(len(places) / columns)
    with apply(style):
        size = (style.page_width_in, style.page_width_in / columns * lines + 0.6)
        fig = Figure(figsize=size, layout="constrained")
        axes = fig.subplots(lines, columns, squeeze=False).ravel()
        for ax, place in zip(axes, places, strict=False):
            mine, paper = _at(rows, place), _at(theirs, place)
            for method, look in SERIES.items():
                _published(ax, paper[paper["method"] == method], look, style)
                _trajectory(ax, mine[mine["method"] == method], look, method)
            _baseline(ax, mine)
            _probit_ticks(ax)
            ax.set_title(titles[place], loc="left", fontsize=style.small + 1)
            ax.set_xlabel("ImageNet-Val (%)")
        axes[0].set_ylabel("Top-1 (%)")
        for ax in axes[len(places) :]:
            ax.set_visible(False)
        entries: dict[str, object] = {}
        for ax in axes:
            entries |= dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
        if len(theirs):
            entries["published"] = hollow_key(style)
        fig.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=3)
    return fig


def _at(rows: pd.DataFrame, place: str | tuple[str, str]) -> pd.DataFrame:
    return at(rows, ("average", place) if isinstance(place, str) else place)


def _published(ax: Axes, rows: pd.DataFrame, look: MethodStyle, style: PlotStyle) -> None:
    if rows.empty:
        return
    ax.plot(
        to_probit(rows["x"]), to_probit(rows["value"]), linestyle="none", marker=look.marker,
        color=look.color, markerfacecolor="none", alpha=0.35,
        markersize=style.marker_size * 0.7, zorder=1,
    )  # fmt: skip


def _trajectory(ax: Axes, rows: pd.DataFrame, look: MethodStyle, method: str) -> None:
    """Draw every epoch; lines join the epochs of a run, not ResNets of different sizes."""
    if rows.empty:
        return
    joined = "none" if method == "imagenet_resnet50" else "-"
    for number, (_, run) in enumerate(rows.sort_values("setting").groupby("seed", dropna=False)):
        ax.plot(
            to_probit(run["x"]), to_probit(run["value"]), linestyle=joined, marker=look.marker,
            color=look.color, linewidth=0.9, label=NAMES[method] if not number else None, zorder=3,
        )  # fmt: skip


def _baseline(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw the line of the ResNets, if there are two of different accuracy."""
    nets = rows[rows["method"] == "imagenet_resnet50"]
    if nets["x"].nunique() < 2:
        return
    line = fit_probit_line(nets["x"].to_numpy(), nets["value"].to_numpy())
    low, high = to_probit(np.array([rows["x"].min(), rows["x"].max()]))
    at = from_probit(np.linspace(low, high, 50))
    ax.plot(to_probit(at), to_probit(along(line, at)), color="#222222", linewidth=0.9)


def _probit_ticks(ax: Axes) -> None:
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(FixedLocator(to_probit(TICKS)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{from_probit(value):.0f}"))
