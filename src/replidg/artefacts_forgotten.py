"""Figures and tables of arXiv 2410.08258, as numbered in its PMLR version (v296).

Each has a kind, a name, a number, a title and what it needs besides `forgotten`.
"""

from __future__ import annotations

from typing import Literal

Row = tuple[Literal["figure", "table"], str, str, str, tuple[str, ...]]

NEEDS: dict[str, str] = {
    "forgotten": "the key forgotten",
    "forgotten:labels": "labelled pictures: forgotten.domains.labels",
    "forgotten:pruned": "forgotten.corpus.pruned",
    "forgotten:training": "forgotten.training",
    "forgotten:pools": "labelled pictures (forgotten.domains.labels), or pools from released lists "
    "(forgotten.training.mixes.pools), or released checkpoints alone (zero_shot.released)",
    "forgotten:resnets": "forgotten.training.resnets, and forgotten.train_set",
    "forgotten:series": "forgotten.training.mixes.series",
}
#: Labels, domain classifiers and what they find.
DOMAINS: tuple[Row, ...] = (
    ("table", "table1", "Table 1", "Domains of the web pictures", ()),
    ("table", "table3", "Table 3", "Labelled pictures", ()),
    ("table", "table4", "Table 4", "Precision and recall at 98 % precision on validation", ()),
    ("table", "table5", "Table 5", "Accuracy on natural pictures without thresholds", ()),
    ("table", "table6", "Table 6", "Accuracy on renditions without thresholds", ()),
    ("table", "table7", "Table 7", "Domains of the web pictures and of ImageNet", ()),
    ("table", "table8", "Table 8", "Domains of the test sets, default thresholds", ()),
    ("table", "table9", "Table 9", "Domains of the test sets, 98 % precision", ()),
    ("table", "table10", "Table 10", "Renditions that pruning takes away", ("forgotten:pruned",)),
    ("table", "table11", "Table 11", "Images and classes of the clean test sets", ()),
)
_LABELS = "forgotten:labels"
_MIX = ("forgotten:training", "forgotten:pools")
_NETS = (*_MIX, _LABELS, "forgotten:resnets")
_SERIES = (*_MIX, "forgotten:series")
_CLEAN = (*_MIX, _LABELS)
_PANELS = tuple(
    f"{suite} test sets, {version}"
    for version in ("standard", "clean")
    for suite in ("natural", "rendition")
)
#: What is trained on the filtered pictures.
TRAINING: tuple[Row, ...] = (
    ("figure", "fig2", "Figure 2", "Accuracy without renditions over that of random images", _MIX),
    ("figure", "fig3a", "Figure 3A", "Natural against rendition accuracy of mixes", _CLEAN),
    ("figure", "fig3b", "Figure 3B", "Accuracy by number of added renditions", _CLEAN),
    *(
        ("figure", f"fig{n}", f"Figure {n}", f"Accuracy by training size, {what}", needs)
        for n, what, needs in zip(range(7, 11), _PANELS, (_MIX, _MIX, _CLEAN, _CLEAN), strict=True)
    ),
    *(
        ("figure", f"fig{n}", f"Figure {n}", f"ResNets by training size, {what}", _NETS)
        for n, what in zip(range(11, 15), _PANELS, strict=True)
    ),
    ("figure", "fig15", "Figure 15", "Effective robustness, averages", _SERIES),
    ("figure", "fig16", "Figure 16", "Effective robustness by ImageNet test set", _SERIES),
    ("figure", "fig17", "Figure 17", "Effective robustness by domain of DomainNet", _SERIES),
    ("table", "table2", "Table 2", "Natural images, mixes and random images", _SERIES),
    ("table", "claims", "Table", "What the paper claims of training, and whether it holds", _MIX),
)
#: Fields of `replidg.artefacts.Artefact`, but for the paper.
ROWS = tuple(
    (name, kind, number, title, ("forgotten", *also, *needs))
    for rows, also in ((DOMAINS, (_LABELS,)), (TRAINING, ()))
    for kind, name, number, title, needs in rows
)
