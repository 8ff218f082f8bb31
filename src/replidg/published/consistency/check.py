"""One check, and how numbers are picked out of a table."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

#: Half a unit of the last digit, when one digit after the point is printed.
HALF = 0.05


class Check(NamedTuple):
    """One printed number and what the others give for it."""

    name: str
    printed: float
    recomputed: float
    allowed: float

    @property
    def ok(self) -> bool:
        """Whether rounding explains the difference."""
        return abs(self.printed - self.recomputed) <= self.allowed + 1e-9


def rows(table: pd.DataFrame, **where: object) -> pd.DataFrame:
    """Return the rows whose columns equal `where`; a list stands for any of its values."""
    for column, value in where.items():
        wanted = value if isinstance(value, list | tuple | set) else [value]
        table = table[table[column].isin(wanted)]
    return table


def one(table: pd.DataFrame, **where: object) -> float:
    """Return the one value that `where` names.

    Raises:
        LookupError: there is none, or there are several.
    """
    found = rows(table, **where)["value"]
    if len(found) != 1:
        raise LookupError(f"{len(found)} values for {where}")
    return float(found.iloc[0])
