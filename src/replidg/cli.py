"""The questions that need no run: `python -m replidg.cli list`.

Each sub-command is a function that takes the parsed arguments and returns an exit status, added
to the parser by one `_add_*` function.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence

from replidg.artefacts import ARTEFACTS, PAPERS, of, target

#: Stage targets with one line each, in the order in which they run.
STAGES: dict[str, str] = {
    "retrieve": "fetch or link every data set and check it",
    "index": "write one row an image for every data set",
    "pretrain": "train the small CLIP models that a scale trains itself",
    "embed": "embed the images and texts of every data set",
    "align": "score how well images and labels agree, and split by the score",
    "train": "train every method, target domain and seed",
    "evaluate": "turn predictions into tidy metrics",
    "figures": "draw every figure",
    "tables": "write every table",
    "report": "write results/report.html",
    "all": "everything above (the default)",
}

Row = tuple[str, str]


def artefact_rows() -> list[Row]:
    """Return target and description of every artefact."""
    return [(target(a), f"{a.number}: {a.title}") for a in ARTEFACTS]


def paper_rows() -> list[Row]:
    """Return key and description of every paper; one without artefacts is planned."""
    rows = []
    for paper, (title, arxiv) in PAPERS.items():
        state = "" if of(paper) else "planned: "
        rows.append((paper, f"{state}{title} (arXiv {arxiv})"))
    return rows


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
    """Print everything that `./replidg NAME` can make."""
    sections = [
        ("Figures and tables", artefact_rows()),
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
    parser.set_defaults(run=list_targets)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser with all sub-commands."""
    parser = argparse.ArgumentParser(
        prog="replidg", description="Questions about the workflow that start no run."
    )
    commands = parser.add_subparsers(title="commands", dest="command", required=True)
    _add_list(commands)
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
