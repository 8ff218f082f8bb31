"""Tables of the page: Markdown or csv in, cells that a template can set out."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

_NUMBER = re.compile(
    r"[+\-\u2212]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*%?"
    r"(?:\s*(?:\u00b1|\+/-)\s*\d+(?:\.\d+)?\s*%?)?"
)
_MISSING = frozenset({"", "-", "\u2013", "\u2014", "nan", "none", "null", "n/a", "na", "<na>"})
_MEANS = frozenset({"average", "avg", "avg.", "mean", "total", "all"})
#: Words of a verdict and the tone in which the page sets them.
_TONES = {
    "reproduced": "good",
    "holds": "good",
    "deviates": "bad",
    "does not hold": "bad",
    "not comparable": "mute",
    "not run": "mute",
    "no published value": "mute",
}


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: What is shown.
        full: The value with all its digits, where `text` was rounded.
        spread: What stands after a plus-minus sign.
        best: Whether it is set in bold.
        tone: `missing`, or `good`, `bad` and `mute` for a verdict.
    """

    text: str
    full: str = ""
    spread: str = ""
    best: bool = False
    tone: str = ""


@dataclass(frozen=True)
class Column:
    """Heading of a column; whether it holds numbers, sums up the others, and has spreads."""

    name: str
    numeric: bool
    mean: bool
    spread: bool


@dataclass(frozen=True)
class Grid:
    """A table ready to be set out.

    Attributes:
        columns: One heading a column.
        rows: Cells, as many in each row as there are columns.
        means: For each row, whether it sums up the others.
        headed: Whether the first column names its row.
    """

    columns: list[Column]
    rows: list[list[Cell]]
    means: list[bool]
    headed: bool


def _make_grid(names: list[str], numeric: list[bool], columns: list[list[Cell]]) -> Grid:
    rows = [list(row) for row in zip(*columns, strict=True)]
    headed = bool(numeric) and not numeric[0]
    heads = [
        Column(name, is_number, name.lower() in _MEANS, any(cell.spread for cell in cells))
        for name, is_number, cells in zip(names, numeric, columns, strict=True)
    ]
    means = [headed and row[0].text.lower() in _MEANS for row in rows]
    return Grid(heads, rows, means, headed)


def read_csv_grid(data: bytes) -> Grid:
    """Read csv; ragged rows are filled up, and a column `x_sd` becomes the spread of `x`.

    Args:
        data: A csv file with one heading line.
    """
    text = data.decode("utf-8-sig", errors="replace")
    lines = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    width = max((len(row) for row in lines), default=0)
    head, *body = [row + [""] * (width - len(row)) for row in lines] or [[]]
    names = [name.strip() for name in head]
    values = dict(enumerate(zip(*body, strict=True))) if body else {}
    names_at = {name: place for place, name in enumerate(names)}
    spreads = {names_at[n.removesuffix("_sd")]: p for n, p in names_at.items() if _is_sd(n, names)}
    kept = [place for place in range(width) if place not in spreads.values()]
    columns = []
    for place in kept:
        spread = values.get(spreads.get(place, -1), ())
        columns.append(_column_cells(values.get(place, ()), spread))
    numeric = [_is_numeric(values.get(place, ())) for place in kept]
    return _make_grid([names[place] for place in kept], numeric, columns)


def _is_sd(name: str, names: list[str]) -> bool:
    return name.endswith("_sd") and name.removesuffix("_sd") in names


def read_markdown_grid(data: bytes) -> Grid | None:
    """Read the first table of a Markdown file, or return None if there is none.

    Args:
        data: Markdown with a pipe table: bold cells stay bold, right-aligned columns are numbers.
    """
    lines = data.decode("utf-8-sig", errors="replace").splitlines()
    lines = [_split_pipes(line) for line in lines if line.strip().startswith("|")]
    if len(lines) < 2 or not all(re.fullmatch(r":?-+:?", cell) for cell in lines[1]):
        return None
    head, marks, *body = lines
    if any(len(row) != len(head) for row in [marks, *body]):
        return None
    columns = [[_markdown_cell(row[place]) for row in body] for place in range(len(head))]
    return _make_grid(
        [_markdown_cell(name).text for name in head],
        [mark.endswith(":") and not mark.startswith(":") for mark in marks],
        columns,
    )


def _split_pipes(line: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
    return [cell.strip().replace("\\|", "|") for cell in cells]


def _markdown_cell(text: str) -> Cell:
    bare = text.removeprefix("**").removesuffix("**") if re.fullmatch(r"\*\*.+\*\*", text) else text
    if _NUMBER.fullmatch(bare):
        number, _, spread = bare.partition("\u00b1")
        return Cell(number.strip(), spread=spread.strip(), best=bare != text)
    return _word_cell(bare)


def _is_missing(value: str) -> bool:
    return value.strip().lower() in _MISSING


def _is_numeric(values: tuple[str, ...]) -> bool:
    present = [value.strip() for value in values if not _is_missing(value)]
    return bool(present) and all(_NUMBER.fullmatch(value) for value in present)


def _word_cell(value: str) -> Cell:
    if _is_missing(value):
        return Cell("\u2013", tone="missing")
    return Cell(value.strip(), tone=_TONES.get(value.strip().lower(), ""))


def _column_cells(values: tuple[str, ...], spreads: tuple[str, ...]) -> list[Cell]:
    """Show numbers as written, unless a column carries more digits than anyone reads."""
    if not _is_numeric(values):
        return [_word_cell(value) for value in values]
    plain = {value: number for value in values if (number := _as_float(value)) is not None}
    digits = max((_decimals(value) for value in plain), default=0)
    places = None
    if digits > 4:
        largest = max(abs(number) for number in plain.values())
        places = min(6, max(1, 2 - math.floor(math.log10(largest)))) if largest else 1
    return [
        _number_cell(value, spread, plain.get(value), places)
        for value, spread in zip_longest(values, spreads, fillvalue="")
    ]


def _number_cell(value: str, spread: str, number: float | None, places: int | None) -> Cell:
    if _is_missing(value):
        return Cell("\u2013", tone="missing")
    around = None if _is_missing(spread) else _as_float(spread)
    around_text = "" if around is None else f"{around:.{places}f}" if places else spread.strip()
    if number is None or places is None:
        return Cell(value.strip(), spread=around_text)
    return Cell(f"{number:.{places}f}", full=value.strip(), spread=around_text)


def _as_float(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _decimals(value: str) -> int:
    """Return how many digits stand after the point, a written exponent counting as many."""
    mantissa, _, exponent = value.strip().lower().partition("e")
    return len(mantissa.partition(".")[2]) + (9 if exponent else 0)


def words_for(value: Any) -> str:
    """Return any JSON value in words: lists with commas, dicts as `key: value` pairs."""
    if isinstance(value, dict):
        return "; ".join(f"{key}: {words_for(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(words_for(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value)
