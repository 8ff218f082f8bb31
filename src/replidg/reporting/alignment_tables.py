"""Tables of the `alignment` paper besides Table 1 and 8: tidy metrics in, numbers out."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from replidg.reporting.style import DATASET_ORDER, METHOD_ORDER, label, order
from replidg.reporting.tables import AVERAGE, Table
from replidg.reporting.tidy import artefact_rows


def mean_over_domains(rows: pd.DataFrame) -> Table:
    """Return the mean over target domains, then data sets, of each row and column.

    A domain that any row has no image of counts for none, so that a column's numbers are about the
    same domains. Means are made within a seed; the standard deviation is over seeds.

    Args:
        rows: tidy rows with the table's `row` and `column`.
    """
    rows = rows.assign(seed=rows["seed"].astype("Int64").fillna(-1))
    unknown = rows["value"].isna().groupby([rows[k] for k in ("column", "dataset", "domain")])
    kept = rows[~unknown.transform("any")]
    keys = ["row", "column", "seed"]
    by_dataset = kept.groupby([*keys, "dataset"])["value"].mean()
    per_seed = by_dataset.groupby(keys).mean().groupby(["row", "column"])
    index, columns = rows["row"].unique(), rows["column"].unique()
    mean, sd = (part.unstack("column") for part in (per_seed.mean(), per_seed.std(ddof=1)))
    return Table(*(part.reindex(index=index, columns=columns) for part in (mean, sd)))


def backbone_table(metrics: pd.DataFrame) -> Table:
    """Table 2: accuracy of each backbone (rows) on the parts of each data set (columns)."""
    rows = artefact_rows(metrics, "table2", "accuracy")
    place = rows["setting"].str.split("/", n=1, expand=True)
    table = mean_over_domains(
        rows.assign(
            row=_with_method(place[1], rows["method"]),
            column=rows["dataset"].map(label) + "-" + place[0],
        )
    )
    datasets = [label(name) for name in order(rows["dataset"], DATASET_ORDER)]
    columns = [f"{name}-{part}" for part in ("IP", "OOP") for name in datasets]
    return Table(table.mean[columns], table.sd[columns])


def scratch_table(metrics: pd.DataFrame) -> Table:
    """Table 4: training from scratch (rows) on all images of each data set (columns)."""
    rows = artefact_rows(metrics, "table4", "accuracy")
    place = rows["setting"].str.split("/", n=1, expand=True)
    rows = rows.assign(row=_with_method(place[1], rows["method"]))
    by_dataset = mean_over_domains(rows.assign(column=rows["dataset"]))
    average = mean_over_domains(rows.assign(column=AVERAGE))
    columns = [*order(rows["dataset"], DATASET_ORDER), AVERAGE]
    return Table(
        pd.concat([by_dataset.mean, average.mean], axis=1)[columns],
        pd.concat([by_dataset.sd, average.sd], axis=1)[columns],
    )


def _with_method(models: pd.Series, methods: pd.Series) -> pd.Series:
    """Name a row by its backbone, with the method where there are several."""
    return models if methods.nunique() == 1 else models + " (" + methods.map(label) + ")"


def perceptual_table(metrics: pd.DataFrame) -> Table:
    """Table 3: accuracy of one method on a split by PerceptualSimilarityScore."""
    rows = artefact_rows(metrics, "table3", "accuracy")
    table = mean_over_domains(rows.assign(row=rows["setting"], column=rows["dataset"]))
    index, columns = ["perceptual_IP", "perceptual_OOP"], order(rows["dataset"], DATASET_ORDER)
    return Table(*(part.reindex(index=index, columns=columns) for part in table))


def contrast_table(metrics: pd.DataFrame, name: str) -> Table:
    """Tables 5 and 6: images by whether zero-shot (rows) and a method (columns) are right."""
    rows = artefact_rows(metrics, name, "images")
    place = rows["setting"].str.split("/", expand=True)
    several = rows["dataset"].nunique() > 1
    prefix = rows["dataset"].map(label) + ", " if several else ""
    rows = rows.assign(row=prefix + place[1].map(_side), column=place[2].map(_side))
    groups = rows.groupby(["row", "column"])["value"]
    index = [
        (f"{label(dataset)}, " if several else "") + f"zero-shot {word}"
        for dataset in order(rows["dataset"], DATASET_ORDER)
        for word in ("incorrect", "correct")
    ]
    columns = ["DG incorrect", "DG correct"]
    parts = (groups.mean().unstack(), groups.std(ddof=1).unstack())
    return Table(*(part.reindex(index=index, columns=columns) for part in parts))


def _side(name: str) -> str:
    who, word = name.split("_")
    return f"{'zero-shot' if who == 'zs' else 'DG'} {word}"


def mislabelled_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Table 7: share of wrong labels by data set (rows) and score interval (columns)."""
    rows = artefact_rows(metrics, "table7", "mislabelled_percent")
    table = rows.pivot(index="dataset", columns="setting", values="value").sort_index(axis=1)
    return table.reindex(index=order(table.index, DATASET_ORDER)).rename_axis(columns=None)


