"""Pictures of arXiv 2312.02021: image, truth and predictions; maps of pixel embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from PIL import Image

from replidg.config.street_classes import CLASSES, IGNORED, PALETTE
from replidg.reporting.annotation import fitted
from replidg.reporting.style import PlotStyle, apply

#: Longest side of a picture in a panel, pixels.
SIDE = 480
VOID = (0, 0, 0)


@dataclass(frozen=True)
class Panel:
    """One test image and what networks see in it.

    Attributes:
        title: of the row.
        image: file.
        truth: (H, W) train ids.
        predictions: printed name of a network -> (H, W) train ids.
    """

    title: str
    image: Path
    truth: np.ndarray
    predictions: Mapping[str, np.ndarray]


def painted(labels: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return train ids (H, W) as colours (h, w, 3), no side above `side`; without a label: black.

    Raises:
        ValueError: an id is neither a class nor that of pixels without a label.
    """
    unknown = set(np.unique(labels)) - {*range(len(CLASSES)), IGNORED}
    if unknown:
        raise ValueError(f"these are no train ids: {sorted(map(int, unknown))}")
    table = np.zeros((256, 3), np.uint8)
    table[: len(CLASSES)], table[IGNORED] = PALETTE, VOID
    small = Image.fromarray(labels.astype(np.uint8))
    # Nearest: a mean of two ids is a third class.
    small.thumbnail((side, side), Image.Resampling.NEAREST)
    return table[np.asarray(small)]


def panels(rows: Sequence[Panel], style: PlotStyle) -> Figure:
    """Draw image, truth and predictions, a row a test image, with the classes' colours below.

    Raises:
        ValueError: there is no image.
    """
    if not rows:
        raise ValueError("no image to show: vltseg.panels.images")
    names = list(rows[0].predictions)
    columns = ["image", "truth", *names]
    seen = {int(c) for row in rows for a in (row.truth, *row.predictions.values())
            for c in np.unique(a)}  # fmt: skip
    width, height = fitted(rows[0].image, SIDE).size
    side = style.page_width_in / len(columns)
    with apply(style):
        size = (style.page_width_in, (side * height / width + 0.03) * len(rows) + 0.85)
        fig = Figure(figsize=size, layout="constrained")
        fig.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.0, hspace=0.0)
        axes = fig.subplots(len(rows), len(columns), squeeze=False)
        for line, row in zip(axes, rows, strict=True):
            maps = [row.truth, *(row.predictions[name] for name in names)]
            _frame(line[0], np.asarray(fitted(row.image, SIDE)))
            for ax, labels in zip(line[1:], maps, strict=True):
                _frame(ax, painted(labels))
            line[0].set_ylabel(row.title, fontsize=style.small)
        for ax, name in zip(axes[0], columns, strict=True):
            ax.set_title(name, fontsize=style.small, fontweight="normal")
        handles = [
            Patch(facecolor=np.array(PALETTE[c]) / 255, edgecolor="#666666", linewidth=0.4,
                  label=CLASSES[c])
            for c in range(len(CLASSES)) if c in seen
        ]  # fmt: skip
        if IGNORED in seen:
            handles.append(Patch(facecolor="black", label="no label"))
        fig.legend(
            handles=handles, loc="outside lower center", ncols=7, fontsize=style.small,
            handlelength=1.0, columnspacing=0.9,
        )  # fmt: skip
    return fig


def _frame(ax: Axes, pixels: np.ndarray) -> None:
    ax.imshow(pixels, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    for side in ax.spines.values():
        side.set_visible(False)


def pixel_maps(
    points: Mapping[str, tuple[np.ndarray, np.ndarray]],
    labels: Mapping[str, np.ndarray],
    purity: Mapping[str, tuple[float, float]],
    style: PlotStyle,
) -> Figure:
    """Draw maps of pixel embeddings before and after training, a row a network.

    Args:
        points: printed name of a network -> (P, 2) before and after.
        labels: the same -> (P,) train ids.
        purity: the same -> how many pixels in percent have their class next to them in the
            embedding itself, before and after.
        style: sizes and fonts.
    """
    side = style.page_width_in / 2
    seen = sorted({int(c) for own in labels.values() for c in np.unique(own)} - {IGNORED})
    with apply(style):
        size = (style.page_width_in, side * 0.85 * len(points) + 0.7)
        fig = Figure(figsize=size, layout="constrained")
        axes = fig.subplots(len(points), 2, squeeze=False)
        for line, (name, both) in zip(axes, points.items(), strict=True):
            whens = ("before", "after")
            for ax, when, places, share in zip(line, whens, both, purity[name], strict=True):
                for c in seen:
                    own = places[labels[name] == c]
                    ax.scatter(*own.T, s=5, color=np.array(PALETTE[c]) / 255, linewidths=0.15,
                               edgecolors="#444444")  # fmt: skip
                ax.set_xticks([])
                ax.set_yticks([])
                ax.set_title(f"{name}, {when} training", loc="left")
                ax.set_xlabel(f"own class next: {share:.0f} % of pixels")
        handles = [
            Line2D([], [], marker="o", linestyle="", markeredgewidth=0.3, markeredgecolor="#444444",
                   color=np.array(PALETTE[c]) / 255, label=CLASSES[c])
            for c in seen
        ]  # fmt: skip
        fig.legend(
            handles=handles, loc="outside lower center", ncols=7, fontsize=style.small,
            handlelength=1.0, columnspacing=0.9,
        )  # fmt: skip
    return fig
