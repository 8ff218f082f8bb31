"""ObjectNet 1.0: its own names, mappings to ImageNet, and a red border round every image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ImageOps
from pydantic import PositiveInt

from replidg.data.standins.pictures import (
    Album,
    Drawing,
    StandinError,
    digest,
    draw,
    pool,
    shuffled,
    standin_classes,
)
from replidg.data.standins.synsets import devkit_order, photos_of
from replidg.data.standins.wordnet import PICTURES, SYNSETS, lemmas
from replidg.typed import Strict

if TYPE_CHECKING:
    from replidg.data.registry import Entry

ROOT = "objectnet-1.0"
BORDER_PX = 2
RED = (255, 0, 0)
# Right answers besides the class's own, as some of ObjectNet's names have several.
ALSO = {"flower": ["plant"], "fruit": ["plant"], "vegetable": ["plant"]}


class Options(Strict):
    """Options of the writer `objectnet`.

    Attributes:
        look: what is done to the photographs.
        share: see `synsets.Options`.
        per_class: most images of a class.
        not_in_imagenet: classes of pictures whose folders no class of ImageNet overlaps.
    """

    look: str
    share: tuple[float, float]
    per_class: PositiveInt
    not_in_imagenet: list[str]


def write_objectnet(entry: Entry, folder: Path) -> None:
    """Write images and mappings.

    Raises:
        StandinError: a class is said both to overlap ImageNet's and not to.
    """
    options = Options.model_validate(entry.standin.options)
    wnids = standin_classes(entry)
    both = sorted(set(options.not_in_imagenet) & set(SYNSETS))
    if both:
        raise StandinError(f"{entry.name}.yaml: standin.options.not_in_imagenet: {both}")
    overlapping = [PICTURES[wnid] for wnid in wnids]
    album = Album(folder)
    for class_name in [*overlapping, *options.not_in_imagenet]:
        if class_name in overlapping:
            names = photos_of(class_name, options.share)
        else:
            names = pool(Drawing("photo"), class_name)
        for image_id in sorted(shuffled(names, entry.name)[: options.per_class]):
            picture = ImageOps.expand(draw(image_id, options.look, entry.name), BORDER_PX, RED)
            unique = digest(entry.name, image_id).hex()[:15]
            album.add(f"{ROOT}/images/{class_name}/{unique}.png", image_id, picture)
    for name, content in _mappings(wnids, overlapping, options.not_in_imagenet).items():
        album.put(f"{ROOT}/mappings/{name}", content)
    album.close()


def label_of(class_name: str) -> str:
    """Return ObjectNet's name of a folder: "musical_instrument" is "Musical instrument"."""
    return class_name.replace("_", " ").capitalize()


def _mappings(wnids: list[str], overlapping: list[str], others: list[str]) -> dict[str, str]:
    """Return the four official files: name -> content.

    `imagenet_to_label_2012_v2` has a line a class in the order of ILSVRC2012_ID;
    `pytorch_to_imagenet_2012_id.json` maps a label (here: the position in the stand-in's list of
    classes) to the number of its line, from 0.
    """
    order = devkit_order(wnids)
    answers = {
        label_of(name): "; ".join(lemmas(SYNSETS[one]) for one in [name, *ALSO.get(name, [])])
        for name in sorted(overlapping)
    }
    folders = {name: label_of(name) for name in sorted([*overlapping, *others])}
    lines = {str(label): order.index(wnid) for label, wnid in enumerate(wnids)}
    return {
        "folder_to_objectnet_label.json": json.dumps(folders),
        "objectnet_to_imagenet_1k.json": json.dumps(answers),
        "pytorch_to_imagenet_2012_id.json": json.dumps(lines),
        "imagenet_to_label_2012_v2": "".join(f"{lemmas(wnid)}\n" for wnid in order),
    }
