"""The 19 classes that street scenes are scored by, as Cityscapes numbers, names and paints them.

Source: labels.py of cityscapesScripts (Cordts et al. 2016, arXiv 1604.01685).
"""

from __future__ import annotations

from typing import NamedTuple


class StreetClass(NamedTuple):
    """One class: its name, the id of Cityscapes' test server, and its colour."""

    name: str
    label_id: int
    colour: tuple[int, int, int]


#: By train id, 0 to 18.
STREET_CLASSES = (
    StreetClass("road", 7, (128, 64, 128)),
    StreetClass("sidewalk", 8, (244, 35, 232)),
    StreetClass("building", 11, (70, 70, 70)),
    StreetClass("wall", 12, (102, 102, 156)),
    StreetClass("fence", 13, (190, 153, 153)),
    StreetClass("pole", 17, (153, 153, 153)),
    StreetClass("traffic light", 19, (250, 170, 30)),
    StreetClass("traffic sign", 20, (220, 220, 0)),
    StreetClass("vegetation", 21, (107, 142, 35)),
    StreetClass("terrain", 22, (152, 251, 152)),
    StreetClass("sky", 23, (70, 130, 180)),
    StreetClass("person", 24, (220, 20, 60)),
    StreetClass("rider", 25, (255, 0, 0)),
    StreetClass("car", 26, (0, 0, 142)),
    StreetClass("truck", 27, (0, 0, 70)),
    StreetClass("bus", 28, (0, 60, 100)),
    StreetClass("train", 31, (0, 80, 100)),
    StreetClass("motorcycle", 32, (0, 0, 230)),
    StreetClass("bicycle", 33, (119, 11, 32)),
)
CLASSES = tuple(each.name for each in STREET_CLASSES)
PALETTE = tuple(each.colour for each in STREET_CLASSES)
#: Train id -> id of Cityscapes' labels and test server.
LABEL_IDS = tuple(each.label_id for each in STREET_CLASSES)
IGNORED = 255
#: Train ids that SYNTHIA does not have; the paper's means still count them.
ABSENT_FROM_SYNTHIA = (9, 14, 16)
