"""Figures and tables of arXiv 2410.08258, as numbered in its PMLR version (v296).

Each has a kind, a name, a number, a title and what it needs besides `forgotten`.
"""

from __future__ import annotations

from typing import Literal

Row = tuple[Literal["figure", "table"], str, str, str, tuple[str, ...]]

NEEDS: dict[str, str] = {
    "forgotten": "the key forgotten",
    "forgotten:pruned": "forgotten.corpus.pruned",
    "forgotten:training": "forgotten.training",
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
#: What is trained on the filtered pictures.
TRAINING: tuple[Row, ...] = ()
#: Fields of `replidg.artefacts.Artefact`, but for the paper.
ROWS = tuple(
    (name, kind, number, title, ("forgotten", *needs))
    for kind, name, number, title, needs in (*DOMAINS, *TRAINING)
)
