"""Map the target features of several methods to the plane."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.numpy import load_file
from sklearn.manifold import TSNE

from replidg.data.hybrid import known_classes
from replidg.reporting.scipd_figures import feature_map
from replidg.reporting.style import PlotStyle, save_figure


def draw_scipd_tsne(
    predictions: Sequence[Path],
    features: Sequence[Path],
    index: Path,
    tsne: Mapping[str, Any],
    seed: int,
    style: Mapping[str, Any],
    svg: Path,
    png: Path,
) -> None:
    """Draw one map a method (van der Maaten and Hinton 2008, JMLR 9).

    Args:
        predictions: files of the jobs that hold the runs; they say which images have features.
        features: of the same jobs.
        index: of the data set.
        tsne: `scipd.tsne`.
        seed: of the runs.
        style: fields of `PlotStyle`.
        svg: vector figure.
        png: bitmap.
    """
    table = pd.concat([pd.read_parquet(path) for path in predictions], ignore_index=True)
    arrays = {name: a for path in features for name, a in load_file(path).items()}
    points, labels = {}, None
    for method in tsne["methods"]:
        place = (tsne["split"], tsne["target"])
        rows = table[
            (table["arm"] == method) & (table["sets"] == place[0]) & (table["target"] == place[1])
            & (table["seed"] == seed) & (table["feature_row"] >= 0)
        ].sort_values("feature_row")  # fmt: skip
        values = arrays["/".join([method, *place, f"seed{seed}"])].astype("float32")
        perplexity = min(tsne["perplexity"], (len(values) - 1) / 3)
        points[method] = TSNE(perplexity=perplexity, random_state=0, init="pca").fit_transform(
            values
        )
        labels = rows["label"].to_numpy()
    names = known_classes(pd.read_parquet(index))["class_name"].tolist()
    look = PlotStyle(**style)
    save_figure(feature_map(points, labels, names, look), svg, png, look)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    draw_scipd_tsne(
        predictions=[Path(path) for path in snakemake.input.predictions],
        features=[Path(path) for path in snakemake.input.features],
        index=Path(snakemake.input.index),
        tsne=snakemake.params.tsne,
        seed=snakemake.params.seed,
        style=snakemake.params.style,
        svg=Path(snakemake.output.svg),
        png=Path(snakemake.output.png),
    )
