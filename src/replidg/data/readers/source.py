"""What every reader is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from replidg.data.errors import DatasetError
from replidg.data.registry.schema import Entry


@dataclass(frozen=True)
class Source:
    """A registered data set on disk.

    Attributes:
        entry: its page of the registry.
        folder: where it lies, in the layout that its reader reads.
        classes: class folders in label order; None where the files decide.
        domains: domains to read, some or all of the page's.
        standin: it is the miniature of embedded pictures.
    """

    entry: Entry
    folder: Path
    classes: list[str] | None
    domains: list[str]
    standin: bool = False


def looked_up(keys: pd.Series, path: Path, key: str, column: str) -> pd.Series:
    """Return, for each key, a value that a conversion left in a csv file.

    Args:
        keys: e.g. the ids of the images.
        path: csv with the columns `key` and `column`, read as text.
        key: column with the keys, each once.
        column: column with the values.

    Raises:
        DatasetError: a column or the row of a key is missing, or a key has two rows.
    """
    table = pd.read_csv(path, dtype="str", keep_default_na=False)
    lacking = sorted({key, column} - set(table.columns))
    if lacking:
        raise DatasetError(f"{path} has no column {lacking}; it has {list(table.columns)}")
    values = table.set_index(key)[column]
    if not values.index.is_unique:
        twice = values.index[values.index.duplicated()][0]
        raise DatasetError(f"{path} has more than one row for {twice}")
    lost = keys[~keys.isin(values.index)]
    if len(lost):
        raise DatasetError(
            f"{path} has no row for {len(lost)} images, e.g. {key} {lost.iloc[0]}; delete the "
            "folder it lies in and run again"
        )
    return keys.map(values)
