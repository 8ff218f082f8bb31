"""Turn a filled sheet into the shares of wrong labels (Table 7 of the alignment paper)."""

from pathlib import Path

from replidg.files import whole_file
from replidg.metrics.labels import mislabelled, read_sheet
from replidg.metrics.tidy import tidy


def evaluate_alignment_labels(sheet: Path, out: Path) -> None:
    """Write tidy rows of `table7`.

    Args:
        sheet: filled csv.
        out: parquet file.
    """
    table = mislabelled(read_sheet(sheet))
    rows = tidy(table, artefact="table7", paper="alignment", metric="mislabelled_percent")
    with whole_file(out) as temporary:
        rows.to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    evaluate_alignment_labels(Path(snakemake.input.sheet), Path(snakemake.output.metrics))
