"""Figures of arXiv 2311.02236: scores by training share, gains, interpolation, robustness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from replidg.metrics.effective_robustness import effective_robustness, points, to_logit
from replidg.reporting.style import MethodStyle, PlotStyle, apply, label, method_style
from replidg.reporting.tidy import artefact_rows

#: Lines of the paper's curves, in the order of its legend, and how they are drawn.
LINES: dict[str, MethodStyle] = {
    "vision_e2e": MethodStyle("#E69F00", "s"),
    "vision_probe": MethodStyle("#E69F00", "o", "--"),
    "clip_e2e": MethodStyle("#0072B2", "s"),
    "clip_probe": MethodStyle("#0072B2", "o", "--"),
    "clip_e2e_swa": MethodStyle("#009E73", "D"),
}
#: The arms that the shipped configurations add to the paper's.
MORE: dict[str, MethodStyle] = {
    "clip_contrastive": MethodStyle("#CC79A7", "^", "-."),
    "clip_image_tower": MethodStyle("#D55E00", "X", "-."),
    "clip_last_stage": MethodStyle("#56B4E9", "v", "-."),
}
ZERO_SHOT = "zero_shot"
BASELINE = ("vision_probe", "vision_e2e")
PANELS = {"id_test": "ID test", "test": "OOD test"}
SCORE_NAMES = {"accuracy": "Top-1 accuracy (%)", "macro_f1": "Macro F1 (%)"}
INK = "#555555"


@dataclass(frozen=True)
class Options:
    """What a figure needs to know besides the metrics.

    Attributes:
        scored: data set: its metric.
        level: of the intervals of the gains.
    """

    scored: Mapping[str, str]
    level: float = 0.95


def draw(name: str, metrics: pd.DataFrame, options: Options, style: PlotStyle) -> Figure:
    """Draw a figure by its name in `replidg.artefacts`.

    Raises:
        ValueError: there is no such figure, or the metrics lack what it shows.
    """
    if name.startswith("curves_"):
        dataset = name.removeprefix("curves_")
        return curves(metrics, dataset, options.scored[dataset], style)
    drawers = {"gains": gains, "wise_ft": wise_ft, "effective_robustness": robustness}
    if name not in drawers:
        raise ValueError(f"no figure {name!r}; there are curves_<data set>, {', '.join(drawers)}")
    return drawers[name](metrics, options, style)


def curves(metrics: pd.DataFrame, dataset: str, metric: str, style: PlotStyle) -> Figure:
    """Score by training share, ID | OOD, mean and sd over seeds, at the selected rates.

    The rates are those that are best on OOD test, as in the authors' code. Zero-shot is the point
    at 0, and the dotted line.
    """
    rows = artefact_rows(metrics, "selected_on_test", metric, dataset=dataset)
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 2.9), layout="constrained")
        axes = fig.subplots(1, 2, sharey=True)
        for ax, (split, title) in zip(axes, PANELS.items(), strict=True):
            own = rows[rows["domain"] == split]
            zero = own.loc[own["method"] == ZERO_SHOT, "value"]
            if len(zero):
                ax.axhline(zero.mean(), color="#777777", linestyle=":", zorder=1)
                ax.plot([0], [zero.mean()], "x", color="#777777", label="CLIP zero-shot")
            for method, look in LINES.items():
                mine = own[own["method"] == method].groupby("x")["value"].agg(["mean", "std"])
                if len(mine):
                    _line(ax, mine, look, method)
            ax.set_title(title, loc="left")
            ax.set_xlabel("Share of the training images (%)")
        axes[0].set_ylabel(SCORE_NAMES[metric])
        handles, names = axes[0].get_legend_handles_labels()
        fig.legend(handles, names, loc="outside lower center", ncols=3)
    return fig


def _line(ax: Axes, mine: pd.DataFrame, look: MethodStyle, method: str) -> None:
    ax.errorbar(
        mine.index.to_numpy(float) * 100, mine["mean"], yerr=mine["std"].fillna(0), capsize=2,
        color=look.color, marker=look.marker, linestyle=look.linestyle, label=label(method),
    )  # fmt: skip


def gains(metrics: pd.DataFrame, options: Options, style: PlotStyle) -> Figure:
    """Gain of SWA and of CLIP by training share, with bootstrap intervals, a row a data set.

    Rates are selected on OOD val, each arm's its own.
    """
    rows = artefact_rows(metrics, "gains", "gain")
    rows = metrics[(metrics["artefact"] == "gains") & metrics["setting"].str.endswith("/val")]
    wide = rows.pivot(
        index=["dataset", "method", "setting", "domain", "x"], columns="metric", values="value"
    ).reset_index()
    datasets = [name for name in options.scored if name in set(wide["dataset"])]
    pairs = sorted(set(zip(wide["method"], wide["setting"], strict=True)))
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 2.3 * len(datasets) + 0.5), layout="constrained")
        axes = fig.subplots(len(datasets), 2, sharey="row", squeeze=False)
        for dataset, lines in zip(datasets, axes, strict=True):
            for ax, (split, title) in zip(lines, PANELS.items(), strict=True):
                own = wide[(wide["dataset"] == dataset) & (wide["domain"] == split)]
                for (arm, setting), mine in own.groupby(["method", "setting"]):
                    other, look = setting.split("/")[0], _look(arm)
                    mine = mine.sort_values("x")
                    # Side by side, each comparison at the same place in every panel.
                    x = mine["x"].to_numpy() * 100 + pairs.index((arm, setting)) - len(pairs) / 2
                    ends = np.abs(mine[["low", "high"]].to_numpy().T - mine["gain"].to_numpy())
                    ax.errorbar(
                        x, mine["gain"], yerr=ends, capsize=2, color=look.color,
                        marker=look.marker, linestyle=look.linestyle,
                        label=f"{label(arm)} less {label(other)}",
                    )  # fmt: skip
                ax.axhline(0, color=INK, linewidth=0.8)
                ax.set_title(f"{label(dataset)}, {title}", loc="left")
            lines[0].set_ylabel("Gain (points)")
        for ax in axes[-1]:
            ax.set_xlabel("Share of the training images (%)")
        handles, names = axes[0][0].get_legend_handles_labels()
        fig.legend(handles, names, loc="outside lower center", ncols=1)
    return fig


def wise_ft(metrics: pd.DataFrame, options: Options, style: PlotStyle) -> Figure:
    """ID against OOD score along the line from zero-shot to fine-tuned weights (WiSE-FT).

    Of the learning rate whose fine-tuned end is best on OOD val; mean over seeds.
    """
    rows = metrics[metrics["artefact"] == "wise_ft"]
    if rows.empty:
        raise ValueError("no run was interpolated: robust_ft.interpolation")
    datasets = [name for name in options.scored if name in set(rows["dataset"])]
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 3.0), layout="constrained")
        axes = fig.subplots(1, len(datasets), squeeze=False)[0]
        for ax, dataset in zip(axes, datasets, strict=True):
            metric = options.scored[dataset]
            for fraction, means in interpolated(rows, dataset, metric).items():
                ax.plot(means["id_test"], means["test"], marker="o", label=f"{fraction} of images")
                for alpha, row in means.iterrows():
                    ax.annotate(
                        f"{alpha:g}", (row["id_test"], row["test"]), xytext=(3, 3),
                        textcoords="offset points", fontsize=style.small,
                        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},
                    )  # fmt: skip
            ax.margins(0.1)  # room for the numbers beside the points
            ax.set_title(label(dataset), loc="left")
            ax.set_xlabel(f"ID test: {SCORE_NAMES[metric]}")
            ax.set_ylabel(f"OOD test: {SCORE_NAMES[metric]}")
            ax.legend()
    return fig


def interpolated(rows: pd.DataFrame, dataset: str, metric: str) -> dict[str, pd.DataFrame]:
    """Return, by fraction, mean scores by share of the fine-tuned weights and split.

    Of the learning rate whose fine-tuned end is best on OOD val.

    Args:
        rows: of the artefact `wise_ft`.
        dataset: whose.
        metric: which.
    """
    own = rows[(rows["dataset"] == dataset) & (rows["metric"] == metric)]
    own = own.assign(
        rate=own["setting"].str.split(", ").str[0], share=own["setting"].str.split(", ").str[1]
    )
    found = {}
    for share, mine in own.groupby("share"):
        ends = mine[(mine["x"] == 1) & (mine["domain"] == "val")].groupby("rate")["value"].mean()
        best = mine[mine["rate"] == ends.idxmax()]
        found[f"{float(share):.0%}"] = best.pivot_table(
            index="x", columns="domain", values="value", aggfunc="mean"
        )
    return found


def robustness(metrics: pd.DataFrame, options: Options, style: PlotStyle) -> Figure:
    """OOD against ID score of every run in logits, and the line of the vision-only runs."""
    datasets = list(options.scored)
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 3.6), layout="constrained")
        axes = fig.subplots(1, len(datasets), squeeze=False)[0]
        for ax, dataset in zip(axes, datasets, strict=True):
            metric = options.scored[dataset]
            found, line = effective_robustness(points(metrics, dataset, metric), BASELINE)
            for method, mine in found.groupby("method", sort=False):
                look = _look(method)
                ax.plot(
                    to_logit(mine["id"]), to_logit(mine["ood"]), linestyle="none",
                    marker=look.marker, color=look.color, alpha=0.7, label=label(method),
                )  # fmt: skip
            if line.known:
                ends = np.array([found["id"].min(), found["id"].max()])
                fitted = to_logit(line.at(ends))
                ax.plot(to_logit(ends), fitted, color=INK, label="vision-only runs")
            else:
                why = "too few vision-only runs for a line"
                ax.text(0.02, 0.98, why, transform=ax.transAxes, va="top", color=INK, size="small")
            for axis, name in ((ax.xaxis, "ID"), (ax.yaxis, "OOD")):
                axis.set_major_locator(FixedLocator(to_logit([0, 1, 5, 10, 25, 50, 75, 90, 95])))
                axis.set_major_formatter(FuncFormatter(_percent))
                axis.set_label_text(f"{name} test: {SCORE_NAMES[metric]}")
            ax.set_title(label(dataset), loc="left")
        handles = {}
        for ax in axes:
            handles |= dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
        fig.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    return fig


def _look(arm: str) -> MethodStyle:
    return LINES.get(arm) or MORE.get(arm) or method_style(arm)


def _percent(value: float, _place: int) -> str:
    return f"{100 / (1 + np.exp(-value)):.0f}"
