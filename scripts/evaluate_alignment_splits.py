"""Count the images of each part and class: Fig 17, Table 8, Figs 18 to 33; no training needed."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.data.index import read_classes
from replidg.files import whole_file
from replidg.metrics.accuracy import histogram
from replidg.metrics.alignment import count_parts
from replidg.metrics.classes import class_counts
from replidg.metrics.tidy import tidy


def evaluate_alignment_splits(
    splits: Mapping[str, Path],
    scores: Mapping[str, Path],
    classes: Mapping[str, Path],
    bounds: Path,
    bin_width: float,
    out: Path,
) -> None:
    """Write tidy rows of `fig17`, `table8`, `classes`, `histogram` and `thresholds`.

    Args:
        splits: split file by data set.
        scores: score file by data set.
        classes: JSON list of class names by data set.
        bounds: JSON with low, split and high.
        bin_width: of the histogram, as a score.
        out: parquet file.
    """
    tables = {name: pd.read_parquet(path) for name, path in splits.items()}
    rows = [part for name, table in tables.items() for part in _counts(name, table)]
    for name, table in tables.items():
        labels = pd.read_parquet(scores[name], columns=["image_id", "label"])
        counted = class_counts(table, labels, read_classes(classes[name]))
        counted = counted.assign(n=counted["value"], dataset=name)
        rows.append(tidy(counted, paper="alignment", artefact="classes", metric="images"))
    pooled = pd.concat([table.assign(dataset=name) for name, table in tables.items()])
    bars = histogram(pooled, bin_width)
    rows.append(
        tidy(bars.assign(n=bars["value"]), artefact="histogram", metric="images", paper="alignment")
    )
    at = json.loads(bounds.read_text())
    limits = pd.DataFrame({"setting": list(at), "value": list(at.values())})
    rows.append(
        tidy(limits, artefact="thresholds", metric="score", dataset="all", paper="alignment")
    )
    with whole_file(out) as temporary:
        pd.concat(rows, ignore_index=True).to_parquet(temporary, index=False)


def _counts(dataset: str, split: pd.DataFrame) -> list[pd.DataFrame]:
    counts = count_parts(split)
    names = {"ip": "IP", "oop": "OOP"}
    long = counts.rename(columns=names).melt(
        ignore_index=False, var_name="setting", value_name="value"
    )
    long = long.reset_index().assign(n=long["value"].to_numpy(), dataset=dataset)
    total = counts["original"].sum()
    dropped = pd.DataFrame(
        {
            "setting": ["mislabelled", "OCR"],
            "value": [
                100.0 * counts[part].sum() / total for part in ("dropped_low", "dropped_high")
            ],
            "n": total,
            "dataset": dataset,
        }
    )
    return [
        tidy(long, paper="alignment", artefact="fig17", metric="images"),
        tidy(dropped, paper="alignment", artefact="table8", metric="dropped_percent"),
    ]


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    names = snakemake.params.datasets

    def by_dataset(paths: list[str]) -> dict[str, Path]:
        """Return paths by data set."""
        return dict(zip(names, map(Path, paths), strict=True))

    evaluate_alignment_splits(
        splits=by_dataset(snakemake.input.splits),
        scores=by_dataset(snakemake.input.scores),
        classes=by_dataset(snakemake.input.classes),
        bounds=Path(snakemake.input.bounds),
        bin_width=snakemake.params.bin_width,
        out=Path(snakemake.output.metrics),
    )
