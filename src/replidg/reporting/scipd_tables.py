"""Tables of the `scipd` paper (arXiv 2404.09011): tidy metrics in, data frames out."""

from __future__ import annotations

import re
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


def arm_label(name: str, plain: str = "") -> str:
    """Return an arm in words: its method, and how it differs from the main tables.

    Args:
        name: as `config.scipd_arms` makes it, such as "erm-share-0.1".
        plain: said of an arm that does not differ.
    """
    found = re.fullmatch(r"(.+)-(student|share|views|alpha|tau|beta)-(.+)", name)
    if found is None:
        return f"{label(name)}, {plain}" if plain else label(name)
    method, what, value = found.groups()
    words = {
        "student": label(value),
        "share": f"{100 * float(value):g} % of the images" if what == "share" else "",
        "views": f"{value} fixed view{'s' if value != '1' else ''}",
    }
    return f"{label(method)}, {words.get(what, f'{what} = {value}')}"


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
    rows: pd.DataFrame, column: str, columns: Sequence[str], wanted: Sequence[str],
    row: str = "method",
) -> Table:  # fmt: skip
    """Mean and standard deviation over what is left, in the wanted order of rows and columns."""
    groups = rows.groupby([row, column])["value"]
    present = [name for name in wanted if name in set(rows[row])]
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


def study_table(metrics: pd.DataFrame, study: str, methods: Sequence[str]) -> Table:
    """Every metric by arm: mean over label sets, then data sets, then seeds.

    Args:
        metrics: tidy metrics.
        study: artefact of the rows.
        methods: order of the rows.
    """
    rows = rows_of(metrics, study, domain=MEAN)
    rows = rows[rows["metric"].isin(PRINTED)]
    keys = ["dataset", "method", "seed", "metric"]
    rows = rows.groupby(keys)["value"].mean().reset_index()
    rows = rows.groupby(keys[1:])["value"].mean().reset_index()
    rows = rows.assign(column=rows["metric"].map(PRINTED))
    return _table(rows, "column", list(PRINTED.values()), methods)


def target_table(metrics: pd.DataFrame, dataset: str, methods: Sequence[str]) -> Table:
    """Every metric by hybridness, target domain and method, the mean over targets last."""
    rows = rows_of(metrics, "main", dataset=dataset)
    rows = rows[rows["metric"].isin(PRINTED) & rows["method"].isin(methods)]
    place = {name: number for number, name in enumerate(methods)}
    keys = rows[["x", "domain", "method"]].drop_duplicates()
    keys = keys.assign(last=keys["domain"] == MEAN, place=keys["method"].map(place))
    keys = keys.sort_values(["x", "last", "domain", "place"], kind="stable")
    rows = rows.assign(row=_place(rows), column=rows["metric"].map(PRINTED))
    return _table(rows, "column", list(PRINTED.values()), list(_place(keys)), "row")


def _place(rows: pd.DataFrame) -> list[str]:
    """Name a hybridness, target domain and method in one line."""
    return [
        f"H = {h_label(row.x)}, {label(row.domain)}, {label(row.method)}"
        for row in rows.itertuples()
    ]


def ablation_table(metrics: pd.DataFrame, switches: Mapping[str, Sequence[bool]]) -> Table:
    """Every metric by the perturbations that an arm has, mean over label sets, then data sets."""
    found = study_table(metrics, "ablation", list(switches))
    words = {arm: _perturbations(own) for arm, own in switches.items()}
    alone = list(words.values())
    # Two arms with the same switches (CLIPBase, and SCI-PD's head without any) keep their names.
    names = {
        arm: word if alone.count(word) == 1 else f"{word} ({label(arm)})"
        for arm, word in words.items()
    }
    return Table(found.mean.rename(index=names), found.sd.rename(index=names))


def _perturbations(own: Sequence[bool]) -> str:
    return " + ".join(n for n, on in zip(("SP", "IP", "CP"), own, strict=True) if on) or "none"


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
