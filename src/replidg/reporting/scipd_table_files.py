"""Which function makes which table of the `scipd` paper, and its caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from replidg.metrics.scipd_claims import scipd_claims
from replidg.reporting import scipd_tables as made
from replidg.reporting.artefact_files import Grid, Records, claim_records
from replidg.reporting.style import label

STUDIES = {
    "open_set": "main",
    "variants": "variants",
    "students": "students",
    "views": "views",
}
CAPTIONS = {
    "open_set": "Metrics of open-set recognition (%), mean over data sets, H and target domains",
    "variants": "The method as described and as its public code runs it (%), mean over H and "
    "target domains",
    "students": "Other students (%), mean over H and target domains",
    "views": "Teacher scores of a few fixed augmentations against those of every augmented image "
    "(%), mean over H and target domains",
    "h2cv": "Coefficient of variation over the hybridness settings (%, lower is steadier) of the "
    "mean over target domains",
    "ablation": "Score (SP), instance (IP) and class perturbation (CP), %, mean over H and target "
    "domains",
    "sensitivity": "One hyper-parameter changed at a time (%), mean over all else",
}
SPLITS = (
    "Label sets of the source domains, the hybridness H computed from them, and how many of the "
    "image counts (a source's training and validation images, the target) equal those of the "
    "official lists. Only real data are compared."
)


@dataclass(frozen=True)
class Options:
    """What tables need besides the metrics.

    Attributes:
        pages: data sets by their page of the registry, lower case.
        methods: order of the rows.
        switches: arm of the ablation -> whether it has SP, IP, CP.
        seeds: number of seeds, for the captions.
        method: SCI-PD among the methods of the main tables, for the claims.
        base: CLIPBase among them.
    """

    pages: Mapping[str, str] = field(default_factory=dict)
    methods: Sequence[str] = ()
    switches: Mapping[str, Sequence[bool]] = field(default_factory=dict)
    seeds: int = 1
    method: str = "scipd"
    base: str = "clip_base"


def make(name: str, metrics: pd.DataFrame, options: Options) -> Grid | Records:
    """Make one table.

    Args:
        name: as in `replidg.artefacts`.
        metrics: tidy metrics that hold what it shows; for `splits` the counts of
            `count_hybrid_splits`.
        options: what else it needs.

    Raises:
        ValueError: there is no such table, or the metrics lack what it shows.
    """
    seeds = "; one seed"
    if options.seeds > 1:
        seeds = f"; mean ± standard deviation over {options.seeds} seeds"
    kind, _, page = name.partition("_")
    methods = options.methods
    if kind in ("main", "targets") and page in options.pages:
        return _of_dataset(kind, metrics, options.pages[page], methods, seeds)
    if name in STUDIES:
        table = made.study_table(metrics, STUDIES[name], methods)
        return Grid(*table, CAPTIONS[name] + seeds + ".")
    match name:
        case "h2cv":
            table = made.variation_table(metrics, methods)
            return Grid(*table, CAPTIONS[name] + seeds + ".", bold_best=False)
        case "ablation":
            return Records(made.ablation_table(metrics, options.switches), CAPTIONS[name] + ".")
        case "sensitivity":
            return Records(made.sensitivity_table(metrics), CAPTIONS[name] + ".")
        case "splits":
            return Records(made.counts_table(metrics), SPLITS)
        case "claims":
            switches = {arm: tuple(own) for arm, own in options.switches.items()}
            found = scipd_claims(metrics, options.method, options.base, switches)
            return claim_records(found)
    raise ValueError(f"scipd has no table {name!r}")


def _of_dataset(
    kind: str, metrics: pd.DataFrame, dataset: str, methods: Sequence[str], seeds: str
) -> Grid | Records:
    if kind == "main":
        caption = (
            f"Closed-set accuracy (Acc) and H-score (best of ten thresholds from the target) on "
            f"{label(dataset)}, %, mean over target domains{seeds}."
        )
        return Grid(*made.main_table(metrics, dataset, methods), caption)
    caption = (
        f"Every metric by hybridness H and target domain of {label(dataset)}, %, mean over seeds."
    )
    return Records(made.target_table(metrics, dataset, methods), caption)
