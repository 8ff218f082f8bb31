"""The embedded pictures, written as an ImageFolder tree `<domain>/<class>/<instance>.png`."""

from __future__ import annotations

import hashlib
import io
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from replidg.config.inputs import EmbeddedDataset, Splits
from replidg.progress import tracked

METADATA = "metadata.csv"
#: Beside a stand-in: which embedded picture each of its images was made of.
PROVENANCE = ".standin.csv"


def load_table() -> pd.DataFrame:
    """Return the embedded table, one row a picture, sorted by `image_id`."""
    return pd.read_parquet(str(resources.files("replidg.data") / "embedded" / "pictures.parquet"))


def instance_split(instance: str, splits: Splits) -> str:
    """Return train, val or test for an instance.

    The same instance (say, "tiger-face") gets the same split in every domain, so that no drawing
    of a test instance is ever trained on. The hash needs no seed: adding pictures moves none.
    """
    digest = hashlib.sha256(instance.encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < splits.train:
        return "train"
    return "val" if position < splits.train + splits.validation else "test"


def describe(pictures: pd.DataFrame, dataset: EmbeddedDataset) -> pd.DataFrame:
    """Return the metadata of the tree: split, pretraining share, caption, size, licence per image.

    Args:
        pictures: rows of the embedded table, with their `object_share`.
        dataset: the configured data set.

    Returns:
        One row an image with `image_id` relative to the tree, sorted by it.
    """
    split = pictures["instance"].map(lambda name: instance_split(name, dataset.splits))
    pretraining = pd.Series(False, index=pictures.index)
    if dataset.pretraining is not None:
        pretraining = (
            (split == "train")
            & pictures["domain"].isin(dataset.pretraining.domains)
            & ~pictures["class_name"].isin(dataset.pretraining.held_out_classes)
        )
    kept = ["instance", "caption", "keywords", "licence", "author", "source", "object_share"]
    described = pd.DataFrame({"image_id": pictures["image_id"] + ".png", "split": split})
    described["pretraining"] = pretraining
    described = described.join(pictures[kept])
    return described.sort_values("image_id", ignore_index=True)


def write_tree(dataset: EmbeddedDataset, folder: Path) -> pd.DataFrame:
    """Write the configured domains below `folder` and return their metadata.

    Pictures with transparency are laid on white. Every domain gets a folder for every class, also
    for classes that it has no picture of: label indices come from the folders.

    Raises:
        ValueError: the configuration names a domain that the table does not have.
    """
    pictures = load_table()
    unknown = sorted(set(dataset.tree) - set(pictures["domain"]))
    if unknown:
        raise ValueError(f"no embedded pictures of the domains {unknown}")
    # Backgrounds have no class; they serve other data sets.
    pictures = pictures[pictures["domain"].isin(dataset.tree) & (pictures["class_name"] != "")]
    for domain in dataset.tree:
        for class_name in sorted(set(pictures["class_name"])):
            (folder / domain / class_name).mkdir(parents=True, exist_ok=True)
    rows = pictures[["image_id", "image"]].itertuples(index=False)
    shares = []
    for image_id, content in tracked(rows, len(pictures), "writing pictures"):
        picture = decoded(content)
        shares.append(object_share(picture))
        on_white(picture).save(folder / f"{image_id}.png", optimize=False)
    described = describe(pictures.assign(object_share=shares), dataset)
    described.to_csv(folder / METADATA, index=False)
    return described


def object_share(picture: Image.Image) -> float:
    """Return the share of a picture that the box around its object takes.

    The object is what is at least half opaque. NaN for a picture without transparency: its object
    is not known from its background.
    """
    alpha = np.asarray(picture.convert("RGBA"))[..., 3]
    if alpha.min() == 255:
        return float("nan")
    rows, columns = np.nonzero(alpha >= 128)
    if not len(rows):
        return float("nan")
    area = (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)
    return float(area / alpha.size)


def decoded(content: bytes) -> Image.Image:
    """Return an embedded picture with its transparency (RGBA)."""
    return Image.open(io.BytesIO(content)).convert("RGBA")


def on_white(picture: Image.Image) -> Image.Image:
    """Lay an RGBA picture on white; returns an RGB image."""
    pixels = np.asarray(picture, dtype=np.float32)
    alpha = pixels[..., 3:] / 255.0
    laid = pixels[..., :3] * alpha + 255.0 * (1.0 - alpha)
    return Image.fromarray(np.rint(laid).astype(np.uint8))
