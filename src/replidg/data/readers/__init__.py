"""Readers of the registered data sets: each yields the rows of the index, whatever the layout.

A reader is a module with `frames(source)` and `names(source)`; the page's `reader.kind` chooses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from replidg.config.names import nearest
from replidg.data.errors import DatasetError
from replidg.data.readers import image_folder, segmentation, synsets, web_list, wilds
from replidg.data.readers.source import Source
from replidg.data.registry.schema import Entry

__all__ = ["chunks", "class_names"]

READERS = {
    "image_folder": image_folder,
    "wilds": wilds,
    "segmentation": segmentation,
    "synsets": synsets,
    "web_list": web_list,
}


def chunks(
    entry: Entry,
    folder: Path,
    classes: list[str] | None,
    domains: list[str] | None,
    standin: bool = False,
) -> Iterator[pd.DataFrame]:
    """Yield the rows of a data set's index.

    Args:
        entry: the data set's page.
        folder: the data set in the layout that its reader reads.
        classes: `entry.class_list(standin)`.
        domains: domains to read; None: all of the page's.
        standin: the folder holds the miniature of embedded pictures.

    Yields:
        Frames with `image_id`, `path`, `label`, `class_name`, `domain`, `split` and the reader's
        own columns. One frame, sorted by `image_id`; a web list gives many, without `path` and in
        the order of its files.

    Raises:
        DatasetError: the folder is not what the page says; the message says what to do.
    """
    source = _source(entry, folder, classes, domains, standin)
    yield from READERS[entry.reader.kind].frames(source)


def class_names(
    entry: Entry, folder: Path, classes: list[str] | None, domains: list[str] | None
) -> list[str]:
    """Return the printed names of the classes in label order; none where there are no labels.

    Raises:
        DatasetError: the folder is not what the page says.
    """
    source = _source(entry, folder, classes, domains, standin=False)
    return READERS[entry.reader.kind].names(source)


def _source(
    entry: Entry,
    folder: Path,
    classes: list[str] | None,
    domains: list[str] | None,
    standin: bool,
) -> Source:
    if not folder.is_dir():
        raise DatasetError(f"{entry.name}: there is no folder {folder}; retrieve the data set")
    for domain in domains or []:
        if domain not in entry.domains:
            hint = nearest(domain, entry.domains)
            raise DatasetError(f"{entry.name} has no domain {domain!r}; {hint}")
    return Source(entry, folder, classes, domains or entry.domains, standin)
