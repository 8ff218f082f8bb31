"""Our metrics of the alignment paper under the names of its published tables and figures.

The workflow keeps one accuracy a target domain, method, setting and seed (artefact `table1`) and
one curve a data set and method (`curves`). The paper prints means of them (Table 1), the domains
(Tables 10 to 24) and picks of the curves (Figs 2b, 7, 11).
"""

from __future__ import annotations

import pandas as pd

#: The table of each setting's means, and each data set's table of domains and number of domains.
SUMMARY = {"IP": "table1a", "OOP": "table1b", "All": "table1c"}
PER_DOMAIN = {
    "office_home": ({"OOP": "table10", "IP": "table11", "All": "table12"}, 4),
    "terra_incognita": ({"OOP": "table13", "IP": "table14", "All": "table15"}, 4),
    "domain_net": ({"OOP": "table16", "IP": "table17", "All": "table18"}, 6),
    "VLCS": ({"OOP": "table19", "IP": "table20", "All": "table21"}, 4),
    "PACS": ({"OOP": "table22", "IP": "table23", "All": "table24"}, 4),
}

#: Tables whose rows are domains here and means over them in the paper.
BACKBONES = ("table2", "table4")


def alignment_artefacts(metrics: pd.DataFrame, figure_method: str) -> pd.DataFrame:
    """Return tidy rows named as `published/alignment.csv` names them.

    A mean over domains needs every domain of the data set, the mean over data sets all five:
    otherwise it is another quantity than the paper's and there is no row. Averages are made within
    a seed, so that their spread over seeds is that of the average.

    Args:
        metrics: tidy metrics of the paper.
        figure_method: whose curve Figs 2, 7 and 9 show.

    Returns:
        Tidy rows with the same columns; artefacts that the paper has under the same names as they
        are.
    """
    made = ["table1", "curves", "curves_perceptual", "curves_source", *BACKBONES, "table3"]
    same = metrics[~metrics["artefact"].isin(made)]
    cells = metrics[(metrics["artefact"] == "table1") & metrics["setting"].isin(SUMMARY)]
    curves = metrics[metrics["artefact"] == "curves"]
    pooled = curves[curves["dataset"] == "all"]
    parts = [
        same,
        *_accuracies(cells),
        pooled[pooled["method"] == figure_method].assign(artefact="fig2b"),
        curves[(curves["dataset"] != "all") & (curves["method"] == figure_method)].assign(
            artefact="fig7"
        ),
        pooled.assign(artefact="fig11"),
        *_similarities(metrics, figure_method),
        *(_over_domains(metrics[metrics["artefact"] == name]) for name in (*BACKBONES, "table3")),
    ]
    return pd.concat([part for part in parts if not part.empty] or [same], ignore_index=True)


def _similarities(metrics: pd.DataFrame, figure_method: str) -> list[pd.DataFrame]:
    """Figs 2a and 9.

    Fig 9 was read by eye at 0.72, 0.77 and so on: the middles 0.725, 0.775 of bins of 0.05.
    """
    own = metrics[metrics["method"] == figure_method]
    near = own[(own["artefact"] == "curves_perceptual") & (own["dataset"] == "all")]
    source = own[(own["artefact"] == "curves_source") & (own["dataset"] != "all")]
    source = source[source["setting"] == "0.05"]
    return [
        near.assign(artefact="fig2a"),
        source.assign(artefact="fig9", setting="", x=(source["x"] + 0.02).round(6)),
    ]


def _over_domains(cells: pd.DataFrame) -> pd.DataFrame:
    """Mean over a data set's domains, and of Table 4 over the five data sets, within a seed."""
    keys = ["paper", "artefact", "dataset", "method", "setting", "seed", "metric"]
    means = cells.groupby(keys, dropna=False, sort=False).agg(
        value=("value", lambda values: values.mean(skipna=False)),
        n=("n", "sum"),
        domains=("domain", "nunique"),
    )
    means = means.reset_index()
    expected = means["dataset"].map(lambda name: PER_DOMAIN.get(name, ({}, 0))[1])
    means = means[means["domains"] == expected].drop(columns="domains")
    whole = [key for key in keys if key != "dataset"]
    over = means[means["artefact"] == "table4"].groupby(whole, dropna=False, sort=False)
    over = over.agg(value=("value", "mean"), n=("n", "sum"), datasets=("dataset", "nunique"))
    over = over[over["datasets"] == len(PER_DOMAIN)].drop(columns="datasets").reset_index()
    table = pd.concat([part for part in (means, over.assign(dataset="average")) if not part.empty]
                      or [means])  # fmt: skip
    table = table.assign(domain="average", x=float("nan"))
    return table[list(cells.columns)].astype(cells.dtypes.to_dict())


def _accuracies(cells: pd.DataFrame) -> list[pd.DataFrame]:
    """Tables 10 to 24 with their averages, and Table 1."""
    keys = ["paper", "dataset", "method", "setting", "seed", "metric"]
    known = cells[cells["dataset"].isin(PER_DOMAIN)]
    groups = known.groupby(keys, dropna=False, sort=False)
    means = groups.agg(
        value=("value", lambda values: values.mean(skipna=False)),
        n=("n", "sum"),
        domains=("domain", "nunique"),
    ).reset_index()
    means = means[means["domains"] == means["dataset"].map(lambda name: PER_DOMAIN[name][1])]
    means = means.drop(columns="domains").assign(domain="average", x=float("nan"))
    whole = [key for key in keys if key != "dataset"]
    over = means.groupby(whole, dropna=False, sort=False).agg(
        value=("value", lambda values: values.mean(skipna=False)),
        n=("n", "sum"),
        datasets=("dataset", "nunique"),
    )
    over = over[over["datasets"] == len(PER_DOMAIN)].drop(columns="datasets").reset_index()
    over = over.assign(dataset="average", domain="average", x=float("nan"))
    summary = pd.concat([part for part in (means, over) if not part.empty] or [means])
    own = pd.concat([part for part in (known, means) if not part.empty] or [known])
    tables = [
        summary.assign(artefact=summary["setting"].map(SUMMARY)),
        own.assign(
            artefact=[
                PER_DOMAIN[dataset][0][setting]
                for dataset, setting in zip(own["dataset"], own["setting"], strict=True)
            ]
        ),
    ]
    return [table[list(cells.columns)].astype(cells.dtypes.to_dict()) for table in tables]
