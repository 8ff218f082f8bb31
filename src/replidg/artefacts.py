"""Every figure and table that can be made, and the names to ask for them by.

The Snakefile imports this module while it parses, so it imports nothing but the standard
library. Adding a paper's artefacts here is what makes them targets, entries of the report and
lines of the listing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from replidg import artefacts_forgotten, artefacts_vltseg

Kind = Literal["figure", "table"]

#: What a figure and what a table leaves in its folder.
SUFFIXES: dict[str, tuple[str, ...]] = {"figure": ("svg", "png"), "table": ("csv", "md", "tex")}

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


#: Tables of the alignment paper that break a data set of DomainBed down into its domains.
DOMAIN_TABLES: dict[str, tuple[str, str]] = {
    f"table{10 + 3 * place + part}": (dataset, setting)
    for place, dataset in enumerate(
        ("office_home", "terra_incognita", "domain_net", "VLCS", "PACS")
    )
    for part, setting in enumerate(("OOP", "IP", "All"))
}
#: Its curves of every method on one data set.
DATASET_CURVES: dict[str, str] = {
    f"fig{12 + place}": dataset
    for place, dataset in enumerate(
        ("PACS", "domain_net", "office_home", "terra_incognita", "VLCS")
    )
}
#: Its class histograms. Fig 18 holds IP against OOP.
CLASS_FIGURES: dict[str, tuple[str, str]] = {
    f"fig{19 + 3 * place + number}": (dataset, part)
    for place, dataset in enumerate(
        ("domain_net", "office_home", "PACS", "terra_incognita", "VLCS")
    )
    for number, part in enumerate(("IP", "OOP", "unsplit"))
}
_PRINTED = {
    "office_home": "OfficeHome",
    "terra_incognita": "TerraIncognita",
    "domain_net": "DomainNet",
    "VLCS": "VLCS",
    "PACS": "PACS",
}
#: Data sets of the SCI-PD paper.
HYBRID_PAGES = ("PACS", "office_home", "domain_net")
HYBRID_ARTEFACTS: tuple[tuple[Kind, str, str], ...] = (
    ("table", "main", "Accuracy and H-score by hybridness"),
    ("table", "targets", "Every metric by hybridness and target domain"),
    ("figure", "lines", "Accuracy and H-score over hybridness, by target domain"),
)
_PARTS = {"IP": "in pretraining", "OOP": "out of pretraining", "unsplit": "before splitting"}

#: What an artefact may need besides the data sets and methods of its paper, and how a
#: configuration provides it. `dataset:PACS` and so on stand for a data set of that registry page.
NEEDS: dict[str, str] = {
    "corpus": "a pretraining corpus: alignment.corpus",
    "zero_shot": "zero-shot among alignment.methods",
    "backbones": "another pretrained backbone: alignment.backbones",
    "scratch": "a backbone with random weights: alignment.backbones",
    "sizes": "sizes of objects: alignment.object_size (for owlv2: pip install transformers)",
    "labels": "checked labels: alignment.annotation.labels, or noise in their place",
}
NEEDS |= {f"scipd:{name}": f"{name} among scipd.datasets" for name in HYBRID_PAGES}
_STUDIES = ("ablation", "variants", "sensitivity", "scarcity", "views", "tsne")
NEEDS |= {f"scipd:{study}": f"runs of its own: scipd.{study}" for study in _STUDIES}
NEEDS |= {
    "scipd": "methods: scipd.main",
    "scipd:students": "runs of its own: scipd.other_students",
    "robust_ft": "the key robust_ft",
    "robust_ft:fmow": "fmow among robust_ft.datasets",
    "robust_ft:iwildcam": "iwildcam among robust_ft.datasets",
    "robust_ft:contrastive": "an arm with loss: contrastive among robust_ft.arms",
    "robust_ft:frozen": "an end-to-end CLIP with frozen parts among robust_ft.arms",
    "robust_ft:interpolation": "robust_ft.interpolation",
}
NEEDS |= artefacts_vltseg.NEEDS | artefacts_forgotten.NEEDS
_DATASET = "dataset:"
_OURS = "not in the paper"


@dataclass(frozen=True)
class Artefact:
    """One figure or table of a paper.

    Attributes:
        paper: Key of the paper in `PAPERS`.
        name: File stem and last part of the target, e.g. `table1a`.
        kind: `figure` or `table`.
        number: What the paper calls it, e.g. `Table 1a`.
        title: What it shows, in one line.
        needs: Keys of `NEEDS`, or `dataset:` and a page of the registry.
    """

    paper: str
    name: str
    kind: Kind
    number: str
    title: str
    needs: tuple[str, ...] = ()


def _figure(name: str, title: str, *needs: str) -> Artefact:
    number = f"Figure {name[3:]}" if name.startswith("fig") else f"Figure, {_OURS}"
    return Artefact("alignment", name, "figure", number, title, needs)


def _table(name: str, title: str, *needs: str) -> Artefact:
    number = f"Table {name[5:]}" if name.startswith("table") else f"Table, {_OURS}"
    return Artefact("alignment", name, "table", number, title, needs)


def _scipd(kind: Kind, name: str, title: str, *needs: str) -> Artefact:
    # The paper's numbering could not be read.
    return Artefact("scipd", name, kind, kind.capitalize(), title, ("scipd", *needs))


SCIPD: tuple[Artefact, ...] = (
    *(
        _scipd(kind, f"{name}_{page.lower()}", f"{title} of {_PRINTED[page]}", f"scipd:{page}")
        for page in HYBRID_PAGES
        for kind, name, title in HYBRID_ARTEFACTS
    ),
    _scipd("table", "h2cv", "Variation over hybridness (H2-CV)"),
    _scipd("table", "open_set", "Open-set metrics, the source-only threshold among them"),
    _scipd("table", "ablation", "Score, instance and class perturbation", "scipd:ablation"),
    _scipd("table", "variants", "The method as described and as its code runs", "scipd:variants"),
    _scipd("table", "students", "Other students", "scipd:students"),
    _scipd("table", "sensitivity", "Values of alpha, tau and beta", "scipd:sensitivity"),
    _scipd("table", "views", "Teacher scores of a few fixed augmentations", "scipd:views"),
    _scipd("table", "splits", "Label sets, their hybridness, and counts against the official"),
    _scipd("table", "claims", "What the paper claims, and whether it holds in this run"),
    _scipd("figure", "sensitivity_curves", "Curves of alpha, tau, beta", "scipd:sensitivity"),
    _scipd("figure", "radar", "H-score of every method by data set and hybridness"),
    _scipd("figure", "scarcity", "Accuracy with fewer training images", "scipd:scarcity"),
    _scipd("figure", "tsne", "Target features of known and unknown classes", "scipd:tsne"),
)
#: Artefacts of the robust fine-tuning paper: kind, name, title, and what some need besides. Whether
#: a table of the paper has these numbers is not known; of the figures only the curves are its own.
_ROBUST: tuple[tuple[Kind, str, str, tuple[str, ...]], ...] = (
    ("figure", "curves_fmow", "Accuracy on FMoW by training share", ("robust_ft:fmow",)),
    ("figure", "curves_iwildcam", "Macro F1 on iWildCam by share", ("robust_ft:iwildcam",)),
    ("figure", "gains", "Gains of SWA and of CLIP by training share", ()),
    ("figure", "wise_ft", "Between zero-shot and fine-tuned", ("robust_ft:interpolation",)),
    ("figure", "effective_robustness", "OOD against ID score of every run", ()),
    ("table", "selected_on_test", "Scores at the rates that OOD test selects", ()),
    ("table", "selected_on_val", "Scores at the rates that OOD val selects", ()),
    ("table", "splits", "Every metric on every split", ()),
    ("table", "zero_shot", "Zero-shot CLIP beside what was trained", ()),
    ("table", "swa_gain", "SWA's gain by training share", ()),
    ("table", "clip_gain", "CLIP's gain on vision-only by training share", ()),
    ("table", "contrastive", "Contrastive against cross-entropy", ("robust_ft:contrastive",)),
    ("table", "frozen", "Frozen and partly frozen encoders", ("robust_ft:frozen",)),
    ("table", "robustness", "Effective robustness of each arm", ()),
    ("table", "interpolation", "Scores between the weights", ("robust_ft:interpolation",)),
    ("table", "prompts", "Prompts, and which have the same tokens", ()),
    ("table", "claims", "What the paper claims, and whether it holds in this run", ()),
)

ARTEFACTS: tuple[Artefact, ...] = (
    _figure("fig2a", "Accuracy of one method against similarity to pretraining", "corpus"),
    _figure("fig2b", "Accuracy of one method against AlignmentScore"),
    _figure("fig3", "Example images by AlignmentScore"),
    _figure("fig4", "Target images and their nearest images in pretraining", "corpus"),
    _figure("fig5", "Discrepancy of target, source and pretraining images", "corpus"),
    _figure("fig6", "Accuracy of one method against the zero-shot probability of the true class"),
    _figure("fig7", "Accuracy of one method against AlignmentScore, by data set"),
    _figure("fig8", "AlignmentScore, similarity to pretraining and their mean", "corpus"),
    _figure("fig9", "Accuracy of one method against similarity to source images"),
    _figure("fig10", "Object size against AlignmentScore", "sizes"),
    _figure("fig11", "Accuracy against AlignmentScore for every method"),
    *(
        _figure(
            name,
            f"Accuracy against AlignmentScore for every method on {_PRINTED[dataset]}",
            _DATASET + dataset,
        )
        for name, dataset in DATASET_CURVES.items()
    ),
    _figure("fig17", "Images in pretraining (IP) and out of pretraining (OOP) in each domain"),
    _figure("fig18", "Classes of TerraIncognita, IP against OOP", "dataset:terra_incognita"),
    *(
        _figure(
            name, f"Images of each class of {_PRINTED[dataset]}, {_PARTS[part]}", _DATASET + dataset
        )
        for name, (dataset, part) in CLASS_FIGURES.items()
    ),
    _figure("thresholds", "Gap between IP and OOP accuracy against the threshold"),
    _table("table1a", "Accuracy of each method on DomainBed-IP"),
    _table("table1b", "Accuracy of each method on DomainBed-OOP"),
    _table("table1c", "Accuracy of each method on DomainBed-All"),
    _table("table2", "Accuracy with other backbones", "backbones"),
    _table("table3", "Accuracy on a split by similarity to pretraining", "corpus"),
    _table("table4", "Training from scratch against the pretrained backbone", "scratch"),
    _table("table5", "Images that zero-shot and one method get right, IP", "zero_shot"),
    _table("table6", "Images that zero-shot and one method get right, OOP", "zero_shot"),
    _table("table7", "Share of wrong labels by AlignmentScore", "labels"),
    _table("table8", "Share of images dropped as mislabelled or as showing their label in writing"),
    *(
        _table(
            name,
            f"Accuracy by domain of {_PRINTED[dataset]}, {setting}",
            _DATASET + dataset,
        )
        for name, (dataset, setting) in DOMAIN_TABLES.items()
    ),
    _table("claims", "What the paper claims, and whether it holds in this run"),
    _table("correlations", "Rank correlation of accuracy with AlignmentScore"),
    _table("seeds", "Spread over seeds"),
    _table("cross_splits", "Split by one backbone, trained with another", "backbones"),
    *(Artefact("forgotten", *row) for row in artefacts_forgotten.ROWS),
    *(
        Artefact("robust_ft", name, kind, f"{kind.title()} {name}", title, ("robust_ft", *needs))
        for kind, name, title, needs in _ROBUST
    ),
    *SCIPD,
    *(Artefact(*row) for row in artefacts_vltseg.LISTED),
)


def available(artefact: Artefact, provided: Collection[str]) -> bool:
    """Say whether a configuration has what an artefact needs.

    Args:
        artefact: The figure or table.
        provided: What `replidg.config.provides.provided` returns.
    """
    return not missing(artefact, provided)


def missing(artefact: Artefact, provided: Collection[str]) -> list[str]:
    """Return in words what an artefact needs that a configuration does not provide."""
    return [
        NEEDS.get(need, f"{need.removeprefix(_DATASET)} among alignment.datasets")
        for need in artefact.needs
        if need not in provided
    ]


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
