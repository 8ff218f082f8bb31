"""Tables of arXiv 2311.02236 as frames of words and numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from replidg.metrics.effective_robustness import effective_robustness, points
from replidg.metrics.robust_ft import ARMS, ZERO_SHOT
from replidg.reporting.robust_ft_figures import BASELINE, PANELS, interpolated
from replidg.reporting.style import label, order
from replidg.reporting.tidy import artefact_rows

METRIC_NAMES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "worst_region_accuracy": "worst region",
}
SPLIT_NAMES = {"train": "train", "id_val": "ID val", "val": "OOD val"} | PANELS


def selected(metrics: pd.DataFrame, artefact: str, scored: Mapping[str, str]) -> pd.DataFrame:
    """Return mean and sd over seeds of each arm and fraction at its selected rate, ID and OOD."""
    rows = metrics[metrics["artefact"] == artefact]
    rows = rows[(rows["metric"] == rows["dataset"].map(scored)) & rows["domain"].isin(PANELS)]
    if rows.empty:
        artefact_rows(metrics, artefact, next(iter(scored.values())))  # says what is missing
    keys = ["dataset", "method", "x", "setting", "metric"]
    grouped = rows.groupby([*keys, "domain"])["value"].agg(["mean", "std", "count"])
    wide = grouped.unstack("domain")
    table = pd.DataFrame(index=wide.index)
    for split, name in PANELS.items():
        table[name] = wide["mean", split]
        table[f"{name}, sd"] = wide["std", split]
    table["runs"] = wide["count", "test"].astype(int)
    return _printed(table.reset_index())


def splits(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return every metric on every split at the rates selected on OOD val, means over seeds."""
    rows = artefact_rows(metrics, "selected_on_val", "accuracy")
    rows = metrics[metrics["artefact"] == "selected_on_val"]
    keys = ["dataset", "method", "x", "setting", "metric"]
    wide = rows.pivot_table(index=keys, columns="domain", values="value", aggfunc="mean")
    chosen = [split for split in SPLIT_NAMES if split in wide]
    return _printed(wide[chosen].rename(columns=SPLIT_NAMES).reset_index())


def zero_shot(metrics: pd.DataFrame, scored: Mapping[str, str]) -> pd.DataFrame:
    """Return each arm with most training images beside zero-shot CLIP (rates by OOD val)."""
    rows = artefact_rows(metrics, "selected_on_val", next(iter(scored.values())))
    rows = metrics[metrics["artefact"] == "selected_on_val"]
    rows = rows[(rows["metric"] == rows["dataset"].map(scored)) & rows["domain"].isin(PANELS)]
    rows = rows[rows["x"] == rows.groupby(["dataset", "method"])["x"].transform("max")]
    keys = ["dataset", "method", "x", "metric"]
    wide = rows.pivot_table(index=keys, columns="domain", values="value", aggfunc="mean")
    table = wide[list(PANELS)].rename(columns=PANELS).reset_index()
    zero = table[table["method"] == ZERO_SHOT].set_index("dataset")
    for name in PANELS.values():
        table[f"{name}, less zero-shot"] = table[name] - table["dataset"].map(zero[name])
    return _printed(table)


def gain_table(metrics: pd.DataFrame, pairs: list[tuple[str, str]]) -> pd.DataFrame:
    """Return gains with intervals and tests of some pairs of arms.

    Args:
        metrics: tidy metrics with the artefact "gains".
        pairs: arm and what it is compared with.

    Raises:
        ValueError: there is no such comparison.
    """
    rows = artefact_rows(metrics, "gains", "gain")
    rows = metrics[metrics["artefact"] == "gains"]
    parts = rows["setting"].str.split("/", expand=True)
    rows = rows.assign(other=parts[0], selection=parts[1].map(SPLIT_NAMES))
    asked = pd.DataFrame(pairs, columns=["method", "other"])
    rows = rows.merge(asked, on=["method", "other"])
    if rows.empty:
        raise ValueError(f"no gain of {pairs}")
    keys = ["dataset", "method", "other", "selection", "domain", "x", "n"]
    wide = rows.pivot(index=keys, columns="metric", values="value").reset_index()
    table = wide.rename_axis(columns=None)
    table["domain"], table["other"] = table["domain"].map(PANELS), table["other"].map(label)
    for name in ("p", "p_holm", "p_seeds"):  # two decimals would print a small one as 0
        table[name] = [f"{p:.3f}" if p == p else "" for p in table[name]]
    names = {
        "other": "compared with", "selection": "rate selected on", "domain": "split",
        "n": "images", "p": "p (images)", "p_holm": "p, Holm", "p_seeds": "p (seeds)",
    }  # fmt: skip
    columns = [*keys, "gain", "low", "high", "p", "p_holm", "p_seeds"]
    return _printed(table[columns]).rename(columns=names)


def frozen(metrics: pd.DataFrame, scored: Mapping[str, str], arms: list[str]) -> pd.DataFrame:
    """Return arms with (partly) frozen encoders beside full fine-tuning and the linear probe."""
    table = selected(metrics[metrics["method"].isin(arms)], "selected_on_val", scored)
    return table


