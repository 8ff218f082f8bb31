"""Write which share of every target image the box around its object takes."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from replidg.files import whole_file

logger = logging.getLogger(__name__)


def by_alpha(rows: pd.DataFrame) -> np.ndarray:
    """Return the sizes that the index knows; only the embedded pictures' index has any."""
    if "object_share" not in rows:
        logger.warning("the index has no column object_share: no object's size is known")
        return np.full(len(rows), np.nan)
    return rows["object_share"].to_numpy(np.float64)


def by_table(rows: pd.DataFrame, path: Path) -> np.ndarray:
    """Return the sizes in a user's file.

    Raises:
        ValueError: a column is missing, an image is there twice, or a share is none.
    """
    table = pd.read_csv(path, dtype={"image_id": str})
    if not {"image_id", "share"} <= set(table):
        raise ValueError(f"{path} must have the columns image_id and share; it has {list(table)}")
    if table["image_id"].duplicated().any():
        twice = table.loc[table["image_id"].duplicated(), "image_id"].iloc[0]
        raise ValueError(f"{path} has two rows for {twice}")
    shares = pd.to_numeric(table["share"], errors="raise")
    if ((shares < 0) | (shares > 1)).any():
        raise ValueError(f"{path}: a share lies between 0 and 1")
    found = rows["image_id"].map(dict(zip(table["image_id"], shares, strict=True)))
    if found.isna().all():
        raise ValueError(f"{path} has no size of an image of this data set, e.g. of "
                         f"{rows['image_id'].iloc[0]}")  # fmt: skip
    logger.info("%s has sizes of %d of %d images", path, found.notna().sum(), len(rows))
    return found.to_numpy(np.float64)


if "snakemake" in globals():
    from pydantic import TypeAdapter

    from replidg import devices
    from replidg.config.similarity import ObjectSize
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    how = TypeAdapter(ObjectSize).validate_python(snakemake.params.how)
    rows = pd.read_parquet(snakemake.input.index)
    rows = rows[rows["domain"].isin(snakemake.params.domains)].reset_index(drop=True)
    if how.source == "alpha":
        shares = by_alpha(rows)
    elif how.source == "csv":
        shares = by_table(rows, Path(snakemake.input.sizes))
    else:
        import torch

        from replidg.models import boxes

        torch.set_num_threads(snakemake.threads)
        budget = snakemake.config["embedding"]
        shares = boxes.measure(
            rows,
            how,
            batch_size=snakemake.config["alignment"]["object_size"]["batch_size"],
            workers=budget["workers"],
            shard_size=budget["shard_size"],
            checkpoints=Path(snakemake.params.checkpoints),
        )
    with whole_file(snakemake.output.sizes) as temporary:
        rows[["image_id", "domain"]].assign(share=shares).to_parquet(temporary, index=False)
