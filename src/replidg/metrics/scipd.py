"""From predictions to the tidy numbers of the SCI-PD paper (arXiv 2404.09011)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from replidg.config.scipd_arms import RunKey
from replidg.metrics.open_set import (
    auroc,
    closed_set_accuracy,
    h2_cv,
    h_score,
    h_scores,
    oscr,
    source_threshold,
    target_thresholds,
)
from replidg.metrics.tidy import tidy

PAPER = "scipd"
KEYS = ["dataset", "sets", "target", "arm", "seed"]
#: Percentages that H2-CV is computed of.
VARIED = ("h_score_max", "h_score_mean", "h_score_source", "accuracy")
MEAN = "average"


def run_metrics(predictions: pd.DataFrame, accept: float) -> pd.DataFrame:
    """Return the metrics of each run in percent: `KEYS`, `metric`, `value`, `n`.

    Args:
        predictions: rows of `train_students`, target and source hold-outs.
        accept: share of the sources' hold-outs that the control threshold accepts.
    """
    rows = []
    for key, table in predictions.groupby(KEYS, sort=True):
        target = table[table["role"] == "target"]
        held = table.loc[table["role"] == "source_validation", "max_softmax"].to_numpy()
        known = target["label"].to_numpy() >= 0
        correct = target["correct"].to_numpy() & known
        confidence = target["max_softmax"].to_numpy()
        at = target_thresholds(target["min_softmax"].to_numpy(), confidence)
        scores = h_scores(known, correct, confidence, at)
        control = h_score(known, correct, confidence, source_threshold(held, accept))
        logits = target["max_logit"].to_numpy()
        values = {
            "accuracy": (closed_set_accuracy(known, correct), int(known.sum())),
            "h_score_max": (float(scores.max()), len(target)),
            "h_score_mean": (float(scores.mean()), len(target)),
            "h_score_source": (control, len(target)),
            "auroc": (auroc(known, logits), len(target)),
            "oscr": (oscr(known, correct, confidence), len(target)),
        }
        named = dict(zip(KEYS, key, strict=True))
        rows += [named | {"metric": m, "value": 100 * v, "n": n} for m, (v, n) in values.items()]
    return pd.DataFrame(rows, columns=[*KEYS, "metric", "value", "n"])


def tidy_metrics(
    metrics: pd.DataFrame,
    studies: Mapping[str, Sequence[RunKey]],
    hybridness: Mapping[str, Mapping[str, float]],
    values: Mapping[str, Mapping[str, float]],
    ddof: int,
) -> pd.DataFrame:
    """Return tidy rows: every study's runs, their means over targets, and H2-CV.

    `setting` names the label sets; `x` is H in the study `main`, and the hyper-parameter, share or
    number of views in the others that vary one.

    Args:
        metrics: of `run_metrics`.
        studies: study -> its runs.
        hybridness: data set -> label sets -> H.
        values: study -> arm -> value in it.
        ddof: of the standard deviation in H2-CV.
    """
    keyed = metrics.set_index(KEYS)
    tables = []
    for study, runs in studies.items():
        wanted = pd.MultiIndex.from_tuples(
            [(r.dataset, r.split, r.target, r.arm, r.seed) for r in runs], names=KEYS
        )
        rows = keyed[keyed.index.isin(wanted)].reset_index()
        rows = rows.rename(columns={"sets": "setting", "target": "domain", "arm": "method"})
        own = values.get(study, {})
        if study == "main":
            rows["x"] = [
                hybridness[dataset][sets]
                for dataset, sets in zip(rows["dataset"], rows["setting"], strict=True)
            ]
        else:
            rows["x"] = rows["method"].map(own).astype("float64")
        rows = pd.concat([rows, over_targets(rows)], ignore_index=True)
        parts = [rows, variation(rows, ddof)] if study == "main" else [rows]
        tables.append(tidy(pd.concat(parts, ignore_index=True), paper=PAPER, artefact=study))
    return pd.concat(tables, ignore_index=True)


def over_targets(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over target domains within a seed, of those seeds that have every domain."""
    keys = ["dataset", "setting", "method", "seed", "metric"]
    groups = rows.groupby(keys, sort=False)
    means = groups.agg(
        value=("value", lambda found: found.mean(skipna=False)),
        n=("n", "sum"),
        x=("x", "first"),
        domains=("domain", "nunique"),
    ).reset_index()
    most = rows.groupby("dataset")["domain"].nunique()
    whole = means["domains"] == means["dataset"].map(most)
    return means[whole].drop(columns="domains").assign(domain=MEAN)


def variation(rows: pd.DataFrame, ddof: int) -> pd.DataFrame:
    """Return H2-CV in percent by data set, domain, method and seed; `metric` is h2_cv_<of what>.

    Only from runs that have every setting of the data set.
    """
    chosen = rows[rows["metric"].isin(VARIED)]
    settings = rows.groupby("dataset")["setting"].nunique()
    found = []
    for key, group in chosen.groupby(["dataset", "domain", "method", "seed", "metric"], sort=True):
        named = dict(zip(["dataset", "domain", "method", "seed", "metric"], key, strict=True))
        whole = len(group) == settings[named["dataset"]]
        value = h2_cv(group["value"].to_numpy(), ddof) if whole else float("nan")
        metric = f"h2_cv_{named['metric']}"
        found.append(named | {"metric": metric, "setting": "all", "value": 100 * value,
                              "n": int(group["n"].sum()), "x": np.nan})  # fmt: skip
    return pd.DataFrame(found)
