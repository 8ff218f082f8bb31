# ruff: noqa: F821
"""Ask this run what the SCI-PD paper claims, and whether its label sets are the official ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from replidg.metrics.claims import claims_table
from replidg.metrics.scipd_claims import scipd_claims
from replidg.reporting.alignment_tables import claim_words
from replidg.reporting.plain_table import write_plain
from replidg.reporting.scipd_tables import counts_table

CLAIMS = (
    "What the paper claims, asked of this run's numbers. A claim that these are too few for cannot "
    "be told."
)
SPLITS = (
    "Label sets of the source domains, the hybridness H computed from them, and how many of the "
    "image counts (a source's training and validation images, the target) equal those of the "
    "official lists. Only real data are compared."
)


def tabulate_scipd_checks(
    metrics: Path,
    counts: Path,
    method: str,
    base: str,
    switches: Mapping[str, Sequence[bool]],
    claims: Sequence[Path],
    splits: Sequence[Path],
) -> None:
    """Write both tables.

    Args:
        metrics: tidy metrics.
        counts: of `count_hybrid_splits`.
        method: SCI-PD among the methods.
        base: CLIPBase among them.
        switches: arm of the ablation -> whether it has SP, IP, CP.
        claims: csv, md and tex file.
        splits: csv, md and tex file.
    """
    own = {name: tuple(values) for name, values in switches.items()}
    found = claims_table(scipd_claims(pd.read_parquet(metrics), method, base, own))
    write_plain(claim_words(found), *claims, CLAIMS, "tab:scipd-claims")
    write_plain(counts_table(pd.read_parquet(counts)), *splits, SPLITS, "tab:scipd-splits")


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    params, made = snakemake.params, snakemake.output
    tabulate_scipd_checks(
        metrics=Path(snakemake.input.metrics),
        counts=Path(snakemake.input.counts),
        method=params.method,
        base=params.base,
        switches=params.switches,
        claims=[Path(path) for path in made.claims],
        splits=[Path(path) for path in made.splits],
    )
