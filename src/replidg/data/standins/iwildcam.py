"""iWildCam2020-WILDS v2.0 as the wilds package reads it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, PositiveInt

from replidg.data.standins.pictures import (
    Album,
    Drawing,
    DrawingName,
    StandinError,
    backgrounds,
    generator,
    identifier,
    pool,
    position,
    shuffled,
    standin_classes,
    table,
)
from replidg.data.standins.traps import frame
from replidg.typed import Strict

if TYPE_CHECKING:
    from replidg.data.registry import Entry

ROOT = "iwildcam_v2.0"
EMPTY = "empty"
UNUSED = 99999  # y of the categories that no image of WILDS' copy shows
Split = Literal["train", "id_val", "id_test", "val", "test"]
# The splits of the traps of train share them and differ by instance, as the official ones by day.
PLACES: dict[str, str] = {"train": "train", "id_val": "train", "id_test": "train"}
SHARES = {"train": (0.0, 0.7), "id_val": (0.7, 0.84), "id_test": (0.84, 1.0)}


class Options(Strict):
    """Options of the writer `iwildcam`.

    Attributes:
        traps: train, val and test -> style -> number of camera traps that it plays. The styles
            of val and test should not be those of train: that makes their traps unseen.
        images: split -> number of images.
        empty: share of sequences that show nothing.
        night: share of sequences taken by infrared flash.
        frames: most images of a sequence.
        unused_categories: names in categories.csv that no image shows.
    """

    traps: dict[Literal["train", "val", "test"], dict[DrawingName, PositiveInt]]
    images: dict[Split, PositiveInt]
    empty: float = Field(0.2, ge=0, le=1)
    night: float = Field(0.3, ge=0, le=1)
    frames: PositiveInt = 3
    unused_categories: tuple[str, ...] = ()


class Trap(NamedTuple):
    """A camera: its number in the table, its style, the photograph of its place."""

    number: int
    style: str
    background: str


class Shot(NamedTuple):
    """An image: which sequence of its split, which of its frames, and what a trap sees."""

    sequence: int
    number: int
    category: str
    thing: str | None
    trap: Trap


def write_iwildcam(entry: Entry, folder: Path) -> None:
    """Write metadata.csv, categories.csv and the images.

    Raises:
        StandinError: there are too few pictures for the numbers that the options ask.
    """
    options = Options.model_validate(entry.standin.options)
    classes = standin_classes(entry)
    album = Album(folder)
    traps = _traps(options)
    rows: list[dict[str, object]] = []
    for split, count in options.images.items():
        cameras = traps[PLACES.get(split, split)]
        first = 1 + max((int(row["sequence_remapped"]) for row in rows), default=-1)
        shots = list(islice(_shots(entry.name, split, options, classes, cameras), count))
        if len(shots) < count:
            raise StandinError(
                f"{entry.name}.yaml: standin.options.images.{split}: {count} asked, there are "
                f"pictures for {len(shots)}"
            )
        for shot in shots:
            row = _row(split, first, shot, classes.index(shot.category))
            rows.append(row)
            random = generator(entry.name, row["image_id"])
            dark = position("night", row["seq_id"]) < options.night
            picture = frame(shot.thing, shot.trap.background, random, dark)
            shown = shot.thing or shot.trap.background
            album.add(f"{ROOT}/train/{row['filename']}", shown, picture)
    album.csv(f"{ROOT}/metadata.csv", rows, index=True)
    album.csv(f"{ROOT}/categories.csv", _categories(classes, options.unused_categories))
    album.put(f"{ROOT}/RELEASE_v2.0.txt", "stand-in made of embedded pictures\n")
    album.close()


def _traps(options: Options) -> dict[str, list[Trap]]:
    numbers = iter(range(10_000))
    places = shuffled(backgrounds(), "places")
    return {
        part: [
            Trap(number, drawing.style, places[number % len(places)])
            for drawing, count in styles.items()
            for number in [next(numbers) for _ in range(count)]
        ]
        for part, styles in options.traps.items()
    }


def _shots(*wanted: Any) -> Iterator[Shot]:
    for sequence, (category, thing, trap, frames) in enumerate(_sequences(*wanted)):
        for number in range(frames):
            yield Shot(sequence, number, category, thing, trap)


def _sequences(
    key: str, split: str, options: Options, classes: list[str], traps: list[Trap]
) -> Iterator[tuple[str, str | None, Trap, int]]:
    """Yield category, picture (none: empty), trap and number of frames, until pictures run out.

    Classes and traps come the rarer the later they are in their lists (1, 1/2, 1/3 ...): as in the
    original, most images show a few species and come from a few traps.
    """
    styles = sorted({trap.style for trap in traps})
    left = {
        (style, name): shuffled(_of_part(style, name, split), f"{key}/{split}")
        for style in styles
        for name in classes
        if name != EMPTY
    }
    species = [name for name in classes if name != EMPTY]
    random = generator(key, split)
    # Every class comes first once, as far as there are pictures: wilds wants each in some row.
    waiting = [name for name in species if any(left[style, name] for style in styles)]
    while any(left.values()):
        frames = int(random.integers(1, options.frames + 1))
        trap = traps[_rare(len(traps), random)]
        if not waiting and random.random() < options.empty:
            yield EMPTY, None, trap, frames
            continue
        wanted = waiting.pop(0) if waiting else species[_rare(len(species), random)]
        able = [one for one in traps if left[one.style, wanted]]
        if able:
            trap = trap if trap in able else able[_rare(len(able), random)]
            yield wanted, left[trap.style, wanted].pop(), trap, frames


def _rare(count: int, random: np.random.Generator) -> int:
    weights = 1 / np.arange(1, count + 1)
    return int(random.choice(count, p=weights / weights.sum()))


def _of_part(style: str, class_name: str, split: str) -> list[str]:
    names = pool(Drawing(style, "scene"), class_name)
    first, last = SHARES.get(split, (0.0, 1.0))
    instances = table()["instance"]
    return [name for name in names if first <= position("part", instances[name]) < last]


def _row(split: str, first: int, shot: Shot, label: int) -> dict[str, object]:
    sequence = first + shot.sequence
    unique = identifier("iwildcam", sequence, shot.number)
    days = {"id_val": 200, "id_test": 260}.get(split, 0)
    minutes = timedelta(minutes=89 * sequence, seconds=shot.number)
    taken = datetime(2013, 5, 1, 6) + timedelta(days=days) + minutes
    return {
        "split": split,
        "location_remapped": shot.trap.number,
        "location": 20 + 3 * shot.trap.number,
        "sequence_remapped": sequence,
        "seq_id": identifier("iwildcam sequence", sequence),
        "y": label,
        "category_id": 2 * label,
        "datetime": taken.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
        "filename": f"{unique}.jpg",
        "image_id": unique,
    }


def _categories(classes: list[str], unused: tuple[str, ...]) -> list[dict[str, object]]:
    used = [{"y": y, "category_id": 2 * y, "name": name} for y, name in enumerate(classes)]
    never = [
        {"y": UNUSED, "category_id": 2 * number + 1, "name": name}
        for number, name in enumerate(unused)
    ]
    return used + never
