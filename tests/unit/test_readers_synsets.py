"""Reader of ImageNet-like sets: labels, readable names, ObjectNet's accepted labels."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from open_clip.zero_shot_metadata import IMAGENET_CLASSNAMES
from reader_entries import entry, picture, read, records

from replidg.data import index, readers
from replidg.data.errors import DatasetError
from replidg.data.registry.schema import imagenet_synsets

# Facts: tench, goldfish, great white shark are 0, 1, 2; crane the bird 134 and the machine 517.
TENCH, GOLDFISH, SHARK, CRANE, MACHINE = (
    *("n01440764", "n01443537", "n01484850", "n02012849", "n03126707"),
)
BIRD = "n01503061"  # a synset of ImageNet-21k that is no class of ImageNet-1k


def page(name="imagenet_a", root="imagenet-a", **more):
    reader = {"kind": "synsets", "split": "test", "root": root}
    return entry(name, reader, [name], classes="imagenet_1k", **more)


def write(folder: Path, *names: str) -> Path:
    for name in names:
        picture(folder / name)
    return folder


def test_some_of_the_classes_keep_their_labels(tmp_path):
    images = [f"imagenet-a/{wnid}/{i}.jpg" for wnid in (MACHINE, TENCH, CRANE) for i in (10, 9)]
    write(tmp_path, *images)
    one = page()
    rows = read(one, tmp_path, one.class_list(False))
    assert list(rows.columns) == [
        *["image_id", "path", "label", "class_name", "domain", "split"],
        *["synset", "accepted", "border_px"],
    ]
    assert rows["image_id"].tolist() == sorted(images)
    assert rows["path"].tolist() == [str(tmp_path / name) for name in sorted(images)]
    expected = {
        TENCH: (0, "tench"),
        CRANE: (134, "crane bird"),
        MACHINE: (517, "construction crane"),
    }
    assert set(rows["domain"]) == {"imagenet_a"} and set(rows["split"]) == {"test"}
    for image_id, (label, name, synset, accepted, border) in records(
        rows, "label", "class_name", "synset", "accepted", "border_px"
    ).items():
        wnid = image_id.split("/")[1]
        assert (label, name) == expected[wnid]
        assert (synset, accepted, border) == (wnid, str(label), 0)


def test_names_are_open_clips():
    one = page(root=".")
    names = readers.class_names(one, Path("."), one.class_list(False), None)
    assert names == list(IMAGENET_CLASSNAMES)
    assert names[:3] == ["tench", "goldfish", "great white shark"]


def test_stand_ins_may_have_synsets_of_their_own(tmp_path):
    write(tmp_path, f"imagenet-a/{BIRD}/1.jpg", f"imagenet-a/{TENCH}/1.jpg")
    one = page(standin={"writer": "x", "classes": [TENCH, BIRD]})
    rows = read(one, tmp_path, one.class_list(True), standin=True)
    assert records(rows, "label", "class_name") == {
        f"imagenet-a/{TENCH}/1.jpg": (0, "tench"),
        f"imagenet-a/{BIRD}/1.jpg": (1, "bird"),
    }
    assert readers.class_names(one, tmp_path, [TENCH, BIRD], None) == ["tench", "bird"]


def test_folders_that_are_no_class(tmp_path):
    write(tmp_path, f"imagenet-a/{TENCH}/1.jpg", "imagenet-a/.cache/1.jpg")
    assert len(read(page(), tmp_path, imagenet_synsets())) == 1
    write(tmp_path, f"imagenet-a/{BIRD}/1.jpg")
    with pytest.raises(DatasetError, match=rf"imagenet-a/{BIRD} is no synset of IMAGENET_A"):
        read(page(), tmp_path, imagenet_synsets())
    with pytest.raises(DatasetError, match="did you mean"):
        read(page(), tmp_path, [TENCH, GOLDFISH])


def test_other_layouts(tmp_path):
    with pytest.raises(DatasetError, match=r"there is no folder .*imagenet-a"):
        read(page(), tmp_path, imagenet_synsets())
    (tmp_path / "imagenet-a" / TENCH).mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"imagenet-a: no image in the folders"):
        read(page(), tmp_path, imagenet_synsets())
    with pytest.raises(DatasetError, match=r"imagenet_a\.yaml: .*needs 'classes'"):
        read(page(), tmp_path, None)
    with pytest.raises(DatasetError, match=r"no name is known for \['dog'\]"):
        readers.class_names(page(), tmp_path, ["dog", TENCH], None)


def objectnet(folder: Path, *rows: str):
    (folder / "accepted.csv").write_text("\n".join(["wnid,folder,label,accepted", *rows, ""]))
    return page("objectnet", ".", conversion={"kind": "objectnet"})


def test_objectnet_accepts_several_labels(tmp_path):
    write(tmp_path, f"{GOLDFISH}/a.png", f"{SHARK}/b.png")
    one = objectnet(tmp_path, f"{GOLDFISH},fish,Fish,{GOLDFISH};{TENCH}", f"{SHARK},s,S,{SHARK}")
    rows = read(one, tmp_path, imagenet_synsets())
    assert records(rows, "label", "accepted", "border_px") == {
        f"{GOLDFISH}/a.png": (1, "1;0", 2),
        f"{SHARK}/b.png": (2, "2", 2),
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([f"{SHARK},s,S,{SHARK}"], f"no row for 1 images, e.g. wnid {GOLDFISH}"),
        ([f"{GOLDFISH},f,F,{GOLDFISH}"] * 2, f"more than one row for {GOLDFISH}"),
        ([f"{GOLDFISH},f,F,{BIRD}"], f"'{BIRD}'.* are no classes"),
    ],
)
def test_accepted_labels_that_do_not_fit(tmp_path, rows, message):
    write(tmp_path, f"{GOLDFISH}/a.png")
    with pytest.raises(DatasetError, match=rf"accepted\.csv.*{message}"):
        read(objectnet(tmp_path, *rows), tmp_path, imagenet_synsets())


def test_accepted_without_its_column(tmp_path):
    write(tmp_path, f"{GOLDFISH}/a.png")
    (tmp_path / "accepted.csv").write_text("wnid,labels\n")
    with pytest.raises(
        DatasetError, match=r"no column \['accepted'\]; it has \['wnid', 'labels'\]"
    ):
        read(page("objectnet", "."), tmp_path, imagenet_synsets())


def test_index_twice(tmp_path):
    data = write(
        tmp_path / "data", *[f"imagenet-a/{w}/{i}.jpg" for w in (SHARK, TENCH) for i in "ab"]
    )
    outs = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    for out in outs:
        index.build(data, ["imagenet_a"], out, tmp_path / "c.json", page())
    assert outs[0].read_bytes() == outs[1].read_bytes()
    rows = pd.read_parquet(outs[0])
    assert rows["bytes"].tolist() == [os.path.getsize(path) for path in rows["path"]]
    assert json.loads((tmp_path / "c.json").read_text()) == list(IMAGENET_CLASSNAMES)
