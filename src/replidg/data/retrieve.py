"""Bring a data set into resources/datasets/<dataset>/ and check what is there."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replidg.config.inputs import Dataset, EmbeddedDataset, FolderDataset, RegisteredDataset
from replidg.data import availability, convert, own_copy, readers, standins, verify
from replidg.data.embedded_pictures import write_tree
from replidg.data.errors import DatasetError
from replidg.data.fetch.archive import extract
from replidg.data.fetch.disk import bytes_needed, require_space
from replidg.data.fetch.download import fetch
from replidg.data.fetch.lock import Lock
from replidg.data.image_folder import scan
from replidg.data.registry.schema import Entry, File, Layout
from replidg.files import write_json

logger = logging.getLogger(__name__)
#: Archives of images that hold more than this are bombs: bytes for each of theirs, and files.
MOST_EXPANSION, MOST_FILES = 50, 20_000_000


@dataclass(frozen=True)
class Places:
    """Where a retrieval reads and writes, besides the data set's own folder.

    Attributes:
        root: the user's folder, if `data_root` names one; it is linked, never changed.
        mirrors: addresses or folders with the archives, tried first.
        lock: hashes of what was downloaded or linked before.
        downloads: unfinished downloads and kept archives.
        keep_archives: keep archives after extraction.
    """

    root: str | None = None
    mirrors: Sequence[str] = ()
    lock: Path = Path("config/data.lock.yaml")
    downloads: Path = Path("resources/downloads")
    keep_archives: bool = False


def retrieve(name: str, dataset: Dataset, places: Places, verified: Path) -> None:
    """Write, link or download the data set beside `verified`, then write what was found to it.

    Args:
        name: key of the data set in the configuration.
        dataset: its configuration.
        places: where to read from and write to.
        verified: `<folder>/.verified.json`, written last: its presence means whole and checked.

    Raises:
        DatasetError: the folder or the archives are not what the configuration says.
        FetchError: no source gave a file.
    """
    if isinstance(dataset, RegisteredDataset):
        entry = availability.page(name, dataset)
        _replace(verified, lambda staged: _registered(name, dataset, entry, places, staged))
        # Not before everything is in place: an error in between must not cost a download.
        if not places.keep_archives:
            shutil.rmtree(places.downloads / name, ignore_errors=True)
    elif isinstance(dataset, EmbeddedDataset):
        _replace(verified, lambda staged: _embedded(name, dataset, staged))
    else:
        _replace(verified, lambda staged: _folder(name, dataset, Path(places.root or ""), staged))


def prepare(name: str, dataset: RegisteredDataset, source: Path, verified: Path) -> None:
    """Convert a retrieved data set to what its reader reads, beside `verified`.

    Args:
        name: key of the data set in the configuration.
        dataset: its configuration; the registry's page must have a conversion.
        source: the retrieved data set, in its official layout or already converted.
        verified: `<folder>/.verified.json` of the converted tree, written last.
    """
    entry = availability.page(name, dataset)
    facts = json.loads((source / ".verified.json").read_text())

    def fill(staged: Path) -> dict[str, Any]:
        done = {}
        if facts["converted"]:
            for member in sorted(path for path in source.iterdir() if path.name[0] != "."):
                convert.link(member, staged / member.name)
        else:
            done = convert.convert(entry, source, staged, _classes(entry, dataset))
        return facts | {"conversion": done} | _counted(name, dataset, entry, staged)

    _replace(verified, fill)


def _replace(verified: Path, fill: Callable[[Path], dict[str, Any]]) -> None:
    """Fill a folder under another name, put it in place, and write the facts last."""
    folder = verified.parent
    staged = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    facts = fill(staged)
    if folder.exists():
        shutil.rmtree(folder)
    os.replace(staged, folder)
    write_json(verified, facts)


def _registered(
    name: str, dataset: RegisteredDataset, entry: Entry, places: Places, staged: Path
) -> dict[str, Any]:
    layout = entry.layouts[0]
    if dataset.source == "standin":
        standins.write(entry, staged)
    elif places.root is not None:
        found = own_copy.recognise(entry, Path(places.root), f"data_root.{name}")
        own_copy.link(found, staged)
        layout = found.layout
        logger.info("%s: %s, found in %s", name, layout.title, places.root)
        for canonical, real in found.renamed.items():
            logger.info("%s: %s is called %s there", name, canonical, real)
    else:
        layout = _download(name, entry, places, staged)
    own = places.root if dataset.source == "official" else None
    facts = {
        "dataset": name,
        "title": entry.title,
        "source": availability.source_of(dataset, places.root),
        "layout": layout.name,
        "converted": layout.converted,
        "licence": entry.licence.name,
    }
    if entry.conversion is None:
        facts |= _counted(name, dataset, entry, staged)
    if own:
        _check_samples(name, places, staged)
    return facts


def _download(name: str, entry: Entry, places: Places, staged: Path) -> Layout:
    """Fetch and unpack every archive; return the layout that came out."""
    if not entry.files:
        raise DatasetError(f"{name} has no files to download.\n{availability.steps(entry)}")
    lock, folder = Lock(places.lock), places.downloads / name
    extracted = [None] * len(entry.files)
    if entry.extracted_size is not None:
        extracted = [entry.extracted_size] + [0] * (len(entry.files) - 1)
    needed = zip(entry.files, extracted, strict=True)
    total = sum(bytes_needed(file, folder, size) for file, size in needed)
    require_space(folder, total, f"{name}: downloading and unpacking")
    archives = [fetch(name, file, folder, lock, places.mirrors) for file in entry.files]
    unpacked = staged / ".unpacked"
    for file, archive in zip(entry.files, archives, strict=True):
        _unpack(archive, file, unpacked / file.into)
    found = own_copy.recognise(entry, unpacked, f"the archives of {name}")
    own_copy.move(found, staged)
    shutil.rmtree(unpacked)
    return found.layout


def _unpack(archive: Path, file: File, into: Path) -> None:
    if file.archive == "none":
        into.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(archive, into / file.name)
    else:
        limit = max(archive.stat().st_size * MOST_EXPANSION, 10**9)
        extract(archive, file.archive, into, max_bytes=limit, max_files=MOST_FILES)


def _classes(entry: Entry, dataset: RegisteredDataset) -> list[str] | None:
    return entry.class_list(standin=dataset.source == "standin")


def _frames(entry: Entry, dataset: RegisteredDataset, folder: Path) -> Any:
    classes, standin = _classes(entry, dataset), dataset.source == "standin"
    return readers.chunks(entry, folder, classes, dataset.domains or None, standin=standin)


def _counted(name: str, dataset: RegisteredDataset, entry: Entry, folder: Path) -> dict[str, Any]:
    """Count what the reader finds, and compare with the registry's releases."""
    standin = dataset.source == "standin"
    census = verify.take(_frames(entry, dataset, folder), contents=standin)
    found = census.domains if entry.count_by == "domain" else census.splits
    expected = {} if standin else entry.releases[0].images
    if entry.count_by == "domain" and dataset.domains:
        expected = {key: n for key, n in expected.items() if key in dataset.domains}
    return {
        "release": "stand-in" if standin else verify.release_of(found, entry.releases),
        "images": census.images,
        "classes": len(census.classes),
        "per_domain": census.domains,
        "per_split": census.splits,
        "per_class": census.classes,
        "fingerprint": census.fingerprint(),
        "drift": verify.drift(name, found, expected),
        "known_drift": entry.drift,
        "left_out": census.left_out,
    }


