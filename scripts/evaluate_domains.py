"""Turn labels, predictions and compositions into the tidy rows of Tables 3 to 11."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from pyarrow import parquet

from replidg.config.forgotten_sets import split_name
from replidg.files import whole_file
from replidg.metrics import domain_metrics, domain_shares
from replidg.metrics.domain_shares import Composition


def web_composition(path: Path) -> Composition:
    """Count the web pictures, a row group at a time."""
    found, file = Composition(), parquet.ParquetFile(path)
    names = [n for n in file.schema_arrow.names if n.startswith(("domain_", "pruned/", "kept"))]
    for batch in file.iter_batches(columns=names):
        found.add(batch.to_pandas())
    return found


def set_compositions(
    tables: Mapping[str, Path], sets: Sequence[str]
) -> dict[tuple[str, str], Composition]:
    """Count the images of each test set, and of the data sets that are none."""
    frames = {name: pd.read_parquet(path) for name, path in tables.items()}
    places = [split_name(name) for name in sets]
    places = [(d, "all") for d in frames if d not in {dataset for dataset, _ in places}] + places
    found = {}
    for dataset, domain in places:
        rows = frames[dataset]
        found[dataset, domain] = Composition()
        found[dataset, domain].add(rows if domain == "all" else rows[rows["domain"] == domain])
    return found


def evaluate_domains(
    predictions: Mapping[str, Path], thresholds: Mapping[str, Path], labels: Path, web: Path,
    tables: Mapping[str, Path], clean: Mapping[str, Path], classes: Path, sets: Sequence[str],
    precision: float, out: Path,
) -> None:  # fmt: skip
    """Write the rows of all tables.

    Args:
        predictions: classifier: its predictions of the labelled pictures.
        thresholds: classifier: its thresholds.
        labels: the labelled pictures.
        web: domains of the web pictures.
        tables: data set: domains of its images.
        clean: data set: which of its images are kept.
        classes: class masks.
        sets: test sets.
        precision: of the strict thresholds.
        out: parquet file.
    """
    strict = f"{100 * precision:g}"
    scored = {name: pd.read_parquet(path) for name, path in predictions.items()}
    levels = {name: json.loads(path.read_text()) for name, path in thresholds.items()}
    kept = {name: pd.read_parquet(path) for name, path in clean.items()}
    composition = web_composition(web)
    rows = [
        domain_metrics.label_rows(pd.read_parquet(labels)),
        domain_metrics.strict_rows(scored, levels),
        domain_metrics.default_rows(scored),
        domain_shares.composition_rows(composition, set_compositions(tables, sets), strict),
        domain_shares.pruned_rows(composition, strict),
        domain_shares.clean_rows(kept, json.loads(classes.read_text()), composition),
    ]
    with whole_file(out) as temporary:
        pd.concat(rows, ignore_index=True).to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    given, params = snakemake.input, snakemake.params
    evaluate_domains(
        predictions=dict(zip(params.classifiers, map(Path, given.predictions), strict=True)),
        thresholds=dict(zip(params.classifiers, map(Path, given.thresholds), strict=True)),
        labels=Path(given.labels),
        web=Path(given.web),
        tables=dict(zip(params.datasets, map(Path, given.tables), strict=True)),
        clean=dict(zip(params.tested, map(Path, given.clean), strict=True)),
        classes=Path(given.classes),
        sets=params.sets,
        precision=params.precision,
        out=Path(snakemake.output.metrics),
    )
