"""List the files for the test servers beside the published scores."""

from pathlib import Path

import pandas as pd

from replidg.reporting.artefact_files import write_one
from replidg.reporting.vltseg_submissions import submissions

if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    out, params = snakemake.output, snakemake.params
    made = submissions(pd.read_csv(snakemake.input.submissions), params.names)
    write_one("vltseg", "t6", made, Path(out.csv), Path(out.md), Path(out.tex))
