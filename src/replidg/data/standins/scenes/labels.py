"""The classes of street scenes, and the ids that each data set gives them.

A scene is drawn once, in `Kind`s that are finer than any one set's classes (a lane marking is road
for Cityscapes, ignored by SYNTHIA's published map, a class of its own for Mapillary). The tables
here turn a mask of kinds into each set's official ids; `train_ids` says what the published maps
make of those.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, NamedTuple

import numpy as np

IGNORED = 255
Family = Literal["cityscapes", "synthia", "mapillary"]


class Kind(IntEnum):
    """What a pixel shows; the first 19 are Cityscapes' train ids, in order."""

    ROAD = 0
    SIDEWALK = 1
    BUILDING = 2
    WALL = 3
    FENCE = 4
    POLE = 5
    TRAFFIC_LIGHT = 6
    TRAFFIC_SIGN = 7
    VEGETATION = 8
    TERRAIN = 9
    SKY = 10
    PERSON = 11
    RIDER = 12
    CAR = 13
    TRUCK = 14
    BUS = 15
    TRAIN = 16
    MOTORCYCLE = 17
    BICYCLE = 18
    LANE_MARKING = 19
    CROSSWALK = 20
    CURB = 21
    MANHOLE = 22
    MOTORCYCLIST = 23
    STATIC = 24
    EGO = 25
    UNLABELLED = 255


class Ids(NamedTuple):
    """A kind's id in each family of label maps."""

    cityscapes: int
    synthia: int
    mapillary: int


# Cityscapes: labels.py of cityscapesScripts. SYNTHIA: the 23 ids of RAND_CITYSCAPES. Mapillary:
# the places in config.json of v1.2. The pages of the registry hold the maps back.
IDS = {
    Kind.ROAD: Ids(7, 3, 13),
    Kind.SIDEWALK: Ids(8, 4, 15),
    Kind.BUILDING: Ids(11, 2, 17),
    Kind.WALL: Ids(12, 21, 6),
    Kind.FENCE: Ids(13, 5, 3),
    Kind.POLE: Ids(17, 7, 45),
    Kind.TRAFFIC_LIGHT: Ids(19, 15, 48),
    Kind.TRAFFIC_SIGN: Ids(20, 9, 50),
    Kind.VEGETATION: Ids(21, 6, 30),
    Kind.TERRAIN: Ids(22, 16, 29),
    Kind.SKY: Ids(23, 1, 27),
    Kind.PERSON: Ids(24, 10, 19),
    Kind.RIDER: Ids(25, 17, 20),
    Kind.CAR: Ids(26, 8, 55),
    Kind.TRUCK: Ids(27, 18, 61),
    Kind.BUS: Ids(28, 19, 54),
    Kind.TRAIN: Ids(31, 20, 58),
    Kind.MOTORCYCLE: Ids(32, 12, 57),
    Kind.BICYCLE: Ids(33, 11, 52),
    Kind.LANE_MARKING: Ids(7, 22, 24),
    Kind.CROSSWALK: Ids(7, 22, 23),
    Kind.CURB: Ids(8, 4, 2),
    Kind.MANHOLE: Ids(7, 3, 41),
    Kind.MOTORCYCLIST: Ids(25, 17, 21),
    Kind.STATIC: Ids(4, 0, 51),
    Kind.EGO: Ids(1, 0, 64),
    Kind.UNLABELLED: Ids(0, 0, 65),
}
# Kinds beyond the 19, as train ids; what is not named is ignored.
_FINE = {
    Kind.LANE_MARKING: Kind.ROAD,
    Kind.CROSSWALK: Kind.ROAD,
    Kind.CURB: Kind.SIDEWALK,
    Kind.MANHOLE: Kind.ROAD,
    Kind.MOTORCYCLIST: Kind.RIDER,
}
# The published maps pass over these: SYNTHIA's 22, Mapillary's crosswalks.
_PASSED_OVER = {
    "cityscapes": (),
    "synthia": (Kind.LANE_MARKING, Kind.CROSSWALK),
    "mapillary": (Kind.CROSSWALK,),
}
THINGS = (*range(Kind.PERSON, Kind.BICYCLE + 1), Kind.MOTORCYCLIST)
CLASS_COLOURS = (
    (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153),
    (153, 153, 153), (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152),
    (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142), (0, 0, 70), (0, 60, 100),
    (0, 80, 100), (0, 0, 230), (119, 11, 32),
)  # fmt: skip
CITYSCAPES_NAMES = {
    0: "unlabeled", 1: "ego vehicle", 4: "static", 7: "road", 8: "sidewalk", 11: "building",
    12: "wall", 13: "fence", 17: "pole", 19: "traffic light", 20: "traffic sign",
    21: "vegetation", 22: "terrain", 23: "sky", 24: "person", 25: "rider", 26: "car",
    27: "truck", 28: "bus", 31: "train", 32: "motorcycle", 33: "bicycle",
}  # fmt: skip


def official(kinds: np.ndarray, family: Family) -> np.ndarray:
    """Return a mask of kinds, (H, W) uint8, as the ids of a family, uint8."""
    table = np.zeros(256, np.uint8)
    for kind, ids in IDS.items():
        table[kind] = getattr(ids, family)
    return table[kinds]


def train_ids(kinds: np.ndarray, family: Family) -> np.ndarray:
    """Return a mask of kinds as train ids, as the family's published map would."""
    table = np.full(256, IGNORED, np.uint8)
    table[:19] = np.arange(19)
    for kind, coarse in _FINE.items():
        table[kind] = coarse
    for kind in _PASSED_OVER[family]:
        table[kind] = IGNORED
    return table[kinds]


def cityscapes_colours() -> np.ndarray:
    """Return the 256 colours of Cityscapes' label ids, (256, 3) uint8; void is black."""
    colours = np.zeros((256, 3), np.uint8)
    for kind, colour in enumerate(CLASS_COLOURS):
        colours[IDS[Kind(kind)].cityscapes] = colour
    # Classes that no stand-in draws, but that the official palette colours.
    colours[[5, 6, 9, 10]] = (111, 74, 0), (81, 0, 81), (250, 170, 160), (230, 150, 140)
    colours[[14, 15, 16]] = (180, 165, 180), (150, 100, 100), (150, 120, 90)
    colours[[18, 29, 30, 34]] = (153, 153, 153), (0, 0, 90), (0, 0, 110), (0, 0, 142)
    return colours


def train_id_colours() -> np.ndarray:
    """Return the 256 colours of train ids, (256, 3) uint8; ignored is black."""
    colours = np.zeros((256, 3), np.uint8)
    colours[:19] = CLASS_COLOURS
    return colours


def synthia_colours() -> np.ndarray:
    """Return the colours of SYNTHIA's ids, (256, 3) uint8."""
    colours = np.zeros((256, 3), np.uint8)
    for kind, colour in enumerate(CLASS_COLOURS):
        colours[IDS[Kind(kind)].synthia] = colour
    # As its README colours them, unlike Cityscapes.
    colours[[5, 13, 14, 22]] = (64, 64, 128), (250, 170, 160), (128, 64, 64), (102, 102, 156)
    return colours
