"""Figures and tables of arXiv 2312.02021; `replidg.artefacts` lists them with the others.

The paper's numbering could not be read: T1, F2 and so on are this workflow's names for what its
poster shows. The rest is not on the poster.
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["figure", "table"]
#: Pages of the registry whose validation images are shown.
PANEL_PAGES: dict[str, str] = {
    "cityscapes": "Cityscapes",
    "bdd100k": "BDD100K",
    "mapillary_vistas": "Mapillary Vistas",
    "acdc": "ACDC",
}
_STUDIES: dict[str, str] = {
    "t1": "arms of Table T1 (studies: t1) with a synthetic source",
    "t2": "an arm of Table T2 (studies: t2) with the source gta5",
    "t3": "arms of Table T3 (studies: t3) with a real source",
    "freezing": "arms with frozen blocks: vltseg.freezing",
    "decoders": "arms of the study decoders",
    "language": "arms of the study language",
    "loss_weights": "a sweep of the loss weight: vltseg.loss_weights",
    "prompt_sets": "other texts of the classes: vltseg.prompt_sets",
    "multi_source": "an arm of the study multi_source with a source of several data sets",
    "augmentation": "arms of the study augmentation",
    "conditions": "acdc among vltseg.targets",
    "perturbations": "corrupted images: vltseg.perturbations",
    "tsne": "maps of pixels: vltseg.tsne",
    "submissions": "files for the servers: vltseg.submissions",
}
NEEDS: dict[str, str] = {
    "vltseg": "the key vltseg",
    **{f"vltseg:{name}": what for name, what in _STUDIES.items()},
    **{
        f"vltseg:panels:{page}": f"{page} among vltseg.panels.images" for page in PANEL_PAGES
    },
}  # fmt: skip
#: Kind, name, title, and what some need besides the key `vltseg`.
_LISTED: tuple[tuple[Kind, str, str, tuple[str, ...]], ...] = (
    ("table", "t1", "Pre-trainings by source and target", ("vltseg:t1",)),
    ("table", "t2", "From GTA5, beside the published methods", ("vltseg:t2",)),
    ("table", "t3", "From real to real, and what is kept of the source's score", ("vltseg:t3",)),
    ("table", "t6", "Files for the test servers", ("vltseg:submissions",)),
    ("figure", "pretrainings", "Mean over targets of each pre-training", ("vltseg:t1",)),
    ("figure", "f2", "Score by frozen blocks", ("vltseg:freezing",)),
    ("figure", "f3", "Score on corrupted images by severity", ("vltseg:perturbations",)),
    ("figure", "lambda_curve", "Score by weight of the PTM loss", ("vltseg:loss_weights",)),
    ("figure", "class_iou", "IoU of each class by network", ()),
    *(
        (
            "figure", f"panels_{page}", f"Image, truth and predictions, {title}",
            (f"vltseg:panels:{page}",),
        )
        for page, title in PANEL_PAGES.items()
    ),
    ("figure", "tsne", "Pixel embeddings before and after training", ("vltseg:tsne",)),
    ("table", "decoders", "Decoders", ("vltseg:decoders",)),
    ("table", "language", "With and without language guidance", ("vltseg:language",)),
    ("table", "lambda", "Weights of the PTM loss", ("vltseg:loss_weights",)),
    ("table", "prompts", "Texts of the classes", ("vltseg:prompt_sets",)),
    ("table", "multi_source", "One source against several", ("vltseg:multi_source",)),
    ("table", "augmentation", "RandAugment and PixMix", ("vltseg:augmentation",)),
    ("table", "freezing", "Score by frozen blocks", ("vltseg:freezing",)),
    ("table", "perturbations", "Scores by corruption and severity", ("vltseg:perturbations",)),
    ("table", "conditions", "ACDC by condition", ("vltseg:conditions",)),
    ("table", "classes", "IoU of every class", ()),
    ("table", "training", "What was trained, its steps and parameters", ()),
    ("table", "claims", "What the paper claims, and whether it holds in this run", ()),
)  # fmt: skip


def _number(name: str) -> str:
    """Return T1 of t1, and words of what has no number."""
    return name.upper() if name[1:].isdigit() else name.replace("_", " ")


#: Fields of `replidg.artefacts.Artefact`.
LISTED: tuple[tuple[str, str, Kind, str, str, tuple[str, ...]], ...] = tuple(
    ("vltseg", name, kind, f"{kind.title()} {_number(name)}", title, ("vltseg", *needs))
    for kind, name, title, needs in _LISTED
)
