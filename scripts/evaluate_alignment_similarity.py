"""Hold AlignmentScore against other scores: Figs 2a, 5, 8 and Table 3 of the alignment paper."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.config.labels import PerceptualSplit
from replidg.files import whole_file
from replidg.metrics import accuracy, correlation
from replidg.metrics import predictors as scores_of
from replidg.metrics.scored import read_targets
from replidg.metrics.tidy import tidy


def evaluate_alignment_similarity(
    predictions: list[Path],
    splits: Mapping[str, Path],
    neighbours: Mapping[str, Path],
    mmd: Mapping[str, Path],
    split: PerceptualSplit,
    curve: Mapping[str, float],
    out: Path,
) -> None:
    """Write tidy rows of one method's curves by each score, of Table 3, Fig 5 and `predictors`.

    Args:
        predictions: prediction files of one method.
        splits: split file by data set.
        neighbours: nearest images of the pretraining corpus by data set.
        mmd: distances of sets of images by data set.
        split: where Table 3 divides.
        curve: the configured bins.
        out: parquet file.
    """
    images = {
        name: scores_of.image_scores(
            pd.read_parquet(splits[name]),
            pd.read_parquet(neighbours[name], columns=["image_id", "rank", "similarity"]),
        )
        for name in splits
    }
    values = {name: table[scores_of.PERCEPTUAL].to_numpy() for name, table in images.items()}
    bound = scores_of.split_bound(split, values)
    known = pd.concat([table.assign(dataset=name) for name, table in images.items()])
    # Images without neighbours are left out (`perceptual.max_images_per_domain`).
    keys = ["dataset", "image_id"]
    # One method: even all of DomainNet's images are few.
    table = pd.concat([read_targets(path) for path in predictions]).merge(known, on=keys)
    widths = {
        scores_of.ALIGNMENT: curve["bin_width"],
        scores_of.PERCEPTUAL: curve["similarity_width"],
        scores_of.MEAN: curve["similarity_width"],
    }
    rows = []
    for name, width in widths.items():
        counted = accuracy.bin_counts(table.assign(score=table[name]), width)
        points = accuracy.curve(counted).assign(setting=f"{width:g}")
        rows.append(tidy(points, artefact=f"curves_{name}", paper="alignment", metric="accuracy"))
        bars = accuracy.histogram(known.assign(score=known[name]), width)
        bars = bars.assign(n=bars["value"])
        rows.append(tidy(bars, artefact=f"histogram_{name}", paper="alignment", metric="images"))
    table3 = scores_of.accuracy_by_similarity(table, bound).rename(columns={"target": "domain"})
    limit = pd.DataFrame({"setting": ["split"], "value": [bound], "dataset": "all"})
    rows += [
        tidy(table3, artefact="table3", paper="alignment", metric="accuracy"),
        tidy(limit, artefact="thresholds_perceptual", paper="alignment", metric="score"),
        *compared(table, list(widths), int(curve["resamples"])),
        *distances(mmd),
    ]
    with whole_file(out) as temporary:
        pd.concat(rows, ignore_index=True).to_parquet(temporary, index=False)


def compared(table: pd.DataFrame, names: list[str], resamples: int) -> list[pd.DataFrame]:
    """Return how well each score predicts, by data set, method and seed."""
    rows = []
    for (dataset, method, seed), run in table.groupby(["dataset", "method", "seed"]):
        columns = {name: run[name].to_numpy() for name in names}
        found = correlation.compare_predictors(run["correct"].to_numpy(), columns, resamples)
        found = found.assign(dataset=dataset, method=method, seed=seed)
        rows.append(tidy(found, artefact="predictors", paper="alignment"))
    return rows


def distances(mmd: Mapping[str, Path]) -> list[pd.DataFrame]:
    """Return the rows of Fig 5."""
    tables = [pd.read_parquet(path).assign(dataset=name) for name, path in mmd.items()]
    return [
        tidy(rows.rename(columns={"pair": "setting"}), artefact="fig5", paper="alignment",
             metric="mmd")
        for rows in tables
    ]  # fmt: skip


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    given, params = snakemake.input, snakemake.params
    evaluate_alignment_similarity(
        predictions=[Path(path) for path in given.predictions],
        splits=dict(zip(params.datasets, map(Path, given.splits), strict=True)),
        neighbours=dict(zip(params.datasets, map(Path, given.neighbours), strict=True)),
        mmd=dict(zip(params.datasets, map(Path, given.mmd), strict=True)),
        split=PerceptualSplit.model_validate(params.split),
        curve=params.curve,
        out=Path(snakemake.output.metrics),
    )
