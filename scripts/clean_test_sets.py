"""Keep the images of each test set that are of its suite for sure, and the classes they have."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from replidg.files import whole_file, write_json
from replidg.metrics.domain_shares import class_masks, clean_mask


def clean_test_sets(
    tables: Mapping[str, Path], sets: Sequence[str], chosen: Path, out: Mapping[str, Path],
    classes: Path,
) -> None:  # fmt: skip
    """Write which images are kept, and the class masks.

    Args:
        tables: data set: its classified images, in index order.
        sets: test sets.
        chosen: thresholds of the classifiers.
        out: data set: parquet file with `image_id`, `domain`, `label`, `kept`.
        classes: json: test set: labels of its standard and its clean version.
    """
    levels, cleaned = json.loads(chosen.read_text()), {}
    for dataset, path in tables.items():
        table = pd.read_parquet(path)
        kept = clean_mask(table, dataset, sets, levels)
        cleaned[dataset] = table[["image_id", "domain", "label"]].assign(kept=kept)
        with whole_file(out[dataset]) as temporary:
            cleaned[dataset].to_parquet(temporary, index=False)
    write_json(classes, class_masks(cleaned, sets))


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    names = snakemake.params.datasets
    clean_test_sets(
        tables=dict(zip(names, map(Path, snakemake.input.tables), strict=True)),
        sets=snakemake.params.sets,
        chosen=Path(snakemake.input.chosen),
        out=dict(zip(names, map(Path, snakemake.output.clean), strict=True)),
        classes=Path(snakemake.output.classes),
    )
