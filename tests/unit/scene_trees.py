"""Street-scene stand-ins for the tests that look at them: each is written once a session."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from replidg.data import registry, standins
from replidg.data.registry.schema import Standin
from replidg.data.standins import scenes
from replidg.data.standins.scenes.labels import Kind

IMAGES = {
    "gta5": {"train": 20},
    "synthia": {"train": 20},
    "cityscapes": {"train": 20, "val": 4, "test": 2},
    "bdd100k": {"train": 20, "val": 4, "test": 2},
    "mapillary_vistas": {"train": 20, "val": 4, "test": 2},
    "acdc": {"train": 10, "val": 2, "test": 1},
}
# Written down again, from the public converters: id -> train id; others are ignored.
CITYSCAPES = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11,
              25: 12, 26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18}  # fmt: skip
SYNTHIA = {3: 0, 4: 1, 2: 2, 21: 3, 5: 4, 7: 5, 15: 6, 9: 7, 6: 8, 16: 9, 1: 10, 10: 11, 17: 12,
           8: 13, 18: 14, 19: 15, 20: 16, 12: 17, 11: 18}  # fmt: skip
MAPILLARY = {13: 0, 24: 0, 41: 0, 2: 1, 15: 1, 17: 2, 6: 3, 3: 4, 45: 5, 47: 5, 48: 6, 50: 7,
             30: 8, 29: 9, 27: 10, 19: 11, 20: 12, 21: 12, 22: 12, 55: 13, 61: 14, 54: 15, 58: 16,
             57: 17, 52: 18}  # fmt: skip
# id of what nobody scores in each set's own labels.
VOID = {"gta5": {0, 1, 4}, "synthia": {0, 22}, "cityscapes": {0, 1, 4}, "acdc": {0, 1, 4},
        "mapillary_vistas": {23, 51, 64, 65}}  # fmt: skip
MAPS = {"gta5": CITYSCAPES, "synthia": SYNTHIA, "cityscapes": CITYSCAPES, "acdc": CITYSCAPES,
        "mapillary_vistas": MAPILLARY}  # fmt: skip
LABELS = {
    "gta5": "labels/*.png",
    "synthia": "RAND_CITYSCAPES/GT/LABELS/*.png",
    "cityscapes": "gtFine/{part}/*/*_gtFine_labelIds.png",
    "bdd100k": "labels/sem_seg/masks/{part}/*.png",
    "mapillary_vistas": "{part}/labels/*.png",
    "acdc": "gt/{condition}/{part}/*/*_gt_labelIds.png",
}
FOLDER = {"train": "training", "val": "validation"}


def page(key, **options):
    """A set's page with few images."""
    entry = registry.load(key)
    made = {"height": 96, "images": IMAGES[key]} | options
    return entry.model_copy(update={"standin": Standin(writer="scenes", options=made)})


@cache
def tree(key):
    """A set's small stand-in; nobody may change it."""
    folder = Path(tempfile.mkdtemp(prefix=f"scenes-{key}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    standins.write(page(key), folder)
    return folder


@cache
def drawn(key):
    """What the composer drew, in the order of writing."""
    return list(scenes.shots(key, scenes.Options(images=IMAGES[key])))


def labels(key, part):
    """Label files of a part by name, sorted; of ACDC by condition first."""
    folder = FOLDER.get(part, part) if key == "mapillary_vistas" else part
    patterns = [
        LABELS[key].format(part=folder, condition=condition)
        for condition in scenes.SETS[key].conditions
    ]
    return [path for pattern in patterns for path in sorted(tree(key).glob(pattern))]


def ids(path, key):
    if key == "synthia":
        return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., -1]
    return np.asarray(Image.open(path))


def mapped(found, key):
    known = {int(value) for value in np.unique(found)}
    assert known <= set(MAPS[key]) | VOID[key], known
    train_ids = np.full(found.shape, 255, np.uint8)
    for label, train_id in MAPS[key].items():
        train_ids[found == label] = train_id
    return train_ids


def expected(key, part):
    """The composer's masks as train ids, by kind names alone; Mapillary's and BDD's unordered."""
    coarse = {"LANE_MARKING": 0, "CROSSWALK": 0, "MANHOLE": 0, "CURB": 1, "MOTORCYCLIST": 12}
    if key == "synthia":
        coarse |= {"LANE_MARKING": 255, "CROSSWALK": 255}
    if key == "mapillary_vistas":
        coarse |= {"CROSSWALK": 255}
    made = []
    for shot in (shot for shot in drawn(key) if shot.part == part):
        mask = np.full(shot.kinds.shape, 255, np.uint8)
        for kind in Kind:
            if kind < 19 or kind.name in coarse:
                mask[shot.kinds == kind] = coarse.get(kind.name, int(kind))
        made.append(mask)
    return made
