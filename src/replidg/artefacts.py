"""Every figure and table that can be made, and the names to ask for them by.

The Snakefile imports this module while it parses, so it imports nothing but the standard
library. Adding a paper's artefacts here is what makes them targets, entries of the report and
lines of the listing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["figure", "table"]

#: What a figure and what a table leaves in its folder.
SUFFIXES: dict[str, tuple[str, ...]] = {
    "figure": ("svg", "png"),
    "table": ("csv", "md", "tex"),
}

#: Papers by key: title and arXiv id.
PAPERS: dict[str, tuple[str, str]] = {
    "alignment": (
        "Is Large-scale Pretraining the Secret to Good Domain Generalization?",
        "2412.02856",
    ),
    "forgotten": ("In Search of Forgotten Domain Generalization", "2410.08258"),
    "robust_ft": (
        "Robust Fine-Tuning of Vision-Language Models for Domain Generalization",
        "2311.02236",
    ),
    "scipd": (
        "PracticalDG: Perturbation Distillation on Vision-Language Models for Hybrid Domain "
        "Generalization",
        "2404.09011",
    ),
    "vltseg": (
        "Strong but simple: A Baseline for Domain Generalized Dense Perception by CLIP-based "
        "Transfer Learning",
        "2312.02021",
    ),
}


@dataclass(frozen=True)
class Artefact:
    """One figure or table of a paper.

    Attributes:
        paper: Key of the paper in `PAPERS`.
        name: File stem and last part of the target, e.g. `table1a`.
        kind: `figure` or `table`.
        number: What the paper calls it, e.g. `Table 1a`.
        title: What it shows, in one line.
    """

    paper: str
    name: str
    kind: Kind
    number: str
    title: str


ARTEFACTS: tuple[Artefact, ...] = (
    Artefact(
        "alignment",
        "fig2b",
        "figure",
        "Figure 2b",
        "Accuracy of one method against AlignmentScore",
    ),
    Artefact(
        "alignment",
        "fig7",
        "figure",
        "Figure 7",
        "Accuracy of one method against AlignmentScore, by data set",
    ),
    Artefact(
        "alignment",
        "fig11",
        "figure",
        "Figure 11",
        "Accuracy against AlignmentScore for every method",
    ),
    Artefact(
        "alignment",
        "fig17",
        "figure",
        "Figure 17",
        "Images in pretraining (IP) and out of pretraining (OOP) in each domain",
    ),
    Artefact(
        "alignment", "table1a", "table", "Table 1a", "Accuracy of each method on DomainBed-IP"
    ),
    Artefact(
        "alignment", "table1b", "table", "Table 1b", "Accuracy of each method on DomainBed-OOP"
    ),
    Artefact(
        "alignment", "table1c", "table", "Table 1c", "Accuracy of each method on DomainBed-All"
    ),
    Artefact(
        "alignment",
        "table8",
        "table",
        "Table 8",
        "Share of images dropped as mislabelled or as showing their label in writing",
    ),
)


def of(paper: str) -> tuple[Artefact, ...]:
    """Return the artefacts of one paper, in the order of the report.

    Args:
        paper: Key of the paper; a paper without artefacts yet gives an empty tuple.

    Raises:
        KeyError: If there is no such paper.
    """
    if paper not in PAPERS:
        raise KeyError(f"no paper {paper!r}; there are {', '.join(PAPERS)}")
    return tuple(artefact for artefact in ARTEFACTS if artefact.paper == paper)


def target(artefact: Artefact) -> str:
    """Return the name that asks for this artefact alone, e.g. `alignment_table1a`."""
    return f"{artefact.paper}_{artefact.name}"


def files(artefact: Artefact, results: str = "results") -> tuple[str, ...]:
    """Return the paths of the files of this artefact.

    Args:
        artefact: The figure or table.
        results: Folder of the results.
    """
    stem = f"{results}/{artefact.paper}/{artefact.kind}s/{artefact.name}"
    return tuple(f"{stem}.{suffix}" for suffix in SUFFIXES[artefact.kind])
