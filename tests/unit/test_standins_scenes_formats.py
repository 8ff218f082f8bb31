"""Street-scene stand-ins on disk: names, sizes and formats as the official archives have them."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from scene_trees import IMAGES, labels, mapped, tree

from replidg.data.standins import scenes
from replidg.data.standins.pictures import PROVENANCE
from replidg.data.standins.scenes.labels import CITYSCAPES_NAMES

PATTERNS = {
    "gta5": [r"images/\d{5}\.png", r"labels/\d{5}\.png"],
    "synthia": [r"RAND_CITYSCAPES/(RGB|GT/COLOR|GT/LABELS)/\d{7}\.png"],
    "cityscapes": [
        r"leftImg8bit/(train|val|test)/([a-z]+)/\2_\d{6}_\d{6}_leftImg8bit\.png",
        r"gtFine/(train|val|test)/([a-z]+)/\2_\d{6}_\d{6}_gtFine_"
        r"(labelIds\.png|instanceIds\.png|color\.png|polygons\.json)",
    ],
    "bdd100k": [
        r"images/10k/(train|val|test)/[0-9a-f]{8}-[0-9a-f]{8}\.jpg",
        r"labels/sem_seg/(masks|colormaps)/(train|val)/[0-9a-f]{8}-[0-9a-f]{8}\.png",
    ],
    "mapillary_vistas": [
        r"(training|validation|testing)/images/[\w-]{22}\.jpg",
        r"(training|validation)/(labels|instances)/[\w-]{22}\.png",
        r"config\.json",
    ],
    "acdc": [
        r"rgb_anon/(fog|night|rain|snow)/(train|val|test)/(\w+)/\3_frame_\d{6}_rgb_anon\.png",
        r"rgb_anon/(fog|night|rain|snow)/(train|val|test)_ref/(\w+)/\3_frame_\d{6}_rgb_ref_anon\.png",
        r"gt/(fog|night|rain|snow)/(train|val)/(\w+)/\3_frame_\d{6}_gt_"
        r"(labelIds|labelTrainIds|labelColor)\.png",
    ],
}  # fmt: skip
# Files by scene: labelled, unlabelled.
FILES = {"gta5": (2, 0), "synthia": (3, 0), "cityscapes": (5, 5), "bdd100k": (3, 1),
         "mapillary_vistas": (3, 1), "acdc": (5, 2)}  # fmt: skip


@pytest.mark.parametrize("key", IMAGES)
def test_names_are_the_official_ones(key):
    names = [p.relative_to(tree(key)).as_posix() for p in tree(key).rglob("*") if p.is_file()]
    names.remove(PROVENANCE)
    odd = [name for name in names if not any(re.fullmatch(p, name) for p in PATTERNS[key])]
    assert not odd
    counts = {part: n * len(scenes.SETS[key].conditions) for part, n in IMAGES[key].items()}
    test = counts.pop("test", 0)
    extra = key == "mapillary_vistas"
    assert len(names) == sum(counts.values()) * FILES[key][0] + test * FILES[key][1] + extra


@pytest.mark.parametrize(
    ("key", "size"),
    [("gta5", (175, 96)), ("synthia", (162, 96)), ("cityscapes", (192, 96)), ("acdc", (171, 96))],
)
def test_sizes_have_the_originals_proportions(key, size):
    images = [path for path in tree(key).rglob("*.png") if path.name != PROVENANCE]
    assert {Image.open(path).size for path in images} == {size}


def test_mapillarys_sizes_vary():
    sizes = {Image.open(p).size for p in (tree("mapillary_vistas") / "training/images").iterdir()}
    assert sizes == {(128, 96), (171, 96), (144, 96)}


def test_palettes_are_the_official_colours():
    label = Image.open(labels("gta5", "train")[0])
    assert label.mode == "P"
    palette = np.array(label.getpalette()).reshape(-1, 3)
    assert palette[7].tolist() == [128, 64, 128]
    assert palette[[26, 33, 0]].tolist() == [[0, 0, 142], [119, 11, 32], [0, 0, 0]]
    label = Image.open(labels("mapillary_vistas", "train")[0])
    assert label.mode == "P"
    entries = json.loads((tree("mapillary_vistas") / "config.json").read_text())["labels"]
    palette = np.array(label.getpalette()).reshape(-1, 3)
    assert palette[:66].tolist() == [entry["color"] for entry in entries]


def test_mapillarys_config_has_the_66_classes():
    """Against mmsegmentation's own list, and the 37 classes with instances of v1.2."""
    from replidg.compat import prepare_mmseg

    prepare_mmseg()
    from mmseg.datasets import MapillaryDataset_v1

    entries = json.loads((tree("mapillary_vistas") / "config.json").read_text())["labels"]
    assert tuple(entry["readable"] for entry in entries) == MapillaryDataset_v1.METAINFO["classes"]
    assert [entry["color"] for entry in entries] == MapillaryDataset_v1.METAINFO["palette"]
    assert sum(entry["instances"] for entry in entries) == 37
    assert [entry["name"] for entry in entries if not entry["evaluate"]] == ["void--unlabeled"]
    assert set(entries[0]) == {"color", "evaluate", "instances", "name", "readable"}


