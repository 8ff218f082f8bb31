"""Stand-ins of the street-scene sets: composed streets with exact masks.

Every street is drawn from far to near (`layout`); embedded pictures serve as sprites where
there are any, shapes where there are none. GTA5 and SYNTHIA are painted flat, with drawings of two
different makers; Cityscapes, BDD100k and Mapillary have other drawings and photographs, rough
surfaces, and a camera with blur and noise; ACDC puts weather on such streets. Pictures of training
parts never appear in the other parts, in no set and in no maker's version.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field, NonNegativeInt

from replidg.data.standins.pictures import StandinError, generator
from replidg.data.standins.scenes import looks
from replidg.data.standins.scenes.camera import develop, roughen
from replidg.data.standins.scenes.files import WRITERS, SceneAlbum, Shot
from replidg.data.standins.scenes.labels import Kind
from replidg.data.standins.scenes.layout import compose
from replidg.data.standins.scenes.looks import Look
from replidg.data.standins.scenes.stage import Plan
from replidg.data.standins.scenes.weather import CONDITIONS, clear
from replidg.progress import Progress
from replidg.typed import Strict

if TYPE_CHECKING:
    from replidg.data.registry import Entry


class Options(Strict):
    """Options of a page's stand-in.

    Attributes:
        height: of the images in pixels; the width follows from the original's proportions.
        images: by part, train, val, test; ACDC has as many for each condition.
        variant: any text; another one gives other streets.
    """

    height: int = Field(96, ge=32, le=1080)
    images: dict[str, NonNegativeInt]
    variant: str = ""


class SceneSet(NamedTuple):
    """What is fixed for a set.

    Attributes:
        look: its style.
        parts: what it is published in.
        sizes: width and height of the originals, image by image in turn.
        absent: kinds that it never shows.
        conditions: folders of weather; "" for none.
    """

    look: Look
    parts: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    absent: frozenset[Kind] = frozenset()
    conditions: tuple[str, ...] = ("",)


ALL_PARTS = ("train", "val", "test")
SETS = {
    "gta5": SceneSet(looks.GTA5, ("train",), ((1914, 1052),)),
    "synthia": SceneSet(
        looks.SYNTHIA,
        ("train",),
        ((1280, 760),),
        frozenset({Kind.TERRAIN, Kind.TRUCK, Kind.TRAIN}),
    ),
    "cityscapes": SceneSet(looks.CITYSCAPES, ALL_PARTS, ((2048, 1024),)),
    "bdd100k": SceneSet(looks.BDD100K, ALL_PARTS, ((1280, 720),)),
    "mapillary_vistas": SceneSet(
        looks.MAPILLARY, ALL_PARTS, ((4032, 3024), (3264, 2448), (1920, 1080), (3000, 2000))
    ),
    "acdc": SceneSet(looks.ACDC, ALL_PARTS, ((1920, 1080),), conditions=tuple(CONDITIONS)),
}


def write_scenes(entry: Entry, folder: Path) -> None:
    """Write the stand-in of a street-scene set below `folder`, in its official layout.

    Raises:
        StandinError: the writer does not know the set, or its page names other parts than it has.
        pydantic.ValidationError: the page's options are wrong.
    """
    options = _options(entry)
    scenes = SETS[entry.name]
    album = SceneAlbum(folder)
    total = len(scenes.conditions) * sum(options.images.values())
    with Progress(total, f"drawing {entry.name}") as progress:
        for shot in shots(entry.name, options):
            WRITERS[entry.name](album, shot)
            progress.add()
    album.close()


def _options(entry: Entry) -> Options:
    if entry.name not in SETS:
        raise StandinError(
            f"{entry.name}.yaml: standin.writer: scenes draws {', '.join(SETS)} only"
        )
    options = Options.model_validate(entry.standin.options)
    parts = SETS[entry.name].parts
    if set(options.images) != set(parts):
        raise StandinError(
            f"{entry.name}.yaml: standin.options.images: give a number for {', '.join(parts)}, "
            f"not for {', '.join(sorted(options.images)) or 'nothing'}"
        )
    return options


def shots(name: str, options: Options) -> Iterator[Shot]:
    """Yield the pictures of a set, part by part; the same ones whenever asked.

    Args:
        name: a key of `SETS`.
        options: how many, how large.
    """
    scenes = SETS[name]
    for part in scenes.parts:
        for condition in scenes.conditions:
            for number in range(options.images[part]):
                yield _shot(name, options, part, condition, number)


def _shot(name: str, options: Options, part: str, condition: str, number: int) -> Shot:
    """Compose one street and take its picture."""
    scenes = SETS[name]
    purpose = ("scene", name, options.variant, part, condition, number)
    random = generator(*purpose)
    full_width, full_height = scenes.sizes[number % len(scenes.sizes)]
    width = round(full_width * options.height / full_height)
    plan = Plan(scenes.look, "seen" if part == "train" else "unseen", scenes.absent, number)
    stage = compose(plan, width, options.height, random)
    canvas = stage.canvas
    roughen(canvas, plan.look, plan.side, random)
    reference = None
    if condition:
        # Taken on another day: the same street, other noise.
        other = generator(*purpose, "reference")
        reference = develop(canvas, stage.camera, plan.look, clear, other)
    weather = CONDITIONS.get(condition, clear)
    rgb = develop(canvas, stage.camera, plan.look, weather, random)
    return Shot(rgb, canvas.kind, canvas.instance, canvas.used, part, number, condition, reference)
