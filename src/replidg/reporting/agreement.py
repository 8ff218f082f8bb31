"""One picture an artefact: our numbers against the published ones."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from replidg.metrics.verdicts import DEVIATES, NOT_COMPARABLE, REPRODUCED
from replidg.reporting.style import PlotStyle, apply

#: Marker, colour and whether it is filled: told apart by shape as well as by colour.
_LOOKS = {
    REPRODUCED: ("o", "#0072B2", True),
    DEVIATES: ("X", "#D55E00", True),
    NOT_COMPARABLE: ("o", "#777777", False),
}
#: Units of the metrics that have one.
UNITS = {"images": "images", "score": "cosine", "mmd": "MMD"}
_PANELS = 3
_WIDE = 50.0  # ratio of largest to smallest from which on both axes are logarithmic


def both_sides(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts for which we and the paper have a number."""
    return rows[rows["ours"].notna() & rows["published"].notna()]


def draw_agreement(rows: pd.DataFrame, style: PlotStyle | None = None) -> Figure | None:
    """Draw our numbers over the published ones, with the line on which they are equal.

    Vertical bars are one standard deviation of our seeds, where there are several. The band is the
    declared tolerance, if all numbers share one.

    Args:
        rows: verdicts of one artefact; a panel for each of the first three metrics.
        style: sizes and fonts.

    Returns:
        None where no number is on both sides.
    """
    rows = both_sides(rows)
    if rows.empty:
        return None
    style = style or PlotStyle()
    metrics = list(dict.fromkeys(rows["metric"]))[:_PANELS]
    with apply(style):
        fig = Figure(figsize=(2.9 * len(metrics), 3.0))
        axes = fig.subplots(1, len(metrics), squeeze=False)[0]
        for ax, metric in zip(axes, metrics, strict=True):
            _panel(ax, rows[rows["metric"] == metric], metric)
        axes[0].set_ylabel("This run")
        handles, names = axes[0].get_legend_handles_labels()
        fig.legend(
            handles, names, loc="lower center", ncols=len(names), handletextpad=0,
            columnspacing=0.6, fontsize=style.small,
        )  # fmt: skip
        fig.subplots_adjust(
            left=0.2 / len(metrics) + 0.02, right=0.97, top=0.92, bottom=0.26, wspace=0.35
        )
    return fig


def _panel(ax: Axes, rows: pd.DataFrame, metric: str) -> None:
    """Draw the numbers of one metric."""
    values = rows[["published", "ours"]].to_numpy(float)
    logarithmic = bool(values.min() > 0 and values.max() / values.min() > _WIDE)
    low, high = _limits(values, logarithmic)
    if logarithmic:
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.minorticks_off()
    line = np.linspace(low, high, 2)
    tolerances = rows["tolerance"].dropna().unique()
    if len(tolerances) == 1 and tolerances[0] > 0 and not logarithmic:
        band = float(tolerances[0])
        ax.fill_between(line, line - band, line + band, color="#DDDDDD", linewidth=0, zorder=0)
    ax.plot(line, line, color="#666666", linewidth=0.8, zorder=1)
    for verdict, (marker, color, filled) in _LOOKS.items():
        own = rows[rows["verdict"] == verdict]
        if own.empty:
            continue
        ax.plot(
            own["published"], own["ours"], marker=marker, color=color, linestyle="none",
            markerfacecolor=color if filled else "white", markersize=3.6, label=verdict, zorder=3,
        )  # fmt: skip
        spread = own[own["sd"] > 0]
        ax.vlines(
            spread["published"], spread["ours"] - spread["sd"], spread["ours"] + spread["sd"],
            color=color, linewidth=0.6, zorder=2,
        )  # fmt: skip
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    unit = UNITS.get(metric, metric.replace("_", " "))
    ax.set_xlabel(f"Published ({unit})")


def _limits(values: np.ndarray, logarithmic: bool) -> tuple[float, float]:
    """Return the ends of both axes, a little beyond the numbers."""
    low, high = float(values.min()), float(values.max())
    if logarithmic:
        return low / 1.3, high * 1.3
    spare = 0.06 * (high - low) or 0.06 * max(abs(high), 1e-6)
    return low - spare, high + spare


def agreement_svg(rows: pd.DataFrame, style: PlotStyle | None = None) -> bytes | None:
    """Return the picture as svg with text as text, the same bytes for the same rows, or None."""
    style = style or PlotStyle()
    fig = draw_agreement(rows, style)
    if fig is None:
        return None
    out = io.BytesIO()
    with apply(style):
        import matplotlib as mpl

        # Small files: the reader's sans-serif will do.
        with mpl.rc_context({"svg.fonttype": "none", "font.family": ["sans-serif"]}):
            fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()
