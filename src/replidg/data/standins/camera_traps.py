"""TerraIncognita: Caltech Camera Traps as LILA hands it out, before DomainBed sorts it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeInt, PositiveInt

from replidg.data.standins.pictures import (
    Album,
    Drawing,
    DrawingName,
    backgrounds,
    choose,
    generator,
    identifier,
    position,
    standin_classes,
)
from replidg.data.standins.traps import frame
from replidg.typed import Strict

if TYPE_CHECKING:
    from replidg.data.registry import Entry

IMAGES = "eccv_18_all_images_sm"
ANNOTATIONS = "caltech_images_20210113.json"
EMPTY = "empty"
# Numbers of the official list where the name is on it; it has gaps, so an index is no id.
OFFICIAL_CATEGORIES = {"bird": 11, EMPTY: 30}
FIRST_OWN_CATEGORY = 101


class Camera(Strict):
    """A location: the style that plays it, and the share of its images taken at night."""

    style: DrawingName
    night: float = Field(0.0, ge=0, le=1)


class Options(Strict):
    """Options of the writer `camera_traps`.

    Attributes:
        locations: location -> its camera; the conversion keeps some of them.
        per_class: most images of a class at a location.
        other_categories: classes that are annotated but do not belong to the set.
        per_other_category: images of each of those at each location.
        without_image: images in the annotations whose files the archive lacks, as thousands do
            in the official one; at a location of their own.
    """

    locations: dict[str, Camera] = Field(min_length=1)
    per_class: PositiveInt
    other_categories: tuple[str, ...] = ()
    per_other_category: NonNegativeInt = 0
    without_image: NonNegativeInt = 0


def write_camera_traps(entry: Entry, folder: Path) -> None:
    """Write the flat folder of images and the annotations of all."""
    options = Options.model_validate(entry.standin.options)
    classes = standin_classes(entry)
    numbers = _categories([*classes, *options.other_categories])
    album = Album(folder)
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []

    def annotate(unique: str, location: str, order: int, category: str) -> None:
        images.append(_image(unique, location, order))
        annotations.append(
            {
                "id": identifier("annotation", unique),
                "image_id": unique,
                "category_id": numbers[category],
            }
        )

    own = _backgrounds(options.locations)
    for location, camera in options.locations.items():
        for image_id, category in _chosen(entry.name, location, camera, options, classes, own):
            unique = identifier(entry.name, location, image_id, len(images))
            random = generator(entry.name, unique)
            behind = own[location][int(random.integers(len(own[location])))]
            dark = position("night", unique) < camera.night
            thing = None if category == EMPTY else image_id
            album.add(f"{IMAGES}/{unique}.jpg", thing or behind, frame(thing, behind, random, dark))
            annotate(unique, location, len(images), category)
    for number in range(options.without_image):
        annotate(identifier("no image", number), "0", len(images), EMPTY)
    album.put(ANNOTATIONS, _annotations(images, annotations, numbers))
    album.close()


def _chosen(
    key: str,
    location: str,
    camera: Camera,
    options: Options,
    classes: list[str],
    own: dict[str, tuple[str, ...]],
) -> list[tuple[str, str]]:
    """Return picture and category of each image of a location."""
    cut = Drawing(camera.style.style, "scene")
    chosen = []
    for category in classes:
        if category == EMPTY:
            chosen += [
                (own[location][number % len(own[location])], EMPTY)
                for number in range(options.per_class)
            ]
        else:
            names = choose(cut, category, options.per_class, f"{key}/{location}")
            chosen += [(name, category) for name in names]
    for category in options.other_categories:
        names = choose(cut, category, options.per_other_category, f"{key}/{location}")
        chosen += [(name, category) for name in names]
    return chosen


def _backgrounds(locations: dict[str, Camera]) -> dict[str, tuple[str, ...]]:
    """Return each location's own photographs: what stands before no other camera."""
    count = len(locations)
    return {name: backgrounds()[place::count] for place, name in enumerate(locations)}


def _categories(names: list[str]) -> dict[str, int]:
    own = (name for name in names if name not in OFFICIAL_CATEGORIES)
    numbers = {name: FIRST_OWN_CATEGORY + 2 * place for place, name in enumerate(own)}
    return {name: OFFICIAL_CATEGORIES.get(name) or numbers[name] for name in names}


def _image(unique: str, location: str, order: int) -> dict[str, object]:
    taken = datetime(2012, 4, 1) + timedelta(minutes=97 * order)
    return {
        "id": unique,
        "file_name": f"{unique}.jpg",
        "rights_holder": "",
        "location": location,
        "width": 64,
        "height": 64,
        "date_captured": taken.strftime("%Y-%m-%d %H:%M:%S"),
        "seq_id": identifier("sequence", unique),
        "seq_num_frames": 1,
        "frame_num": 1,
    }


def _annotations(images: list, annotations: list, numbers: dict[str, int]) -> str:
    content = {
        "info": {
            "version": 1.0,
            "description": "stand-in made of embedded pictures, in the form of COCO camera traps",
            "year": 2021,
            "contributor": "replidg",
            "date_created": "2021-01-13",
        },
        "categories": [{"id": number, "name": name} for name, number in numbers.items()],
        "images": images,
        "annotations": annotations,
    }
    return json.dumps(content, indent=1) + "\n"
