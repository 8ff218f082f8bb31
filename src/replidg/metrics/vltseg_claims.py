"""What arXiv 2312.02021 claims, asked of our own numbers."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from replidg.metrics.claims import Claim, ordered, rises
from replidg.metrics.vltseg import CONSTANT, PAPER, Arm
from replidg.metrics.vltseg_gains import MEAN_NAMES


def vltseg_claims(metrics: pd.DataFrame, arms: Mapping[str, Arm]) -> list[Claim]:
    """Return every claim, the last one of this workflow's own.

    Args:
        metrics: tidy metrics.
        arms: by name.
    """
    claims = [
        decided(
            "vision_language_above_vision",
            "Fine-tuned from vision-language pre-training, the mean over targets is above that "
            "from vision-only pre-training, for every source and pair of networks of Table T1.",
            _means(metrics, "pretraining"),
        ),
        decided(
            "full_above_frozen",
            "Fine-tuning the whole encoder is above freezing it, in the mean over targets.",
            _means(metrics, "frozen"),
        ),
        _rpd(metrics, arms),
    ]
    claims += [_freezing(metrics, side) for side in ("early_to_deep", "deep_to_early")]
    return [*claims, _perturbed(metrics, arms), _constant(metrics)]


def decided(name: str, statement: str, gains: pd.DataFrame) -> Claim:
    """Claim that every difference is above 0, as far as the test images can tell.

    It holds if all intervals are above 0, does not if one is below, else it cannot be told.

    Args:
        name: of the claim.
        statement: of the claim.
        gains: `pair`, `gain`, `low`, `high`.
    """
    evidence = {"pairs": float(len(gains))}
    if gains.empty:
        return Claim(PAPER, name, statement, None, "nothing was run that could be compared")
    worst = gains.loc[gains["gain"].idxmin()]
    evidence |= {key: float(worst[key]) for key in ("gain", "low", "high")}
    reason = (
        f"{(gains['low'] > 0).sum()} of {len(gains)} differences are above 0 with their interval; "
        f"the smallest is {worst['gain']:.2f} ({worst['low']:.2f} to {worst['high']:.2f}), "
        f"{worst['pair']}"
    )
    below = bool((gains["high"] < 0).any())
    holds = False if below else True if (gains["low"] > 0).all() else None
    if holds is None:
        reason += "; the test images do not decide"
    return Claim(PAPER, name, statement, holds, reason, evidence)


def _means(metrics: pd.DataFrame, study: str) -> pd.DataFrame:
    """Gains of a study in the mean over targets."""
    rows = metrics[metrics["artefact"] == f"gains_{study}"]
    rows = rows[rows["dataset"].isin(MEAN_NAMES)]
    wide = rows.pivot(index=["setting", "method"], columns="metric", values="value").reset_index()
    if wide.empty:
        return pd.DataFrame(columns=["pair", "gain", "low", "high"])
    parts = wide["setting"].str.split("/", expand=True)
    wide["pair"] = wide["method"] + " less " + parts[2] + " on " + parts[0]
    return wide


def _rpd(metrics: pd.DataFrame, arms: Mapping[str, Arm]) -> Claim:
    kinds = {a.studies["t3"]: a.pretraining for a in arms.values() if "t3" in a.studies}
    rows = metrics[(metrics["artefact"] == "t3") & (metrics["metric"] == "rpd")]
    means = rows.groupby(["method", "setting"])["value"].mean().reset_index()
    pairs = _kinds_apart(means, means["method"].map(kinds), ["setting"])
    return ordered(
        PAPER,
        "rpd_above_vision",
        "From every real source, relative performance under domain shift (rPD) is above that of "
        "vision-only pre-training (in the paper SegFormer's and SAM's).",
        pairs.assign(pair=pairs["pair"] + " on " + pairs["setting"]),
    )


def _kinds_apart(means: pd.DataFrame, kinds: pd.Series, keys: list[str]) -> pd.DataFrame:
    """Pair each vision-language network with each vision-only one: pair, above, below, `keys`."""
    # Without a row pandas takes names for numbers.
    means = means.astype({"method": object, "setting": object})
    pairs = means[kinds == "vision_language"].merge(
        means[kinds == "vision"], on=keys, suffixes=("", "_other")
    )
    pairs["pair"] = pairs["method"] + " and " + pairs["method_other"]
    return pairs.rename(columns={"value": "above", "value_other": "below"})


def _freezing(metrics: pd.DataFrame, side: str) -> Claim:
    rows = metrics[metrics["artefact"] == "f2"]
    rows = rows[rows["setting"].str.endswith(("/full", f"/{side}"))]
    # Each data set's level is its own; what is asked is the course.
    level = rows.groupby("dataset")["value"].transform("mean")
    words = {"early_to_deep": "first", "deep_to_early": "last"}[side]
    return rises(
        PAPER,
        f"freezing_costs_{side}",
        f"The more of the {words} blocks are frozen, the lower the score (less each data set's "
        "mean).",
        -rows["x"].to_numpy(),
        (rows["value"] - level).to_numpy(),
    )


def _perturbed(metrics: pd.DataFrame, arms: Mapping[str, Arm]) -> Claim:
    rows = metrics[(metrics["artefact"] == "perturbations") & (metrics["domain"] == "all")]
    rows = rows[rows["x"] > 0]
    means = rows.groupby(["method", "setting", "x"])["value"].mean().reset_index()
    kinds = means["method"].map(lambda name: arms[name].pretraining)
    pairs = _kinds_apart(means, kinds, ["setting", "x"])
    return ordered(
        PAPER,
        "vision_language_under_perturbations",
        "On corrupted images, vision-language pre-training is above vision-only pre-training at "
        "every severity.",
        pairs.assign(pair=pairs["pair"] + pairs["x"].map(", severity {:.0f}".format)),
    )


def _constant(metrics: pd.DataFrame) -> Claim:
    constant = metrics[metrics["artefact"] == "constant"]
    levels = constant[constant["method"] == CONSTANT].set_index("dataset")["value"]
    rows = metrics[(metrics["artefact"] == "runs") & (metrics["domain"] == "all")]
    means = rows.groupby(["setting", "method", "dataset"])["value"].mean().reset_index()
    means["pair"] = means["setting"] + " " + means["method"] + " on " + means["dataset"]
    means["below"] = 2 * means["dataset"].map(levels)
    return ordered(
        PAPER,
        "above_constant",
        "Every network scores more than twice what predicting the data set's most frequent class "
        "everywhere would, in and out of domain (not in the paper: it says that the run learned).",
        means.rename(columns={"value": "above"}),
    )
