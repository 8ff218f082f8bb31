"""Hold our numbers of the SCI-PD paper against the published ones, with a verdict each."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.metrics.comparable import comparable_datasets
from replidg.metrics.verdict_files import write_verdicts
from replidg.metrics.verdicts import judge
from replidg.published import add_tolerances, load


def compare_scipd(
    metrics: Path, verified: Mapping[str, Path], pages: Mapping[str, str], scale: str, out: Path
) -> None:
    """Write the verdicts; until somebody adds published numbers, all say that there are none.

    Args:
        metrics: tidy metrics.
        verified: `.verified.json` by data set.
        pages: data set -> page of the registry, which published numbers are named by.
        scale: of the run; any but `full` makes nothing comparable.
        out: csv file.
    """
    ours = pd.read_parquet(metrics)
    # The means that a paper prints; the rest is in the metrics.
    ours = ours[(ours["artefact"] != "main") | (ours["domain"] == "average")]
    # x is H in the main tables and a published row has no place for it: `setting` names the sets.
    ours = ours.assign(dataset=ours["dataset"].replace(dict(pages)), x=float("nan"))
    facts = {pages[name]: json.loads(path.read_text()) for name, path in verified.items()}
    published = add_tolerances(load("scipd"))
    table = judge(ours, published, scale=scale, comparable=comparable_datasets(facts))
    write_verdicts(table, out)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    params = snakemake.params
    compare_scipd(
        metrics=Path(snakemake.input.metrics),
        verified=dict(zip(params.names, map(Path, snakemake.input.verified), strict=True)),
        pages=params.pages,
        scale=params.scale,
        out=Path(snakemake.output.verdicts),
    )
