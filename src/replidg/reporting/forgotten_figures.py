"""Figures of arXiv 2410.08258 on training: numbers of its PMLR version (v296)."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from replidg.config.forgotten_sets import NATURAL, RENDITION, TEST_SETS
from replidg.metrics.forgotten import SCALING, SUBSETS
from replidg.reporting import forgotten_scatter
from replidg.reporting.forgotten_look import (
    MILLION,
    NAMES,
    PUBLISHED,
    SERIES,
    THOUSAND,
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
from replidg.reporting.style import MethodStyle, PlotStyle, apply

__all__ = ["Options", "draw"]
#: Colours of the test sets of Fig 2, blues for the natural and warm ones for the renditions.
BLUES = ("#0B3C5D", "#0072B2", "#56B4E9", "#117733", "#44AA99")
WARM = ("#D55E00", "#E69F00", "#CC79A7", "#882255", "#CC6677", "#999933", "#DDCC77")
SETS = dict(zip([*NATURAL, *RENDITION], [*BLUES, *WARM], strict=True))


def draw(name: str, metrics: pd.DataFrame, options: Options, style: PlotStyle) -> Figure:
    """Draw a figure by its name in `replidg.artefacts`.

    Raises:
        ValueError: there is no such figure, or no run makes it.
    """
    if name == "fig2":
        return relative(metrics, options, style)
    if name in SCALING:
        return panels(name, metrics, options, style)
    if name in SUBSETS:
        return panels(name, metrics, options, style, of_resnets=True)
    drawers = {
        "fig3a": forgotten_scatter.mixes,
        "fig3b": forgotten_scatter.added,
        "fig15": forgotten_scatter.robustness,
        "fig16": forgotten_scatter.robustness,
        "fig17": forgotten_scatter.robustness,
    }
    if name not in drawers:
        raise ValueError(f"forgotten has no figure {name!r}")
    return drawers[name](name, metrics, options, style)


def relative(metrics: pd.DataFrame, options: Options, style: PlotStyle) -> Figure:
    """Fig 2: accuracy of LAION-Natural over that of a random set of the same size, by size."""
    rows, theirs = own(metrics, "fig2", "ratio"), published("fig2", options)
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 3.9), layout="constrained")
        axes = fig.subplots(1, 2, sharey=True)
        for ax, version in zip(axes, ("standard", "clean"), strict=True):
            behind = paper_axis(ax, options.unit_name, MILLION)
            for name, each in TEST_SETS.items():
                look = MethodStyle(SETS[name], "o" if each.suite == "natural" else "^")
                mine, paper = (
                    at(frame[frame["setting"] == version], (each.dataset, each.domain))
                    for frame in (rows, theirs)
                )
                hollow(behind, paper, look.color, look.marker)
                if len(mine):
                    mean_line(ax, mine, look, each.title)
            ax.axhline(1, color=PUBLISHED, linewidth=0.8)
            ax.set_title(f"{version} test sets", loc="left")
            _size_label(ax, behind, options.unit_name, "Training images")
        axes[0].set_ylabel("Accuracy over that of a random set")
        _legend(fig, axes, style, options)
    return fig


def panels(
    name: str, metrics: pd.DataFrame, options: Options, style: PlotStyle, of_resnets: bool = False
) -> Figure:
    """Figs 7 to 14: accuracy by training size, a panel a test set."""
    rows, theirs = own(metrics, name), published(name, options)
    unit, paper_unit = (
        (options.resnet_unit, THOUSAND) if of_resnets else (options.unit_name, MILLION)
    )
    places = [place for place in TITLES if len(at(rows, place))]
    columns = 3
    lines = math.ceil(len(places) / columns)
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 1.9 * lines + 0.6), layout="constrained")
        axes = fig.subplots(lines, columns, squeeze=False).ravel()
        for ax, place in zip(axes, places, strict=False):
            behind = paper_axis(ax, unit, paper_unit)
            mine, paper = at(rows, place), at(theirs, place)
            for method in dict.fromkeys(rows["method"]):
                look = SERIES[method]
                drawn = paper[paper["method"] == method]
                hollow(behind, drawn, look.color, look.marker, line=not of_resnets)
                mean_line(ax, mine[mine["method"] == method], look, NAMES[method])
            ax.set_title(TITLES[place], loc="left")
            _size_label(ax, behind, unit, "Training images" if ax in axes[-columns:] else "")
            ax.set_ylabel("Top-1 (%)")
        for ax in axes[len(places) :]:
            ax.set_visible(False)
        _legend(fig, axes[:1], style, options)
    return fig


def _size_label(ax: Axes, behind: Axes, unit: str, words: str) -> None:
    if words:
        ax.set_xlabel(f"{words} ({unit})" if unit else words)
    if behind is not ax and not behind.lines:
        behind.set_visible(False)


def _legend(fig: Figure, axes: list[Axes], style: PlotStyle, options: Options) -> None:
    entries = {}
    for ax in axes:
        entries |= dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    handles, names = list(entries.values()), list(entries)
    if options.published:
        handles, names = [*handles, hollow_key(style)], [*names, _published_name(options)]
    fig.legend(handles, names, loc="outside lower center", ncols=4)


def _published_name(options: Options) -> str:
    same = options.unit_name == MILLION and options.resnet_unit == THOUSAND
    return "published" if same else "published (sizes: axis above)"
