"""ImageNet's relatives: numbered folders, flat validation images, ObjectNet's own classes."""

import csv
import json

import numpy as np
import pytest
from convert_helpers import entry, files, put, run, snapshot
from scipy.io import savemat

from replidg.data.convert import ConversionError
from replidg.data.convert.validation_labels import devkit_labels
from replidg.data.registry.schema import imagenet_synsets

# ---- ImageNet-V2 -----------------------------------------------------------------------------
V2 = "imagenetv2-matched-frequency-format-val"
TWELVE = [f"n{place:08d}" for place in range(100, 112)]


def write_v2(tmp_path, names):
    source = tmp_path / "source"
    for name in names:
        for image in ("0aa", "9ff"):
            put(source / V2 / name / f"{image}.jpeg", f"{name} {image}")
    return source


def test_folders_are_numbers_and_not_words(tmp_path):
    source = write_v2(tmp_path, map(str, range(12)))
    put(source / V2 / ".DS_Store")
    facts, out = run(entry("imagenet_v2"), source, TWELVE)
    assert files(out) == {f"{wnid}/{name}.jpeg" for wnid in TWELVE for name in ("0aa", "9ff")}
    for label, wnid in enumerate(TWELVE):
        # Sorted as words, folder 10 would come to label 2.
        assert (out / wnid / "0aa.jpeg").read_text() == f"{label} 0aa"
        assert (out / wnid / "0aa.jpeg").is_symlink()
    assert facts == {"kind": "numeric_folders", "images": 24, "classes": 12, "dropped": {}}
    assert snapshot(out) == snapshot(run(entry("imagenet_v2"), source, TWELVE, out="again")[1])


def test_all_thousand(tmp_path):
    source = write_v2(tmp_path, map(str, range(1000)))
    out = run(entry("imagenet_v2"), source, imagenet_synsets())[1]
    # Known positions of ImageNet's list: tench, great grey owl, toilet tissue.
    for label, wnid in ((0, "n01440764"), (24, "n01622779"), (999, "n15075141")):
        assert (out / wnid / "0aa.jpeg").read_text() == f"{label} 0aa"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (range(11), "missing: 11; too many: none"),
        (range(13), "missing: none; too many: 12"),
        ([*range(12), "n02"], "folders that are no numbers: n02"),
        ([*range(12), "03"], "folders of the same number: 03, 3"),
    ],
)
def test_folders_that_do_not_fit_the_classes(tmp_path, names, message):
    with pytest.raises(ConversionError, match=message):
        run(entry("imagenet_v2"), write_v2(tmp_path, map(str, names)), TWELVE)


def test_a_folder_without_images(tmp_path):
    source = write_v2(tmp_path, map(str, range(12)))
    for path in (source / V2 / "7").iterdir():
        path.unlink()
    with pytest.raises(ConversionError, match=f"{V2}/7 has no image"):
        run(entry("imagenet_v2"), source, TWELVE)


# ---- ImageNet's validation images ------------------------------------------------------------
DEVKIT = "ILSVRC2012_devkit_t12/data"
WNIDS = ["n01440764", "n02119789", "n02100735"]
# By ILSVRC2012_ID from 1; the last is an inner node and no class.
BY_ID = ["n02119789", "n02100735", "n01440764", "n00001740"]
TRUTH = [3, 1, 1, 2, 3]
OF_IMAGE = ["n01440764", "n02119789", "n02119789", "n02100735", "n01440764"]


def write_val(tmp_path, truth=TRUTH, folder="val", number=5):
    source = tmp_path / "source"
    for place in range(1, number + 1):
        put(source / folder / f"ILSVRC2012_val_{place:08d}.JPEG")
    put(source / f"{DEVKIT}/ILSVRC2012_validation_ground_truth.txt", "\n".join(map(str, truth)))
    rows = [
        (place, wnid, "some, words", "gloss", 2.0 * (place == 4), [1, 2] * (place == 4), 0, 1300)
        for place, wnid in enumerate(BY_ID, start=1)
    ]
    names = "ILSVRC2012_ID WNID words gloss num_children children wordnet_height num_train_images"
    table = np.empty((len(rows), 1), dtype=[(name, object) for name in names.split()])
    for place, row in enumerate(rows):
        table[place, 0] = row
    savemat(source / DEVKIT / "meta.mat", {"synsets": table})
    return source


def wanted_val(labels=OF_IMAGE):
    return {
        f"val/{wnid}/ILSVRC2012_val_{place:08d}.JPEG" for place, wnid in enumerate(labels, start=1)
    }


