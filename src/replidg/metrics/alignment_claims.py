"""What arXiv 2412.02856 claims, asked of our own numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from replidg.metrics.claims import Claim, ordered, rises

PAPER = "alignment"
#: Methods that the paper calls recent or state of the art; ERM, CORAL, SAGM and LP-FT are older
#: or weaker (their section 5.2).
RECENT = ("swad", "miro", "vl2v_sd", "attn_tune", "mpa", "clipood", "miro_swad", "miro_mpa")
ORACLE, BASELINE = "oracle", "erm"
IP, OOP = "IP", "OOP"


def alignment_claims(metrics: pd.DataFrame, min_images: int) -> list[Claim]:
    """Return every claim, in the paper's order.

    Args:
        metrics: tidy metrics of the paper; the claim on perceptual similarity is untold without
            the artefact `predictors`.
        min_images: score bins with fewer images do not count.
    """
    means = _means(metrics)
    return [
        *_rising(metrics, min_images),
        _better_than_perceptual(metrics),
        _drop(means),
        _nearer_on_ip(means),
        _closed_on_ip(means),
    ]


def _means(metrics: pd.DataFrame) -> pd.DataFrame:
    """Accuracy by method and data set, a column a setting: mean over seeds, then domains.

    Domains that either part has no image of are left out of both, so that the parts are compared
    on the same domains.
    """
    rows = metrics[(metrics["artefact"] == "table1") & metrics["setting"].isin([IP, OOP])]
    keys = ["method", "dataset", "domain"]
    cells = rows.groupby([*keys, "setting"])["value"].mean().unstack("setting")
    cells = cells.reindex(columns=[IP, OOP]).dropna()
    return cells.groupby(["method", "dataset"]).mean()


def _rising(metrics: pd.DataFrame, min_images: int) -> Iterator[Claim]:
    """Figs 2b and 11: "highly predictive of model accuracy after fine-tuning", for each method."""
    curves = metrics[(metrics["artefact"] == "curves") & (metrics["dataset"] == "all")]
    for method, rows in curves.groupby("method", sort=True):
        bins = rows.groupby("x").agg(value=("value", "mean"), n=("n", "min"))
        bins = bins[bins["n"] >= min_images]
        yield rises(
            PAPER,
            f"rises_{method}",
            f"The accuracy of {method} rises with the AlignmentScore (bins of the pooled data).",
            bins.index.to_numpy(),
            bins["value"].to_numpy(),
        )


def _better_than_perceptual(metrics: pd.DataFrame) -> Claim:
    """Fig 2, Table 3: the AlignmentScore predicts better than the PerceptualSimilarityScore."""
    name = "alignment_beats_perceptual"
    statement = (
        "The AlignmentScore's rank correlation with accuracy is above that of the "
        "PerceptualSimilarityScore, on every data set."
    )
    rows = metrics[(metrics["artefact"] == "predictors") & (metrics["setting"] == "perceptual")]
    wide = rows.pivot_table(index="dataset", columns="metric", values="value", aggfunc="mean")
    wide = wide.reindex(columns=["gap", "gap_low", "gap_high"]).dropna()
    if wide.empty:
        return Claim(PAPER, name, statement, None, "no pretraining corpus was searched", {})
    above, below = int((wide["gap_low"] > 0).sum()), int((wide["gap_high"] < 0).sum())
    holds = False if below else True if above == len(wide) else None
    told = ", ".join(
        f"{dataset} {row['gap']:+.3f} ({row['gap_low']:+.3f} to {row['gap_high']:+.3f})"
        for dataset, row in wide.iterrows()
    )
    reason = f"difference of the correlations and its 95 % interval: {told}"
    evidence = {"data sets": float(len(wide)), "above": float(above), "below": float(below)}
    return Claim(PAPER, name, statement, holds, reason, evidence)


def _drop(means: pd.DataFrame) -> Claim:
    """Table 1: every method is less accurate out of pretraining, on every data set."""
    flat = means.reset_index()
    pairs = pd.DataFrame(
        {"pair": flat["method"] + " on " + flat["dataset"], "above": flat[IP], "below": flat[OOP]}
    )
    return ordered(
        PAPER,
        "ip_above_oop",
        "Every method is more accurate on IP than on OOP images, on every data set.",
        pairs,
    )


def _averages(means: pd.DataFrame) -> pd.DataFrame:
    """Mean over the data sets that all methods have, by method."""
    if means.empty:
        return pd.DataFrame(columns=[IP, OOP], dtype=float)
    complete = means.unstack("dataset").dropna(axis="columns")
    return complete.T.groupby(level=0).mean().T.reindex(columns=[IP, OOP])


def _nearer_on_ip(means: pd.DataFrame) -> Claim:
    """Section 5.3: "near-oracle performance on IP data", "struggle significantly on OOP data"."""
    return _against_oracle(
        "nearer_to_oracle_on_ip",
        "Recent methods lie nearer to the oracle on IP than on OOP images (accuracy, mean over the "
        "data sets).",
        _averages(means),
        (ORACLE,),
        # The smaller distance is the better: its negative is compared.
        lambda average, method: average.loc[method] - average.loc[ORACLE],
    )


def _closed_on_ip(means: pd.DataFrame) -> Claim:
    """The same, of the gap between ERM and the oracle: a share, since OOP leaves more to gain."""

    def share(average: pd.DataFrame, method: str) -> pd.Series:
        gap = average.loc[ORACLE] - average.loc[BASELINE]
        return (average.loc[method] - average.loc[BASELINE]) / gap.where(gap > 0)

    return _against_oracle(
        "closes_gap_on_ip",
        "Recent methods close a larger share of the gap between ERM and the oracle on IP than on "
        "OOP images (mean over the data sets).",
        _averages(means),
        (ORACLE, BASELINE),
        share,
    )


def _against_oracle(
    name: str,
    statement: str,
    average: pd.DataFrame,
    needed: tuple[str, ...],
    value: Callable[[pd.DataFrame, str], pd.Series],
) -> Claim:
    """Claim that each recent method's `value` is higher on IP than on OOP."""
    lacking = [method for method in needed if method not in average.index]
    recent = [method for method in RECENT if method in average.index]
    if lacking or not recent:
        why = f"needs {' and '.join(lacking)} among the methods" if lacking else "no recent method"
        return Claim(PAPER, name, statement, None, why, {})
    found = [value(average, method) for method in recent]
    pairs = pd.DataFrame(
        {"pair": recent, "above": [f[IP] for f in found], "below": [f[OOP] for f in found]}
    )
    return ordered(PAPER, name, statement, pairs)
