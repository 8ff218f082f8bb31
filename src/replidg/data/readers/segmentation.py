"""Read segmentation sets through mmsegmentation's dataset classes."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from replidg.data.errors import DatasetError
from replidg.data.image_folder import image_names
from replidg.data.readers.source import Source, looked_up
from replidg.data.registry.schema import Part

logger = logging.getLogger(__name__)

CONDITIONS = "conditions.csv"


def frames(source: Source) -> Iterator[pd.DataFrame]:
    """Yield one frame with `mask_path`, `condition` and `city`.

    The index holds pairs of an image and its label, and the images of parts that have no labels
    (`mask_path` is empty). What is left out is logged, and counted in the frame's
    `attrs["left_out"]`, e.g. {"train: images without a label": 3}.

    Raises:
        DatasetError: a folder with labels is missing, nothing pairs, or an image is a link to
            nothing.
    """
    left_out: dict[str, int] = {}
    parts = [
        _part(source, split, part, left_out) for split, part in source.entry.reader.parts.items()
    ]
    index = pd.concat([part for part in parts if len(part)], ignore_index=True)
    index = index.sort_values("image_id", ignore_index=True)
    path = source.folder / CONDITIONS
    if path.is_file():
        index["condition"] = looked_up(index["image_id"], path, "image_id", "condition")
    else:
        index["condition"] = ""
    index["city"] = index.pop("city")
    for what, number in left_out.items():
        logger.warning("%s, %s: %d left out of the index", source.entry.name, what, number)
    index.attrs["left_out"] = left_out
    yield index


def names(source: Source) -> list[str]:
    """Return nothing: an image has no label of its own, and train ids name the pixels."""
    return []


def _part(source: Source, split: str, part: Part, left_out: dict[str, int]) -> pd.DataFrame:
    """Return the rows of one part and count what has no partner."""
    images = source.folder / part.images
    if not images.is_dir() and part.labels is None:
        left_out[f"{split}: folder {part.images} is missing"] = 0
        return pd.DataFrame()
    for place in (part.images, part.labels):
        if place is not None and not (source.folder / place).is_dir():
            raise DatasetError(
                f"{source.entry.name}: there is no folder {source.folder / place}; it holds the "
                f"{split} part of {source.entry.title}"
            )
    rows = _load(source, part)
    _check_links(images, rows, source.entry.reader.img_suffix)
    if part.labels is not None:
        labels = _labels(source.folder / part.labels, source.entry.reader.seg_map_suffix)
        has_label = rows["mask_path"].map(os.path.isfile).astype(bool)
        _count(left_out, f"{split}: images without a label", int((~has_label).sum()))
        _count(left_out, f"{split}: labels without an image", len(labels - set(rows["mask_path"])))
        rows = rows[has_label]
    if not len(rows) and (part.labels is not None):
        raise DatasetError(
            f"{source.entry.name}: no image *{source.entry.reader.img_suffix} of {images} has its "
            f"label *{source.entry.reader.seg_map_suffix} in {source.folder / part.labels}"
        )
    return _described(rows, source, split, part)


def _load(source: Source, part: Part) -> pd.DataFrame:
    """Return `path` and `mask_path` as mmsegmentation lists them."""
    from replidg.compat import prepare_mmseg

    prepare_mmseg()
    import mmseg.datasets  # noqa: F401 - fills the registry
    from mmseg.registry import DATASETS

    reader = source.entry.reader
    prefix = {"img_path": part.images}
    if part.labels is not None:
        prefix["seg_map_path"] = part.labels
    dataset = DATASETS.build(
        {
            "type": reader.dataset,
            "data_root": str(source.folder),
            "data_prefix": prefix,
            "img_suffix": reader.img_suffix,
            "seg_map_suffix": reader.seg_map_suffix,
            "test_mode": part.labels is None,
            # Only the list is wanted: no pipeline, no packing of the list for worker processes.
            "lazy_init": True,
            "serialize_data": False,
            "pipeline": [],
        }
    )
    found = [(row["img_path"], row.get("seg_map_path", "")) for row in dataset.load_data_list()]
    rows = pd.DataFrame(found, columns=["path", "mask_path"], dtype="str")
    # mmsegmentation skips hidden files, but reads on in hidden folders.
    hidden = [any(p.startswith(".") for p in _below(path, source, part)) for path in rows["path"]]
    return rows[[not found for found in hidden]]


def _below(path: str, source: Source, part: Part) -> tuple[str, ...]:
    return Path(os.path.relpath(path, source.folder / part.images)).parts


def _check_links(images: Path, rows: pd.DataFrame, suffix: str) -> None:
    """Raise for images that are links to nothing: mmsegmentation passes over them in silence."""
    present = {os.path.normpath(path) for path in rows["path"]}
    listed = (os.path.normpath(images / n) for n in image_names(images) if n.endswith(suffix))
    lost = sorted(path for path in listed if path not in present)
    if lost:
        raise DatasetError(
            f"{len(lost)} images below {images} cannot be opened, e.g. {lost[0]}; if they are "
            "links, restore what they point to"
        )


def _labels(folder: Path, suffix: str) -> set[str]:
    found = (f"{folder}/{name}" for name in image_names(folder) if name.endswith(suffix))
    return set(found)


def _count(left_out: dict[str, int], what: str, number: int) -> None:
    if number:
        left_out[what] = number


def _described(rows: pd.DataFrame, source: Source, split: str, part: Part) -> pd.DataFrame:
    below = [_below(path, source, part) for path in rows["path"]]
    ids = [os.path.relpath(path, source.folder) for path in rows["path"]]
    return pd.DataFrame(
        {
            "image_id": ids,
            "path": [str(source.folder / image_id) for image_id in ids],
            "label": -1,
            "class_name": "",
            "domain": source.entry.domains[0],
            "split": split,
            "mask_path": rows["mask_path"].to_numpy(),
            # Only Cityscapes has folders, one a city, below its parts.
            "city": [parts[0] if len(parts) > 1 else "" for parts in below],
        }
    )
