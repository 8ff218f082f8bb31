"""ACDC: from conditions and sequences to one folder a split."""

import csv

import pytest
from convert_helpers import GREYSCALE, entry, files, png, put, run, snapshot

from replidg.data.convert import ConversionError

LABEL = png(GREYSCALE, 8, [[0, 18, 255]])
#: (condition, split, sequence, frame); names of the official kind.
FRAMES = [
    (condition, split, f"GOPR0{number}{place}", f"GOPR0{number}{place}_frame_00004{place}")
    for place, condition in enumerate(("fog", "night", "rain", "snow"))
    for number, split in ((475, "train"), (476, "val"), (477, "test"))
]


def write(tmp_path, frames=FRAMES):
    source = tmp_path / "source"
    for condition, split, sequence, frame in frames:
        place = f"{condition}/{split}/{sequence}/{frame}"
        put(source / f"rgb_anon/{place}_rgb_anon.png", image(place))
        if split != "test":
            put(source / f"gt/{place}_gt_labelTrainIds.png", LABEL)
            put(source / f"gt/{place}_gt_labelIds.png", LABEL)
            reference = f"{condition}/{split}_ref/{sequence}/{frame}"
            put(source / f"rgb_anon/{reference}_rgb_ref_anon.png", image(reference))
    return source


def image(place: str) -> bytes:
    """Return an image of the labels' size whose bytes tell its place."""
    return png(GREYSCALE, 8, [[1, 2, 3]]) + place.encode()


def conditions(out):
    with open(out / "conditions.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_every_frame_and_where_it_comes_from(tmp_path):
    facts, out = run(entry("acdc"), write(tmp_path))
    wanted = {"conditions.csv"}
    rows = []
    for condition, split, sequence, frame in FRAMES:
        name = f"rgb_anon/{split}/{frame}_rgb_anon.png"
        wanted.add(name)
        rows.append({"image_id": name, "condition": condition, "sequence": sequence})
        place = f"{condition}/{split}/{sequence}/{frame}"
        assert (out / name).is_symlink()
        assert (out / name).read_bytes() == image(place)
        if split != "test":
            label = f"gt/{split}/{frame}_gt_labelTrainIds.png"
            wanted.add(label)
            assert (out / label).samefile(tmp_path / f"source/gt/{place}_gt_labelTrainIds.png")
    assert files(out) == wanted
    assert conditions(out) == sorted(rows, key=lambda row: row["image_id"])
    assert facts["images"] == 12
    assert facts["by condition"] == {"fog": 3, "night": 3, "rain": 3, "snow": 3}
    assert facts["parts"]["train"] == {"images": 4, "dropped": {}}


def test_twice_the_same(tmp_path):
    source = write(tmp_path)
    assert snapshot(run(entry("acdc"), source, out="a")[1]) == snapshot(
        run(entry("acdc"), source, out="b")[1]
    )


def test_names_that_several_frames_have_are_told_apart(tmp_path):
    frames = [*FRAMES, ("fog", "train", "s1", "x"), ("snow", "train", "s2", "x")]
    facts, out = run(entry("acdc"), write(tmp_path, frames))
    assert facts["images"] == 14
    for condition, sequence in (("fog", "s1"), ("snow", "s2")):
        name = f"{condition}_{sequence}_x"
        path = out / f"rgb_anon/train/{name}_rgb_anon.png"
        assert path.read_bytes() == image(f"{condition}/train/{sequence}/x")
        assert (out / f"gt/train/{name}_gt_labelTrainIds.png").samefile(
            tmp_path / f"source/gt/{condition}/train/{sequence}/x_gt_labelTrainIds.png"
        )
        row = {
            "image_id": f"rgb_anon/train/{name}_rgb_anon.png",
            "condition": condition,
            "sequence": sequence,
        }
        assert row in conditions(out)


def test_pairs_that_cannot_be_used_are_dropped_and_named(tmp_path):
    source = write(tmp_path)
    keys = [f"{c}/{s}/{q}/{f}" for c, s, q, f in FRAMES if s == "train"]
    (source / f"gt/{keys[0]}_gt_labelTrainIds.png").unlink()
    put(source / f"gt/{keys[1]}_gt_labelTrainIds.png", LABEL[:-9])
    put(source / f"gt/{keys[2]}_gt_labelTrainIds.png", png(GREYSCALE, 8, [[0]]))
    facts, out = run(entry("acdc", most_dropped=0.75), source)
    assert facts["parts"]["train"] == {
        "images": 1,
        "dropped": {
            "image without label": [keys[0]],
            "label is truncated": [keys[1]],
            "image (3 x 1) and label (1 x 1) differ": [keys[2]],
        },
    }
    kept = keys[3].rpartition("/")[2]
    assert {path for path in files(out) if "train/" in path} == {
        f"rgb_anon/train/{kept}_rgb_anon.png",
        f"gt/train/{kept}_gt_labelTrainIds.png",
    }
    assert len(conditions(out)) == 9
    with pytest.raises(ConversionError, match=r"acdc, train: pairs had to be dropped: 3 of 4"):
        run(entry("acdc"), source, out="again")


def test_a_missing_condition_or_split_is_an_error(tmp_path):
    source = write(tmp_path)
    (source / "rgb_anon/snow").rename(source / "rgb_anon/hail")
    with pytest.raises(ConversionError, match=r"no folder .*rgb_anon/snow/train"):
        run(entry("acdc"), source)
