"""Tables of the `scipd` paper (arXiv 2404.09011): tidy metrics in, data frames out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import pandas as pd

from replidg.reporting.style import DATASET_ORDER, label, order
from replidg.reporting.tables import Table

MEAN = "average"
PRINTED = {
    "accuracy": "Accuracy",
    "h_score_max": "H-score, best of 10",
    "h_score_mean": "H-score, mean of 10",
    "h_score_source": "H-score, source threshold",
    "auroc": "AUROC",
    "oscr": "OSCR",
}
SHORT = {"accuracy": "Acc", "h_score_max": "H-score"}


def rows_of(metrics: pd.DataFrame, study: str, **where: object) -> pd.DataFrame:
    """Return the rows of a study whose columns equal `where`.

    Raises:
        ValueError: there are none.
    """
    rows = metrics[metrics["artefact"] == study]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    if rows.empty:
        raise ValueError(f"artefact {study!r}: no row with {where}")
    return rows


def h_label(value: float) -> str:
    """Return H as it is written in the paper: 0, 1/6, 1."""
    return str(Fraction(value).limit_denominator(1000))


def main_table(metrics: pd.DataFrame, dataset: str, methods: Sequence[str]) -> Table:
    """Accuracy and H-score by method and hybridness: mean over targets, then over seeds.

    Raises:
        ValueError: the data set was not run.
    """
    rows = rows_of(metrics, "main", dataset=dataset, domain=MEAN)
    rows = rows[rows["metric"].isin(SHORT)]
    names = zip(rows["metric"], rows["x"], strict=True)
    rows = rows.assign(column=[f"{SHORT[metric]}, H = {h_label(x)}" for metric, x in names])
    columns = rows.sort_values(["metric", "x"], kind="stable")["column"].drop_duplicates()
    return _table(rows, "column", list(columns), methods)


def _table(
    rows: pd.DataFrame, column: str, columns: Sequence[str], methods: Sequence[str]
) -> Table:
    groups = rows.groupby(["method", column])["value"]
    present = [name for name in methods if name in set(rows["method"])]
    mean, sd = (
        found.unstack(column).reindex(index=present, columns=list(columns))
        for found in (groups.mean(), groups.std(ddof=1))
    )
    return Table(mean.rename_axis(columns=None), sd.rename_axis(columns=None))


def variation_table(metrics: pd.DataFrame, methods: Sequence[str]) -> Table:
    """H2-CV in percent by method: of the H-score of each rule, and of the accuracy."""
    rows = rows_of(metrics, "main", domain=MEAN, setting="all")
    words = {f"h2_cv_{metric}": text for metric, text in PRINTED.items()}
    rows = rows[rows["metric"].isin(words)]
    names = [
        f"{label(d)}: {words[m]}" for d, m in zip(rows["dataset"], rows["metric"], strict=True)
    ]
    columns = [
        f"{label(dataset)}: {word}"
        for dataset in order(rows["dataset"], DATASET_ORDER)
        for word in words.values()
    ]
    rows = rows.assign(column=names)
    return _table(rows, "column", [c for c in columns if c in set(names)], methods)


def study_table(
    metrics: pd.DataFrame, study: str, methods: Sequence[str], setting: str | None = None
) -> Table:
    """Every metric by arm: mean over label sets, then data sets, then seeds.

    Args:
        metrics: tidy metrics.
        study: artefact of the rows.
        methods: order of the rows.
        setting: of these label sets alone; None: mean over all.
    """
    rows = rows_of(metrics, study, domain=MEAN)
    rows = rows[rows["metric"].isin(PRINTED)]
    if setting is not None:
        rows = rows[rows["setting"] == setting]
    keys = ["dataset", "method", "seed", "metric"]
    rows = rows.groupby(keys)["value"].mean().reset_index()
    rows = rows.groupby(keys[1:])["value"].mean().reset_index()
    rows = rows.assign(column=rows["metric"].map(PRINTED))
    return _table(rows, "column", list(PRINTED.values()), methods)


def target_table(metrics: pd.DataFrame, dataset: str, methods: Sequence[str]) -> pd.DataFrame:
    """Return one record a hybridness, target domain and method, means over seeds."""
    rows = rows_of(metrics, "main", dataset=dataset)
    rows = rows[rows["metric"].isin(PRINTED)]
    wide = rows.pivot_table(
        index=["x", "domain", "method"], columns="metric", values="value", aggfunc="mean"
    ).reset_index()
    place = {name: number for number, name in enumerate(methods)}
    wide = wide.assign(last=wide["domain"] == MEAN, place=wide["method"].map(place))
    wide = wide.sort_values(["x", "last", "domain", "place"], kind="stable")
    table = pd.DataFrame(
        {
            "H": [h_label(x) for x in wide["x"]],
            "Target": [label(d) if d != MEAN else MEAN for d in wide["domain"]],
            "Method": [label(m) for m in wide["method"]],
        }
    )
    for metric, text in PRINTED.items():
        table[text] = wide[metric].to_numpy()
    return table


def ablation_table(metrics: pd.DataFrame, switches: Mapping[str, Sequence[bool]]) -> pd.DataFrame:
    """Return one record an arm: which perturbations it has, and its metrics."""
    found = study_table(metrics, "ablation", list(switches))
    table = pd.DataFrame({"Method": [label(name) for name in found.mean.index]})
    for place, name in enumerate(("SP", "IP", "CP")):
        table[name] = ["x" if switches[arm][place] else "" for arm in found.mean.index]
    for column in found.mean:
        table[column] = found.mean[column].to_numpy()
    return table


def sensitivity_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return one record a hyper-parameter and value: metrics averaged over all else."""
    tables = []
    for study in ("alpha", "tau", "beta"):
        if (metrics["artefact"] == study).any():
            rows = rows_of(metrics, study, domain=MEAN)
            wide = rows.pivot_table(index="x", columns="metric", values="value", aggfunc="mean")
            table = pd.DataFrame({"Parameter": study, "Value": [f"{x:g}" for x in wide.index]})
            for metric, text in PRINTED.items():
                table[text] = wide[metric].to_numpy()
            tables.append(table)
    if not tables:
        raise ValueError("no hyper-parameter of SCI-PD was varied: scipd.sensitivity")
    return pd.concat(tables, ignore_index=True)


def counts_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Return one record a data set and label sets: H, and how many counts are as expected."""
    records = []
    for (dataset, _), rows in counts.groupby(["dataset", "split"], sort=False):
        compared = rows[rows["expected"].notna()]
        off = compared["n_images"] - compared["expected"]
        records.append(
            {
                "Data set": label(dataset),
                "H": rows["hybridness"].iloc[0],
                "Label sets": rows["sets"].iloc[0],
                "Counts": len(rows),
                "Compared": len(compared),
                "Equal": int((off == 0).sum()),
                "Largest difference": str(int(off.abs().max())) if len(compared) else "",
            }
        )
    return pd.DataFrame(records)
