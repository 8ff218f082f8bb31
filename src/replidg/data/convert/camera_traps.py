"""TerraIncognita from the Caltech camera traps: one folder a location, one a class.

Which images belong to it: DomainBed's domainbed/scripts/download.py. An image counts for every
category that it is annotated with, and once however often it is annotated with it. DomainBed goes
through all annotations for every image; here each table is gone through once.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field

from replidg.data.convert.tree import (
    ConversionError,
    check_share,
    link,
    needed,
    read_json,
    shown,
)
from replidg.data.registry.schema import Entry, RelativePath
from replidg.progress import tracked
from replidg.typed import Strict

logger = logging.getLogger(__name__)


class Options(Strict):
    """Options of `camera_traps`.

    Attributes:
        images: folder with all images.
        annotations: JSON in the "COCO camera traps" format.
        locations: cameras to keep; numbers or text, as releases of the format differ.
        categories: categories to keep, by default the classes of the data set.
        most_missing: largest accepted share of kept images that the disk does not have.
    """

    images: RelativePath
    annotations: RelativePath
    locations: list[Annotated[str, BeforeValidator(str)]] = Field(min_length=1)
    categories: list[str] | None = None
    most_missing: float = Field(default=0.01, ge=0, le=1)


class Choice(NamedTuple):
    """What the annotations say belongs to the data set.

    Attributes:
        pictures: (file name, location, category), each once, in the order of the file.
        images: number of different images among them.
        dropped: number of images left out, by reason.
    """

    pictures: list[tuple[str, str, str]]
    images: int
    dropped: dict[str, int]


def choose(table: dict[str, Any], locations: set[str], categories: set[str]) -> Choice:
    """Return the images of the chosen locations and categories, in time linear in the table.

    Args:
        table: the annotation file: `images`, `annotations`, `categories`.
        locations: location names.
        categories: category names.

    Raises:
        ConversionError: a location has no image, or a row refers to what is not there.
    """
    names = {row["id"]: row["name"] for row in table["categories"]}
    if unknown := sorted(categories - set(names.values())):
        raise ConversionError(f"no category is called {shown(unknown)}; check `classes`")
    # In the order of the annotations, without repetitions: a dict is an ordered set.
    annotated: dict[Any, dict[str, None]] = {}
    for row in table["annotations"]:
        if row["category_id"] not in names:
            raise ConversionError(
                f"annotation {row.get('id')} has the unknown category {row['category_id']}"
            )
        annotated.setdefault(row["image_id"], {})[names[row["category_id"]]] = None
    dropped = {"other location": 0, "no annotation": 0, "other category": 0}
    pictures: dict[tuple[str, str, str], None] = {}
    files = set()
    for row in table["images"]:
        location = str(row["location"])
        found = annotated.get(row["id"], {})
        kept = [name for name in found if name in categories]
        if location not in locations:
            dropped["other location"] += 1
        elif not kept:
            dropped["other category" if found else "no annotation"] += 1
        else:
            files.add(row["file_name"])
            pictures.update({(row["file_name"], location, name): None for name in kept})
    if empty := sorted(locations - {location for _, location, _ in pictures}):
        raise ConversionError(f"no image of the locations {shown(empty)} is annotated")
    return Choice(list(pictures), len(files), dropped)


def run(
    entry: Entry, options: Options, source: Path, out: Path, classes: list[str] | None
) -> dict[str, Any]:
    """Link the chosen images to `location_<n>/<class>/<file>`.

    Raises:
        ConversionError: the annotations are broken, or too many of their images are missing.
    """
    annotations = source / options.annotations
    table = read_json(annotations)
    categories = set(options.categories or needed(classes, entry.name))
    try:
        choice = choose(table, set(options.locations), categories)
    except ConversionError as error:
        raise ConversionError(f"{annotations}: {error}") from None
    except (KeyError, TypeError) as error:
        raise ConversionError(
            f"{annotations} is not in the COCO camera traps format: {error!r}"
        ) from None
    missing = _missing(source / options.images, choice)
    check_share(
        missing,
        choice.images,
        options.most_missing,
        f"{source / options.images}: images named in {options.annotations} are missing",
        "most_missing",
    )
    lost = set(missing)
    for location in options.locations:
        (out / f"location_{location}").mkdir()
    kept = [picture for picture in choice.pictures if picture[0] not in lost]
    for name, location, category in tracked(kept, len(kept), f"{entry.name}: linking"):
        link(source / options.images / name, out / f"location_{location}" / category / name)
    if missing:
        logger.warning("%s: %d images are missing: %s", entry.name, len(missing), missing)
    return {
        "images": len(kept),
        "files": choice.images - len(missing),
        "in several classes": len(choice.pictures) - choice.images,
        "dropped": {**choice.dropped, "missing on disk": len(missing)},
        "missing": missing,
    }


def _missing(folder: Path, choice: Choice) -> list[str]:
    """Return the names of chosen images that `folder` does not have."""
    missing = []
    for name in dict.fromkeys(name for name, _, _ in choice.pictures):
        if os.path.isabs(name) or ".." in name.split("/"):
            raise ConversionError(f"{name!r} is not a file name inside {folder}")
        if not os.path.isfile(folder / name):
            missing.append(name)
    return missing
