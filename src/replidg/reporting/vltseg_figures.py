"""Figures of arXiv 2312.02021 that show metrics; the paper's points stand hollow behind ours."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from replidg.config.street_classes import CLASSES
from replidg.metrics.vltseg import AVERAGE, PAGES, Arm, Source
from replidg.published import load
from replidg.reporting.style import PlotStyle, apply, label
from replidg.reporting.vltseg_names import (
    DATASET_STYLES,
    Options,
    arm_name,
    arm_style,
    main_arms,
)
from replidg.reporting.vltseg_tables import MEAN, scores

__all__ = ["Options", "draw"]
MIOU = "mIoU (%)"
#: Directions of Figure F2 and what they freeze.
SIDES = {"early_to_deep": "First blocks frozen", "deep_to_early": "Last blocks frozen"}
INK = "#555555"


def draw(name: str, metrics: pd.DataFrame, options: Options, style: PlotStyle) -> Figure:
    """Draw a figure by its name in `replidg.artefacts`.

    Raises:
        ValueError: there is no such figure, or the metrics lack what it shows.
    """
    drawers = {
        "pretrainings": pretrainings,
        "f2": freezing,
        "f3": perturbations,
        "lambda_curve": loss_weights,
        "class_iou": class_iou,
    }
    if name not in drawers:
        raise ValueError(f"vltseg has no figure {name!r}; there are {', '.join(drawers)}")
    return drawers[name](metrics, options.networks(), options.origins(), style)


def pretrainings(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source], style: PlotStyle
) -> Figure:
    """Mean over targets of each pre-training with its interval, a panel a synthetic source."""
    table = scores(metrics, arms, sources, "t1")
    table = table[[sources[name].kind == "synthetic" for name in table["source"]]]
    shown = list(table["source"].unique())
    published = load("vltseg").query(f"artefact == 't1' and dataset == '{AVERAGE}'")
    theirs = published.set_index(["setting", "method"])["value"]
    names = [name for name in arms if name in set(table["method"])]
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 0.34 * len(names) + 1.2), layout="constrained")
        axes = fig.subplots(1, len(shown), sharex=True, sharey=True, squeeze=False)[0]
        for ax, source in zip(axes, shown, strict=True):
            own = table[table["source"] == source].set_index("method")
            for place, name in enumerate(names):
                if name not in own.index:
                    continue
                line, look = own.loc[name], arm_style(name)
                paper = theirs.get((source, arms[name].studies["t1"]))
                if paper is not None:
                    ax.plot(paper, place, "D", mfc="white", mec=INK, ms=5, label="the paper")
                ends = [[line[MEAN] - line["low"]], [line["high"] - line[MEAN]]]
                ax.errorbar(
                    line[MEAN], place, xerr=ends, fmt=look.marker, color=look.color, capsize=2,
                )  # fmt: skip
            ax.set_title(f"from {label(source)}", loc="left")
            ax.set_xlabel(f"{MIOU}, mean over targets")
        axes[0].set_yticks(range(len(names)), [arm_name(name, arms) for name in names])
        axes[0].set_ylim(len(names) - 0.5, -0.5)
        _one_legend(fig, axes, columns=1)
    return fig


def freezing(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source], style: PlotStyle
) -> Figure:
    """Score by frozen blocks, from either end; dashed: none frozen. Figure F2 of the poster."""
    rows = metrics[metrics["artefact"] == "f2"]
    if rows.empty:
        raise ValueError("no network has frozen blocks: vltseg.freezing")
    theirs = load("vltseg").query("artefact == 'f2'")
    shown = [page for page in DATASET_STYLES if page in set(rows["dataset"])]
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, 3.4), layout="constrained")
        axes = fig.subplots(1, 2, sharey=True)
        for ax, (side, title) in zip(axes, SIDES.items(), strict=True):
            for page in shown:
                look = DATASET_STYLES[page]
                paper = theirs[theirs["dataset"] == page]
                line = paper[paper["setting"].str.endswith(f"/{side}")].sort_values("x")
                ax.plot(
                    line["x"], line["value"], look.marker, mfc="white", mec=look.color,
                    linestyle=":", color=look.color, linewidth=0.7, alpha=0.7,
                )  # fmt: skip
                own = rows[rows["dataset"] == page]
                full = own.loc[own["setting"].str.endswith("/full"), "value"]
                if len(full):
                    ax.axhline(full.mean(), color=look.color, linestyle="--", linewidth=0.9)
                mine = own[own["setting"].str.endswith(f"/{side}")].groupby("x")["value"]
                found = mine.agg(["mean", "std"])
                ax.errorbar(
                    found.index, found["mean"], yerr=found["std"].fillna(0), capsize=2,
                    marker=look.marker, color=look.color, label=label(page),
                )  # fmt: skip
            ax.set_title(title, loc="left")
            ax.set_xlabel("Frozen blocks")
            ax.xaxis.get_major_locator().set_params(integer=True)
        axes[1].plot([], [], "o", mfc="white", mec=INK, linestyle=":", color=INK, label="the paper")
        axes[1].plot([], [], "--", color=INK, label="none frozen")
        axes[0].set_ylabel(MIOU)
        _one_legend(fig, axes, columns=6)
    return fig


def perturbations(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source], style: PlotStyle
) -> Figure:
    """Mean over corruptions by severity, 0 the images as they are. Figure F3 of the poster."""
    rows = metrics[(metrics["artefact"] == "perturbations") & (metrics["domain"] == "all")]
    if rows.empty:
        raise ValueError("nothing was tested on corrupted images: vltseg.perturbations")
    theirs = load("vltseg").query("artefact == 'f3' and metric == 'miou'")
    with apply(style):
        fig = Figure(figsize=(style.page_width_in * 0.75, 3.4), layout="constrained")
        ax = fig.subplots()
        for name in [name for name in arms if name in set(rows["method"])]:
            look, own = arm_style(name), rows[rows["method"] == name]
            paper = theirs[theirs["method"] == arms[name].studies.get("f3")].sort_values("x")
            ax.plot(
                paper["x"], paper["value"], look.marker, mfc="white", mec=look.color,
                linestyle=":", color=look.color, linewidth=0.7, alpha=0.7,
            )  # fmt: skip
            found = own.groupby("x")["value"].agg(["mean", "std"])
            ax.errorbar(
                found.index, found["mean"], yerr=found["std"].fillna(0), capsize=2,
                marker=look.marker, color=look.color, linestyle=look.linestyle,
                label=arm_name(name, arms),
            )  # fmt: skip
        if theirs["method"].isin([arms[n].studies.get("f3") for n in set(rows["method"])]).any():
            ax.plot([], [], "o", mfc="white", mec=INK, linestyle=":", color=INK, label="the paper")
        ax.set_title(f"Corrupted images of {_names(rows['dataset'])}", loc="left")
        ax.set_xlabel("Severity (0: as they are)")
        ax.set_ylabel(f"{MIOU}, mean over corruptions")
        ax.xaxis.get_major_locator().set_params(integer=True)
        _one_legend(fig, [ax], columns=3)
    return fig


def loss_weights(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source], style: PlotStyle
) -> Figure:
    """Score by weight of the PTM loss, a line a target; dashed: without language guidance."""
    table = scores(metrics, arms, sources, "lambda")
    without = [n for n, arm in arms.items() if "language" in arm.studies][:1]
    plain = scores(metrics, {n: arms[n] for n in without}, sources) if without else None
    shown = list(table["source"].unique())
    table["x"] = [float(arms[name].studies["lambda"]) for name in table["method"]]
    with apply(style):
        width = style.page_width_in * (0.7 if len(shown) == 1 else 1)
        fig = Figure(figsize=(width, 3.4), layout="constrained")
        axes = fig.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for ax, source in zip(axes, shown, strict=True):
            own = table[table["source"] == source].sort_values("x")
            for page in [page for page in DATASET_STYLES if page in own]:
                look = DATASET_STYLES[page]
                ax.plot(own["x"], own[page], marker=look.marker, color=look.color,
                        label=label(page))  # fmt: skip
                _dashed(ax, plain, source, page, look.color)
            ends = np.abs(own[["low", "high"]].to_numpy().T - own[MEAN].to_numpy())
            ax.errorbar(own["x"], own[MEAN], yerr=ends, marker="*", ms=7, color="#222222",
                        capsize=2, label=MEAN)  # fmt: skip
            _dashed(ax, plain, source, MEAN, "#222222")
            ax.set_title(f"from {label(source)}", loc="left")
            ax.set_xlabel("Weight λ of the PTM loss")
        axes[0].plot([], [], "--", color=INK, label="without guidance")
        axes[0].set_ylabel(MIOU)
        _one_legend(fig, axes, columns=3)
    return fig


def _dashed(ax: Axes, plain: pd.DataFrame | None, source: str, column: str, color: str) -> None:
    if plain is not None and column in plain and source in set(plain["source"]):
        value = plain.loc[plain["source"] == source, column].iloc[0]
        ax.axhline(value, color=color, linestyle="--", linewidth=0.8)


def class_iou(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source], style: PlotStyle
) -> Figure:
    """IoU of each class, mean over targets that have it, a panel a source."""
    rows = metrics[(metrics["artefact"] == "classes") & metrics["dataset"].isin(PAGES)]
    kept = main_arms(arms)
    own = {name: set(source.datasets) for name, source in sources.items()}
    target = [d not in own[s] for d, s in zip(rows["dataset"], rows["setting"], strict=True)]
    rows = rows[np.array(target, bool) & rows["method"].isin(kept).to_numpy()]
    wide = rows.pivot_table(
        index=["setting", "method"], columns="domain", values="value", aggfunc="mean"
    ).reindex(columns=CLASSES)
    shown = [name for name in sources if name in wide.index.get_level_values(0)]
    parts = {name: [a for a in kept if (name, a) in wide.index] for name in shown}
    heights = [len(part) for part in parts.values()]
    with apply(style):
        size = (style.page_width_in, 0.24 * sum(heights) + 0.35 * len(shown) + 1.0)
        fig = Figure(figsize=size, layout="constrained")
        axes = fig.subplots(
            len(shown), 1, squeeze=False, gridspec_kw={"height_ratios": heights}, sharex=True
        )[:, 0]
        for ax, source in zip(axes, shown, strict=True):
            values = wide.loc[[(source, arm) for arm in parts[source]]].to_numpy()
            image = ax.imshow(values, cmap="viridis", vmin=0, vmax=100, aspect="auto")
            for (y, x), value in np.ndenumerate(values):
                words = "–" if np.isnan(value) else f"{value:.0f}"
                ink = "white" if np.isnan(value) or value < 60 else "black"
                ink = "#222222" if np.isnan(value) else ink
                ax.text(x, y, words, ha="center", va="center", fontsize=style.small, color=ink)
            ax.set_yticks(range(len(parts[source])), [arm_name(a, arms) for a in parts[source]])
            ax.set_title(f"from {label(source)}", loc="left")
            ax.tick_params(length=0)
            ax.grid(False)
        axes[-1].set_xticks(range(len(CLASSES)), CLASSES, rotation=60, ha="right")
        fig.colorbar(image, ax=axes, label="IoU (%), mean over targets", fraction=0.03, pad=0.01)
    return fig


def _names(datasets: pd.Series) -> str:
    return " and ".join(label(name) for name in datasets.unique())


def _one_legend(fig: Figure, axes: list[Axes], columns: int) -> None:
    """Put one legend below all panels, each name once."""
    handles: dict[str, object] = {}
    for ax in axes:
        for handle, name in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    if handles:
        fig.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=columns)
