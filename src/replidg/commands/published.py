"""`replidg published PAPER`: the published numbers, their errata and how they agree."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from replidg.artefacts import PAPERS
from replidg.config.names import nearest

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = [
    "artefact", "dataset", "domain", "method", "setting", "metric", "x", "value", "stderr", "n",
    "quality", "note",
]  # fmt: skip


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "published",
        help="show the numbers that a paper publishes",
        description="Show a paper's published numbers, which the verdicts compare with.",
    )
    parser.add_argument("paper", metavar="PAPER", help=", ".join(PAPERS))
    parser.add_argument(
        "--artefact", metavar="NAME", help="only this table or figure, e.g. table1a"
    )
    parser.add_argument(
        "--format", choices=["table", "csv", "md"], default="table",
        help="table (default), csv with every column, or Markdown",
    )  # fmt: skip
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--errata", action="store_true", help="the paper's errors instead")
    what.add_argument(
        "--check", action="store_true",
        help="recompute sums and means instead; ends with 1 if one fails that is no known error",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for."""
    from replidg.published import PublishedError, errata, load

    try:
        table = load(arguments.paper)
        if arguments.errata:
            return _errata(errata(arguments.paper))
        if arguments.check:
            return _check(arguments.paper)
        if table.empty:
            print(f"replidg: {table.attrs['note']}", file=sys.stderr)
        else:
            table = _pick(table, arguments.paper, arguments.artefact)
    except PublishedError as error:
        print(f"replidg: {error}", file=sys.stderr)
        return 2
    if arguments.format == "csv":
        table.to_csv(sys.stdout, index=False, lineterminator="\n")
    elif not table.empty:
        print(_text(table[_SHOWN], arguments.format))
    return 0


def _pick(table: pd.DataFrame, paper: str, artefact: str | None) -> pd.DataFrame:
    from replidg.published import PublishedError

    if artefact is None:
        return table
    known = list(table["artefact"].unique())
    name = artefact.removeprefix(f"{paper}_")
    if name not in known:
        raise PublishedError(
            f"{paper} has no published numbers of {artefact!r}; {nearest(name, known)}"
        )
    return table[table["artefact"] == name]


def _text(table: pd.DataFrame, form: str) -> str:
    """Lay a table out, without columns that are empty."""
    cells = table.astype(object).where(table.notna(), "")
    cells = cells.map(lambda value: f"{value:.10g}" if isinstance(value, float) else str(value))
    cells = cells.loc[:, (cells != "").any()]
    rows = [list(cells.columns), *cells.to_numpy().tolist()]
    if form == "md":
        rows.insert(1, ["---"] * len(rows[0]))
        return "\n".join(
            "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows
        )
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _errata(found: tuple) -> int:
    for erratum in found:
        print(f"{erratum.name} ({erratum.where})\n  {erratum.what}\n  -> {erratum.treatment}\n")
    if not found:
        print("no error is known")
    return 0


def _check(paper: str) -> int:
    from replidg.published.consistency import check, unexplained

    made = check(paper)
    new = unexplained(paper, made)
    failed = made[~made["ok"]]
    for row in failed.itertuples():
        word = "FAILS" if row.name in new else "known error"
        print(f"{word}: {row.name}: printed {row.printed:g}, recomputed {row.recomputed:g}")
    print(f"{len(made)} checks, {len(failed)} fail, {len(new)} of them without a known error")
    return 1 if new else 0
