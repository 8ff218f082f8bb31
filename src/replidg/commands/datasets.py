"""`./replidg datasets`: every data set, its terms, where it is, and how to get what is missing."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from replidg.artefacts import PAPERS
from replidg.config import Config, ConfigError
from replidg.config.files import read
from replidg.config.inputs import RegisteredDataset
from replidg.config.names import nearest
from replidg.data import availability, registry
from replidg.data.availability import STATES, Availability

COLUMNS = ("data set", "papers", "access", "licence", "download", "images", "state", "where")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    states = "\n".join(f"  {name:<12} {words}" for name, words in STATES.items())
    parser = commands.add_parser(
        "datasets",
        help="show every data set: terms, size, where it is, what is missing",
        description="Show every configured data set. Nothing is downloaded and nothing counted.",
        epilog=f"states:\n{states}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--for",
        dest="wanted",
        metavar="NAME",
        help="a paper or a data set: say what it needs, with the exact steps for what is missing",
    )
    parser.add_argument(
        "--configfile",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="overlays on config.yaml, as for a run, e.g. config/full.yaml mine.yaml",
    )
    parser.add_argument("--csv", action="store_true", help="print csv for other programs")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table, or the steps for one paper or data set."""
    try:
        config = read([Path("config.yaml"), *arguments.configfile])
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.wanted is None:
        names = list(config.datasets)
    elif arguments.wanted in config.datasets:
        names = [arguments.wanted]
    elif arguments.wanted in PAPERS:
        names = [name for name in config.datasets if arguments.wanted in papers(config, name)]
    else:
        known = [*PAPERS, *config.datasets]
        print(
            f"no paper or data set {arguments.wanted!r}; {nearest(arguments.wanted, known)}",
            file=sys.stderr,
        )
        return 2
    rows = [row(config, name) for name in names]
    if arguments.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([COLUMNS, *rows])
    else:
        print_table(rows)
    if arguments.wanted is not None and not arguments.csv:
        print_steps(config, names)
    return 0


def found(config: Config, name: str) -> Availability:
    """Return the state of a configured data set."""
    root, mirrors = config.data_root.get(name), config.data_mirrors.get(name, [])
    return availability.state(name, config.datasets[name], root, mirrors)


def papers(config: Config, name: str) -> list[str]:
    """Return the papers that use a data set."""
    dataset = config.datasets[name]
    if isinstance(dataset, RegisteredDataset):
        return list(availability.page(name, dataset).papers)
    return ["alignment"] if name in config.alignment.datasets else []


def row(config: Config, name: str) -> tuple[str, ...]:
    """Return a data set's line of the table."""
    dataset, state = config.datasets[name], found(config, name)
    access, licence, size = "own folder", "", ""
    if isinstance(dataset, RegisteredDataset):
        entry = availability.page(name, dataset)
        access, size = entry.access, download_size(entry)
        licence = entry.licence.name + ("" if entry.licence.verified else " (unverified)")
    elif dataset.source == "embedded":
        access, licence = "embedded", "by picture (NOTICE.md)"
    images = "" if state.images is None else f"{state.images:,}"
    told = state.state + (f" ({state.detail})" if state.state == "wrong count" else "")
    used = " ".join(papers(config, name))
    return (name, used, access, licence, size, images, told, state.where)


def download_size(entry: registry.Entry) -> str:
    """Return the size of all archives in words; a plus sign where some sizes are not known."""
    known = [file.size for file in entry.files if file.size]
    if not known:
        return "unknown" if entry.files else ""
    return f"{sum(known) / 1e9:.3g} GB" + ("" if len(known) == len(entry.files) else "+")


def print_table(rows: list[tuple[str, ...]]) -> None:
    """Print rows as a table that fits the terminal; a file or pipe gets whole lines."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*COLUMNS, box=None, pad_edge=False, header_style="bold")
    for cells in rows:
        table.add_row(*cells)
    console = Console(width=None if sys.stdout.isatty() else 240, highlight=False)
    console.print(table)


def print_steps(config: Config, names: list[str]) -> None:
    """Print, for each data set, what has to be done, or that nothing has."""
    for name in names:
        dataset, state = config.datasets[name], found(config, name)
        print(f"\n{name}: {state.state}, {STATES[state.state]}")
        if state.detail:
            print(f"  {state.detail}")
        if not isinstance(dataset, RegisteredDataset):
            continue
        entry = availability.page(name, dataset)
        official = dataset.source == "official"
        if entry.steps and (not official or state.state in ("missing", "unusable")):
            print(availability.steps(entry))
        for fact in entry.unverified:
            print(f"  unverified: {fact}")
