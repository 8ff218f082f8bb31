"""Turn predictions, scores and splits into every number of the paper that needs no other model."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.files import whole_file
from replidg.metrics.alignment import Bounds
from replidg.metrics.one_pass import evaluate
from replidg.metrics.scored import read_scored, read_targets


def evaluate_alignment(
    predictions: list[Path],
    zero_shot: list[Path],
    splits: Mapping[str, Path],
    scores: Mapping[str, Path],
    bounds: Path,
    counts: Path,
    curve: Mapping[str, float],
    contrast_method: str,
    out: Path,
) -> None:
    """Write the tidy metrics of the paper.

    Args:
        predictions: prediction files of every method and data set, zero-shot among them.
        zero_shot: those of zero-shot, for Tables 5 and 6.
        splits: split file by data set.
        scores: score file by data set.
        bounds: JSON with low, split and high.
        counts: tidy rows that need no training; they are copied.
        curve: the configured bins.
        contrast_method: whom Tables 5 and 6 hold against zero-shot.
        out: parquet file.
    """
    images = pd.concat(
        [read_images(name, splits[name], scores[name]) for name in splits], ignore_index=True
    )
    rows = evaluate(
        tables=(read_scored(path, images) for path in predictions),
        images=images,
        at=Bounds(**json.loads(bounds.read_text())),
        curve=curve,
        zero_shot=pd.concat([read_targets(path) for path in zero_shot]) if zero_shot else None,
        contrast_method=contrast_method,
    )
    with whole_file(out) as temporary:
        whole = pd.concat([rows, pd.read_parquet(counts)], ignore_index=True)
        whole.to_parquet(temporary, index=False)


def read_images(dataset: str, split: Path, scores: Path) -> pd.DataFrame:
    """Return `dataset`, `image_id`, `score`, `part` and `probability` of a data set's images."""
    table = pd.read_parquet(split, columns=["image_id", "score", "part"])
    more = pd.read_parquet(scores, columns=["image_id", "probability"])
    return table.merge(more, on="image_id", validate="one_to_one").assign(dataset=dataset)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    given, params = snakemake.input, snakemake.params
    evaluate_alignment(
        predictions=[Path(path) for path in given.predictions],
        zero_shot=[Path(path) for path in given.zero_shot],
        splits=dict(zip(params.datasets, map(Path, given.splits), strict=True)),
        scores=dict(zip(params.datasets, map(Path, given.scores), strict=True)),
        bounds=Path(given.bounds),
        counts=Path(given.counts),
        curve=params.curve,
        contrast_method=params.contrast_method,
        out=Path(snakemake.output.metrics),
    )
