"""TerraIncognita out of the Caltech camera traps' annotations."""

import json

import pytest
from convert_helpers import entry, files, put, run, snapshot

from replidg.data.convert import ConversionError
from replidg.data.convert.camera_traps import choose

CLASSES = ["bird", "cat", "empty"]
CATEGORIES = [
    {"id": 30, "name": "empty"},
    {"id": 11, "name": "bird"},
    {"id": 16, "name": "cat"},
    {"id": 99, "name": "deer"},
]
# (id, location, categories); the file is called "<id>.jpg".
ROWS = [
    ("a", "38", [11]),
    ("b", "38", [30]),
    ("c", "46", [11, 16]),  # two kinds: counts for both
    ("d", "100", [16, 16]),  # two boxes of one kind: counts once
    ("e", "43", [99, 11]),  # one kind of the two is kept
    ("f", "43", [99]),
    ("g", "7", [11]),
    ("h", "46", []),
]
WANTED = {
    "location_38/bird/a.jpg",
    "location_38/empty/b.jpg",
    "location_46/bird/c.jpg",
    "location_46/cat/c.jpg",
    "location_100/cat/d.jpg",
    "location_43/bird/e.jpg",
}


def table(rows=ROWS):
    return {
        "info": {"version": "2021-01-13"},
        "categories": CATEGORIES,
        "images": [
            {"id": key, "file_name": f"{key}.jpg", "location": place, "seq_num_frames": 1}
            for key, place, _ in rows
        ],
        "annotations": [
            {"id": f"{key}-{i}", "image_id": key, "category_id": kind, "bbox": [0, 0, 1, 1]}
            for key, _, kinds in rows
            for i, kind in enumerate(kinds)
        ],
    }


def write(tmp_path, content=None, missing=()):
    source = tmp_path / "source"
    put(source / "caltech_images_20210113.json", json.dumps(content or table()))
    for key, _, _ in ROWS:
        if key not in missing:
            put(source / "eccv_18_all_images_sm" / f"{key}.jpg", f"image {key}")
    return source


def test_every_image_comes_to_its_locations_and_classes(tmp_path):
    facts, out = run(entry("terra_incognita"), write(tmp_path), CLASSES)
    assert files(out) == WANTED
    for path in WANTED:
        assert (out / path).is_symlink()
        assert (out / path).read_text() == f"image {path[-5]}"
    assert facts["images"] == 6
    assert facts["files"] == 5
    assert facts["in several classes"] == 1
    assert facts["dropped"] == {
        "other location": 1,
        "no annotation": 1,
        "other category": 1,
        "missing on disk": 0,
    }


def test_twice_the_same(tmp_path):
    source = write(tmp_path)
    first, second = (run(entry("terra_incognita"), source, CLASSES, out=name) for name in "ab")
    assert first[0] == second[0]
    assert snapshot(first[1]) == snapshot(second[1])


def test_old_releases_have_numbers_as_locations(tmp_path):
    content = table()
    for row in content["images"]:
        row["location"] = int(row["location"])
    assert files(run(entry("terra_incognita"), write(tmp_path, content), CLASSES)[1]) == WANTED


def test_missing_images_are_named_up_to_the_share(tmp_path, caplog):
    source = write(tmp_path, missing="c")
    page = entry("terra_incognita", most_missing=0.2)  # 1 of the 5 chosen
    facts, out = run(page, source, CLASSES)
    assert files(out) == {path for path in WANTED if "c.jpg" not in path}
    assert facts["missing"] == ["c.jpg"]
    assert facts["dropped"]["missing on disk"] == 1
    assert facts["images"] == 4
    assert "c.jpg" in caplog.text
    with pytest.raises(ConversionError, match=r"missing: 1 of 5 \(c\.jpg\).*most_missing"):
        run(entry("terra_incognita", most_missing=0.19), source, CLASSES, out="again")


def test_images_that_nobody_asked_for_may_be_missing(tmp_path):
    facts, out = run(entry("terra_incognita"), write(tmp_path, missing="fgh"), CLASSES)
    assert files(out) == WANTED
    assert facts["missing"] == []


def test_a_location_without_images_is_an_error(tmp_path):
    rows = [row for row in ROWS if row[1] != "100"]
    with pytest.raises(ConversionError, match="locations 100"):
        run(entry("terra_incognita"), write(tmp_path, table(rows)), CLASSES)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.pop("annotations"), "not in the COCO camera traps format.*annotations"),
        (lambda t: t["images"][0].pop("location"), "not in the COCO camera traps format"),
        (lambda t: t["annotations"][0].update(category_id=5), "a-0 has the unknown category 5"),
        (lambda t: t["images"][0].update(file_name="../a.jpg"), "not a file name inside"),
        (lambda t: t["categories"].pop(), "has the unknown category 99"),
    ],
)
def test_broken_annotations_are_refused(tmp_path, spoil, message):
    content = table()
    spoil(content)
    with pytest.raises(ConversionError, match=message):
        run(entry("terra_incognita"), write(tmp_path, content), CLASSES)


def test_wrong_files_and_classes_are_named(tmp_path):
    source = write(tmp_path)
    with pytest.raises(ConversionError, match="no category is called wolf"):
        run(entry("terra_incognita"), source, ["bird", "wolf"], out="a")
    with pytest.raises(ConversionError, match="needs `classes`"):
        run(entry("terra_incognita"), source, None, out="b")
    (source / "caltech_images_20210113.json").write_text('{"images": [')
    with pytest.raises(ConversionError, match=r"caltech_images_20210113\.json is not JSON"):
        run(entry("terra_incognita"), source, CLASSES, out="c")


class Counted(list):
    """A list that counts how many of its items are looked at, and soon has enough of it."""

    looked_at = 0

    def __iter__(self):
        for item in super().__iter__():
            self.looked_at += 1
            assert self.looked_at <= 2 * len(self), "the table is gone through again and again"
            yield item

    def __getitem__(self, index):
        self.looked_at += 1
        return super().__getitem__(index)


def test_time_is_linear_each_row_of_a_large_table_is_looked_at_once():
    number = 100_000
    images = Counted(
        {"id": i, "file_name": f"{i}.jpg", "location": str(i % 10)} for i in range(number)
    )
    annotations = Counted(
        {"image_id": i, "category_id": kind}
        for i in range(number)
        for kind in (11, 16)[: 1 + i % 2]
    )
    content = {"categories": CATEGORIES, "images": images, "annotations": annotations}
    choice = choose(content, {"3", "4"}, {"bird", "cat"})
    # Locations 3 (odd, two kinds each) and 4 (even, one kind).
    assert choice.images == 2 * number // 10
    assert len(choice.pictures) == 3 * number // 10
    assert images.looked_at == number
    assert annotations.looked_at == len(annotations) == number * 3 // 2
