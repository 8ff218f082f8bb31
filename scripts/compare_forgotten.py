"""Hold our numbers of arXiv 2410.08258 against the published ones, with a verdict each."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from replidg.config.forgotten_sets import WEB
from replidg.metrics.comparable import comparable_datasets
from replidg.metrics.forgotten_compare import aligned
from replidg.metrics.verdict_files import write_verdicts
from replidg.metrics.verdicts import judge
from replidg.published import add_tolerances, load

#: What is evaluated on web pictures; elsewhere they are trained on.
ON_WEB = ("table1", "table3", "table4", "table5", "table6", "table7", "table8", "table9",
          "table10", "table11")  # fmt: skip


def compare_forgotten(
    metrics: Sequence[Path], verified: Mapping[str, Path], corpus: str, scale: str, out: Path
) -> None:
    """Write the verdicts.

    Args:
        metrics: files of tidy metrics: of domains, and of trainings if there are any.
        verified: `.verified.json` by data set.
        corpus: data set that lists the web pictures.
        scale: of the run; any but `full` makes nothing comparable.
        out: csv file.
    """
    published = load("forgotten")
    ours = aligned(pd.concat([pd.read_parquet(path) for path in metrics]), published)
    published = add_tolerances(published)
    facts = {name: json.loads(path.read_text()) for name, path in verified.items()}
    images = {name: fact for name, fact in facts.items() if name != corpus}
    web = images | ({WEB: facts[corpus]} if corpus in facts else {})
    tables = [
        judge(
            ours[ours["artefact"].isin(ON_WEB) == on_web],
            published[published["artefact"].isin(ON_WEB) == on_web],
            scale=scale,
            comparable=comparable_datasets(known),
        )
        for on_web, known in ((True, web), (False, images))
    ]
    write_verdicts(pd.concat(tables, ignore_index=True), out)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    compare_forgotten(
        metrics=[Path(path) for path in snakemake.input.metrics],
        verified=dict(
            zip(snakemake.params.names, map(Path, snakemake.input.verified), strict=True)
        ),
        corpus=snakemake.params.corpus,
        scale=snakemake.params.scale,
        out=Path(snakemake.output.verdicts),
    )
