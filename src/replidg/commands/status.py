"""`./replidg status`: what of a run is done, running, failed and left."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from replidg.status.summary import Summary

#: Exit status by the state of the run, for scripts.
EXIT = {"failed": 1, "stopped": 1}
_SHOWN = 20


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "status",
        help="show what of the last run is done, running, failed and left",
        description=(
            "Read Snakemake's log of the last run. Ends with 1 if that failed or was stopped "
            "before its end, with 2 if there is none."
        ),
    )
    parser.add_argument(
        "--directory", type=Path, default=Path(), metavar="DIR", help="working directory of the run"
    )
    parser.add_argument("--watch", action="store_true", help="show it until it ends")
    parser.add_argument(
        "--every", type=float, default=5.0, metavar="SECONDS", help="with --watch (default: 5)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for other programs")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the state, once or until the run ends."""
    from rich.console import Console

    found = look(arguments.directory)
    if found is None:
        print(
            f"replidg: no run has left a log in {arguments.directory / '.snakemake/log'}; name the "
            "working directory of the run with --directory",
            file=sys.stderr,
        )
        return 2
    if arguments.json:
        print(json.dumps(found.as_json(), indent=2))
    elif arguments.watch and found.state in ("running", "unknown"):
        found = watch(found, arguments.directory, arguments.every)
    else:
        width = None if sys.stdout.isatty() else 160
        Console(width=width, highlight=False, markup=False).print(page(found))
    return EXIT.get(found.state, 0)


def look(folder: Path) -> Summary | None:
    """Return the state of the last run in a working directory; None where there is none."""
    from replidg.status.run_log import newest, read
    from replidg.status.summary import summarise

    log = newest(folder)
    return None if log is None else summarise(read(log), folder, datetime.now())


def watch(found: Summary, folder: Path, every: float) -> Summary:
    """Show the state until the run ends or Ctrl-C; returns the last."""
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False, markup=False)
    with Live(page(found), console=console, auto_refresh=False) as live:
        try:
            while found.state in ("running", "unknown"):
                time.sleep(every)
                found = look(folder) or found
                live.update(page(found), refresh=True)
        except KeyboardInterrupt:
            pass
    return found


def page(found: Summary) -> RenderableType:
    """Return the state for people."""
    from rich.console import Group
    from rich.text import Text

    states = {
        "running": f"running (process {found.process})",
        "finished": "finished",
        "failed": "ended with failed jobs; the same command goes on",
        "stopped": "stopped before its end (killed?); the same command goes on",
        "unknown": "started on another machine, so whether it still runs is not known",
    }
    lines = [
        f"Run of {found.started[:19]}: {states[found.state]}",
        f"{found.done} of {found.planned} jobs done, {len(found.running)} "
        f"{'running' if found.state in ('running', 'unknown') else 'cut short'}, "
        f"{len(found.failed)} failed, {found.waiting} waiting",
    ]
    if found.seconds_left is not None:
        lines.append(f"about {_words(found.seconds_left)} left, if jobs go on as they did")
    parts: list[RenderableType] = [Text("\n".join(lines)), _rules(found)]
    if found.running:
        parts.append(_jobs(found))
    for failure in found.failed[:_SHOWN]:
        slurm = f", SLURM job {failure.slurm}" if failure.slurm else ""
        parts.append(
            Text(
                f"\nfailed: {failure.rule} (job {failure.job}{slurm})\n  {failure.error}\n"
                f"  {failure.log}"
            )
        )
    if len(found.failed) > _SHOWN:
        parts.append(Text(f"\nand {len(found.failed) - _SHOWN} more failed; --json has all"))
    return Group(*parts, Text(f"\n{found.log}"))


def _rules(found: Summary) -> RenderableType:
    """Return jobs by rule: those that are not through, and the others as one line."""
    from rich.table import Table

    table = Table("rule", "done", "failed", "planned", box=None, pad_edge=False)
    through = 0
    for rule, counts in found.rules.items():
        if counts["done"] == counts["planned"]:
            through += 1
            continue
        failed = str(counts["failed"]) if counts["failed"] else ""
        table.add_row(rule, str(counts["done"]), failed, str(counts["planned"]))
    if through:
        table.add_row(f"{through} rules are through", "", "", "")
    return table


def _jobs(found: Summary) -> RenderableType:
    from rich.table import Table

    slurm = any(job.slurm for job in found.running)
    table = Table("job", "for", *(["SLURM job"] if slurm else []), "what", box=None, pad_edge=False)
    for job in found.running[:_SHOWN]:
        again = f" (attempt {job.attempts})" if job.attempts > 1 else ""
        own = [job.slurm] if slurm else []
        table.add_row(str(job.job), _words(job.seconds), *own, job.what + again)
    if len(found.running) > _SHOWN:
        table.add_row("", "", *([""] if slurm else []), f"and {len(found.running) - _SHOWN} more")
    return table


def _words(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