def test_synthias_labels_are_16_bit_with_instances():
    pixels = cv2.imread(str(labels("synthia", "train")[0]), cv2.IMREAD_UNCHANGED)
    assert (pixels.dtype, pixels.shape) == (np.uint16, (96, 162, 3))
    things = np.isin(pixels[..., 2], [8, 10, 11, 12, 17, 19])
    assert ((pixels[..., 1] > 0) == things).all()
    assert not pixels[..., 0].any()


@pytest.mark.parametrize("key", ["cityscapes", "mapillary_vistas"])
def test_instances_contain_the_class(key):
    for label in labels(key, "train")[:6]:
        classes = np.asarray(Image.open(label)).astype(int)
        if key == "cityscapes":
            path = label.with_name(label.name.replace("labelIds", "instanceIds"))
            numbers = np.asarray(Image.open(path)).astype(int)
            assert (np.where(numbers < 1000, numbers, numbers // 1000) == classes).all()
            assert ((numbers >= 1000) == (classes >= 24)).all()
        else:
            numbers = np.asarray(Image.open(label.parents[1] / "instances" / label.name))
            assert (numbers.astype(int) // 256 == classes).all()
        assert len(np.unique(numbers)) > len(np.unique(classes))


def test_polygons_outline_the_labels():
    for label in labels("cityscapes", "train")[:4]:
        found = json.loads(Path(str(label).replace("labelIds.png", "polygons.json")).read_text())
        assert (found["imgHeight"], found["imgWidth"]) == (96, 192)
        names = {name: number for number, name in CITYSCAPES_NAMES.items()}
        filled = np.zeros((96, 192), np.uint8)
        for thing in found["objects"]:
            outline = np.array(thing["polygon"], np.int32)
            assert outline.min() >= 0
            cv2.fillPoly(filled, [outline], names[thing["label"]])
        assert (filled == np.asarray(Image.open(label))).mean() > 0.9


def test_the_test_part_of_cityscapes_tells_nothing():
    for path in labels("cityscapes", "test"):
        assert set(np.unique(np.asarray(Image.open(path)))) <= {0, 1}
    assert len(labels("cityscapes", "test")) == 2


def test_acdcs_three_label_files_agree():
    for path in labels("acdc", "val"):
        found = np.asarray(Image.open(path))
        other = path.with_name(path.name.replace("labelIds", "labelTrainIds"))
        assert (mapped(found, "acdc") == np.asarray(Image.open(other))).all()
        colour = np.asarray(Image.open(str(other).replace("labelTrainIds", "labelColor")))
        assert (colour[found == 23] == (70, 130, 180)).all()
