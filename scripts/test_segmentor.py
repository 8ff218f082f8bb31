"""Test the segmentation networks of this job: counts, corrupted images, pictures, submissions."""

from itertools import groupby
from pathlib import Path

import pandas as pd

if "snakemake" in globals():
    import torch

    from replidg import devices
    from replidg.config import vltseg_arms
    from replidg.config.check import load
    from replidg.config.vltseg_tests import result_of
    from replidg.log import setup
    from replidg.segmentation.testing import RunTests

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    torch.set_num_threads(snakemake.threads)
    # snakemake.params are the parts that affect the result: what makes Snakemake test again.
    config = load(snakemake.config)
    indexes = {Path(path).parent.name: pd.read_parquet(path) for path in snakemake.input.indexes}
    wanted = sorted((result_of(path) for path in snakemake.output), key=lambda r: r.run)
    places = []
    for run, results in groupby(wanted, key=lambda result: result.run):
        folder = Path(vltseg_arms.folder(run))
        tests = RunTests(config, folder, indexes, Path(snakemake.params.checkpoints))
        for result in results:
            tests.make(result)
        places.append(tests.place)
    # Snakemake deletes all outputs of a job that fails; until here they can be made again at once.
    for place in places:
        place.clear()
