"""Write tables of the robust fine-tuning paper, its claims and its prompts among them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from replidg.metrics.robust_ft_claims import robust_ft_claims
from replidg.reporting.artefact_files import Records, claim_records, write_one
from replidg.reporting.robust_ft_tables import TABLES, prompts_table

PROMPTS = (
    "Prompts, and the labels whose prompts are the same tokens: of these only the lowest wins."
)


def tabulate_robust_ft(
    metrics: Iterable[Path],
    prompts: Mapping[str, Path],
    names: Sequence[str],
    files: Sequence[tuple[Path, Path, Path]],
    scored: Mapping[str, str],
    arms: Mapping[str, list[str]],
) -> None:
    """Write several tables.

    Args:
        metrics: files of tidy metrics.
        prompts: data set: file with prompts and the groups of equal tokens.
        names: tables, as in `replidg.artefacts`.
        files: csv, md and tex of each.
        scored: data set: its metric.
        arms: names of the `contrastive` and of the `frozen` arms.
    """
    whole = pd.concat([pd.read_parquet(path) for path in metrics], ignore_index=True)
    for name, (csv, md, tex) in zip(names, files, strict=True):
        if name == "claims":
            made = claim_records(robust_ft_claims(whole, scored))
        elif name == "prompts":
            read = {dataset: json.loads(path.read_text()) for dataset, path in prompts.items()}
            found = {d: (each["prompts"], each["same_tokens"]) for d, each in read.items()}
            made = Records(prompts_table(found), PROMPTS)
        else:
            make, caption = TABLES[name]
            made = Records(make(whole, scored, arms), caption, decimals=2)
        write_one("robust_ft", name, made, csv, md, tex)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    out = snakemake.output
    tabulate_robust_ft(
        metrics=[Path(path) for path in snakemake.input.metrics],
        prompts=dict(zip(snakemake.params.scored, map(Path, snakemake.input.prompts), strict=True)),
        names=snakemake.params.names,
        files=[tuple(map(Path, each)) for each in zip(out.csv, out.md, out.tex, strict=True)],
        scored=snakemake.params.scored,
        arms=snakemake.params.arms,
    )
