"""Figures of the `scipd` paper (arXiv 2404.09011): tidy metrics in, a Matplotlib figure out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from replidg.reporting.scipd_tables import MEAN, PRINTED, h_label, rows_of
from replidg.reporting.style import PlotStyle, apply, dataset_colors, label, method_style

SYMBOLS = {"alpha": "α (instance)", "tau": "τ (score)", "beta": "β (class)"}
LINES = ("accuracy", "h_score_max")


@dataclass(frozen=True)
class Options:
    """What figures need besides the metrics.

    Attributes:
        pages: data sets by their page of the registry, lower case.
        methods: of the main tables, in order.
        shares: arm of the scarcity study -> its method.
    """

    pages: Mapping[str, str] = field(default_factory=dict)
    methods: Sequence[str] = ()
    shares: Mapping[str, str] = field(default_factory=dict)


def _line(ax: Axes, rows: pd.DataFrame, places: Sequence[float], method: str, name: str) -> None:
    """Mean over seeds at each x, a bar of one standard deviation on either side."""
    found = rows.groupby("x")["value"].agg(["mean", "std"]).sort_index()
    look = method_style(method)
    ax.errorbar(
        places, found["mean"], yerr=found["std"].fillna(0), color=look.color, marker=look.marker,
        linestyle=look.linestyle, elinewidth=0.7, label=name,
    )  # fmt: skip


def by_hybridness(
    metrics: pd.DataFrame, dataset: str, methods: Sequence[str], style: PlotStyle
) -> Figure:
    """Lines over H: a column a target domain, accuracy above and H-score below.

    Methods stand a little beside each other, so that their bars can be told apart.
    """
    rows = rows_of(metrics, "main", dataset=dataset)
    domains = sorted(set(rows["domain"]) - {MEAN})
    domains += [MEAN] if len(domains) > 1 else []
    steps = sorted(rows["x"].dropna().unique())
    present = [method for method in methods if method in set(rows["method"])]
    aside = np.linspace(-0.12, 0.12, len(present)) if len(present) > 1 else np.zeros(1)
    with apply(style):
        width = max(style.page_width_in, 1.5 * len(domains))
        fig = Figure(figsize=(width, 3.8), layout="constrained")
        axes = fig.subplots(2, len(domains), sharex=True, sharey="row", squeeze=False)
        for line, metric in enumerate(LINES):
            for column, domain in enumerate(domains):
                ax = axes[line, column]
                own = rows[(rows["metric"] == metric) & (rows["domain"] == domain)]
                for method, shift in zip(present, aside, strict=True):
                    part = own[own["method"] == method]
                    places = [steps.index(x) + shift for x in sorted(part["x"].unique())]
                    _line(ax, part, places, method, label(method))
                ax.set_xticks(range(len(steps)), [h_label(x) for x in steps])
                ax.set_xlim(-0.3, len(steps) - 0.7)
                if line == 0:
                    ax.set_title(label(domain) if domain != MEAN else "average", loc="left")
                else:
                    ax.set_xlabel("Hybridness H")
            axes[line, 0].set_ylabel(f"{PRINTED[metric].split(',')[0]} (%)")
        handles, names = axes[0, 0].get_legend_handles_labels()
        fig.legend(handles, names, loc="outside lower center", ncols=min(6, len(names)))
    return fig


def sensitivity(metrics: pd.DataFrame, style: PlotStyle) -> Figure:
    """A panel a hyper-parameter: accuracy and H-score against its values."""
    present = [name for name in SYMBOLS if (metrics["artefact"] == name).any()]
    if not present:
        raise ValueError("no hyper-parameter of SCI-PD was varied: scipd.sensitivity")
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 2.6), layout="constrained")
        axes = fig.subplots(1, len(present), squeeze=False)[0]
        for ax, name in zip(axes, present, strict=True):
            rows = rows_of(metrics, name, domain=MEAN)
            for metric, method in zip(LINES, ("erm", "scipd"), strict=True):
                own = rows[rows["metric"] == metric].groupby(["x", "seed"])["value"].mean()
                own = own.reset_index()
                values = sorted(own["x"].unique())
                _line(ax, own, range(len(values)), method, PRINTED[metric].split(",")[0])
                ax.set_xticks(range(len(values)), [f"{value:g}" for value in values])
            ax.set_xlabel(SYMBOLS[name])
        axes[0].set_ylabel("%")
        handles, names = axes[0].get_legend_handles_labels()
        fig.legend(handles, names, loc="outside lower center", ncols=2)
    return fig


def scarcity(metrics: pd.DataFrame, methods: Mapping[str, str], style: PlotStyle) -> Figure:
    """Accuracy and H-score against the share of training images, a line a method.

    Args:
        metrics: tidy metrics; the study's arms and, for a share of 1, the main tables' methods.
        methods: arm -> method that it is a share of.
        style: sizes.
    """
    own = rows_of(metrics, "scarcity")
    own = own[own["domain"] != MEAN].assign(method=own["method"].map(dict(methods)))
    # The share of 1 is the main tables': the same targets, label sets and seeds.
    places = own[["dataset", "setting", "domain", "method", "seed"]].drop_duplicates()
    whole = rows_of(metrics, "main").merge(places, "inner").assign(x=1.0)
    rows = pd.concat([own, whole], ignore_index=True)
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 2.6), layout="constrained")
        axes = fig.subplots(1, len(LINES))
        for ax, metric in zip(axes, LINES, strict=True):
            chosen = rows[rows["metric"] == metric]
            for method in sorted(set(chosen["method"])):
                part = chosen[chosen["method"] == method]
                part = part.groupby(["x", "seed"])["value"].mean().reset_index()
                _line(ax, part, 100 * np.sort(part["x"].unique()), method, label(method))
            ax.set_xlabel("Training images used (%)")
            ax.set_ylabel(f"{PRINTED[metric].split(',')[0]} (%)")
        handles, names = axes[0].get_legend_handles_labels()
        fig.legend(handles, names, loc="outside lower center", ncols=min(6, len(names)))
    return fig


def radar(metrics: pd.DataFrame, methods: Sequence[str], style: PlotStyle) -> Figure:
    """One axis a data set and hybridness: H-score of every method, mean over targets and seeds."""
    rows = rows_of(metrics, "main", domain=MEAN, metric="h_score_max")
    axes_of = rows[["dataset", "x"]].drop_duplicates().sort_values(["dataset", "x"])
    spokes = list(axes_of.itertuples(index=False, name=None))
    angles = np.linspace(0, 2 * np.pi, len(spokes), endpoint=False)
    means = rows.groupby(["method", "dataset", "x"])["value"].mean()
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 4.2), layout="constrained")
        ax = fig.subplots(subplot_kw={"projection": "polar"})
        for method in [m for m in methods if m in means.index]:
            values = means[method].reindex(spokes).to_numpy()
            look = method_style(method)
            ax.plot(
                np.append(angles, angles[0]), np.append(values, values[0]), color=look.color,
                marker=look.marker, linestyle=look.linestyle, label=label(method),
            )  # fmt: skip
        ax.set_xticks(angles, [f"{label(d)}\nH = {h_label(x)}" for d, x in spokes])
        ax.tick_params(axis="x", pad=14)
        # Numbers stand between two spokes, and behind the lines.
        ax.set_rlabel_position(180 / len(spokes))
        ax.yaxis.set_major_locator(MaxNLocator(4))
        ax.tick_params(axis="y", labelcolor="#777777", labelsize=style.font_size - 2)
        ax.set_ylim(bottom=0)
        ax.set_title("H-score (%)", loc="left")
        fig.legend(loc="outside right center")
    return fig


def feature_map(
    points: Mapping[str, np.ndarray], labels: np.ndarray, names: Sequence[str], style: PlotStyle
) -> Figure:
    """t-SNE maps of target features, a panel a method; unknown images are black crosses.

    Args:
        points: method -> places (N, 2).
        labels: class among the known ones, or -1 (N,).
        names: of the known classes.
        style: sizes.
    """
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 3.0), layout="constrained")
        axes = fig.subplots(1, len(points), squeeze=False)[0]
        colors = dataset_colors([str(place) for place in range(len(names))], style)
        for ax, (method, found) in zip(axes, points.items(), strict=True):
            for place, name in enumerate(names):
                own = labels == place
                ax.scatter(*found[own].T, s=7, color=colors[str(place)], label=label(name))
            unknown = found[labels < 0].T
            ax.scatter(*unknown, s=9, color="#111111", marker="x", linewidth=0.6, label="unknown")
            ax.set_title(label(method), loc="left")
            ax.set_xticks([])
            ax.set_yticks([])
        handles, texts = axes[0].get_legend_handles_labels()
        few = 12  # more names than that say nothing
        if len(texts) > few:
            handles, texts = handles[-1:], texts[-1:]
        fig.legend(handles, texts, loc="outside lower center", ncols=min(7, len(texts)))
    return fig


def draw(name: str, metrics: pd.DataFrame, options: Options, style: PlotStyle) -> Figure:
    """Draw one figure that shows metrics.

    Args:
        name: as in `replidg.artefacts`.
        metrics: tidy metrics that hold what it shows.
        options: data sets, methods, shares.
        style: sizes and fonts.

    Raises:
        ValueError: there is no such figure, or the metrics lack what it shows.
    """
    if name.startswith("lines_") and name[6:] in options.pages:
        return by_hybridness(metrics, options.pages[name[6:]], options.methods, style)
    match name:
        case "sensitivity_curves":
            return sensitivity(metrics, style)
        case "scarcity":
            return scarcity(metrics, options.shares, style)
        case "radar":
            return radar(metrics, options.methods, style)
    raise ValueError(f"scipd has no figure {name!r}")
