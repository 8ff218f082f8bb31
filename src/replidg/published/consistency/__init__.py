"""Do a paper's numbers agree with each other?

A check recomputes one printed number from others. What may differ is what rounding of the printed
numbers explains, or the stated reading error of a figure; what fails is an error of the paper (or
of our reading) and stands in `errata.yaml` by the check's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

import pandas as pd

from replidg.published import errata, load
from replidg.published.consistency import alignment, forgotten, vltseg
from replidg.published.consistency.check import Check

#: Papers that have numbers.
CHECKS: dict[str, Callable[[pd.DataFrame], Iterator[Check]]] = {
    "alignment": alignment.checks,
    "forgotten": forgotten.checks,
    "vltseg": vltseg.checks,
}


def check(paper: str, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return every check of a paper: `name`, `printed`, `recomputed`, `allowed`, `ok`.

    Args:
        paper: its key.
        table: the numbers, those of `load` if not given.

    Raises:
        ValueError: two checks share a name.
    """
    made = list(CHECKS[paper](load(paper) if table is None else table)) if paper in CHECKS else []
    frame = pd.DataFrame(
        [(*c, c.ok) for c in made], columns=["name", "printed", "recomputed", "allowed", "ok"]
    )
    if frame["name"].duplicated().any():
        raise ValueError(f"two checks are called {frame.loc[frame['name'].duplicated(), 'name']}")
    return frame


def unexplained(paper: str, checks: pd.DataFrame) -> list[str]:
    """Return the names of failed checks that no erratum explains."""
    known = [pattern for erratum in errata(paper) for pattern in erratum.fails]
    failed = checks.loc[~checks["ok"], "name"]
    return [name for name in failed if not any(fnmatchcase(name, pattern) for pattern in known)]
