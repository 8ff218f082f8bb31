"""Which function makes which table of the `alignment` paper, and its caption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from replidg.artefacts import DOMAIN_TABLES
from replidg.metrics.alignment_claims import alignment_claims
from replidg.reporting import alignment_tables as made
from replidg.reporting.artefact_files import Grid, Records, claim_records
from replidg.reporting.style import label
from replidg.reporting.tables import accuracy_table, dropped_table
from replidg.reporting.tidy import artefact_rows

SETTINGS = {"table1a": "IP", "table1b": "OOP", "table1c": "All"}
SPLITS = {
    "IP": "the in-pretraining images (IP)",
    "OOP": "the out-of-pretraining images (OOP)",
    "All": "all images",
}
CAPTIONS = {
    "table2": "Top-1 accuracy (%) by backbone, mean over target domains{seeds}. All backbones are "
    "evaluated on the split by the paper's own.",
    "table3": "Top-1 accuracy (%) of {method} on images at and above (IP) and below (OOP) a "
    "PerceptualSimilarityScore, mean over target domains{seeds}.",
    "table4": "Top-1 accuracy (%) on all images: weights that start at random against the "
    "pretrained backbone, mean over target domains{seeds}.",
    "table5": "Images of the in-pretraining part (IP) by whether zero-shot and {contrast} (DG) "
    "classify them correctly, all target domains together{seeds}.",
    "table6": "Images of the out-of-pretraining part (OOP) by whether zero-shot and {contrast} "
    "(DG) classify them correctly, all target domains together{seeds}.",
    "table7": "Wrong labels (%) among the images drawn from each interval of the AlignmentScore"
    "{intervals}. {labels}",
    "table8": "Images dropped before the split, in percent of the data set: score too low "
    "(mislabelled), and score so high that the class name is written in the picture (OCR).",
    "correlations": "Spearman's rank correlation over images between AlignmentScore and whether "
    "the prediction is right, with the bounds of its 95 % bootstrap interval; each the mean over "
    "seeds.",
    "seeds": "Mean over data sets of the accuracy (%) over seeds. Without one: range of the means "
    "that leave one seed out.",
    "cross_splits": "Top-1 accuracy (%) on IP and OOP images by the scores of one backbone, of "
    "runs of another{seeds}. Domains without images of a part in any split count for none.",
}


@dataclass(frozen=True)
class Options:
    """What tables need besides the metrics.

    Attributes:
        datasets: the paper's data sets by their page of the registry, as the metrics call them.
        noise: share of exchanged labels, where no person looked at them.
        quantiles: the intervals of Table 7 are quantiles of the scores.
        min_images: score bins with fewer images count for no claim.
    """

    datasets: Mapping[str, str] = field(default_factory=dict)
    noise: float | None = None
    quantiles: bool = False
    min_images: int = 5


def make(name: str, metrics: pd.DataFrame, options: Options) -> Grid | Records:
    """Make one table.

    Args:
        name: as in `replidg.artefacts`.
        metrics: tidy metrics that hold what it shows.
        options: what else it needs.

    Raises:
        ValueError: there is no such table, or the metrics lack what it shows.
    """
    if name == "claims":
        return claim_records(alignment_claims(metrics, options.min_images))
    if name in SETTINGS or name in DOMAIN_TABLES:
        setting = SETTINGS.get(name)
        if setting is None:
            page, setting = DOMAIN_TABLES[name]
            metrics = metrics[metrics["dataset"] == options.datasets[page]]
        return Grid(*accuracy_table(metrics, setting), accuracy_caption(metrics, setting))
    caption = CAPTIONS.get(name)
    if caption is None:
        raise ValueError(f"no table {name!r} is made from metrics")
    caption = caption.format(**_words(name, metrics, options))
    match name:
        case "correlations":
            return Records(made.correlation_table(metrics), caption, decimals=3)
        case "seeds":
            return Records(made.seed_table(metrics), caption)
        case "table2":
            return Grid(*made.backbone_table(metrics), caption, corner="Backbone")
        case "table3":
            return Grid(*made.perceptual_table(metrics), caption, bold_best=False, corner="Part")
        case "table4":
            return Grid(*made.scratch_table(metrics), caption, corner="Backbone")
        case "table7":
            numbers = made.mislabelled_table(metrics)
            return Grid(numbers, None, caption, decimals=0, bold_best=False, corner="Dataset")
        case "table8":
            numbers = dropped_table(metrics)
            return Grid(numbers, None, caption, decimals=2, bold_best=False, corner="Dataset")
        case "cross_splits":
            mean, sd = made.cross_split_table(metrics)
            return Grid(mean, sd, caption, bold_best=False, corner="Backbones")
    mean, sd = made.contrast_table(metrics, name)  # Tables 5 and 6
    several = (sd.fillna(0) > 0).any(axis=None)
    return Grid(
        mean, sd if several else None, caption, decimals=1 if several else 0, bold_best=False,
        corner="Images",
    )  # fmt: skip


def accuracy_caption(metrics: pd.DataFrame, setting: str) -> str:
    """What the numbers of Table 1 and 10 to 24 are: split, columns, averaging, seeds."""
    rows = artefact_rows(metrics, "table1", "accuracy", setting=setting)
    datasets = sorted(rows["dataset"].unique())
    columns = f"target domain of {label(datasets[0])}" if len(datasets) == 1 else "data set"
    return (
        f"Top-1 accuracy (%) on {SPLITS[setting]}, by method and {columns}"
        f"{_seeds(metrics, 'table1')}."
    )


def _seeds(metrics: pd.DataFrame, artefact: str) -> str:
    rows = metrics[metrics["artefact"] == artefact]
    seeds = int(rows.groupby("method")["seed"].nunique().max()) if len(rows) else 0
    return f"; mean ± standard deviation over {seeds} seeds" if seeds > 1 else "; one seed"


def _words(name: str, metrics: pd.DataFrame, options: Options) -> dict[str, str]:
    """What a caption may name."""
    methods = metrics.loc[metrics["artefact"] == name, "method"]
    method = label(methods.iloc[0]) if len(methods) else ""
    rows = metrics[metrics["artefact"] == "table7"]
    looked = f"{int(rows['n'].sum())} images of these intervals were looked at."
    if options.noise is not None:
        looked = (
            f"No person looked: {100 * options.noise:g} % of the labels were exchanged for others "
            "before scoring, and the sheet was filled by which were."
        )
    return {
        "seeds": _seeds(metrics, name),
        "method": method,
        "contrast": method,
        "intervals": ", as quantiles of all scores" if options.quantiles else "",
        "labels": looked,
    }
