"""Label maps of street scenes, brought to Cityscapes' 19 train ids; 255 is ignored.

The maps stand in the registry's pages. Where image and label come out is what the entry's reader
says: its parts and suffixes.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from replidg.data.convert import label_maps
from replidg.data.convert.label_maps import LabelError, Reading
from replidg.data.convert.pairs import match, report, work_off
from replidg.data.convert.tree import ConversionError, link, walk
from replidg.data.registry.schema import Entry, Part, RelativePath, Segmentation
from replidg.typed import Strict

Id = Annotated[int, Field(ge=0, lt=1 << 16)]
TrainId = Annotated[int, Field(ge=0, lt=19)]


class Folders(Strict):
    """Where a part lies in the official layout; a part without labels has images only."""

    images: RelativePath
    labels: RelativePath | None = None


class Options(Strict):
    """Options of `train_ids`.

    Attributes:
        map: id in the label images -> train id; all others become 255.
        reading: where a pixel's id is: "index" (palette or greyscale) or "last_channel" (16 bit).
        label_suffix: end of a label's name; the rest is that of its image.
        parts: the reader's parts in the official layout.
        most_dropped: largest accepted share of pairs of a part that cannot be used.
    """

    map: dict[Id, TrainId] = Field(min_length=1)
    reading: Reading = "index"
    label_suffix: str
    parts: dict[str, Folders] = Field(min_length=1)
    most_dropped: float = Field(default=0.01, ge=0, le=1)


def run(
    entry: Entry, options: Options, source: Path, out: Path, classes: list[str] | None
) -> dict[str, Any]:
    """Link the images and write the label maps, part by part.

    Raises:
        ConversionError: folders are missing, or too many pairs cannot be used.
    """
    reader = entry.reader
    if not isinstance(reader, Segmentation):
        raise ConversionError(f"{entry.name}.yaml: train_ids needs the reader `segmentation`")
    labelled = {name for name, part in reader.parts.items() if part.labels}
    if reader.parts.keys() != options.parts.keys() or labelled != {
        name for name, part in options.parts.items() if part.labels
    }:
        raise ConversionError(
            f"{entry.name}.yaml: conversion.options.parts must be the reader's parts "
            f"{sorted(reader.parts)}, with labels for {sorted(labelled)}"
        )
    facts = {
        name: _part(entry, options, name, reader.parts[name], source, out) for name in reader.parts
    }
    return {"images": sum(part["images"] for part in facts.values()), "parts": facts}


def _part(
    entry: Entry, options: Options, name: str, place: Part, source: Path, out: Path
) -> dict[str, Any]:
    reader, folders = entry.reader, options.parts[name]
    found = _names(source / folders.images, reader.img_suffix)
    if not found:
        raise ConversionError(f"{source / folders.images} has no *{reader.img_suffix}")
    if folders.labels is None:
        for key in sorted(found):
            file = key + reader.img_suffix
            link(source / folders.images / file, out / place.images / file)
        return {"images": len(found), "dropped": {}}
    own = reader.seg_map_suffix
    # Users' folders often have the results of an earlier conversion beside the labels.
    unlike = own if own != options.label_suffix and own.endswith(options.label_suffix) else None
    labels = _names(source / folders.labels, options.label_suffix, unlike)
    blank: list[str] = []
    table = label_maps.lookup(options.map)
    task = partial(_pair, entry, options, folders, place, table, source, out, blank)
    what = f"{entry.name}, {name}"
    matched = work_off(match(found, labels), task, what)
    facts = report(matched, options.most_dropped, what)
    if len(blank) == len(matched.both):
        raise ConversionError(
            f"{source / folders.labels}: no label has an id of the map; are these the official "
            f"labels, read as {options.reading!r}?"
        )
    return {**facts, "labels without a class": len(blank)}


def _names(folder: Path, suffix: str, unlike: str | None = None) -> set[str]:
    """Return paths below `folder` without their suffix, leaving out those that end in `unlike`."""
    return {
        name.removesuffix(suffix)
        for name in walk(folder, suffix)
        if unlike is None or not name.endswith(unlike)
    }


def _pair(
    entry: Entry,
    options: Options,
    folders: Folders,
    place: Part,
    table: np.ndarray,
    source: Path,
    out: Path,
    blank: list[str],
    key: str,
) -> None:
    """Write one label map, then link its image; note in `blank` if all of it is ignored.

    Raises:
        LabelError: the pair cannot be used; nothing is written.
    """
    image = key + entry.reader.img_suffix
    ids = label_maps.read_ids(
        source / folders.labels / (key + options.label_suffix), options.reading
    )
    width, height = label_maps.size_of_image(source / folders.images / image)
    if ids.shape != (height, width):
        raise LabelError(
            f"image ({width} x {height}) and label ({ids.shape[1]} x {ids.shape[0]}) differ"
        )
    label = out / place.labels / (key + entry.reader.seg_map_suffix)
    train_ids = np.take(table, ids)
    label_maps.write(train_ids, label)
    link(source / folders.images / image, out / place.images / image)
    if (train_ids == label_maps.IGNORED).all():
        blank.append(key)
