"""The comparisons of arXiv 2311.02236: SWA with none, CLIP with vision-only, and what we add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pandas as pd

from replidg.metrics.gains import holm, paired_gain
from replidg.metrics.robust_ft import PAPER, SELECTIONS, selected_rates
from replidg.metrics.tidy import tidy

SPLITS = ("id_test", "test")
#: Runs of an arm: data set, arm, fraction, rate, splits -> predictions of the test images.
Reader = Callable[[str, str, float, float], pd.DataFrame]


class Comparison(NamedTuple):
    """An arm, and the one it should be better than."""

    arm: str
    other: str


def comparisons(arms: Mapping[str, str]) -> list[Comparison]:
    """Return the pairs that a configuration has the arms for.

    Args:
        arms: arm: its loss.
    """
    pairs = [
        Comparison("clip_e2e_swa", "clip_e2e"),
        Comparison("clip_e2e", "vision_e2e"),
        Comparison("clip_probe", "vision_probe"),
    ]
    pairs += [Comparison(n, "clip_e2e") for n, loss in arms.items() if loss == "contrastive"]
    return [pair for pair in pairs if pair.arm in arms and pair.other in arms]


def gain_rows(
    metrics: pd.DataFrame,
    scored: Mapping[str, str],
    pairs: list[Comparison],
    read: Reader,
    options: Mapping[str, float],
) -> pd.DataFrame:
    """Return gains with intervals and p-values of each pair, fraction and split, tidy.

    Both arms are at their own selected learning rates.

    Args:
        metrics: tidy metrics with the selected runs.
        scored: data set: its metric.
        pairs: comparisons.
        read: predictions of the runs of an arm.
        options: `resamples`, `level`, `seed`.

    Returns:
        Rows of the artefact "gains": `method` the arm, `setting` "<other>/<split that selected>",
        `domain` the split, `x` the fraction, `metric` gain, low, high, p, p_holm, p_seeds.
    """
    rows = []
    for split in SELECTIONS:
        rates = selected_rates(metrics, split).set_index(["dataset", "method", "x"])["rate"]
        for dataset, metric in scored.items():
            there = set(rates.loc[dataset].index.get_level_values("method"))
            for pair in (p for p in pairs if there.issuperset(p)):
                rows += _pair_rows(dataset, metric, pair, split, rates, read, options)
    table = pd.DataFrame(rows)
    if table.empty:
        raise ValueError("no comparison has both its arms; the gains cannot be told")
    # One family a comparison, data set, split and way of selection: its fractions.
    family = ["dataset", "method", "setting", "domain"]
    table["p_holm"] = table.groupby(family)["p"].transform(holm)
    long = table.melt(
        id_vars=[*family, "x", "n"],
        value_vars=["gain", "low", "high", "p", "p_holm", "p_seeds"],
        var_name="metric",
        value_name="value",
    )
    return tidy(long, paper=PAPER, artefact="gains")


def _pair_rows(
    dataset: str,
    metric: str,
    pair: Comparison,
    selection: str,
    rates: pd.Series,
    read: Reader,
    options: Mapping[str, float],
) -> list[dict[str, object]]:
    rows = []
    for x in sorted(rates.loc[dataset, pair.arm].index):
        left, right = (read(dataset, arm, x, rates.loc[dataset, arm, x]) for arm in pair)
        for split in SPLITS:
            found = paired_gain(
                _by_seed(left, split),
                _by_seed(right, split),
                metric,
                resamples=int(options["resamples"]),
                level=options["level"],
                seed=int(options["seed"]),
            )
            names = {"dataset": dataset, "method": pair.arm, "domain": split, "x": x}
            rows.append(names | {"setting": f"{pair.other}/{selection}"} | found)
    return rows


def _by_seed(table: pd.DataFrame, split: str) -> dict[int, pd.DataFrame]:
    return dict(list(table[table["split"] == split].groupby("seed")))
