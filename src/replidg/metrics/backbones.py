"""Accuracy with other backbones: Tables 2 and 4 of arXiv 2412.02856, and splits by other CLIPs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from replidg.metrics.accuracy import accuracy_by_setting


def backbone_rows(accuracies: pd.DataFrame, own: str, scratch: Collection[str]) -> pd.DataFrame:
    """Return the rows of Tables 2 and 4.

    Backbones are compared where at least two of them were trained with a method on a data set.

    Args:
        accuracies: `accuracy_by_setting` of each backbone, with `model`.
        own: the paper's backbone.
        scratch: models whose weights start at random: Table 4 holds them against `own`, on all
            images. Table 2 holds all others against each other, on IP and OOP.

    Returns:
        Rows with `artefact`, `dataset`, `domain`, `method`, `setting` (`IP/<model>` and so on),
        `seed`, `value`, `n`.
    """
    table = accuracies.rename(columns={"target": "domain"})
    random = table["model"].isin(scratch)
    split = table[~random & table["setting"].isin(["IP", "OOP"])]
    whole = table[(random | (table["model"] == own)) & (table["setting"] == "All")]
    # Two that start at random are no comparison with `own`.
    trained = whole.loc[whole["model"] == own, ["method", "dataset"]].drop_duplicates()
    parts = [_compared(split, "table2"), _compared(whole.merge(trained), "table4")]
    return pd.concat(parts, ignore_index=True)


def _compared(table: pd.DataFrame, artefact: str) -> pd.DataFrame:
    """Keep methods and data sets that two backbones have, and put the model into the setting."""
    places = table.groupby(["method", "dataset"])["model"].nunique()
    both = places[places > 1].reset_index()[["method", "dataset"]]
    kept = table.merge(both, on=["method", "dataset"])
    kept = kept.assign(setting=kept["setting"] + "/" + kept["model"], artefact=artefact)
    return kept.drop(columns="model")


def cross_split_rows(
    predictions: pd.DataFrame, parts: Mapping[str, pd.DataFrame], model: str
) -> pd.DataFrame:
    """Return accuracy of one backbone's runs on the IP and OOP images of each backbone.

    Args:
        predictions: `image_id`, `dataset`, `target`, `method`, `seed`, `correct`.
        parts: backbone that split, and `dataset`, `image_id`, `part` of each image.
        model: the backbone that was trained.

    Returns:
        Rows with `dataset`, `domain`, `method`, `seed`, `setting` (`IP/<split by>/<trained>` and
        `OOP/…`), `value`, `n`.

    Raises:
        ValueError: an image is in no split.
    """
    tables = []
    for name, split in parts.items():
        keys = ["dataset", "image_id"]
        table = predictions.merge(split[[*keys, "part"]], on=keys, how="left")
        if table["part"].isna().any():
            lost = table.loc[table["part"].isna(), "image_id"].iloc[0]
            raise ValueError(f"{lost} is in no split of {name}; rerun the align stage")
        found = accuracy_by_setting(table)
        found = found[found["setting"] != "All"]
        tables.append(found.assign(setting=found["setting"] + f"/{name}/{model}"))
    return pd.concat(tables, ignore_index=True).rename(columns={"target": "domain"})
