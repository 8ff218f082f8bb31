"""What arXiv 2410.08258 claims of training on natural images, renditions and mixes of both."""

from __future__ import annotations

import numpy as np
import pandas as pd

from replidg.metrics.claims import Claim, ordered
from replidg.metrics.forgotten import PAPER, suite_means

#: Shares of renditions at 1:1 and 3:1.
BEST = (0.5, 0.75)


def forgotten_claims(metrics: pd.DataFrame) -> list[Claim]:
    """Return every claim.

    Args:
        metrics: tidy rows of Figs 2, 3 and 7 to 10.
    """
    return [
        _hurts(metrics),
        _keeps(metrics),
        _recovers(metrics),
        _little_cost(metrics),
        _best(metrics),
    ]


def _ratio_pairs(metrics: pd.DataFrame, version: str) -> pd.DataFrame:
    """Mean ratio of each suite at each size: natural `above`, rendition `below`."""
    rows = metrics[(metrics["artefact"] == "fig2") & (metrics["setting"] == version)]
    means = suite_means(rows, ["x"]).set_index(["x", "domain"])["value"]
    return means.unstack("domain").reindex(columns=["natural", "rendition"]).reset_index()


def _hurts(metrics: pd.DataFrame) -> Claim:
    wide = _ratio_pairs(metrics, "clean")
    pairs = pd.DataFrame(
        {"pair": [f"size {x:g}" for x in wide["x"]], "above": 1.0, "below": wide["rendition"]}
    )
    return ordered(
        PAPER, "removing_renditions_hurts_renditions",
        "Without renditions in training, accuracy on clean rendition sets is below that of a "
        "random set of the same size (mean ratio below 1 at every size).",
        pairs,
    )  # fmt: skip


def _keeps(metrics: pd.DataFrame) -> Claim:
    wide = _ratio_pairs(metrics, "clean")
    pairs = pd.DataFrame(
        {"pair": [f"size {x:g}" for x in wide["x"]], "above": wide["natural"], "below": 1.0}
    )
    return ordered(
        PAPER, "removing_renditions_keeps_natural",
        "It does not hurt on clean natural sets (mean ratio at least 1, to 0.02, at every size).",
        pairs, margin=-0.02,
    )  # fmt: skip


def _averages(metrics: pd.DataFrame, artefact: str) -> pd.DataFrame:
    rows = metrics[(metrics["artefact"] == artefact) & (metrics["metric"] == "accuracy")]
    means = rows.groupby(["setting", "x", "domain"], sort=False)["value"].mean()
    return means.unstack("domain").reindex(columns=["natural", "rendition"]).reset_index()


def _recovers(metrics: pd.DataFrame) -> Claim:
    pairs = []
    for setting, own in _averages(metrics, "fig3a").groupby("setting", sort=False):
        inner = own[(own["x"] > 0) & (own["x"] < 1)]["rendition"]
        without = own[own["x"] == 0]["rendition"]
        pairs.append(
            {
                "pair": setting,
                "above": inner.max() if len(inner) else np.nan,
                "below": without.max() if len(without) else np.nan,
            }
        )
    return ordered(
        PAPER, "mixing_recovers_renditions",
        "At the same size, a mix with renditions beats natural images alone on renditions.",
        pd.DataFrame(pairs, columns=["pair", "above", "below"]),
    )  # fmt: skip


def _little_cost(metrics: pd.DataFrame) -> Claim:
    pairs = []
    for setting, own in _averages(metrics, "fig3a").groupby("setting", sort=False):
        ends = own.set_index("x")["natural"]
        half = own[(own["x"] > 0) & (own["x"] <= 0.5)]["natural"]
        if {0.0, 1.0} <= set(ends.index) and len(half):
            middle = (ends[0.0] + ends[1.0]) / 2
            pairs.append({"pair": setting, "above": half.min(), "below": middle})
    return ordered(
        PAPER, "mixing_keeps_natural",
        "Up to half renditions cost less than half of what renditions alone cost on natural sets.",
        pd.DataFrame(pairs, columns=["pair", "above", "below"]),
    )  # fmt: skip


def _best(metrics: pd.DataFrame) -> Claim:
    rows = metrics[metrics["metric"] == "best_rendition_fraction"]
    statement = (
        "The mix furthest from the origin has between 1:1 and 3:1 renditions to natural images, at "
        "every size."
    )
    name = "best_mix_between_1_1_and_3_1"
    if rows.empty:
        return Claim(PAPER, name, statement, None, "no size has three mixes or more")
    inside = rows["value"].between(BEST[0] - 0.01, BEST[1] + 0.01)
    told = ", ".join(f"{s} {v:.2f}" for s, v in zip(rows["setting"], rows["value"], strict=True))
    reason = f"{int(inside.sum())} of {len(rows)} sizes; best share of renditions: {told}"
    return Claim(PAPER, name, statement, bool(inside.all()), reason)