def test_validation_images_by_the_development_kit(tmp_path):
    source = write_val(tmp_path)
    facts, out = run(entry("imagenet_val"), source, WNIDS)
    assert files(out) == wanted_val()
    for path in files(out):
        assert (out / path).is_symlink()
        assert (out / path).read_text() == path.rpartition("/")[2]
    assert (facts["images"], facts["classes"], facts["labels"]) == (5, 3, DEVKIT)
    assert snapshot(out) == snapshot(run(entry("imagenet_val"), source, WNIDS, out="again")[1])


@pytest.mark.parametrize("folder", ["val", "ILSVRC/Data/CLS-LOC/val"])
def test_validation_images_by_kaggles_table(tmp_path, folder):
    source = write_val(tmp_path, folder=folder)
    for path in (source / DEVKIT).iterdir():
        path.unlink()
    (source / DEVKIT).rmdir()
    rows = ["ImageId,PredictionString"]
    for place, wnid in reversed(list(enumerate(OF_IMAGE, start=1))):
        boxes = f"{wnid} 10 20 30 40 " * (1 + place % 2)
        rows.append(f"ILSVRC2012_val_{place:08d},{boxes}")
    put(source / "LOC_val_solution.csv", "\n".join(rows) + "\n")
    facts, out = run(entry("imagenet_val"), source, WNIDS)
    assert files(out) == wanted_val()
    assert facts["labels"] == "LOC_val_solution.csv"
    put(source / "LOC_val_solution.csv", "\n".join([*rows[:-1], "ILSVRC2012_val_00000001,n1 2"]))
    with pytest.raises(ConversionError, match=r"cannot read the row .*00000001"):
        run(entry("imagenet_val"), source, WNIDS, out="again")


def test_missing_images_are_named_up_to_the_share(tmp_path):
    source = write_val(tmp_path, number=4)
    facts, out = run(entry("imagenet_val", most_missing=0.2), source, WNIDS)
    assert files(out) == wanted_val(OF_IMAGE[:4])
    assert facts["missing"] == ["ILSVRC2012_val_00000005"]
    assert facts["dropped"] == {"missing on disk": 1}
    with pytest.raises(ConversionError, match=r"missing: 1 of 5 \(ILSVRC2012_val_00000005\)"):
        run(entry("imagenet_val"), source, WNIDS, out="again")


def test_labels_that_do_not_fit(tmp_path):
    source = write_val(tmp_path, number=6)
    with pytest.raises(ConversionError, match="has no label for ILSVRC2012_val_00000006"):
        run(entry("imagenet_val"), source, WNIDS, out="a")
    with pytest.raises(ConversionError, match="n02100735 are none of the classes"):
        run(entry("imagenet_val"), source, WNIDS[:2], out="b")
    put(source / DEVKIT / "ILSVRC2012_validation_ground_truth.txt", "1\n4\n0\nx\n")
    # 4 is an inner node.
    with pytest.raises(ConversionError, match=r"has the numbers 0, 4, x that .*meta\.mat"):
        devkit_labels(source / DEVKIT)
    put(source / DEVKIT / "meta.mat", b"no MATLAB file")
    with pytest.raises(ConversionError, match=r"meta\.mat is not the development kit's"):
        devkit_labels(source / DEVKIT)
    (source / DEVKIT / "meta.mat").unlink()
    with pytest.raises(ConversionError, match=r"meta\.mat is missing"):
        devkit_labels(source / DEVKIT)


def test_missing_labels_or_images(tmp_path):
    source = write_val(tmp_path)
    (source / DEVKIT).rename(source / "other")
    with pytest.raises(ConversionError, match="has no labels of the validation images"):
        run(entry("imagenet_val"), source, WNIDS, out="a")
    (source / "val").rename(source / "validation")
    with pytest.raises(ConversionError, match="none of the image folders"):
        run(entry("imagenet_val"), source, WNIDS, out="b")


