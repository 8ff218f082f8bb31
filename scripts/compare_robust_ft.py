"""Hold our numbers of the robust fine-tuning paper against the published ones."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.metrics.comparable import comparable_datasets
from replidg.metrics.robust_ft import SELECTIONS
from replidg.metrics.verdict_files import write_verdicts
from replidg.metrics.verdicts import judge
from replidg.published import add_tolerances, load


def compare_robust_ft(metrics: Path, verified: Mapping[str, Path], scale: str, out: Path) -> None:
    """Write the verdicts; until somebody adds published numbers, all say that there are none.

    Args:
        metrics: tidy metrics.
        verified: `.verified.json` by data set.
        scale: of the run; any but `full` makes nothing comparable.
        out: csv file.
    """
    ours = pd.read_parquet(metrics)
    # What a paper can print: selected runs. The selected rate is no part of a number's name.
    ours = ours[ours["artefact"].isin(SELECTIONS.values())].assign(setting="")
    facts = {name: json.loads(path.read_text()) for name, path in verified.items()}
    published = add_tolerances(load("robust_ft"))
    table = judge(ours, published, scale=scale, comparable=comparable_datasets(facts))
    write_verdicts(table, out)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    compare_robust_ft(
        metrics=Path(snakemake.input.metrics),
        verified=dict(
            zip(snakemake.params.names, map(Path, snakemake.input.verified), strict=True)
        ),
        scale=snakemake.params.scale,
        out=Path(snakemake.output.verdicts),
    )
