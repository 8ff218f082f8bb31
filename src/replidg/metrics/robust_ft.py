"""From predictions to every number of arXiv 2311.02236: runs, selected rates, gains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from replidg.metrics.tidy import tidy
from replidg.metrics.wilds import run_metrics

PAPER = "robust_ft"
#: The arms of the paper, by the names that a configuration must give them, and their parts.
ARMS = ("zero_shot", "vision_probe", "vision_e2e", "clip_probe", "clip_e2e", "clip_e2e_swa")
ZERO_SHOT = "zero_shot"
KEYS = ["dataset", "method", "x", "setting", "seed"]
#: Which split selects the learning rate: as the authors' code does, and as it should be.
SELECTIONS = {"test": "selected_on_test", "val": "selected_on_val"}


def score_runs(tables: Iterable[tuple[str, pd.DataFrame]], regions: Iterable[str]) -> pd.DataFrame:
    """Return every metric of every run and split, tidy.

    Args:
        tables: data set and predictions, of one or more runs each.
        regions: data sets whose domains are FMoW's regions.

    Returns:
        Tidy rows: `domain` is the split, `method` the arm, `x` the fraction, `setting` the learning
        rate, `artefact` "runs", or "wise_ft" with `x` the share of the fine-tuned weights and
        `setting` rate and fraction.
    """
    rows, counted = [], set(regions)
    for dataset, table in tables:
        keys = ["arm", "fraction", "rate", "seed", "alpha", "split"]
        for (arm, fraction, rate, seed, alpha, split), part in table.groupby(keys, sort=True):
            for metric, value in run_metrics(part, dataset in counted).items():
                rows.append(
                    {
                        "dataset": dataset, "domain": split, "method": arm, "seed": seed,
                        "metric": metric, "value": value, "n": len(part), "fraction": fraction,
                        "rate": rate, "alpha": alpha,
                    }
                )  # fmt: skip
    found = pd.DataFrame(rows)
    own = found[found["alpha"] == 1].assign(x=lambda t: t["fraction"], artefact="runs")
    own["setting"] = own["rate"].map(rate_name)
    wise = _interpolated(found)
    return pd.concat([tidy(own, paper=PAPER), tidy(wise, paper=PAPER)], ignore_index=True)


def rate_name(rate: float) -> str:
    """Return a learning rate as the tidy metrics name it."""
    return f"lr={rate:g}" if rate else ""


def _interpolated(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of the runs that were interpolated, at every share of the fine-tuned weights.

    At the share 0 stands zero-shot CLIP.
    """
    run = ["dataset", "method", "fraction", "rate", "seed"]
    some = found.loc[found["alpha"] < 1, run].drop_duplicates()
    kinds = some[run[:-1]].drop_duplicates()
    zero = found[found["method"] == ZERO_SHOT].drop(columns=["method", "fraction", "rate"])
    starts = zero.merge(kinds, on="dataset").assign(alpha=0.0)
    rows = pd.concat([starts, found.merge(some, on=run)], ignore_index=True)
    rows = rows.assign(x=lambda t: t["alpha"], artefact="wise_ft")
    names = [f"{rate_name(r)}, {f:g}" for r, f in zip(rows["rate"], rows["fraction"], strict=True)]
    return rows[rows["domain"] != "train"].assign(
        setting=pd.Series(names, index=rows.index, dtype=object)
    )


def select(runs: pd.DataFrame, metrics: Mapping[str, str], split: str) -> pd.DataFrame:
    """Return the runs of the learning rate that is best on a split, for each arm and fraction.

    Best is the highest mean over seeds of the data set's metric; of equals the lowest rate.

    Args:
        runs: rows of `score_runs`.
        metrics: data set: its metric.
        split: "test" (visualize_lim_data_results.py of the authors' code) or "val".

    Returns:
        Rows of `runs`, as artefact `selected_on_<split>`.
    """
    own = runs[(runs["artefact"] == "runs") & (runs["domain"] == split)]
    own = own[own["metric"] == own["dataset"].map(metrics)]
    cell = ["dataset", "method", "x"]
    means = own.groupby([*cell, "setting"])["value"].mean().reset_index()
    means["rate"] = means["setting"].map(_rate)
    means = means.sort_values(["value", "rate"], ascending=[False, True], kind="stable")
    best = means.drop_duplicates(cell)[[*cell, "setting"]]
    chosen = runs[runs["artefact"] == "runs"].merge(best, on=[*cell, "setting"])
    return chosen.assign(artefact=SELECTIONS[split])


def _rate(setting: str) -> float:
    return float(setting.removeprefix("lr=") or 0)


def selected_rates(metrics: pd.DataFrame, split: str) -> pd.DataFrame:
    """Return `dataset`, `method`, `x` and `rate` of the selected runs."""
    rows = metrics[metrics["artefact"] == SELECTIONS[split]]
    rows = rows[["dataset", "method", "x", "setting"]].drop_duplicates()
    return rows.assign(rate=rows["setting"].map(_rate)).drop(columns="setting")