def cross_split_table(metrics: pd.DataFrame) -> Table:
    """Not in the paper: IP and OOP by one backbone's scores, accuracy of another's runs."""
    rows = artefact_rows(metrics, "cross_splits", "accuracy")
    place = rows["setting"].str.split("/", expand=True)
    trained = _with_method(place[2], rows["method"])
    rows = rows.assign(row="split by " + place[1] + ", trained " + trained, column=place[0])
    table = mean_over_domains(rows)
    gap = rows.pivot_table(
        index=["row", "dataset", "domain", "method", "seed"], columns="column", values="value",
        dropna=False,
    )  # fmt: skip
    difference = (gap["IP"] - gap["OOP"]).rename("value").reset_index().assign(column="IP - OOP")
    gaps = mean_over_domains(difference[difference["row"].isin(table.mean.index)].dropna())
    index = sorted(table.mean.index)
    return Table(
        pd.concat([table.mean, gaps.mean], axis=1).loc[index, ["IP", "OOP", "IP - OOP"]],
        pd.concat([table.sd, gaps.sd], axis=1).loc[index, ["IP", "OOP", "IP - OOP"]],
    )


def correlation_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Not in the paper: rank correlation by method and data set, with its interval.

    A run's own correlation and interval, each the mean over seeds.
    """
    artefact_rows(metrics, "correlations", "rho")  # says what is there if it is not
    rows = metrics[metrics["artefact"] == "correlations"]
    wide = rows.pivot_table(index=["method", "dataset"], columns="metric", values="value")
    images = rows.groupby(["method", "dataset"])["n"].min()
    table = wide.reindex(columns=["rho", "rho_low", "rho_high"]).assign(images=images)
    places = [
        (method, dataset)
        for method in order(rows["method"], METHOD_ORDER)
        for dataset in order(rows["dataset"], DATASET_ORDER)
        if (method, dataset) in table.index
    ]
    table = table.loc[places].reset_index()
    table["method"], table["dataset"] = table["method"].map(label), table["dataset"].map(label)
    names = {
        "method": "Method", "dataset": "Data set", "rho": "Spearman's rho", "rho_low": "low",
        "rho_high": "high", "images": "Images",
    }  # fmt: skip
    return table.rename(columns=names)


def seed_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Not in the paper: spread of the average accuracy over seeds, and of means without one seed.

    `without one` is the range of the means that leave one seed out: how far the table would move
    with one run fewer.
    """
    rows = artefact_rows(metrics, "table1", "accuracy").dropna(subset=["value"])
    found = []
    for method in order(rows["method"], METHOD_ORDER):
        for setting in ("IP", "OOP", "All"):
            own = rows[(rows["method"] == method) & (rows["setting"] == setting)]
            by_dataset = own.groupby(["seed", "dataset"])["value"].mean()
            found.append(
                {"Method": label(method), "Part": setting}
                | _spread(by_dataset.groupby("seed").mean().to_numpy())
            )
    return pd.DataFrame(found)


def _spread(values: np.ndarray) -> dict[str, float]:
    several = len(values) > 1
    without = [np.mean(part) for part in combinations(values, len(values) - 1)] if several else []
    return {
        "Seeds": len(values),
        "Mean": values.mean() if len(values) else np.nan,
        "SD": values.std(ddof=1) if several else np.nan,
        "Lowest": values.min(initial=np.inf) if len(values) else np.nan,
        "Highest": values.max(initial=-np.inf) if len(values) else np.nan,
        "Without one": max(without) - min(without) if several else np.nan,
    }
