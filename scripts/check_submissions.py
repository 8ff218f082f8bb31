"""Check the files for the test servers as the servers would read them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from replidg.config.schema import Config
from replidg.config.vltseg_tests import result_of
from replidg.data import availability
from replidg.files import whole_file
from replidg.segmentation import submissions


def check_submissions(
    config: Config, files: Sequence[str], indexes: Mapping[str, pd.DataFrame], out: Path
) -> None:
    """Write a row a submission: whose it is, what is in it, and whether the server will take it.

    Args:
        config: the whole configuration.
        files: paths of the archives.
        indexes: index of each data set.
        out: csv file.
    """
    rows = []
    for path in files:
        run, dataset, _ = result_of(path)
        index = indexes[dataset]
        page = availability.page(dataset, config.datasets[dataset]).name
        found = submissions.check(Path(path), index[index["split"] == "test"], page)
        tta = config.vltseg.submissions.tta
        rows.append({**run._asdict(), "dataset": dataset, "file": path, "tta": tta, **found})
    with whole_file(out) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)


if "snakemake" in globals():
    from replidg.config.check import load
    from replidg.log import setup

    setup(snakemake.log[0])
    check_submissions(
        config=load(snakemake.config),
        files=list(snakemake.input.files),
        indexes={Path(path).parent.name: pd.read_parquet(path) for path in snakemake.input.indexes},
        out=Path(snakemake.output.table),
    )
