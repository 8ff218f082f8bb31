"""Domain labels of pictures: a person's csv, filled sheets, or known beforehand; and their split.

Val and test of the web pictures have equally many of each domain, training has the rest (Table 3);
images of the test sets are for testing only.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pandas as pd

from replidg.config.forgotten import Truth
from replidg.config.forgotten_sets import DOMAINS, TEST_SETS, WEB
from replidg.data.errors import DatasetError

COLUMNS = ["test_set", "image_id", "path", "label", "split"]
#: What labels may be called: names, the keys of the page, the numbers of the authors' code.
NAMES = {
    **{name: name for name in DOMAINS},
    "stylistic": "rendition",
    **dict(zip("nra", DOMAINS, strict=True)),
    **dict(zip("012", DOMAINS, strict=True)),
}
SHEET = ["test_set", "dataset", "image_id", "path", "verdict"]
SPLITS = ("train", "val", "test")


def known_labels(sample: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """Return a drawn sample with the labels that are known beforehand.

    Raises:
        DatasetError: no pattern fits an address.
    """
    labels = []
    for row in sample.itertuples():
        if row.test_set == WEB:
            fits = (d for pattern, d in truth.addresses.items() if fnmatchcase(row.url, pattern))
            label = next(fits, None)
        else:
            label = truth.test_sets.get(row.test_set, TEST_SETS[row.test_set].suite)
        if label is None:
            raise DatasetError(
                f"forgotten.domains.labels.truth.addresses: no pattern fits {row.url!r}"
            )
        labels.append(label)
    return sample.assign(label=labels, split="")


def read_sheets(paths: list[Path], sample: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a sample that filled sheets give a verdict of.

    Raises:
        DatasetError: a sheet lacks a column, has an unknown verdict, or names other pictures.
    """
    parts = []
    for path in paths:
        table = _read(path, ["test_set", "image_id", "verdict"])
        table = table[table["verdict"] != ""]
        parts.append(table.assign(label=_labels(path, table["verdict"])))
    told = pd.concat(parts, ignore_index=True)[["test_set", "image_id", "label"]]
    told = told.drop_duplicates(["test_set", "image_id"], keep="last")  # later sheets correct
    joined = told.merge(sample, on=["test_set", "image_id"], how="left")
    lost = joined[joined["path"].isna()]
    if len(lost):
        raise DatasetError(
            f"the sheets name {len(lost)} pictures that were not drawn, e.g. "
            f"{lost.iloc[0]['image_id']}; were `seed` or the numbers of forgotten.domains.labels "
            "changed since the pages were made?"
        )
    return joined.assign(split="")


def read_files(paths: list[Path]) -> pd.DataFrame:
    """Return the pictures and labels of csv files of one's own.

    Raises:
        DatasetError: a column is missing, a label, split or test set is unknown, or a picture is
            not there.
    """
    parts = []
    for path in paths:
        table = _read(path, ["image", "label"])
        table = table.assign(label=_labels(path, table["label"]))
        table["path"] = [str(path.parent / image) for image in table["image"]]
        sets = table["test_set"] if "test_set" in table else pd.Series("", table.index)
        table["test_set"] = sets.replace("", WEB)
        splits = table["split"] if "split" in table else pd.Series("", table.index)
        table["split"] = splits
        for column, known in (("split", ("", *SPLITS)), ("test_set", (WEB, *TEST_SETS))):
            wrong = table[~table[column].isin(known)]
            if len(wrong):
                line, value = wrong.index[0] + 2, wrong.iloc[0][column]
                raise DatasetError(f"{path}:{line}: {column} {value!r} is none of {known}")
        missing = [image for image in table["path"] if not Path(image).is_file()]
        if missing:
            raise DatasetError(f"{path}: {len(missing)} pictures are not there, e.g. {missing[0]}")
        parts.append(table.assign(image_id=table["image"]))
    return pd.concat(parts, ignore_index=True).reindex(columns=[*COLUMNS])


def split(labels: pd.DataFrame, held_out: int, seed: int) -> pd.DataFrame:
    """Return the labels with a split for all, sorted, each picture once.

    Args:
        labels: `COLUMNS`; a split that is there stays.
        held_out: web pictures of each domain in val, and as many in test; where a domain has less
            than three times as many, a third.
        seed: of the choice.

    Raises:
        DatasetError: a domain has too few web pictures to train, choose and test with.
    """
    table = labels.drop_duplicates(["test_set", "image_id"]).sort_values(["test_set", "image_id"])
    table = table.reset_index(drop=True)
    table.loc[table["test_set"] != WEB, "split"] = "test"
    for number, domain in enumerate(DOMAINS):
        web = (table["test_set"] == WEB) & (table["label"] == domain)
        free = table.index[web & (table["split"] == "")]
        count = min(held_out, len(free) // 3)
        order = np.random.default_rng([seed, number]).permutation(len(free))
        table.loc[free[order[:count]], "split"] = "val"
        table.loc[free[order[count : 2 * count]], "split"] = "test"
        table.loc[free[order[2 * count :]], "split"] = "train"
        lacking = set(SPLITS) - set(table.loc[web, "split"])
        if lacking:
            raise DatasetError(
                f"{int(web.sum())} labelled web pictures are {domain}, none of them for "
                f"{', '.join(sorted(lacking))}; label more (forgotten.domains.labels)"
            )
    return table[COLUMNS]


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    if not path.is_file():
        raise DatasetError(f"forgotten.domains.labels: there is no file {path}")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [column for column in columns if column not in table]
    if missing:
        raise DatasetError(f"{path}: the columns {', '.join(missing)} are missing")
    return table


def _labels(path: Path, told: pd.Series) -> list[str]:
    """Return domains by any of their names."""
    found = told.str.strip().str.lower().map(NAMES)
    if found.isna().any():
        place = found.index[found.isna()][0]
        raise DatasetError(
            f"{path}:{place + 2}: label {told[place]!r} is none of {', '.join(DOMAINS)}"
        )
    return found.tolist()
