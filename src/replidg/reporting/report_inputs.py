"""The report's inputs, sorted: files of artefacts, captions, verdicts, the date."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from replidg.artefacts import ARTEFACTS, SUFFIXES, target
from replidg.metrics.verdict_files import read_verdicts
from replidg.reporting.report import Absent, Entry
from replidg.reporting.report_captions import fill_caption


def as_paths(paths: str | Path | Iterable[str | Path]) -> list[Path]:
    """Return paths as a list; Snakemake hands over a single file as a string."""
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


def gather_entries(artefacts: Iterable[str | Path], captions: Mapping[str, str]) -> list[Entry]:
    """Sort files to the artefacts they belong to, in the order of the listing.

    Args:
        artefacts: Files of figures and tables.
        captions: Captions by target.

    Raises:
        ValueError: If a file belongs to no artefact of the listing.
    """
    found: dict[tuple[str, str, str], dict[str, bytes]] = {}
    for path in as_paths(artefacts):
        kind = path.parent.name.removesuffix("s")
        key = (path.parent.parent.name, kind, path.stem)
        found.setdefault(key, {})[path.suffix.removeprefix(".")] = path.read_bytes()
    entries = []
    for artefact in ARTEFACTS:
        files = found.pop((artefact.paper, artefact.kind, artefact.name), None)
        if files is not None:
            known = {suffix: files[suffix] for suffix in sorted(files) if suffix in _suffixes()}
            entries.append(Entry(artefact, captions.get(target(artefact), ""), known))
    if found:
        names = ", ".join("/".join(key) for key in sorted(found))
        raise ValueError(f"files of no artefact in replidg.artefacts: {names}")
    return entries


def read_caption(path: Path, config: Mapping[str, Any]) -> str:
    """Return a caption with the config filled in; a problem names the file."""
    try:
        return fill_caption(path.read_text(encoding="utf-8"), config)
    except Exception as problem:
        problem.add_note(f"in the caption {path.name}")
        raise


def random_models(config: Mapping[str, Any], folder: Path = Path("results/models")) -> list[str]:
    """Return the configured models whose weights are random in the place of a checkpoint."""
    found = []
    for name in config.get("models", {}):
        path = folder / name / "model.json"
        if path.exists() and json.loads(path.read_text()).get("random_weights"):
            found.append(name)
    return found


def today() -> str:
    """Return the date in words, of `SOURCE_DATE_EPOCH` where that is set."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return f"{now.day} {now:%B %Y, %H:%M} UTC"


def gather_verdicts(paths: str | Path | Iterable[str | Path]) -> pd.DataFrame | None:
    """Return the verdicts of all papers, or None if no paper has any."""
    tables = [read_verdicts(path) for path in as_paths(paths)]
    return pd.concat(tables, ignore_index=True) if tables else None


def gather_absent(lacks: Mapping[str, Iterable[str]]) -> list[Absent]:
    """Return the artefacts that were not run, in the order of the listing.

    Args:
        lacks: by target, what an artefact needs that the configuration lacks.
    """
    return [Absent(a, tuple(lacks[target(a)])) for a in ARTEFACTS if target(a) in lacks]


def _suffixes() -> set[str]:
    return {suffix for suffixes in SUFFIXES.values() for suffix in suffixes}
