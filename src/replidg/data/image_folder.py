"""Read a domain generalization data set in DomainBed's layout `<domain>/<class>/<image>`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from replidg.data.embedded_pictures import METADATA

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


class DatasetError(ValueError):
    """A data set on disk is not what the configuration says; the message says what to do."""


def class_names(folder: Path, domains: list[str]) -> list[str]:
    """Return the sorted names of the class folders, as ImageFolder numbers them.

    A class folder may be empty in a domain; the union over domains counts, so that a missing
    folder does not shift the labels of the classes behind it.
    """
    names = {
        path.name for domain in domains for path in (folder / domain).iterdir() if path.is_dir()
    }
    return sorted(names)


def scan(folder: Path, domains: list[str]) -> pd.DataFrame:
    """Return one row an image: `image_id`, `path`, `label`, `class_name`, `domain`, `split`.

    Args:
        folder: the data set; `folder/<domain>/<class>/<image>`.
        domains: names of the domain folders.

    Returns:
        Rows sorted by `image_id` (the path relative to `folder`). `split` is empty where the data
        set has no split of its own; a `metadata.csv` adds its columns.

    Raises:
        DatasetError: a domain is missing or has no image, or the metadata does not fit.
    """
    missing = [domain for domain in domains if not (folder / domain).is_dir()]
    if missing:
        raise DatasetError(f"{folder} has no folder for the domains {missing}")
    labels = {name: label for label, name in enumerate(class_names(folder, domains))}
    rows = [
        (path.relative_to(folder).as_posix(), str(path), labels[class_name], class_name, domain)
        for domain in domains
        for class_name in labels
        for path in _images(folder / domain / class_name)
    ]
    index = pd.DataFrame(rows, columns=["image_id", "path", "label", "class_name", "domain"])
    empty = [domain for domain in domains if domain not in set(index["domain"])]
    if empty:
        raise DatasetError(f"{folder}: no image in the domains {empty}")
    index = index.sort_values("image_id", ignore_index=True)
    return _with_metadata(index, folder / METADATA)


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES]


def _with_metadata(index: pd.DataFrame, path: Path) -> pd.DataFrame:
    if not path.is_file():
        return index.assign(split="")
    metadata = pd.read_csv(path, keep_default_na=False)
    joined = index.merge(metadata, on="image_id", how="left", validate="one_to_one", indicator=True)
    lost = joined.loc[joined.pop("_merge") != "both", "image_id"]
    if len(lost):
        raise DatasetError(f"{path} has no row for {len(lost)} images, e.g. {lost.iloc[0]}")
    return joined
