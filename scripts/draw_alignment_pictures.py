"""Draw example images by score (Fig 3) or target images and their neighbours (Fig 4)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from replidg.metrics.alignment import Bounds
from replidg.reporting.figures_pictures import draw_examples, draw_neighbours, picture_grid
from replidg.reporting.style import PlotStyle, save_figure

COLUMNS, PER_DOMAIN, MOST_ROWS = 6, 2, 12


def draw_examples_figure(
    splits: Mapping[str, Path], indexes: Mapping[str, Path], bounds: Path, svg: Path, png: Path,
    style: Mapping[str, Any],
) -> None:  # fmt: skip
    """Draw Fig 3 from the images of all data sets.

    Args:
        splits: split file by data set.
        indexes: index by data set, for paths and classes.
        bounds: JSON with low, split and high.
        svg: where the vector figure goes.
        png: where the bitmap goes.
        style: fields of `PlotStyle`.
    """
    tables = [
        pd.read_parquet(path, columns=["image_id", "score"]).merge(
            pd.read_parquet(indexes[name], columns=["image_id", "path", "class_name"]),
            on="image_id",
        )
        for name, path in splits.items()
    ]
    at = Bounds(**json.loads(bounds.read_text()))
    look = PlotStyle(**style)
    figure = picture_grid(draw_examples(pd.concat(tables, ignore_index=True), at, COLUMNS), look)
    save_figure(figure, svg, png, look)


def draw_neighbours_figure(
    neighbours: Mapping[str, Path], indexes: Mapping[str, Path], svg: Path, png: Path,
    style: Mapping[str, Any],
) -> None:  # fmt: skip
    """Draw Fig 4 from a few images of each domain of every data set.

    Args:
        neighbours: nearest pretraining images by data set.
        indexes: index by data set.
        svg: where the vector figure goes.
        png: where the bitmap goes.
        style: fields of `PlotStyle`.
    """
    rows = []
    for name, path in neighbours.items():
        images = pd.read_parquet(indexes[name], columns=["image_id", "path", "class_name"])
        rows += draw_neighbours(images, pd.read_parquet(path), PER_DOMAIN, COLUMNS - 1)
    # With many domains, only the first of each: the figure has to fit a page.
    rows = rows if len(rows) <= MOST_ROWS else rows[::PER_DOMAIN]
    look = PlotStyle(**style)
    save_figure(picture_grid(rows, look, gap=True), svg, png, look)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    given, params, made = snakemake.input, snakemake.params, snakemake.output
    common = {
        "indexes": dict(zip(params.datasets, map(Path, given.indexes), strict=True)),
        "svg": Path(made.svg),
        "png": Path(made.png),
        "style": params.style,
    }
    if params.figure == "fig3":
        splits = dict(zip(params.datasets, map(Path, given.splits), strict=True))
        draw_examples_figure(splits, bounds=Path(given.bounds), **common)
    else:
        found = dict(zip(params.datasets, map(Path, given.neighbours), strict=True))
        draw_neighbours_figure(found, **common)
