"""Figures of pictures: examples by score (Fig 3) and nearest neighbours (Fig 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from replidg.metrics.alignment import Bounds
from replidg.reporting.annotation import fitted
from replidg.reporting.style import PlotStyle, apply, label

SIDE = 160


@dataclass(frozen=True)
class Picture:
    """A picture with words under it; without a file there is a box with words in its place."""

    path: Path | None
    words: str
    absent: str = ""


def draw_examples(
    images: pd.DataFrame, at: Bounds, columns: int, seed: int = 0
) -> list[tuple[str, list[Picture]]]:
    """Choose pictures of Fig 3: so many of each score range, drawn at random.

    The ranges are those of the split: dropped as mislabelled, OOP, the lower and the upper half of
    IP (by number of images), dropped as writing. A range without an image is left out.

    Args:
        images: `path`, `class_name`, `score`.
        at: thresholds as scores.
        columns: pictures of a range.
        seed: of the draw.

    Returns:
        Title and pictures of each range, lowest scores first.
    """
    score = images["score"].to_numpy(np.float32)
    low, split, high = (np.float32(value) for value in at)
    kept = (score >= split) & (score <= high)
    middle = np.median(score[kept]) if kept.any() else split
    ranges = {
        f"below {low:.2f} (dropped)": score < low,
        f"{low:.2f} to {split:.2f} (OOP)": (score >= low) & (score < split),
        f"{split:.2f} to {middle:.2f} (IP)": kept & (score < middle),
        f"{middle:.2f} to {high:.2f} (IP)": kept & (score >= middle),
        f"above {high:.2f} (dropped)": score > high,
    }
    random = np.random.default_rng(seed)
    rows = []
    for title, inside in ranges.items():
        places = random.permutation(np.flatnonzero(inside))[:columns]
        chosen = images.iloc[places[np.argsort(score[places], kind="stable")]]
        pictures = [
            Picture(Path(row.path), f"{label(row.class_name)}\n{row.score:.3f}")
            for row in chosen.itertuples()
        ]
        if pictures:
            rows.append((title, pictures))
    return rows


def draw_neighbours(
    images: pd.DataFrame, neighbours: pd.DataFrame, per_domain: int, ranks: int, seed: int = 0
) -> list[tuple[str, list[Picture]]]:
    """Choose pictures of Fig 4: target images, each beside its nearest pretraining images.

    Of each domain, the image with the highest similarity and others drawn at random.

    Args:
        images: `image_id`, `path`, `class_name`.
        neighbours: `image_id`, `domain`, `rank`, `similarity`, `neighbour_id`, `neighbour_path`.
        per_domain: target images of a domain.
        ranks: neighbours of an image.
        seed: of the draw.

    Returns:
        Domain and pictures of each target image, the target first.
    """
    by_id = images.set_index("image_id")
    random = np.random.default_rng(seed)
    rows = []
    for domain, own in neighbours.groupby("domain", sort=True):
        nearest = own[own["rank"] == 1].sort_values(
            ["similarity", "image_id"], ascending=[False, True]
        )
        others = random.permutation(nearest["image_id"].to_numpy()[1:])[: per_domain - 1]
        for image in [nearest["image_id"].iloc[0], *others]:
            target = by_id.loc[image]
            pictures = [Picture(Path(target["path"]), f"target\n{label(target['class_name'])}")]
            found = own[own["image_id"] == image].sort_values("rank").head(ranks)
            for row in found.itertuples():
                path = Path(row.neighbour_path) if row.neighbour_path else None
                here = path if path is not None and path.is_file() else None
                pictures.append(
                    Picture(here, f"{row.similarity:.3f}", f"not on disk:\n{row.neighbour_id}")
                )
            rows.append((label(domain), pictures))
    return rows


def picture_grid(
    rows: Sequence[tuple[str, list[Picture]]], style: PlotStyle | None = None, gap: bool = False
) -> Figure:
    """Draw rows of pictures with a title each.

    Args:
        rows: title and pictures.
        style: sizes and fonts.
        gap: set the first column apart (Fig 4's targets).

    Raises:
        ValueError: there is no row.
    """
    style = style or PlotStyle()
    if not rows:
        raise ValueError("no picture to show")
    columns = max(len(pictures) for _, pictures in rows)
    side = style.page_width_in / (columns + 1)
    with apply(style):
        fig = Figure(figsize=(style.page_width_in, len(rows) * side * 1.28), layout="constrained")
        axes = fig.subplots(len(rows), columns, squeeze=False)
        for line, (title, pictures) in zip(axes, rows, strict=True):
            for place, ax in enumerate(line):
                ax.set_axis_off()
                if place < len(pictures):
                    _show(ax, pictures[place], style, strong=gap and place == 0)
            line[0].text(
                -0.12, 0.5, title, transform=line[0].transAxes, ha="right", va="center",
                fontsize=style.small, rotation=90 if len(title) < 16 else 0, wrap=True,
            )  # fmt: skip
    return fig


def _show(ax: Axes, picture: Picture, style: PlotStyle, strong: bool) -> None:
    """One picture, in a square, with its words under it."""
    if picture.path is None:
        ax.text(
            0.5, 0.5, picture.absent[:80], transform=ax.transAxes, ha="center", va="center",
            fontsize=style.small - 1, wrap=True,
        )  # fmt: skip
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1)
        ax.set_aspect("equal")
    else:
        pixels = np.asarray(fitted(picture.path, SIDE))
        ax.imshow(pixels, interpolation="nearest")
        height, width = pixels.shape[:2]
        longer = max(height, width)
        ax.set_xlim((width - longer) / 2 - 0.5, (width + longer) / 2 - 0.5)
        ax.set_ylim((height + longer) / 2 - 0.5, (height - longer) / 2 - 0.5)
    weight = "bold" if strong else "normal"
    ax.text(
        0.5, -0.04, picture.words, transform=ax.transAxes, ha="center", va="top",
        fontsize=style.small, fontweight=weight,
    )  # fmt: skip
