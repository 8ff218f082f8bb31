"""Count the images of every choice of label sets, and hold them against the official lists."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from replidg.config.scipd import HybridData, LabelSets
from replidg.data.errors import DatasetError
from replidg.data.hybrid import counted, expected_counts, share_out
from replidg.files import whole_file

KEYS = ["split", "target", "role", "domain", "part"]


def count_hybrid_splits(
    indexes: Mapping[str, Path],
    pages: Mapping[str, str],
    official: list[str],
    domains: Mapping[str, list[str]],
    targets: Mapping[str, list[str]],
    splits: Mapping[str, Mapping[str, Any]],
    data: Mapping[str, Any],
    out: Path,
) -> None:
    """Write one row a data set, label sets, target and part of a run.

    Args:
        indexes: index by data set.
        pages: their pages of the registry.
        official: data sets that are the real ones: only their counts are compared.
        domains: of each.
        targets: of each.
        splits: label sets of each by name.
        data: shares or lists of each.
        out: parquet file; `expected` is empty where the official lists have no count.

    Raises:
        DatasetError: real data with official lists have other counts than these lists had.
    """
    tables = []
    for dataset, path in indexes.items():
        index, own = pd.read_parquet(path), []
        settings = HybridData.model_validate(data[dataset])
        for name, content in splits[dataset].items():
            labels = LabelSets.model_validate(content)
            words = "; ".join("{" + text + "}" for text in labels.sets)
            for target in targets[dataset]:
                shares = share_out(index, domains[dataset], target, labels, settings, seed=0)
                facts = {
                    "split": name,
                    "target": target,
                    "sets": words,
                    "hybridness": str(labels.h),
                }
                own.append(counted(shares).assign(**facts))
        table = pd.concat(own, ignore_index=True)
        known = expected_counts(pages[dataset])[[*KEYS, "n_images"]]
        known = known.rename(columns={"n_images": "expected"})
        if dataset not in official:
            known = known.iloc[:0]
        table = table.merge(known, on=KEYS, how="left").assign(dataset=dataset)
        if settings.lists is not None:
            assert_counts(table, dataset)
        tables.append(table.astype({"expected": "Float64"}))
    with whole_file(out) as temporary:
        pd.concat(tables, ignore_index=True).to_parquet(temporary, index=False)


def assert_counts(table: pd.DataFrame, dataset: str) -> None:
    """Raise unless every count is that of the official lists; shares are only shown beside them."""
    wrong = table[table["expected"].notna() & (table["n_images"] != table["expected"])]
    if len(wrong):
        row = wrong.iloc[0]
        raise DatasetError(
            f"scipd.datasets.{dataset}.lists: {len(wrong)} of {len(table)} counts differ from the "
            f"benchmark's; {row['split']}, target {row['target']}, {row['part']} of "
            f"{row['domain']}: {row['n_images']} images, not {row['expected']:.0f}. Are these its "
            "lists, and are all classes there? `lists: null` takes shares instead."
        )


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    params = snakemake.params
    count_hybrid_splits(
        indexes=dict(zip(params.pages, map(Path, snakemake.input.indexes), strict=True)),
        pages=params.pages,
        official=params.official,
        domains=params.domains,
        targets=params.targets,
        splits=params.splits,
        data=params.data,
        out=Path(snakemake.output.counts),
    )