# ---- ObjectNet -------------------------------------------------------------------------------
# The first lines and some of the official files, with the numbers of a small list of classes.
OBJECT_CLASSES = ["n02708093", "n02769748", "n02791124", "n03196217", "n03376595", "n04099969"]
NAMES = [  # by ILSVRC number, from 0
    "folding chair",
    "digital clock",
    "backpack, back pack, knapsack, packsack, rucksack, haversack",
    "rocking chair, rocker",
    "analog clock",
    "barber chair",
]
NUMBERS = {"0": 4, "1": 2, "2": 5, "3": 1, "4": 0, "5": 3}
FOLDERS = {
    "squeegee": "Squeegee",
    "alarm_clock": "Alarm clock",
    "chair": "Chair",
    "backpack": "Backpack",
}
TO_IMAGENET = {
    "Alarm clock": "digital clock; analog clock",
    "Backpack": "backpack, back pack, knapsack, packsack, rucksack, haversack",
    "Chair": "barber chair; folding chair; rocking chair, rocker",
}
ACCEPTED = [
    # wnid, folder, label, accepted
    ["n02769748", "backpack", "Backpack", "n02769748"],
    ["n02791124", "chair", "Chair", "n02791124;n03376595;n04099969"],
    ["n03196217", "alarm_clock", "Alarm clock", "n03196217;n02708093"],
]


def write_objectnet(tmp_path, **changed):
    source = tmp_path / "source"
    contents = {
        "folder_to_objectnet_label.json": json.dumps(FOLDERS),
        "objectnet_to_imagenet_1k.json": json.dumps(TO_IMAGENET),
        "pytorch_to_imagenet_2012_id.json": json.dumps(NUMBERS),
        "imagenet_to_label_2012_v2": "\n".join(NAMES) + "\n",
    }
    for name, content in contents.items():
        put(source / "objectnet-1.0/mappings" / name, changed.get(name.split(".")[0], content))
    for folder in FOLDERS:
        for image in ("0a1", "b2c"):
            put(source / f"objectnet-1.0/images/{folder}/{folder}{image}.png")
    return source


def test_overlapping_classes_and_all_that_counts_as_right(tmp_path):
    source = write_objectnet(tmp_path)
    facts, out = run(entry("objectnet"), source, OBJECT_CLASSES)
    assert files(out) == {"accepted.csv"} | {
        f"{wnid}/{folder}{image}.png" for wnid, folder, _, _ in ACCEPTED for image in ("0a1", "b2c")
    }
    for path in files(out) - {"accepted.csv"}:
        assert (out / path).is_symlink()
        assert (out / path).read_text() == path.rpartition("/")[2]
    with open(out / "accepted.csv", newline="") as file:
        assert list(csv.reader(file)) == [["wnid", "folder", "label", "accepted"], *ACCEPTED]
    assert (facts["images"], facts["classes"]) == (6, 3)
    assert facts["dropped"] == {"classes that ImageNet does not have": 1}
    again = run(entry("objectnet"), source, OBJECT_CLASSES, out="again")[1]
    assert snapshot(out) == snapshot(again)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"objectnet_to_imagenet_1k": '{"Chair": "barber chair; throne"}'},
            r"'Chair' has no folder, or an ImageNet name .*\['throne'\]",
        ),
        ({"objectnet_to_imagenet_1k": '{"Sofa": "barber chair"}'}, "'Sofa' has no folder"),
        (
            {"objectnet_to_imagenet_1k": '{"Chair": "barber chair", "Backpack": "barber chair"}'},
            "several classes begin with the synset n02791124",
        ),
        # Two of ImageNet's classes are called "crane", two "maillot".
        (
            {"imagenet_to_label_2012_v2": "\n".join(["barber chair", *NAMES[1:]])},
            r"more than one has: \['barber chair'",
        ),
        ({"imagenet_to_label_2012_v2": "\n".join(NAMES[:5])}, "has 5 lines that"),
        ({"pytorch_to_imagenet_2012_id": '{"0": 0, "2": 1}'}, "has 2 labels for 6 classes"),
        ({"pytorch_to_imagenet_2012_id": '{"a": 0}'}, "must map labels to numbers"),
        ({"folder_to_objectnet_label": '["chair"]'}, "holds no JSON object"),
        ({"folder_to_objectnet_label": "{"}, "is not JSON"),
    ],
)
def test_mappings_that_contradict_each_other(tmp_path, changed, message):
    with pytest.raises(ConversionError, match=message):
        run(entry("objectnet"), write_objectnet(tmp_path, **changed), OBJECT_CLASSES)


def test_folders_that_do_not_fit_the_mappings(tmp_path):
    source = write_objectnet(tmp_path)
    images = source / "objectnet-1.0/images"
    (images / "chair").rename(images / "chairs")
    with pytest.raises(ConversionError, match="do not know: chairs; missing: chair"):
        run(entry("objectnet"), source, OBJECT_CLASSES, out="a")
    (source / "objectnet-1.0/mappings/imagenet_to_label_2012_v2").unlink()
    with pytest.raises(ConversionError, match="imagenet_to_label_2012_v2 is missing"):
        run(entry("objectnet"), source, OBJECT_CLASSES, out="b")
