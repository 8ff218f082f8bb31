"""DomainNet without the duplicates that DomainBed lists."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from replidg.data.convert.tree import ConversionError, entries, link_images
from replidg.data.registry.schema import Entry, RelativePath
from replidg.progress import Progress
from replidg.typed import Strict

logger = logging.getLogger(__name__)


class Options(Strict):
    """Options of `duplicates_removed`.

    Attributes:
        list: text file with one `<domain>/<class>/<image>` a line.
    """

    list: RelativePath


def read_list(path: Path) -> dict[str, set[str]]:
    """Return the listed file names by their folder `<domain>/<class>`.

    Raises:
        ConversionError: there is no such file, or nothing in it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ConversionError(f"{path}, the list of duplicates, is missing") from None
    listed: dict[str, set[str]] = {}
    for line in filter(None, map(str.strip, lines)):
        folder, name = os.path.split(os.path.normpath(line))
        listed.setdefault(folder, set()).add(name)
    if not listed:
        raise ConversionError(f"{path} lists no duplicates; get the file again")
    return listed


def run(
    entry: Entry, options: Options, source: Path, out: Path, classes: list[str] | None
) -> dict[str, Any]:
    """Link everything that is not listed; `<domain>/<class>/<image>` stays the same.

    Empty class folders stay too: labels come from the folders.
    """
    listed = read_list(source / options.list)
    total = sum(map(len, listed.values()))
    kept, removed = {}, 0
    folders = [
        f"{domain}/{name}" for domain in entry.domains for name in entries(source / domain)[0]
    ]
    with Progress(len(folders), f"{entry.name}: linking", "folders") as progress:
        for folder in folders:
            (out / folder).mkdir(parents=True)
            found = set(entries(source / folder)[1])
            dropped = frozenset(listed.get(folder, set()) & found)
            domain = folder.partition("/")[0]
            count = link_images(source / folder, out / folder, dropped)
            kept[domain] = kept.get(domain, 0) + count
            removed += len(dropped)
            progress.add()
    if not removed:
        logger.warning(
            "%s: none of the %d names in %s exists; were the duplicates removed before?",
            entry.name,
            total,
            source / options.list,
        )
    return {
        "images": sum(kept.values()),
        "by domain": kept,
        "dropped": {"duplicate": removed},
        "listed": total,
        "listed but absent": total - removed,
    }
