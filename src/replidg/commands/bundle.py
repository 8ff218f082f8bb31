"""`replidg bundle`: a finished run as an RO-Crate, ready for an archive such as Zenodo."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

OUTPUT = Path("replidg-bundle.zip")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "bundle",
        help="put results, code, configuration and provenance into one zip (RO-Crate)",
        description=(
            "Write a Workflow Run RO-Crate of the finished run: report, tables, figures, metrics "
            "and verdicts, the code, configuration and pins that made them, and their provenance. "
            "Data sets, weights, embeddings and annotation pages stay out."
        ),
    )
    parser.add_argument(
        "--output", metavar="ZIP", type=Path, default=OUTPUT, help=f"default: {OUTPUT}"
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder of the results"
    )
    parser.add_argument(
        "--benchmarks", type=Path, default=Path("benchmarks-out"), help="what the jobs took"
    )
    parser.add_argument(
        "--author", metavar="NAME", action="append", default=[],
        help="'Name' or 'Name <ORCID>'; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--license", metavar="SPDX", default="", help="of your results, e.g. CC-BY-4.0"
    )
    parser.add_argument(
        "--predictions", action="store_true", help="each image's predictions of every run, too"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the bundle."""
    from replidg.reporting.crate import CrateError, make_crate, parse_author, write_crate

    try:
        crate = make_crate(
            Path(__file__).parents[3],
            arguments.results,
            arguments.benchmarks,
            authors=[parse_author(text) for text in arguments.author],
            licence=arguments.license,
            predictions=arguments.predictions,
        )
        write_crate(crate, arguments.output)
    except CrateError as error:
        print(f"replidg: {error}", file=sys.stderr)
        return 2
    size = arguments.output.stat().st_size / 1e6
    print(f"wrote {arguments.output}, {size:,.1f} MB, {len(crate.data_entities)} files")
    missing = [
        words
        for words, given in (("--author", arguments.author), ("--license", arguments.license))
        if not given
    ]
    if missing:
        print(f"before you publish it, name {' and '.join(missing)}", file=sys.stderr)
    return 0