def robustness(metrics: pd.DataFrame, scored: Mapping[str, str]) -> pd.DataFrame:
    """Return mean effective robustness of each arm and fraction at the rates selected on val."""
    tables = []
    for dataset, metric in scored.items():
        every = points(metrics, dataset, metric)
        _, line = effective_robustness(every, BASELINE)
        chosen = points(metrics, dataset, metric, "selected_on_val")
        expected = line.at(chosen["id"].to_numpy())
        chosen = chosen.assign(dataset=dataset, metric=metric, expected=expected)
        tables.append(chosen.assign(effective=chosen["ood"] - expected))
    keys = ["dataset", "method", "x", "metric"]
    columns = ["id", "ood", "expected", "effective"]
    means = pd.concat(tables).groupby(keys)[columns].mean().reset_index()
    names = {
        "id": "ID test", "ood": "OOD test", "expected": "OOD expected",
        "effective": "effective robustness",
    }  # fmt: skip
    return _printed(means).rename(columns=names)


def wise_ft(metrics: pd.DataFrame, scored: Mapping[str, str]) -> pd.DataFrame:
    """Return scores along the interpolation, of the rate that is best on OOD val."""
    rows = artefact_rows(metrics, "wise_ft", next(iter(scored.values())))
    rows = metrics[metrics["artefact"] == "wise_ft"]
    tables = []
    for dataset, metric in scored.items():
        for share, means in interpolated(rows, dataset, metric).items():
            table = means.rename(columns=SPLIT_NAMES).reset_index()
            table = table.rename(columns={"x": "share of fine-tuned weights"})
            table.insert(0, "images", share)
            table.insert(0, "metric", METRIC_NAMES[metric])
            table.insert(0, "data set", label(dataset))
            tables.append(table)
    return pd.concat(tables, ignore_index=True).rename_axis(columns=None)


def prompts_table(found: Mapping[str, tuple[list[str], list[list[int]]]]) -> pd.DataFrame:
    """Return the prompts of each data set, and which labels have the same tokens.

    Args:
        found: data set: prompts in label order, groups of labels with the same tokens.
    """
    rows = []
    for dataset, (prompts, groups) in found.items():
        twins = {one: [o for o in group if o != one] for group in groups for one in group}
        for number, prompt in enumerate(prompts):
            same = ", ".join(map(str, twins.get(number, [])))
            rows.append([label(dataset), str(number), prompt, same])
    return pd.DataFrame(rows, columns=["data set", "label", "prompt", "same tokens as label"])


def _printed(table: pd.DataFrame) -> pd.DataFrame:
    """Name data sets, arms, metrics and columns as they are printed, rows in the paper's order."""
    places = {name: place for place, name in enumerate(order(table["method"], ARMS))}
    table = table.assign(_place=table["method"].map(places))
    table = table.sort_values(["dataset", "_place", "x"], kind="stable").drop(columns="_place")
    table["dataset"], table["method"] = table["dataset"].map(label), table["method"].map(label)
    table["x"] = table["x"].map("{:.0%}".format)
    if "metric" in table:
        table["metric"] = table["metric"].map(METRIC_NAMES)
    names = {"dataset": "data set", "method": "arm", "x": "images used", "setting": "rate"}
    return table.rename(columns=names).reset_index(drop=True).rename_axis(columns=None)


#: Table -> what makes it from metrics, the metric of each data set and the arms' properties.
Maker = Callable[[pd.DataFrame, Mapping[str, str], Mapping[str, list[str]]], pd.DataFrame]
TABLES: dict[str, tuple[Maker, str]] = {
    "selected_on_test": (
        lambda m, s, a: selected(m, "selected_on_test", s),
        "Scores at the learning rate that is best on OOD test, as in the authors' code (percent, "
        "mean and sd over runs).",
    ),
    "selected_on_val": (
        lambda m, s, a: selected(m, "selected_on_val", s),
        "Scores at the learning rate that is best on OOD val (percent, mean and sd over runs).",
    ),
    "splits": (
        lambda m, s, a: splits(m),
        "Every metric on every split, rates selected on OOD val (percent, mean over runs).",
    ),
    "zero_shot": (
        lambda m, s, a: zero_shot(m, s),
        "Each arm with most training images beside zero-shot CLIP, rates selected on OOD val.",
    ),
    "swa_gain": (
        lambda m, s, a: gain_table(m, [("clip_e2e_swa", "clip_e2e")]),
        "Gain of SWA in points, with 95 % paired bootstrap interval and tests.",
    ),
    "clip_gain": (
        lambda m, s, a: gain_table(m, [("clip_e2e", "vision_e2e"), ("clip_probe", "vision_probe")]),
        "Gain of CLIP on the vision-only model in points, with interval and tests.",
    ),
    "contrastive": (
        lambda m, s, a: gain_table(m, [(arm, "clip_e2e") for arm in a["contrastive"]]),
        "Contrastive fine-tuning (FLYP) less cross-entropy in points, with interval and tests.",
    ),
    "frozen": (
        lambda m, s, a: frozen(m, s, ["clip_probe", *a["frozen"], "clip_e2e"]),
        "CLIP with frozen and partly frozen encoders, rates selected on OOD val.",
    ),
    "robustness": (
        lambda m, s, a: robustness(m, s),
        "Effective robustness: OOD score above what the vision-only runs' line expects, in points.",
    ),
    "interpolation": (
        lambda m, s, a: wise_ft(m, s),
        "WiSE-FT: weights between zero-shot and fine-tuned, rate selected on OOD val.",
    ),
}
