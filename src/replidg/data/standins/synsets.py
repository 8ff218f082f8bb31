"""ImageNet and its variants: class folders named by WordNet's synsets."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from pydantic import Field, PositiveInt

from replidg.data.standins.pictures import (
    Album,
    Drawing,
    DrawingName,
    StandinError,
    digest,
    draw,
    pool,
    position,
    shuffled,
    standin_classes,
    table,
)
from replidg.data.standins.wordnet import PICTURES, definition, lemmas
from replidg.typed import Strict

if TYPE_CHECKING:
    from replidg.data.registry import Entry

DEVKIT = "ILSVRC2012_devkit_t12/data"
# The rest of MATLAB's header is the time of writing, which would differ from run to run.
MAT_HEADER = b"MATLAB 5.0 MAT-file, stand-in made of embedded pictures".ljust(116)
# ImageNet-R tells the kind of rendition in a file's name.
RENDITIONS = {
    "openclipart": "graphic",
    "noto": "cartoon",
    "noto_v1": "art",
    "noto_mono": "sketch",
    "fluent_3d": "toy",
    "fluent_flat": "sticker",
    "twemoji": "sticker",
}
# Above the leaves, as in the official list: whoever forgets them gets the classes wrong.
INNER = {"n00021939": "artifact, artefact", "n00004475": "organism, being"}


class Options(Strict):
    """Options of the writer `synsets`.

    Attributes:
        form: which set's folders and file names.
        drawings: `<style>` or `<style>/<look>`; images are drawn from all.
        share: part of each class's instances, in a fixed order of all of them: sets with shares
            that do not overlap have no photographed thing in common.
        per_class: most images of a class in each drawing.
        left_out: synsets of the list that this set has no images of.
    """

    form: Literal["train", "val", "v2", "a", "r", "sketch"]
    drawings: list[DrawingName] = Field(min_length=1)
    share: tuple[float, float] = (0.0, 1.0)
    per_class: PositiveInt
    left_out: tuple[str, ...] = ()


class Numbered(NamedTuple):
    """An image's number in its set and among those of its class and kind, both from 0."""

    image_id: str
    of_all: int
    of_class: int
    kind: str


def photos_of(class_name: str, share: tuple[float, float]) -> list[str]:
    """Return the photographs of a share of the things that a class has photographs of.

    Counted among photographed things only, or a share might hold none.
    """
    instances = table()["instance"]
    names = pool(Drawing("photo"), class_name)
    order = shuffled({instances[name] for name in names}, "imagenet's order")
    first, last = (round(bound * 1000) * len(order) // 1000 for bound in share)
    kept = set(order[first:last])
    return [name for name in names if instances[name] in kept]


def chosen(
    key: str, wnid: str, share: tuple[float, float], drawing: Drawing, most: int
) -> list[str]:
    """Return the pictures of a synset in a set, sorted.

    Raises:
        StandinError: there is none.
    """
    class_name = PICTURES[wnid]
    photo = drawing.style == "photo"
    names = photos_of(class_name, share) if photo else pool(drawing, class_name)
    names = sorted(shuffled(names, key)[:most])
    if not names:
        raise StandinError(
            f"{key}.yaml: standin.options: no {drawing.style} picture of {class_name} ({wnid})"
        )
    return names


def write_synsets(entry: Entry, folder: Path) -> None:
    """Write a set of the ImageNet family."""
    options = Options.model_validate(entry.standin.options)
    classes = standin_classes(entry)
    images = [
        (wnid, image_id, drawing)
        for wnid in classes
        if wnid not in options.left_out
        for drawing in options.drawings
        for image_id in chosen(entry.name, wnid, options.share, drawing, options.per_class)
    ]
    album = Album(folder)
    if options.form == "val":
        # Flat, and in no order of the classes.
        images.sort(key=lambda image: digest("val", image[1]))
        _devkit(album, classes, [wnid for wnid, _, _ in images])
    counts: dict[tuple[str, str], int] = {}
    for place, (wnid, image_id, drawing) in enumerate(images):
        kind = RENDITIONS.get(drawing.style, "") if options.form == "r" else ""
        number = counts[wnid, kind] = counts.get((wnid, kind), -1) + 1
        path = _path(options.form, wnid, classes, Numbered(image_id, place, number, kind))
        album.add(path, image_id, draw(image_id, drawing.look, f"{entry.name}/{drawing.look}"))
    album.close()


def _path(form: str, wnid: str, classes: list[str], image: Numbered) -> str:
    """Return where a set puts an image, relative to its folder."""
    unique = digest(form, image.image_id).hex()
    if form == "a":
        # "<probability of the truth>_<predicted> _ <predicted>_<its probability>".
        wrong = lemmas(classes[int(unique[:6], 16) % len(classes)]).split(", ")[0]
        low = 0.01 * position("low", image.image_id)
        high = 0.5 + 0.4 * position("high", image.image_id)
        return f"imagenet-a/{wnid}/{low:.6f}_{wrong} _ {wrong}_{high:.8f}.jpg"
    return {
        "train": f"train/{wnid}/{wnid}_{10 + 7 * image.of_class}.JPEG",
        "val": f"val/ILSVRC2012_val_{image.of_all + 1:08d}.JPEG",
        "v2": f"imagenetv2-matched-frequency-format-val/{classes.index(wnid)}/{unique}.jpeg",
        "r": f"imagenet-r/{wnid}/{image.kind}_{image.of_class}.jpg",
        "sketch": f"sketch/{wnid}/sketch_{image.of_class}.JPEG",
    }[form]


def devkit_order(classes: list[str]) -> list[str]:
    """Return the synsets by ILSVRC2012_ID, which is not their sorted order."""
    return shuffled(classes, "ILSVRC2012_ID")


def _devkit(album: Album, classes: list[str], labels: list[str]) -> None:
    """Write the development kit's ground truth (a number a line, by file name) and meta.mat."""
    order = devkit_order(classes)
    numbers = "".join(f"{order.index(wnid) + 1}\n" for wnid in labels)
    album.put(f"{DEVKIT}/ILSVRC2012_validation_ground_truth.txt", numbers)
    album.put(f"{DEVKIT}/meta.mat", _meta(order))


def _meta(order: list[str]) -> bytes:
    from scipy.io import savemat

    leaves = range(1, len(order) + 1)
    rows = [
        (number, wnid, lemmas(wnid), definition(wnid), 0, np.zeros((1, 0)), 0, 1300)
        for number, wnid in zip(leaves, order, strict=True)
    ]
    for number, (wnid, words) in enumerate(INNER.items(), start=len(order) + 1):
        children = np.array([leaves], dtype=np.float64)
        rows.append((number, wnid, words, definition(wnid), len(order), children, 1, 0))
    fields = (
        "ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height",
        "num_train_images",
    )  # fmt: skip
    synsets = np.empty((len(rows), 1), dtype=[(field, object) for field in fields])
    for place, row in enumerate(rows):
        numbers = (float(value) if isinstance(value, int) else value for value in row)
        synsets[place, 0] = tuple(numbers)
    target = io.BytesIO()
    savemat(target, {"synsets": synsets})
    return MAT_HEADER + target.getvalue()[len(MAT_HEADER) :]
