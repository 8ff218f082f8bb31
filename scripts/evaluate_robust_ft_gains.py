"""Measure the gains of SWA and of CLIP, paired over test images and seeds."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.files import whole_file
from replidg.metrics.robust_ft_gains import comparisons, gain_rows

COLUMNS = ["image_id", "split", "label", "pred", "seed", "alpha"]


def evaluate_robust_ft_gains(
    metrics: Path,
    predictions: Mapping[tuple[str, str], list[Path]],
    scored: Mapping[str, str],
    arms: Mapping[str, str],
    options: Mapping[str, float],
    out: Path,
) -> None:
    """Write the tidy gains.

    Args:
        metrics: tidy metrics with the selected runs.
        predictions: data set and arm: its files.
        scored: data set: its metric.
        arms: arm: its loss.
        options: `resamples`, `level`, `seed`.
        out: parquet file.
    """

    def read(dataset: str, arm: str, fraction: float, rate: float) -> pd.DataFrame:
        chosen = [("fraction", "==", fraction), ("rate", "==", rate), ("alpha", "==", 1.0)]
        parts = [
            pd.read_parquet(path, columns=COLUMNS, filters=chosen)
            for path in predictions[dataset, arm]
        ]
        return pd.concat(parts, ignore_index=True)

    rows = gain_rows(pd.read_parquet(metrics), scored, comparisons(arms), read, options)
    with whole_file(out) as temporary:
        rows.to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    params, files = snakemake.params, {}
    for key, path in zip(params.names, snakemake.input.predictions, strict=True):
        files.setdefault(tuple(key), []).append(Path(path))
    evaluate_robust_ft_gains(
        metrics=Path(snakemake.input.metrics),
        predictions=files,
        scored=params.scored,
        arms=params.arms,
        options=params.options,
        out=Path(snakemake.output.metrics),
    )
