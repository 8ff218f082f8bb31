"""Write the sheets by which a person checks labels (Table 7): a page with thumbnails and a csv."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.config.labels import Annotation
from replidg.files import whole_file
from replidg.metrics.labels import COLUMNS, draw_sheet, interval_bounds, interval_names
from replidg.reporting.annotation import render_sheet


def write_alignment_annotation(
    scores: Mapping[str, Path],
    indexes: Mapping[str, Path],
    annotation: Annotation,
    kind: str,
    page: Path,
    sheet: Path,
    filled: Path | None = None,
) -> None:
    """Write the page and the empty csv; where labels were exchanged, the filled one too.

    Args:
        scores: score file by data set, with `true_label` where labels were exchanged.
        indexes: index by data set, for the pictures' paths.
        annotation: intervals, images of each, seed.
        kind: `absolute` or `quantile` intervals.
        page: html file.
        sheet: csv with empty verdicts.
        filled: csv with the verdicts that the exchanged labels give.
    """
    tables = {name: pd.read_parquet(path) for name, path in scores.items()}
    values = {name: table["score"].to_numpy() for name, table in tables.items()}
    bounds = interval_bounds(annotation.intervals, kind, values)
    names = interval_names(annotation.intervals)
    drawn = [
        draw_sheet(table, bounds, names, annotation.images, annotation.seed).assign(dataset=name)
        for name, table in tables.items()
    ]
    rows = pd.concat(drawn, ignore_index=True)[COLUMNS]
    paths = {
        (name, row.image_id): Path(row.path)
        for name, index in indexes.items()
        for row in pd.read_parquet(index, columns=["image_id", "path"]).itertuples()
    }
    pictures = [paths[key] for key in zip(rows["dataset"], rows["image_id"], strict=True)]
    with whole_file(page) as temporary:
        temporary.write_text(render_sheet(rows, pictures, annotation.thumbnail), encoding="utf-8")
    write_csv(rows, sheet)
    if filled is not None:
        truth = pd.concat([table.assign(dataset=name) for name, table in tables.items()])
        truth = truth.set_index(["dataset", "image_id"])
        wrong = truth["label"] != truth["true_label"]
        keys = pd.MultiIndex.from_frame(rows[["dataset", "image_id"]])
        verdicts = wrong.loc[keys].map({True: "m", False: "k"}).to_numpy()
        write_csv(rows.assign(verdict=verdicts), filled)


def write_csv(rows: pd.DataFrame, path: Path) -> None:
    """Write a sheet."""
    with whole_file(path) as temporary:
        rows.to_csv(temporary, index=False, lineterminator="\n")


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    given, params, made = snakemake.input, snakemake.params, snakemake.output
    filled = made.get("filled")
    write_alignment_annotation(
        scores=dict(zip(params.datasets, map(Path, given.scores), strict=True)),
        indexes=dict(zip(params.datasets, map(Path, given.indexes), strict=True)),
        annotation=Annotation.model_validate(params.annotation),
        kind=params.kind,
        page=Path(made.page),
        sheet=Path(made.sheet),
        filled=Path(filled) if filled else None,
    )
