"""Draw test images, their truth and what networks predict."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from replidg.reporting.style import PlotStyle, save_figure
from replidg.reporting.vltseg_pictures import Panel, panels


def draw_vltseg_panels(
    predictions: Mapping[str, Path], style: Mapping[str, Any], svg: Path, png: Path
) -> None:
    """Draw one data set.

    Args:
        predictions: printed name of a network -> file of label images: `image_id`, `condition`,
            `path`, `mask_path`, `png` (train ids at the size of the truth).
        style: fields of `PlotStyle`.
        svg: vector figure.
        png: bitmap.

    Raises:
        ValueError: the networks have predictions of different images.
    """
    tables = {name: pd.read_parquet(path) for name, path in predictions.items()}
    first = next(iter(tables.values()))
    for name, table in tables.items():
        if table["image_id"].tolist() != first["image_id"].tolist():
            raise ValueError(f"{name} has other images than {next(iter(tables))}; test them again")
    rows = [
        Panel(
            title=row.condition,
            image=Path(row.path),
            truth=_labels(row.mask_path),
            predictions={
                name: _labels(BytesIO(table["png"].iloc[place])) for name, table in tables.items()
            },
        )
        for place, row in enumerate(first.itertuples())
    ]
    look = PlotStyle(**style)
    save_figure(panels(rows, look), svg, png, look)


def _labels(file: str | BytesIO) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    draw_vltseg_panels(
        predictions=dict(
            zip(snakemake.params.names, map(Path, snakemake.input.predictions), strict=True)
        ),
        style=snakemake.params.style,
        svg=Path(snakemake.output.svg),
        png=Path(snakemake.output.png),
    )
