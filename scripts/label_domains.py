"""Collect the domain labels of pictures and divide them into train, val and test."""

from pathlib import Path

import pandas as pd

from replidg.config.forgotten import DomainLabels
from replidg.data.domain_labels import known_labels, read_files, read_sheets, split
from replidg.files import whole_file


def label_domains(labels: DomainLabels, sample: Path | None, out: Path) -> None:
    """Write `test_set`, `image_id`, `path`, `label` and `split` of every labelled picture.

    Args:
        labels: where labels come from.
        sample: the drawn pictures, unless all labels are of one's own pictures.
        out: parquet file.
    """
    drawn = pd.read_parquet(sample) if sample else pd.DataFrame()
    parts = []
    if labels.truth:
        parts.append(known_labels(drawn, labels.truth))
    if labels.sheets:
        parts.append(read_sheets([Path(path) for path in labels.sheets], drawn))
    if labels.files:
        parts.append(read_files([Path(path) for path in labels.files]))
    table = split(pd.concat(parts, ignore_index=True), labels.held_out, labels.seed)
    with whole_file(out) as temporary:
        table.to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    sample = snakemake.input.get("sample")
    label_domains(
        labels=DomainLabels.model_validate(snakemake.params.labels),
        sample=Path(sample) if sample else None,
        out=Path(snakemake.output.labels),
    )
