"""The questions that need no run: `python -m replidg.cli list`.

Each sub-command is a function that takes the parsed arguments and returns an exit status, added
to the parser by one `_add_*` function.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from replidg.artefacts import ARTEFACTS, PAPERS, missing, target
from replidg.commands import budget, bundle, datasets, measured, published, status, verdicts

#: Stage targets with one line each, in the order in which they run.
STAGES: dict[str, str] = {
    "data": "retrieve, check and index every configured data set; data_PACS and so on: one",
    "retrieve": "write, link or download the data sets that the papers use, and check them",
    "index": "write one row an image for each of them",
    "pretrain": "train the small CLIP models that a scale trains itself",
    "embed": "embed the images and texts of every data set",
    "align": "score how well images and labels agree, and split by the score",
    "train": "train every method, target domain and seed",
    "evaluate": "turn predictions into tidy metrics",
    "annotate": "write the sheets by which a person checks labels (alignment, Table 7)",
    "compare": "hold our numbers against the published ones, with a verdict each",
    "figures": "draw every figure",
    "tables": "write every table",
    "report": "write results/report.html",
    "all": "everything above (the default)",
}

Row = tuple[str, str]


def artefact_rows(provided: Collection[str] | None = None) -> list[Row]:
    """Return target and description of every artefact.

    Args:
        provided: what a configuration provides; what an artefact lacks is told. None: not known.
    """
    rows = []
    for artefact in ARTEFACTS:
        lacking = [] if provided is None else missing(artefact, provided)
        tail = f" (needs {' and '.join(lacking)})" if lacking else ""
        rows.append((target(artefact), f"{artefact.number}: {artefact.title}{tail}"))
    return rows


def paper_rows() -> list[Row]:
    """Return key and description of every paper."""
    return [(paper, f"{title} (arXiv {arxiv})") for paper, (title, arxiv) in PAPERS.items()]


def format_sections(sections: Iterable[tuple[str, Sequence[Row]]]) -> str:
    """Set rows under headings, with the descriptions of all sections in one column."""
    sections = list(sections)
    width = max((len(name) for _, rows in sections for name, _ in rows), default=0)
    blocks = []
    for heading, rows in sections:
        lines = [f"  {name:<{width}}  {words}" for name, words in rows]
        blocks.append("\n".join([heading, *lines]))
    return "\n\n".join(blocks)


def list_targets(arguments: argparse.Namespace) -> int:
    """Print everything that `./replidg NAME` can make, and what some of it would need."""
    provided = None
    if Path("config.yaml").exists() or arguments.configfile:
        from replidg.config import ConfigError
        from replidg.config.files import read
        from replidg.config.provides import provided as provided_by

        try:
            provided = provided_by(read([Path("config.yaml"), *arguments.configfile]))
        except ConfigError as error:
            print(error, file=sys.stderr)
            return 1
    sections = [
        ("Figures and tables", artefact_rows(provided)),
        ("Papers (every figure and table of one)", paper_rows()),
        ("Stages (for every paper)", list(STAGES.items())),
    ]
    print(format_sections(sections))
    return 0


def _add_list(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "list",
        help="list every target with one line each",
        description="List every figure, table, paper and stage that can be asked for by name.",
    )
    parser.add_argument(
        "--configfile",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="overlays on config.yaml, as for a run: what they lack for an artefact is told",
    )
    parser.set_defaults(run=list_targets)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser with all sub-commands."""
    parser = argparse.ArgumentParser(
        prog="replidg", description="Questions about the workflow that start no run."
    )
    commands = parser.add_subparsers(title="commands", dest="command", required=True)
    _add_list(commands)
    datasets.add_parser(commands)
    published.add_parser(commands)
    verdicts.add_parser(commands)
    bundle.add_parser(commands)
    budget.add_parser(commands)
    status.add_parser(commands)
    measured.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command.

    Args:
        argv: Arguments without the program's name; those of the process if not given.

    Returns:
        The exit status.
    """
    arguments = make_parser().parse_args(argv)
    try:
        status = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


if __name__ == "__main__":
    sys.exit(main())
