"""Which function makes which table of the `scipd` paper, and its caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from replidg.metrics.scipd_claims import scipd_claims
from replidg.reporting import scipd_tables as made
from replidg.reporting.artefact_files import Grid, Records, claim_records
from replidg.reporting.style import DATASET_ORDER, label, order

#: Table -> studies that its rows are of, where it is not called like the study.
STUDIES = {
    "open_set": ("main",),
    "h2cv": ("main",),
    "variants": ("variants",),
    "students": ("students",),
    "views": ("views",),
    "sensitivity": ("alpha", "tau", "beta"),
}
CAPTIONS = {
    "open_set": "Metrics of open-set recognition",
    "variants": "The method as described and as its public code runs it",
    "students": "Other students",
    "views": "Teacher scores of a few fixed augmentations against those of every augmented image",
    "h2cv": "Coefficient of variation over the hybridness settings (lower is steadier) of the mean "
    "over target domains",
    "ablation": "Score (SP), instance (IP) and class perturbation (CP)",
    "sensitivity": "One hyper-parameter changed at a time",
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
        method: SCI-PD among the methods of the main tables, for the claims.
        base: CLIPBase among them.
        student: of the main tables.
    """

    pages: Mapping[str, str] = field(default_factory=dict)
    methods: Sequence[str] = ()
    switches: Mapping[str, Sequence[bool]] = field(default_factory=dict)
    method: str = "scipd"
    base: str = "clip_base"
    student: str = ""


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
    kind, _, page = name.partition("_")
    methods = options.methods
    if kind in ("main", "targets") and page in options.pages:
        return _of_dataset(kind, metrics, options.pages[page], methods)
    if name in CAPTIONS:
        caption = f"{CAPTIONS[name]}, %. {_scope(metrics, STUDIES.get(name, (name,)))}"
        return _of_study(name, metrics, options, caption)
    match name:
        case "splits":
            return Records(made.counts_table(metrics), SPLITS)
        case "claims":
            switches = {arm: tuple(own) for arm, own in options.switches.items()}
            found = scipd_claims(metrics, options.method, options.base, switches)
            return claim_records(found)
    raise ValueError(f"scipd has no table {name!r}")


def _of_study(name: str, metrics: pd.DataFrame, options: Options, caption: str) -> Grid | Records:
    methods = options.methods
    match name:
        case "h2cv":
            return Grid(*made.variation_table(metrics, methods), caption, bold_best=False)
        case "ablation":
            table = made.ablation_table(metrics, options.switches)
            return Grid(*table, caption, corner="Perturbations")
        case "sensitivity":
            return Records(made.sensitivity_table(metrics), caption)
    table = made.study_table(metrics, STUDIES[name][0], methods)
    plain = {"students": label(options.student), "views": "every augmented image"}
    names = {arm: made.arm_label(arm, plain.get(name, "")) for arm in table.mean.index}
    mean, sd = (part.rename(index=names) for part in table)
    return Grid(mean, sd, caption)


def _scope(metrics: pd.DataFrame, studies: Sequence[str]) -> str:
    """Say what a study's means are over: data sets, H, target domains, seeds."""
    rows = metrics[metrics["artefact"].isin(studies)]
    main = metrics[(metrics["artefact"] == "main") & metrics["x"].notna()]
    of_sets = main.groupby(["dataset", "setting"])["x"].first()
    pairs = rows[["dataset", "setting"]].drop_duplicates().itertuples(index=False, name=None)
    steps = sorted({of_sets[pair] for pair in pairs if pair in of_sets.index})
    datasets = ", ".join(map(label, order(rows["dataset"], DATASET_ORDER)))
    domains = ", ".join(map(label, sorted(set(rows["domain"]) - {made.MEAN})))
    where = f"Mean over {datasets}; H = {', '.join(map(made.h_label, steps))}; targets {domains}"
    return f"{where}{_seeds(rows)}."


def _seeds(rows: pd.DataFrame) -> str:
    count = rows["seed"].nunique()
    return "; one seed" if count == 1 else f"; ± standard deviation over {count} seeds"


def _of_dataset(kind: str, metrics: pd.DataFrame, dataset: str, methods: Sequence[str]) -> Grid:
    seeds = _seeds(made.rows_of(metrics, "main", dataset=dataset))
    if kind == "main":
        caption = (
            f"Closed-set accuracy (Acc) and H-score (best of ten thresholds from the target) on "
            f"{label(dataset)}, %, mean over target domains{seeds}."
        )
        return Grid(*made.main_table(metrics, dataset, methods), caption)
    caption = f"Every metric by hybridness H and target domain of {label(dataset)}, %{seeds}."
    table = made.target_table(metrics, dataset, methods)
    return Grid(*table, caption, bold_best=False, corner="H, target, method")
