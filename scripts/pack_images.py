"""Write the images of a data set into a store: few large files, memory-mapped by their readers."""

from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter

from replidg.config.image_stores import ImageStore, Packing
from replidg.data.pack_images import pack

if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    budget = Packing.model_validate(snakemake.config["packing"])
    pack(
        index=pd.read_parquet(snakemake.input.index),
        store=TypeAdapter(ImageStore).validate_python(snakemake.params.store),
        folder=Path(snakemake.output.facts).parent,
        checkpoints=Path(snakemake.params.checkpoints),
        processes=min(budget.processes, snakemake.threads),
    )
