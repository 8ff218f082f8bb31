"""The budget's rows as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table

from replidg.budget.tables import Budget, Row
from replidg.data.fetch.amounts import in_words


def hours(row: Row | None) -> str:
    """Return an interval of hours for people."""
    if row is None or row.high is None:
        return ""
    low, high = f"{_short(row.low or 0)}", f"{_short(row.high)}"
    return low if low == high else f"{low} to {high}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def size(low: float, high: float) -> str:
    """Return an interval of bytes for people."""
    ends = in_words(low), in_words(high)
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def tables(
    budget: Budget, models: Sequence[str], numbers: Sequence[int]
) -> Iterator[tuple[str, Table]]:
    """Yield titles and tables.

    Args:
        budget: to be shown.
        models: GPU models, the first of which the table by rule shows.
        numbers: of GPUs.
    """
    yield f"Jobs by rule, on {models[0]}", _by_rule(budget.rows, models[0])
    yield "GPU-hours by paper", _by_paper(budget.rows, models)
    yield "Wall time, hours", _wall(budget.rows, models, numbers)
    yield "Disk and downloads", _bytes(budget.rows)
    left = [row for row in budget.rows if row.section == "not estimated"]
    if left:
        table = _plain("GPU jobs that are not estimated", "time limits, hours")
        for row in left:
            table.add_row(row.item, "" if row.high is None else _short(row.high))
        yield "Not in the hours above", table
    if budget.missing:
        table = _plain("what", "access", "how to get it")
        for each in budget.missing:
            gated = each.access != "manual" or "." not in each.name
            how = f"./replidg datasets --for {each.name}, with your --configfile"
            table.add_row(each.name, each.access, how if gated else " ".join(each.steps.split()))
        yield "You have to get by hand (counted as if they were there; a run stops for them)", table


def _plain(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading)
    return table


def _find(rows: Iterable[Row], **wanted: str) -> Row | None:
    for row in rows:
        if all(getattr(row, key) == value for key, value in wanted.items()):
            return row
    return None


def _by_rule(rows: Sequence[Row], gpu: str) -> Table:
    table = _plain("rule", "jobs", "GPU-hours", "CPU-hours")
    own = [row for row in rows if row.section in ("rule", "total") and row.gpu in ("", gpu)]
    found = [row for row in own if row.quantity == "jobs"]
    timed: dict[str, list[Row | None]] = {
        row.item: [
            _find(own, item=row.item, quantity=name, section=row.section)
            for name in ("GPU-hours", "CPU-hours")
        ]
        for row in found
    }
    few = [row for row in found if row.section == "rule" and not any(timed[row.item])]
    for row in found:
        if any(timed[row.item]) and row.section == "rule":
            table.add_row(row.item, f"{row.high:,.0f}", *map(hours, timed[row.item]))
    if few:
        jobs = sum(row.high or 0 for row in few)
        table.add_row(f"{len(few)} other rules", f"{jobs:,.0f}", "not estimated", "not estimated")
    for row in found:
        if row.section == "total":
            table.add_row(row.item, f"{row.high:,.0f}", *map(hours, timed[row.item]))
    return table


def _by_paper(rows: Sequence[Row], models: Sequence[str]) -> Table:
    table = _plain("paper", "jobs", *models)
    for row in rows:
        if row.section in ("paper", "total") and row.quantity == "jobs":
            cells = [
                _find(rows, section=row.section, item=row.item, quantity="GPU-hours", gpu=gpu)
                for gpu in models
            ]
            table.add_row(row.item, f"{row.high:,.0f}", *map(hours, cells))
    return table


def _wall(rows: Sequence[Row], models: Sequence[str], numbers: Sequence[int]) -> Table:
    headings = [f"{n} GPU{'s' * (n > 1)}" for n in numbers]
    table = _plain("GPU", *headings, "longest chain of jobs")
    for gpu in models:
        own = [row for row in rows if row.section == "wall time" and row.gpu == gpu]
        cells = [_find(own, quantity="wall time", gpus=str(number)) for number in numbers]
        cells.append(_find(own, quantity="critical path"))
        table.add_row(gpu, *map(hours, cells))
    return table


def _bytes(rows: Sequence[Row]) -> Table:
    table = _plain("", "kind", "size", "sizes that nobody knows")
    for section in ("download", "disk"):
        own = [row for row in rows if row.section == section]
        for kind in dict.fromkeys(row.quantity for row in own):
            these = [row for row in own if row.quantity == kind]
            known = [row for row in these if row.high is not None]
            lacking = [row.item for row in these if row.high is None]
            low = sum(row.low or 0 for row in known)
            high = sum(row.high or 0 for row in known)
            words = size(low, high) if known else ""
            table.add_row(section, kind, words, " ".join(lacking))
    if not any(row.section in ("download", "disk") for row in rows):
        table.add_row("", "nothing is added", "", "")
    return table
