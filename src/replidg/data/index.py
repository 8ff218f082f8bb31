"""The index of a data set: one row an image, sorted by `image_id`; every other stage reads it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd

from replidg.data.image_folder import class_names, scan
from replidg.files import whole_file, write_json


def build(folder: Path, domains: list[str], out: Path, classes: Path) -> pd.DataFrame:
    """Write the index of an ImageFolder data set and the names of its classes in label order.

    Args:
        folder: the retrieved data set.
        domains: domains to index.
        out: parquet file, one row an image.
        classes: JSON list of class names; also those without an image.
    """
    index = scan(folder, domains)
    # Size and name identify a file well enough to notice a changed data set.
    index["bytes"] = [os.stat(path).st_size for path in index["path"]]
    with whole_file(out) as temporary:
        index.to_parquet(temporary, index=False)
    write_json(classes, class_names(folder, domains))
    return index


def read_classes(path: Path) -> list[str]:
    """Return the class names in label order."""
    return json.loads(Path(path).read_text())
