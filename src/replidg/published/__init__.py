"""Every number of the five papers that could be read, in one tidy and checked form.

One csv a paper, one number a line. `artefact`, `dataset`, `domain`, `method`, `setting`, `metric`
and `x` are those of our tidy metrics, so that a join needs no guessing; `keys.yaml` says what the
paper prints instead. `dataset` and `domain` say what was evaluated on. `n` is the number of runs
behind a value and its `stderr` (not of images), and empty where the paper does not say.
`errata.yaml` holds the papers' own errors, `tolerances.yaml` how far a replication may be off and
why, `replidg.published.consistency` recomputes what can be.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from replidg.artefacts import PAPERS
from replidg.config.names import nearest
from replidg.published.errata import Erratum, read_errata
from replidg.published.schema import (
    COLUMNS,
    KEYS,
    METRICS,
    QUALITIES,
    Names,
    PublishedError,
    read_rows,
)
from replidg.published.tolerances import add_tolerances

__all__ = [
    "COLUMNS", "KEYS", "METRICS", "QUALITIES", "Erratum", "PublishedError", "add_tolerances",
    "errata", "load", "names", "why_empty",
]  # fmt: skip

FOLDER = Path(__file__).parent
_EMPTY = (
    "no published table of {paper} was reachable when this was written, so there is none here. "
    "To add one: write its lines into src/replidg/published/{paper}.csv (another paper's csv shows "
    "the form; `source` must say where the number stands), the paper's names into keys.yaml beside "
    "it, and a tolerance into tolerances.yaml; `./replidg published {paper}` checks them."
)


def load(paper: str, folder: Path = FOLDER) -> pd.DataFrame:
    """Return the published numbers of one paper.

    Args:
        paper: its key in `replidg.artefacts.PAPERS`.
        folder: where the csv and `keys.yaml` are.

    Returns:
        `paper` and `COLUMNS`; `value`, `stderr` and `x` are floats, `n` is a nullable integer, the
        rest text. Without a reachable number the frame is empty and `attrs["note"]` says why.

    Raises:
        PublishedError: there is no such paper, or the file is wrong; the message names file and
            line.
    """
    _check(paper)
    path = folder / f"{paper}.csv"
    if not path.exists():
        raise PublishedError(f"{path} is missing")
    frame = pd.DataFrame(read_rows(path, names(paper, folder)), columns=list(COLUMNS), dtype=str)
    for column in ("value", "stderr", "x"):
        frame[column] = pd.to_numeric(frame[column].replace("", None)).astype("float64")
    frame["n"] = pd.to_numeric(frame["n"].replace("", None)).astype("Int64")
    frame.insert(0, "paper", paper)
    if frame.empty:
        frame.attrs["note"] = _EMPTY.format(paper=paper)
    return frame


def why_empty(paper: str) -> str | None:
    """Return why a paper has no published numbers here and how to add one, or None if it has."""
    return load(paper).attrs.get("note")


def errata(paper: str | None = None) -> tuple[Erratum, ...]:
    """Return the known errors of one paper, or of all."""
    if paper is not None:
        _check(paper)
    found = _all_errata()
    return tuple(erratum for erratum in found if paper in (None, erratum.paper))


def names(paper: str, folder: Path = FOLDER) -> Names:
    """Return the data sets, domains and methods that `keys.yaml` lists for a paper."""
    tables = _keys(folder).get(paper) or {}
    datasets, domains = set(), {}
    for key in (tables.get("dataset") or {}).values():
        dataset, *domain = [key] if isinstance(key, str) else key
        datasets.add(dataset)
        domains.setdefault(dataset, set()).update(domain)
    for dataset, printed in (tables.get("domain") or {}).items():
        domains.setdefault(dataset, set()).update(printed.values())
    return Names(
        frozenset(datasets),
        {dataset: frozenset(found) for dataset, found in domains.items()},
        frozenset((tables.get("method") or {}).values()),
    )


@cache
def _keys(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "keys.yaml").read_text(encoding="utf-8"))


@cache
def _all_errata() -> tuple[Erratum, ...]:
    return read_errata(FOLDER / "errata.yaml")


def _check(paper: str) -> None:
    if paper not in PAPERS:
        raise PublishedError(f"no paper {paper!r}; {nearest(paper, PAPERS)}")
