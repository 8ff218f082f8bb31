"""`replidg verdicts`: how many published numbers are reproduced, and did that get worse?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from replidg.artefacts import PAPERS
from replidg.config.names import nearest

if TYPE_CHECKING:
    import pandas as pd

BASELINE = Path("verdicts-baseline.csv")
_LISTED = 20


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "verdicts",
        help="count reproduced and deviating numbers of the results",
        description=(
            "Summarise results/*/verdicts.csv. With --strict, end with 1 if a number that the "
            "baseline calls reproduced no longer is."
        ),
    )
    parser.add_argument("paper", metavar="PAPER", nargs="?", help="only this one; all by default")
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder of the results"
    )
    parser.add_argument(
        "--baseline", metavar="FILE", type=Path, default=BASELINE,
        help=f"what to compare with or to write (default: {BASELINE})",
    )  # fmt: skip
    parser.add_argument("--strict", action="store_true", help="fail if something got worse")
    parser.add_argument("--write-baseline", action="store_true", help="keep these as the baseline")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the summary, then compare with the baseline or write it."""
    from replidg.metrics.verdict_files import read_verdicts, regressions, write_verdicts

    if arguments.paper is not None and arguments.paper not in PAPERS:
        return _fail(f"no paper {arguments.paper!r}; {nearest(arguments.paper, PAPERS)}")
    pattern = f"{arguments.paper or '*'}/verdicts.csv"
    files = sorted(arguments.results.glob(pattern))
    if not files:
        return _fail(f"no {arguments.results}/{pattern}; a run writes it (./replidg -n shows what)")
    try:
        tables = [read_verdicts(path) for path in files]
        was = None
        if arguments.strict:
            if not arguments.baseline.exists():
                return _fail(f"no baseline {arguments.baseline}; --write-baseline makes one")
            was = read_verdicts(arguments.baseline)
    except ValueError as error:
        return _fail(str(error))
    import pandas as pd

    now = pd.concat(tables, ignore_index=True)
    print(summary(now))
    status = 0
    if was is not None:
        if arguments.paper:
            was = was[was["paper"] == arguments.paper]
        status = _report(regressions(now, was))
    if arguments.write_baseline:
        if status:
            return _fail("the baseline is left as it is, since something got worse")
        write_verdicts(now, arguments.baseline)
        print(f"wrote {arguments.baseline}")
    return status


def summary(verdicts: pd.DataFrame) -> str:
    """Return counts by paper, artefact and verdict as text, with a line of totals."""
    import pandas as pd

    from replidg.metrics.verdicts import VERDICTS

    names = verdicts["paper"] + "_" + verdicts["artefact"]
    counts = pd.crosstab(names, verdicts["verdict"]).reindex(columns=list(VERDICTS), fill_value=0)
    counts = counts.loc[list(dict.fromkeys(names))]
    rows = [["", *VERDICTS], *([str(name), *map(str, row)] for name, row in counts.T.items())]
    rows.append(["total", *map(str, counts.sum())])
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for name, *cells in rows:
        right = [f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("  ".join([f"{name:<{widths[0]}}", *right]).rstrip())
    return "\n".join(lines)


def _report(worse: pd.DataFrame) -> int:
    if worse.empty:
        print("nothing that the baseline calls reproduced got worse")
        return 0
    print(f"{len(worse)} numbers were reproduced and no longer are:", file=sys.stderr)
    for row in worse.head(_LISTED).itertuples():
        place = [row.dataset, row.domain, row.method, row.setting, row.metric]
        place += [] if row.x != row.x else [f"x = {row.x:g}"]
        words = " / ".join(part for part in place if part)
        print(f"  {row.paper}_{row.artefact}: {words}: {row.now}. {row.reason}", file=sys.stderr)
    if len(worse) > _LISTED:
        print(f"  and {len(worse) - _LISTED} more", file=sys.stderr)
    return 1


def _fail(words: str) -> int:
    print(f"replidg: {words}", file=sys.stderr)
    return 2
