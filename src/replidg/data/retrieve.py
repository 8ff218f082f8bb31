"""Bring a data set into resources/datasets/<dataset>/ and check what is there."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from replidg.config.inputs import Dataset, EmbeddedDataset
from replidg.data.embedded_pictures import write_tree
from replidg.data.image_folder import DatasetError, scan
from replidg.files import sha256_file, write_json

logger = logging.getLogger(__name__)


def retrieve(name: str, dataset: Dataset, root: str | None, verified: Path) -> None:
    """Write or link the data set beside `verified`, then write the checked counts to it.

    Args:
        name: key of the data set in the configuration.
        dataset: its configuration.
        root: for a folder data set, the user's folder; it is linked, never changed.
        verified: `<folder>/.verified.json`, written last: its presence means whole and checked.

    Raises:
        DatasetError: the folder is not what the configuration says.
    """
    folder = verified.parent
    staged = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    if isinstance(dataset, EmbeddedDataset):
        write_tree(dataset, staged)
        domains = dataset.tree
    else:
        _link(name, Path(root or ""), dataset.domains, staged)
        domains = dataset.domains
    summary = verify(name, staged, domains, dataset)
    if folder.exists():
        shutil.rmtree(folder)
    os.replace(staged, folder)
    write_json(verified, summary)


def verify(name: str, folder: Path, domains: list[str], dataset: Dataset) -> dict[str, Any]:
    """Count the images and compare with what the configuration expects.

    A domain with other than the expected count is reported as drift and does not stop the run:
    several of these data sets changed since the papers (TerraIncognita has 24,330 images today,
    24,788 in older papers), and the report says so.
    """
    index = scan(folder, domains)
    counts = index.groupby("domain").size()
    drift = {
        domain: {"expected": expected, "found": int(counts.get(domain, 0))}
        for domain, expected in dataset.images.items()
        if counts.get(domain, 0) != expected
    }
    for domain, pair in drift.items():
        logger.warning("%s/%s: %s images expected, %s found", name, domain, *pair.values())
    return {
        "dataset": name,
        "source": dataset.source,
        "images": len(index),
        "classes": int(index["class_name"].nunique()),
        "per_domain": {domain: int(counts[domain]) for domain in domains},
        "fingerprint": fingerprint(index, contents=isinstance(dataset, EmbeddedDataset)),
        "drift": drift,
        "licence": _licences(index),
    }


def fingerprint(index: pd.DataFrame, contents: bool) -> str:
    """Return a sha256 over all image ids with their contents' hashes, or with their sizes.

    Sizes stand for contents in a user's folder of hundreds of thousands of images.
    """
    digest = hashlib.sha256()
    for image_id, path in index[["image_id", "path"]].itertuples(index=False):
        mark = sha256_file(path) if contents else str(os.stat(path).st_size)
        digest.update(f"{image_id}\t{mark}\n".encode())
    return digest.hexdigest()


def _licences(index: pd.DataFrame) -> str:
    if "licence" not in index:
        return "as the data set's owner states"
    return ", ".join(f"{name} ({n})" for name, n in index["licence"].value_counts().items())


def _link(name: str, root: Path, domains: list[str], folder: Path) -> None:
    for domain in domains:
        source = root / domain
        if not source.is_dir():
            raise DatasetError(f"data_root.{name}: {source} is not a folder")
        (folder / domain).symlink_to(source.resolve(), target_is_directory=True)
