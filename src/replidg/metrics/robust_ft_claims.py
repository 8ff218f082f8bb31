"""What arXiv 2311.02236 claims in its abstract, asked of our own numbers."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from replidg.metrics.claims import Claim, ordered
from replidg.metrics.robust_ft import PAPER, SELECTIONS, ZERO_SHOT

HOW = {
    "test": "rates selected on OOD test, as the authors' code",
    "val": "rates selected on OOD val",
}
PLACES = {"id_test": "ID", "test": "OOD"}


def robust_ft_claims(metrics: pd.DataFrame, scored: Mapping[str, str]) -> list[Claim]:
    """Return every claim, for both ways to select the learning rate.

    Args:
        metrics: tidy metrics with the selected runs.
        scored: data set: its metric.
    """
    found = []
    for split, artefact in SELECTIONS.items():
        rows = metrics[metrics["artefact"] == artefact]
        rows = rows[rows["metric"] == rows["dataset"].map(scored)]
        means = rows.groupby(["method", "dataset", "domain", "x"])["value"].mean()
        found += [
            _zero_shot(means, split),
            _pairs(
                means, split, "clip_above_vision", "clip_e2e", "vision_e2e", ("id_test", "test"),
                "Fine-tuned CLIP is above the fine-tuned vision-only model at every fraction, ID "
                "and OOD",
            ),
            _pairs(
                means, split, "swa_raises_ood", "clip_e2e_swa", "clip_e2e", ("test",),
                "SWA raises fine-tuned CLIP's OOD score at every fraction",
            ),
        ]  # fmt: skip
    return found


def _zero_shot(means: pd.Series, split: str) -> Claim:
    pairs = []
    for domain, place in PLACES.items():
        for (dataset,), below in _of(means, ZERO_SHOT, domain).groupby(["dataset"]):
            trained = _of(means, "vision_e2e", domain)
            own = trained[trained.index.get_level_values("dataset") == dataset]
            above = own.iloc[-1] if len(own) else float("nan")  # the largest fraction
            pairs.append({"pair": f"{dataset} {place}", "above": above, "below": below.iloc[0]})
    return ordered(
        PAPER,
        f"zero_shot_below_trained_{split}",
        "Zero-shot CLIP is below the fine-tuned vision-only model with most training images, ID "
        f"and OOD ({HOW[split]}).",
        pd.DataFrame(pairs, columns=["pair", "above", "below"]),
    )


def _pairs(
    means: pd.Series,
    split: str,
    name: str,
    arm: str,
    other: str,
    domains: tuple[str, ...],
    statement: str,
) -> Claim:
    tables = []
    for domain in domains:
        both = pd.DataFrame(
            {"above": _of(means, arm, domain), "below": _of(means, other, domain)}
        ).reset_index()
        shares = both["x"].map("{:.0%}".format)
        tables.append(both.assign(pair=both["dataset"] + f" {PLACES[domain]} " + shares))
    return ordered(
        PAPER,
        f"{name}_{split}",
        f"{statement} ({HOW[split]}).",
        pd.concat(tables, ignore_index=True),
    )


def _of(means: pd.Series, method: str, domain: str) -> pd.Series:
    """Means of an arm on a split by data set and fraction, fractions rising."""
    table = means.reset_index()
    chosen = table[(table["method"] == method) & (table["domain"] == domain)]
    return chosen.set_index(["dataset", "x"])["value"].sort_index()