def _check_samples(name: str, places: Places, folder: Path) -> None:
    """Compare sampled contents of a user's copy with those of the first time, or record them."""
    lock = Lock(places.lock)
    seen, known = own_copy.sample(folder), lock.expected_samples(name)
    if known:
        own_copy.compare(name, seen, known, places.lock)
    else:
        lock.record_samples(name, seen)


def _embedded(name: str, dataset: EmbeddedDataset, staged: Path) -> dict[str, Any]:
    write_tree(dataset, staged)
    return _plain(name, dataset, dataset.tree, staged)


def _folder(name: str, dataset: FolderDataset, root: Path, staged: Path) -> dict[str, Any]:
    for domain in dataset.domains:
        source = root / domain
        if not source.is_dir():
            raise DatasetError(f"data_root.{name}: {source} is not a folder")
        (staged / domain).symlink_to(source.resolve(), target_is_directory=True)
    return _plain(name, dataset, dataset.domains, staged)


def _plain(
    name: str, dataset: EmbeddedDataset | FolderDataset, domains: list[str], folder: Path
) -> dict[str, Any]:
    """Count a data set that the registry does not know."""
    census = verify.take([scan(folder, domains)], contents=isinstance(dataset, EmbeddedDataset))
    licences = ", ".join(f"{key} ({n})" for key, n in ranked(census.licences))
    return {
        "dataset": name,
        "source": dataset.source,
        "images": census.images,
        "classes": len(census.classes),
        "per_domain": {domain: census.domains.get(domain, 0) for domain in domains},
        "fingerprint": census.fingerprint(),
        "drift": verify.drift(name, census.domains, dataset.images),
        "licence": licences or "as the data set's owner states",
    }


def ranked(counts: dict[str, int]) -> list[tuple[str, int]]:
    """Return the pairs of a count, largest first."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
