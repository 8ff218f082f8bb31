"""`./replidg budget`: what a target will cost, from the plan of its jobs, before anything runs."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replidg.budget.tables import Budget

OUTPUT, MEASURED = Path("results/budget.csv"), Path("results/measured.csv")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "budget",
        help="estimate jobs, GPU-hours, wall time, disk and downloads of a target",
        description=(
            "Plan a target without running it, and estimate what it costs. Data sets that need a "
            "log-in, and labels, count as if they were there; the last table says what to get."
        ),
    )
    parser.add_argument("targets", metavar="TARGET", nargs="*", help="as for a run; default: all")
    parser.add_argument(
        "--configfile", nargs="+", type=Path, default=[], metavar="FILE",
        help="overlays on config.yaml, as for a run, e.g. config/full.yaml mine.yaml",
    )  # fmt: skip
    parser.add_argument(
        "--gpus", nargs="+", type=_positive, default=[1, 8, 64], metavar="N",
        help="numbers of GPUs whose wall time is simulated (default: 1 8 64)",
    )  # fmt: skip
    parser.add_argument(
        "--gpu-model", nargs="+", default=["A100"], metavar="GPU",
        help="GPU models (default: A100); `all`: every known one",
    )  # fmt: skip
    parser.add_argument(
        "--everything", action="store_true", help="count jobs too whose results are there"
    )
    parser.add_argument(
        "--measured", type=Path, default=MEASURED, metavar="CSV",
        help=f"speeds that override the published ones (default: {MEASURED}, of a rehearsal)",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, default=OUTPUT, metavar="CSV",
        help=f"every figure with its source (default: {OUTPUT})",
    )  # fmt: skip
    parser.set_defaults(run=run)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Plan, write the csv file and print the tables."""
    from replidg.budget import plan, tables, times
    from replidg.config import ConfigError
    from replidg.config.files import read
    from replidg.config.names import nearest

    known = list(times.peaks())
    models = known if arguments.gpu_model == ["all"] else arguments.gpu_model
    for name in models:
        if name not in known:
            return _fail(f"--gpu-model: no figures of {name!r}; {nearest(name, known)}")
    try:
        config = read([Path("config.yaml"), *arguments.configfile])
        measured = times.read_measured(arguments.measured)
        jobs = plan.plan(arguments.targets, arguments.configfile, arguments.everything)
    except (ConfigError, plan.PlanError, ValueError) as error:
        return _fail(str(error))
    found = tables.make(config, jobs, models, arguments.gpus, measured)
    write(found, arguments.output)
    show(found, models, arguments.gpus)
    print(f"\nEvery figure with its source: {arguments.output}; how it is made: docs/budget.md")
    return 0


def write(budget: Budget, path: Path) -> None:
    """Write every figure of a budget."""
    from replidg.budget.tables import COLUMNS
    from replidg.files import whole_file

    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in budget.rows:
            numbers = ["" if n is None else f"{n:.6g}" for n in (row.low, row.high)]
            writer.writerow([*row[:5], *numbers, row.unit, row.source])


def show(budget: Budget, models: Sequence[str], numbers: Sequence[int]) -> None:
    """Print the tables for people."""
    from rich.console import Console

    from replidg.budget import views

    width = None if sys.stdout.isatty() else 160
    console = Console(width=width, highlight=False, markup=False)
    for title, table in views.tables(budget, models, numbers):
        console.print(f"\n{title}", style="bold")
        console.print(table)


def _fail(words: str) -> int:
    print(f"replidg: {words}", file=sys.stderr)
    return 2
