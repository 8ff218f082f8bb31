"""Hold our numbers against the published ones, with a verdict each."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from replidg.metrics.alignment_artefacts import alignment_artefacts
from replidg.metrics.comparable import comparable_datasets
from replidg.metrics.verdict_files import write_verdicts
from replidg.metrics.verdicts import judge
from replidg.published import add_tolerances, load


def compare_alignment(
    metrics: Iterable[Path],
    verified: Mapping[str, Path],
    datasets: Mapping[str, str],
    figure_method: str,
    scale: str,
    out: Path,
) -> None:
    """Write the verdicts of the paper.

    Args:
        metrics: files of tidy metrics.
        verified: `.verified.json` by data set.
        datasets: the paper's data sets by their page of the registry, as the metrics call them.
        figure_method: whose curves Fig 2 and 9 show.
        scale: of the run; any but `full` makes nothing comparable.
        out: csv file.
    """
    published = add_tolerances(load("alignment"))
    ours = pd.concat([pd.read_parquet(path) for path in metrics], ignore_index=True)
    pages = {name: page for page, name in datasets.items()}
    ours["dataset"] = ours["dataset"].replace(pages)
    ours = alignment_artefacts(ours, figure_method)
    # Of an artefact without a published number there is nothing to say.
    ours = ours[ours["artefact"].isin(published["artefact"])]
    facts = {pages.get(name, name): json.loads(path.read_text()) for name, path in verified.items()}
    table = judge(ours, published, scale=scale, comparable=comparable_datasets(facts))
    write_verdicts(table, out)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    params = snakemake.params
    compare_alignment(
        metrics=[Path(path) for path in snakemake.input.metrics],
        verified=dict(zip(params.names, map(Path, snakemake.input.verified), strict=True)),
        datasets=params.datasets,
        figure_method=params.figure_method,
        scale=params.scale,
        out=Path(snakemake.output.verdicts),
    )
