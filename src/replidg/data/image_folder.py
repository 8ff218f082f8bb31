"""Read a domain generalization data set in DomainBed's layout `<domain>/<class>/<image>`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from replidg.data.embedded_pictures import METADATA
from replidg.data.errors import DatasetError

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


def subfolders(folder: Path) -> list[str]:
    """Return the sorted names of the folders, and links to folders, that are not hidden."""
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if not e.name.startswith(".") and e.is_dir())


def image_names(folder: Path | str, below: str = "") -> Iterator[str]:
    """Yield the images in a folder and its subfolders, as paths relative to it, in any order.

    Hidden files (also macOS' `._*`) and folders are no images. Nothing is asked of the file system
    but the listings, so a link to nothing is yielded too; links to subfolders are not followed.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from image_names(entry.path, f"{below}{entry.name}/")
            elif os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES:
                yield below + entry.name


def class_names(folder: Path, domains: list[str]) -> list[str]:
    """Return the sorted names of the class folders, as ImageFolder numbers them.

    A class folder may be empty in a domain; the union over domains counts, so that a missing
    folder does not shift the labels of the classes behind it.
    """
    return sorted({name for domain in domains for name in subfolders(folder / domain)})


def scan(folder: Path, domains: list[str], classes: list[str] | None = None) -> pd.DataFrame:
    """Return one row an image: `image_id`, `path`, `label`, `class_name`, `domain`, `split`.

    Args:
        folder: the data set; `folder/<domain>/<class>/<image>`.
        domains: names of the domain folders.
        classes: the class folders in label order; sorted as they lie there if absent.

    Returns:
        Rows sorted by `image_id` (the path relative to `folder`). `split` is empty where the data
        set has no split of its own; a `metadata.csv` adds its columns.

    Raises:
        DatasetError: a domain is missing or has no image, or the metadata does not fit.
    """
    missing = [domain for domain in domains if not (folder / domain).is_dir()]
    if missing:
        raise DatasetError(f"{folder} has no folder for the domains {missing}")
    classes = class_names(folder, domains) if classes is None else classes
    ids: list[str] = []
    cells: list[tuple[int, str, str]] = []  # label, class and domain of a run of images
    lengths: list[int] = []
    for domain in domains:
        for label, name in enumerate(classes):
            found = _images(folder, f"{domain}/{name}")
            ids += found
            cells.append((label, name, domain))
            lengths.append(len(found))
    index = _frame(folder, ids, cells, lengths)
    empty = [domain for domain in domains if domain not in set(index["domain"])]
    if empty:
        raise DatasetError(f"{folder}: no image in the domains {empty}")
    index = index.sort_values("image_id", ignore_index=True)
    return _with_metadata(index, folder / METADATA)


def _images(folder: Path, below: str) -> list[str]:
    place = folder / below
    return [f"{below}/{name}" for name in image_names(place)] if place.is_dir() else []


def _frame(folder: Path, ids: list[str], cells: list[tuple], lengths: list[int]) -> pd.DataFrame:
    runs = pd.DataFrame(cells, columns=["label", "class_name", "domain"])
    columns = runs.loc[np.repeat(runs.index, lengths)].reset_index(drop=True)
    # As str(folder / image_id), without half a million Paths.
    prefix = "" if folder == Path() else f"{folder}/"
    index = pd.DataFrame({"image_id": ids, "path": [prefix + name for name in ids]}, dtype="str")
    return index.join(columns)


def _with_metadata(index: pd.DataFrame, path: Path) -> pd.DataFrame:
    if not path.is_file():
        return index.assign(split="")
    # Empty texts stay empty texts; an empty size is no number.
    empty = {"object_share": [""]}
    metadata = pd.read_csv(path, keep_default_na=False, na_values=empty)
    joined = index.merge(metadata, on="image_id", how="left", validate="one_to_one", indicator=True)
    lost = joined.loc[joined.pop("_merge") != "both", "image_id"]
    if len(lost):
        raise DatasetError(f"{path} has no row for {len(lost)} images, e.g. {lost.iloc[0]}")
    return joined
