"""`replidg measured`: what the jobs of the last run took, and which failed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from replidg import measured
from replidg.measured import Kind

_HEADINGS = ("rule", "job", "jobs", "seconds", "s/unit", "unit", "memory", "GPU", "output")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "measured",
        help="say what each kind of job took, and which failed",
        description=(
            "Read the last run's benchmark files, logs and outputs, print a line for each kind of "
            f"job, and write {measured.CSV}. Ends with 1 if a job failed or was not reached."
        ),
    )
    parser.add_argument(
        "--directory", type=Path, default=Path(), help="where the run was (Snakemake's option)"
    )
    parser.add_argument(
        "--output", type=Path, default=measured.CSV, help=f"file to write ({measured.CSV})"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table, write it, and tell by the status whether everything was walked."""
    os.chdir(arguments.directory)
    try:
        rows = measured.kinds(measured.read_jobs())
    except FileNotFoundError as error:
        print(f"replidg: {error}", file=sys.stderr)
        return 2
    measured.write_csv(rows, arguments.output)
    print(table(rows))
    print(summary(rows))
    print(f"wrote {arguments.output}")
    return int(any(row.failed or row.not_reached for row in rows))


def table(rows: Sequence[Kind]) -> str:
    """Return the kinds of jobs that ended well, one a line: means in seconds and MiB."""
    lines = [_HEADINGS]
    for row in rows:
        if row.jobs:
            unit = f"{row.unit} on {row.device}" if row.unit else ""
            numbers = (row.peak_memory_mb, row.peak_gpu_mb, row.output_mb)
            cells = (_short(row.seconds, 1), _short(row.seconds_a_unit, 3), unit)
            shown = [_short(number, 0) for number in numbers]
            lines.append((row.rule, row.job, str(row.jobs), *cells, *shown))
    widths = [max(len(line[place]) for line in lines) for place in range(len(_HEADINGS))]
    left = {0, 1, 5}
    return "\n".join(
        "  ".join(
            f"{cell:<{width}}" if place in left else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def summary(rows: Sequence[Kind]) -> str:
    """Return which kinds of jobs passed, failed and were not reached."""
    passed = [row for row in rows if not row.failed and not row.not_reached]
    failed = [row for row in rows if row.failed]
    waiting = [row for row in rows if row.not_reached and not row.failed]
    lines = [
        f"{len(rows)} kinds of jobs: {len(passed)} passed, {len(failed)} failed, "
        f"{len(waiting)} not reached"
    ]
    lines += [f"  failed or unfinished: {_name(row)}" for row in failed]
    lines += [f"  not reached: {_name(row)}" for row in waiting]
    return "\n".join(lines)


def _name(row: Kind) -> str:
    return f"{row.rule} ({row.job})" if row.job else row.rule


def _short(number: float | None, digits: int) -> str:
    return "" if number is None else f"{number:,.{digits}f}"
