"""Cut-outs of embedded pictures as sprites of a street, by class, style and part of a set."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Literal

import numpy as np
from PIL import Image

from replidg.config.inputs import Splits
from replidg.data.embedded_pictures import instance_split
from replidg.data.standins.pictures import cutout, table

Side = Literal["seen", "unseen"]
# Instances of the embedded table by what they are on a street. Left out: what stands on rails in a
# tunnel, toys, and pictures with scenery around the thing.
INSTANCES = {
    "car": "automobile oncoming_automobile taxi oncoming_taxi police_car oncoming_police_car "
    "sport_utility_vehicle pickup_truck",
    "truck": "delivery_truck articulated_lorry fire_engine garbage_truck truck dumper",
    "bus": "bus oncoming_bus trolleybus minibus",
    "train": "tram tram_car train light_rail railway_car",
    "motorcycle": "motorcycle motor_scooter",
    "bicycle": "bicycle",
    "tree": "deciduous_tree evergreen_tree palm_tree birch holm_oak",
    "bush": "thyme lavender fern",
    "building": "house houses office_building department_store hotel school bank hospital "
    "post_office apartment_building derelict_house fire_station church love_hotel",
    "cloud": "cloud",
}
# Drawings of the right name that show several vehicles, or one from above, or outlines alone.
UNFIT = {
    "openclipart/land_vehicle/automobile",
    "openclipart/land_vehicle/automobile-10",
    "openclipart/land_vehicle/automobile-2",
    "openclipart/land_vehicle/automobile-7",
    "openclipart/land_vehicle/automobile-8",
    "openclipart/land_vehicle/bicycle",
    "openclipart/land_vehicle/bus-5",
    "openclipart/land_vehicle/bus-6",
    "openclipart/land_vehicle/delivery_truck",
    "openclipart/land_vehicle/fire_engine",
    "openclipart/land_vehicle/sport_utility_vehicle-3",
    "openclipart/land_vehicle/tram",
    "openclipart/plant/deciduous_tree-2",
    "openclipart/plant/deciduous_tree-5",
    "openclipart/plant/palm_tree",
    "openclipart/plant/palm_tree-2",
    "openclipart/building/church",
    "openclipart/building/house",
    "openclipart/building/house-3",
}


def side_of(instance: str) -> Side:
    """Return whether training parts may show an instance ("seen") or the other parts ("unseen").

    The same split as the embedded pictures' own, so that pretraining on those does not see what
    a validation scene shows.
    """
    return "seen" if instance_split(instance, Splits()) == "train" else "unseen"


@cache
def pictures(what: str, styles: tuple[str, ...], side: Side) -> tuple[str, ...]:
    """Return the ids of the pictures of a class in some styles, sorted; may be empty."""
    wanted = {name for name in INSTANCES[what].split() if side_of(name) == side}
    rows = table()
    fits = rows["has_alpha"] & rows["domain"].isin(styles) & rows["instance"].isin(wanted)
    return tuple(sorted(set(rows.index[fits]) - UNFIT))


@cache
def photographs(side: Side) -> tuple[str, ...]:
    """Return the ids of full photographs of buildings and scenery, sorted, for surfaces."""
    rows = table()
    fits = (rows["domain"] == "photo") & rows["class_name"].isin(["building", ""])
    names = rows.index[fits & ~rows["has_alpha"]]
    return tuple(sorted(name for name in names if side_of(rows.at[name, "instance"]) == side))


@cache
def trimmed(image_id: str) -> Image.Image:
    """Return a cut-out without its empty margin, RGBA."""
    picture = cutout(image_id)
    solid = picture.getchannel("A").point(lambda value: 255 if value >= 128 else 0)
    return picture.crop(solid.getbbox())


def aspect(image_id: str) -> float:
    """Return width / height of a trimmed cut-out."""
    picture = trimmed(image_id)
    return picture.width / picture.height


@lru_cache(maxsize=4096)
def sprite(
    image_id: str, width: int, height: int, mirror: bool, hue: int, colour: float, bright: float
) -> np.ndarray:
    """Return a cut-out at a size, (h, w, 4) float32, premultiplied; do not write to it.

    Args:
        image_id: of the embedded picture.
        width: pixels.
        height: pixels.
        mirror: swap left and right.
        hue: rotation of colours, in sixths of the circle.
        colour: saturation; 1 leaves it.
        bright: factor on all colours.
    """
    small = trimmed(image_id).convert("RGBa").resize((width, height), Image.Resampling.BOX)
    pixels = np.asarray(small, np.float32)
    if width > 1.2 * trimmed(image_id).width:
        large = trimmed(image_id).convert("RGBa").resize((width, height), Image.Resampling.BILINEAR)
        pixels = np.asarray(large, np.float32)
    pixels = pixels[:, ::-1].copy() if mirror else pixels.copy()
    rgb = turned(pixels[..., :3], hue)
    grey = rgb.mean(-1, keepdims=True)
    rgb = (grey + (rgb - grey) * colour) * bright
    pixels[..., :3] = np.clip(rgb, 0, pixels[..., 3:])
    return pixels


def turned(rgb: np.ndarray, hue: int) -> np.ndarray:
    """Rotate hues by `hue` sixths; grey stays grey, so tyres and windows keep their look."""
    hue %= 6
    swapped = np.roll(rgb, (hue + 1) // 2, axis=-1)
    if hue % 2 == 0:
        return swapped
    # An odd sixth lies between two rotations of the channels.
    return (swapped + np.roll(rgb, (hue - 1) // 2, axis=-1)) / 2


@cache
def grain(image_id: str) -> np.ndarray:
    """Return a photograph's brightness, (64, 64), with mean 0 and standard deviation 1."""
    grey = np.asarray(cutout(image_id).convert("L"), np.float32)
    return (grey - grey.mean()) / max(float(grey.std()), 1.0)


def surface(
    names: Sequence[str], random: np.random.Generator, width: int, height: int, side: int = 24
) -> tuple[np.ndarray, str]:
    """Return a patch of a photograph's brightness stretched over (height, width), and its id."""
    name = names[int(random.integers(len(names)))]
    x, y = random.integers(0, 64 - side, 2)
    patch = grain(name)[y : y + side, x : x + side]
    image = Image.fromarray(patch - patch.mean())
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC)), name
