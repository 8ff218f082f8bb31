"""Which function makes which table of the `scipd` paper, its caption, and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from replidg.reporting import scipd_tables as made
from replidg.reporting.plain_table import write_plain
from replidg.reporting.style import label
from replidg.reporting.tables import write_table

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


@dataclass(frozen=True)
class Options:
    """What tables need besides the metrics.

    Attributes:
        pages: data sets by their page of the registry, lower case.
        methods: order of the rows.
        switches: arm of the ablation -> whether it has SP, IP, CP.
        seeds: number of seeds, for the captions.
    """

    pages: Mapping[str, str] = field(default_factory=dict)
    methods: Sequence[str] = ()
    switches: Mapping[str, Sequence[bool]] = field(default_factory=dict)
    seeds: int = 1


def write(
    name: str, metrics: pd.DataFrame, options: Options, csv: Path, md: Path, tex: Path
) -> None:
    """Make one table and write its files.

    Args:
        name: as in `replidg.artefacts`.
        metrics: tidy metrics that hold what it shows.
        options: what else it needs.
        csv: numbers for programs.
        md: the table in Markdown.
        tex: the table in LaTeX.

    Raises:
        ValueError: there is no such table, or the metrics lack what it shows.
    """
    files, key = (Path(csv), Path(md), Path(tex)), f"tab:scipd-{name}"
    seeds = f"; {options.seeds} seeds" + (" ± standard deviation" if options.seeds > 1 else "")
    kind, _, page = name.partition("_")
    if kind == "main" and page in options.pages:
        dataset = options.pages[page]
        caption = (
            f"Closed-set accuracy (Acc) and H-score (best of ten thresholds from the target) on "
            f"{label(dataset)}, %, mean over target domains{seeds}."
        )
        table = made.main_table(metrics, dataset, options.methods)
        write_table(table.mean, table.sd, *files, caption, key)
    elif kind == "targets" and page in options.pages:
        dataset = options.pages[page]
        caption = f"Every metric by hybridness H and target domain of {label(dataset)}, %{seeds}."
        write_plain(made.target_table(metrics, dataset, options.methods), *files, caption, key)
    elif name in STUDIES:
        table = made.study_table(metrics, STUDIES[name], options.methods)
        write_table(table.mean, table.sd, *files, CAPTIONS[name] + seeds + ".", key)
    elif name == "h2cv":
        table = made.variation_table(metrics, options.methods)
        caption = CAPTIONS[name] + seeds + "."
        write_table(table.mean, table.sd, *files, caption, key, bold_best=False)
    elif name == "ablation":
        table = made.ablation_table(metrics, options.switches)
        write_plain(table, *files, CAPTIONS[name] + seeds + ".", key)
    elif name == "sensitivity":
        write_plain(made.sensitivity_table(metrics), *files, CAPTIONS[name] + seeds + ".", key)
    else:
        raise ValueError(f"scipd has no table {name!r}")
