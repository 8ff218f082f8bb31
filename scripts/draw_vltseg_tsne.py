"""Map pixel embeddings before and after training to the plane."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file
from sklearn.manifold import TSNE

from replidg.metrics.segmentation import same_class_next
from replidg.reporting.style import PlotStyle, save_figure
from replidg.reporting.vltseg_pictures import pixel_maps


def draw_vltseg_tsne(
    embeddings: Mapping[str, Path],
    perplexity: float,
    style: Mapping[str, Any],
    svg: Path,
    png: Path,
) -> None:
    """Draw two maps a network (van der Maaten and Hinton 2008, JMLR 9).

    Args:
        embeddings: printed name of a network -> file with `before`, `after` (P, C) and `labels`.
        perplexity: of t-SNE; less where there are few pixels.
        style: fields of `PlotStyle`.
        svg: vector figure.
        png: bitmap.
    """
    points, labels, purity = {}, {}, {}
    for name, path in embeddings.items():
        found = load_file(path)
        labels[name] = found["labels"]
        purity[name] = tuple(
            same_class_next(found[when], labels[name]) for when in ("before", "after")
        )
        near = min(perplexity, (len(labels[name]) - 1) / 3)
        points[name] = tuple(
            TSNE(perplexity=near, random_state=0, init="pca").fit_transform(found[when])
            for when in ("before", "after")
        )
    look = PlotStyle(**style)
    save_figure(pixel_maps(points, labels, purity, look), svg, png, look)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    draw_vltseg_tsne(
        embeddings=dict(
            zip(snakemake.params.names, map(Path, snakemake.input.embeddings), strict=True)
        ),
        perplexity=snakemake.params.perplexity,
        style=snakemake.params.style,
        svg=Path(snakemake.output.svg),
        png=Path(snakemake.output.png),
    )
