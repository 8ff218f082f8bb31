"""Where each data set is, and what a user has to do to get what is missing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replidg.config.inputs import Dataset, RegisteredDataset
from replidg.data import registry
from replidg.data.errors import DatasetError
from replidg.data.own_copy import recognise

DATASETS = Path("resources/datasets")
PREPARED = Path("resources/prepared")


@dataclass(frozen=True)
class Availability:
    """State of one data set.

    Attributes:
        state: one of `STATES`.
        where: the folder it is in or comes from; "" where there is none.
        images: counted images; None before they were counted.
        detail: what the counts or the folder lack, in words.
    """

    state: str
    where: str
    images: int | None = None
    detail: str = ""


#: What `./replidg datasets` may say of a data set.
STATES = {
    "verified": "retrieved, every count is as expected",
    "wrong count": "retrieved, counts differ from the expected release",
    "own folder": "data_root names a folder of a known layout; not counted yet",
    "unusable": "data_root names a folder of no known layout",
    "download": "not here yet; a run downloads it",
    "stand-in": "not here yet; a run writes a miniature of embedded pictures",
    "missing": "needs a log-in or a request by you",
}


def facts_path(name: str, dataset: Dataset, base: Path = Path()) -> Path:
    """Return the `.verified.json` of a data set as the other stages read it."""
    converted = isinstance(dataset, RegisteredDataset) and page(name, dataset).conversion
    return base / (PREPARED if converted else DATASETS) / name / ".verified.json"


def page(name: str, dataset: RegisteredDataset) -> registry.Entry:
    """Return the registry's page of a configured data set."""
    return registry.load(dataset.registry or name)


def state(
    name: str, dataset: Dataset, root: str | None, mirrors: list[str], base: Path = Path()
) -> Availability:
    """Return the state of a data set without counting anything.

    Args:
        name: its key in the configuration.
        dataset: its configuration.
        root: the user's folder, if `data_root` names one.
        mirrors: folders or addresses where the user has the archives.
        base: the working directory.
    """
    facts = facts_path(name, dataset, base)
    retrieved = json.loads(facts.read_text()) if facts.is_file() else {}
    # What another configuration left, a stand-in say, is made anew.
    if retrieved.get("source") == source_of(dataset, root):
        return _retrieved(facts.parent, retrieved)
    if dataset.source in ("embedded", "standin"):
        return Availability("stand-in", "")
    if not isinstance(dataset, RegisteredDataset):
        return Availability("own folder", root or "")
    entry = page(name, dataset)
    if root is not None:
        try:
            found = recognise(entry, base / root, f"data_root.{name}")
        except DatasetError as error:
            return Availability("unusable", root, detail=str(error))
        return Availability("own folder", root, detail=found.layout.title)
    if mirrors or entry.access in ("open", "embedded"):
        return Availability("download", mirrors[0] if mirrors else entry.homepage)
    return Availability("missing", "")


def source_of(dataset: Dataset, root: str | None) -> str:
    """Return where a data set comes from, as `.verified.json` records it."""
    if isinstance(dataset, RegisteredDataset) and dataset.source == "official" and root is not None:
        return f"linked from {root}"
    return dataset.source


def _retrieved(folder: Path, facts: dict[str, Any]) -> Availability:
    drift = facts["drift"]
    told = "; ".join(f"{k}: {v['found']} of {v['expected']}" for k, v in drift.items())
    return Availability("wrong count" if drift else "verified", str(folder), facts["images"], told)


def problem(
    name: str, dataset: Dataset, root: str | None, mirrors: list[str], base: Path = Path()
) -> str | None:
    """Return why a data set cannot be retrieved, with the steps to get it; None where it can."""
    found = state(name, dataset, root, mirrors, base)
    if found.state == "unusable":
        return found.detail
    if found.state != "missing" or not isinstance(dataset, RegisteredDataset):
        return None
    entry = page(name, dataset)
    return (
        f"{entry.title} is not here and cannot be downloaded without you.\n{steps(entry)}\n"
        f"Every set that is missing: ./replidg datasets --for {entry.papers[0]}, with your "
        "--configfile"
    )


def steps(entry: registry.Entry) -> str:
    """Return the numbered steps to get a data set."""
    lines = [f"  {number}. {step}" for number, step in enumerate(entry.steps, 1)]
    terms = entry.licence.name + (f" ({entry.licence.url})" if entry.licence.url else "")
    return "\n".join([f"To get it ({entry.homepage}; terms: {terms}):", *lines])
