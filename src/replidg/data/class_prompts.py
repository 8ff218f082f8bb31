"""The class prompts of arXiv 2311.02236, and which of them a tokenizer cannot tell apart.

The texts are those of the authors' code (mit-ll/robust-vision-language-finetuning, fmdg/_archs.py):
"a centered satellite photo of ..." for FMoW, "this is a photo of ..." for iWildCam. `race_track`
keeps its underscore there, and so here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import resources

import pandas as pd

from replidg.data.errors import DatasetError

LISTED = "labels/robust_ft_prompts.csv"
#: What stands before the class name.
TEMPLATES = {"fmow": "a centered satellite photo of {}", "iwildcam": "this is a photo of {}"}


def listed(dataset: str) -> list[str]:
    """Return the paper's prompts of a data set in label order.

    Args:
        dataset: "fmow" (62 prompts) or "iwildcam" (182).

    Raises:
        DatasetError: the list has no such data set.
    """
    with resources.as_file(resources.files("replidg.data") / LISTED) as path:
        table = pd.read_csv(path, keep_default_na=False)
    rows = table[table["dataset"] == dataset].sort_values("y")
    if rows.empty:
        known = ", ".join(sorted(table["dataset"].unique()))
        raise DatasetError(f"{LISTED} has no prompts of {dataset!r}; it has {known}")
    return rows["prompt"].tolist()


def prompts_of(dataset: str, source: str, class_names: Sequence[str]) -> list[str]:
    """Return one prompt a class, in label order.

    Args:
        dataset: page of the registry, "fmow" or "iwildcam".
        source: "listed": the paper's list; "template": its template with the names in the index,
            for data whose classes are not the official ones.
        class_names: names in the index.

    Raises:
        DatasetError: the list is not as long as the classes are many.
    """
    if source == "template":
        return [TEMPLATES[dataset].format(name.replace("_", " ")) for name in class_names]
    prompts = listed(dataset)
    if len(prompts) != len(class_names):
        raise DatasetError(
            f"{dataset} has {len(class_names)} classes on disk and {len(prompts)} listed prompts; "
            f"set robust_ft.datasets.{dataset}.prompts: template for a stand-in"
        )
    return prompts


def same_tokens(
    prompts: Sequence[str], tokenize: Callable[[list[str]], Iterable]
) -> list[list[int]]:
    """Return the groups of labels whose prompts are the same tokens, so the same text feature.

    Of such a group only the lowest label can ever be predicted by the texts.

    Args:
        prompts: one a class.
        tokenize: texts -> one row of token ids each.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for label, row in enumerate(tokenize(list(prompts))):
        groups.setdefault(tuple(int(token) for token in row), []).append(label)
    return [labels for labels in groups.values() if len(labels) > 1]
