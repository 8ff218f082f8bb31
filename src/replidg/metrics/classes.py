"""Images of each class in and out of pretraining: Figs 18 to 33 of arXiv 2412.02856."""

from __future__ import annotations

import pandas as pd

PARTS = {"IP": ("ip",), "OOP": ("oop",), "unsplit": ("ip", "oop", "dropped_low", "dropped_high")}


def class_counts(split: pd.DataFrame, scores: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Count a data set's images by class and part, all domains together.

    Args:
        split: `image_id` and `part` of each image.
        scores: `image_id` and `label` of each image.
        classes: names in label order; those without an image count 0.

    Returns:
        Rows with `setting` (`IP/<class>`, `OOP/<class>`, `unsplit/<class>`), `x` (label), `value`.
    """
    labels = scores[["image_id", "label"]]
    table = split[["image_id", "part"]].merge(labels, on="image_id", validate="one_to_one")
    if len(table) != len(split):
        raise ValueError(f"{len(split) - len(table)} images of the split have no score")
    rows = []
    for name, parts in PARTS.items():
        counts = table.loc[table["part"].isin(parts), "label"].value_counts()
        for label, words in enumerate(classes):
            rows.append(
                {"setting": f"{name}/{words}", "x": label, "value": int(counts.get(label, 0))}
            )
    return pd.DataFrame(rows)
