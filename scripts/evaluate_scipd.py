"""Turn predictions of students into the tidy metrics of the SCI-PD paper."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from replidg.config.scipd_arms import RunKey
from replidg.files import whole_file
from replidg.metrics.scipd import run_metrics, tidy_metrics


def evaluate_scipd(
    predictions: Sequence[Path],
    studies: Mapping[str, Sequence[Sequence]],
    hybridness: Mapping[str, Mapping[str, float]],
    values: Mapping[str, Mapping[str, float]],
    accept: float,
    ddof: int,
    out: Path,
) -> None:
    """Write the tidy metrics.

    Args:
        predictions: files of the training jobs; one at a time is in memory.
        studies: study -> its runs.
        hybridness: data set -> label sets -> H.
        values: study -> arm -> value in it.
        accept: share of the sources' hold-outs that the control threshold accepts.
        ddof: of the standard deviation in H2-CV.
        out: parquet file.
    """
    tables = [run_metrics(pd.read_parquet(path), accept) for path in predictions]
    keys = {study: [RunKey(*key) for key in runs] for study, runs in studies.items()}
    metrics = pd.concat(tables, ignore_index=True)
    with whole_file(out) as temporary:
        tidy_metrics(metrics, keys, hybridness, values, ddof).to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    params = snakemake.params
    evaluate_scipd(
        predictions=[Path(path) for path in snakemake.input.predictions],
        studies=params.studies,
        hybridness=params.hybridness,
        values=params.values,
        accept=params.accept,
        ddof=params.ddof,
        out=Path(snakemake.output.metrics),
    )
