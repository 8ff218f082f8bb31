"""Turn predictions into the metrics of every run, and select learning rates."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from replidg.files import whole_file
from replidg.metrics.robust_ft import score_runs, select


def evaluate_robust_ft(
    predictions: Iterable[tuple[str, Path]], scored: Mapping[str, str], out: Path
) -> None:
    """Write the tidy metrics of all runs, and of the selected ones.

    Args:
        predictions: data set and file, of every arm.
        scored: data set: the metric that selects.
        out: parquet file.
    """
    runs = score_runs(((d, pd.read_parquet(p)) for d, p in predictions), regions=["fmow"])
    tables = [runs, select(runs, scored, "test"), select(runs, scored, "val")]
    with whole_file(out) as temporary:
        pd.concat(tables, ignore_index=True).to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    evaluate_robust_ft(
        predictions=zip(
            snakemake.params.names, map(Path, snakemake.input.predictions), strict=True
        ),
        scored=snakemake.params.scored,
        out=Path(snakemake.output.metrics),
    )
