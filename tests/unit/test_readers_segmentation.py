"""Reader of segmentation sets through mmsegmentation: pairs, parts, cities, conditions."""

import logging
from pathlib import Path

import pandas as pd
import pytest
from reader_entries import entry, picture, read, records

from replidg.data import index, readers
from replidg.data.errors import DatasetError

BDD = {
    "kind": "segmentation",
    "dataset": "BDD100KDataset",
    "img_suffix": ".jpg",
    "seg_map_suffix": ".png",
    "parts": {
        "train": {"images": "images/10k/train", "labels": "labels/sem_seg/masks/train"},
        "val": {"images": "images/10k/val", "labels": "labels/sem_seg/masks/val"},
        "test": {"images": "images/10k/test"},
    },
}
CITYSCAPES = {
    "kind": "segmentation",
    "dataset": "CityscapesDataset",
    "img_suffix": "_leftImg8bit.png",
    "seg_map_suffix": "_gtFine_labelTrainIds.png",
    "parts": {
        "train": {"images": "leftImg8bit/train", "labels": "gtFine/train"},
        "val": {"images": "leftImg8bit/val", "labels": "gtFine/val"},
        "test": {"images": "leftImg8bit/test"},
    },
}
ACDC = {
    "kind": "segmentation",
    "dataset": "CityscapesDataset",
    "img_suffix": "_rgb_anon.png",
    "seg_map_suffix": "_gt_labelTrainIds.png",
    "parts": {"train": {"images": "rgb_anon/train", "labels": "gt/train"}},
}


def page(name, reader):
    return entry(name, reader, [name], count_by="split")


@pytest.fixture
def cityscapes(tmp_path) -> Path:
    for split, frame in (("train", "aachen/a_1"), ("train", "ulm/u_1"), ("val", "bonn/b_1")):
        picture(tmp_path / "leftImg8bit" / split / f"{frame}_leftImg8bit.png")
        for kind in ("labelTrainIds", "labelIds", "color"):
            picture(tmp_path / "gtFine" / split / f"{frame}_gtFine_{kind}.png")
    picture(tmp_path / "leftImg8bit" / "test" / "berlin" / "t_1_leftImg8bit.png")
    return tmp_path


@pytest.fixture
def bdd(tmp_path) -> Path:
    for split in ("train", "val"):
        for name in ("0b", "0a"):
            picture(tmp_path / "images" / "10k" / split / f"{name}.jpg")
            picture(tmp_path / "labels" / "sem_seg" / "masks" / split / f"{name}.png")
    picture(tmp_path / "images" / "10k" / "test" / "0c.jpg")
    return tmp_path


def test_cityscapes(cityscapes):
    rows = read(page("cityscapes", CITYSCAPES), cityscapes)
    assert list(rows.columns) == [
        *["image_id", "path", "label", "class_name", "domain", "split"],
        *["mask_path", "condition", "city"],
    ]
    assert rows["image_id"].tolist() == sorted(rows["image_id"])
    masks = cityscapes / "gtFine"
    assert records(rows, "split", "mask_path", "city") == {
        "leftImg8bit/train/aachen/a_1_leftImg8bit.png": (
            *("train", str(masks / "train/aachen/a_1_gtFine_labelTrainIds.png"), "aachen"),
        ),
        "leftImg8bit/train/ulm/u_1_leftImg8bit.png": (
            *("train", str(masks / "train/ulm/u_1_gtFine_labelTrainIds.png"), "ulm"),
        ),
        "leftImg8bit/val/bonn/b_1_leftImg8bit.png": (
            *("val", str(masks / "val/bonn/b_1_gtFine_labelTrainIds.png"), "bonn"),
        ),
        "leftImg8bit/test/berlin/t_1_leftImg8bit.png": ("test", "", "berlin"),
    }
    assert rows["path"].tolist() == [str(cityscapes / name) for name in rows["image_id"]]
    assert set(rows["label"]) == {-1} and set(rows["domain"]) == {"cityscapes"}
    assert set(rows["class_name"]) == set(rows["condition"]) == {""}
    assert rows.attrs["left_out"] == {}
    assert readers.class_names(page("cityscapes", CITYSCAPES), cityscapes, None, None) == []


def test_not_converted(cityscapes):
    for path in cityscapes.rglob("*labelTrainIds.png"):
        path.unlink()
    with pytest.raises(DatasetError, match=r"no image \*_leftImg8bit\.png .* has its label \*_gtF"):
        read(page("cityscapes", CITYSCAPES), cityscapes)


def test_bdd(bdd):
    rows = read(page("bdd100k", BDD), bdd)
    masks = bdd / "labels/sem_seg/masks"
    assert records(rows, "split", "mask_path", "city") == {
        **{
            f"images/10k/{split}/{name}.jpg": (split, str(masks / split / f"{name}.png"), "")
            for split in ("train", "val")
            for name in ("0a", "0b")
        },
        "images/10k/test/0c.jpg": ("test", "", ""),
    }


def test_what_has_no_partner_is_counted_and_left_out(bdd, caplog):
    (bdd / "labels/sem_seg/masks/train/0a.png").unlink()
    (bdd / "images/10k/val/0a.jpg").unlink()
    (bdd / "images/10k/val/0b.jpg").rename(bdd / "images/10k/val/0d.jpg")
    picture(bdd / "labels/sem_seg/masks/val/0d.png")
    with caplog.at_level(logging.WARNING):
        rows = read(page("bdd100k", BDD), bdd)
    assert set(rows["image_id"]) == {
        *("images/10k/train/0b.jpg", "images/10k/val/0d.jpg", "images/10k/test/0c.jpg"),
    }
    assert rows.attrs["left_out"] == {
        "train: images without a label": 1,
        "val: labels without an image": 2,
    }
    assert "bdd100k, val: labels without an image: 2 left out" in caplog.text


def test_folders(bdd, caplog):
    (bdd / "images/10k/test/0c.jpg").unlink()
    (bdd / "images/10k/test").rmdir()
    rows = read(page("bdd100k", BDD), bdd)
    assert len(rows) == 4 and "test: folder images/10k/test is missing" in caplog.text
    (bdd / "labels/sem_seg/masks/val").rename(bdd / "elsewhere")
    with pytest.raises(DatasetError, match=r"no folder .*masks/val; it holds the val part"):
        read(page("bdd100k", BDD), bdd)


def test_links_to_nothing_and_hidden_files(bdd):
    picture(bdd / "images/10k/test/.cache/0z.jpg")
    picture(bdd / "images/10k/test/._0c.jpg")
    assert len(read(page("bdd100k", BDD), bdd)) == 5
    (bdd / "images/10k/test/0e.jpg").symlink_to(bdd / "nowhere.jpg")
    with pytest.raises(DatasetError, match=r"1 images below .*test/0e\.jpg; if they are links"):
        read(page("bdd100k", BDD), bdd)


def test_conditions(tmp_path):
    for name in ("fog_1", "night_1"):
        picture(tmp_path / "rgb_anon/train" / f"{name}_rgb_anon.png")
        picture(tmp_path / "gt/train" / f"{name}_gt_labelTrainIds.png")
    table = tmp_path / "conditions.csv"
    table.write_text("image_id,condition,sequence\nrgb_anon/train/fog_1_rgb_anon.png,fog,G1\n")
    with pytest.raises(DatasetError, match=r"conditions\.csv has no row for 1 images, .*night_1"):
        read(page("acdc", ACDC), tmp_path)
    table.write_text(table.read_text() + "rgb_anon/train/night_1_rgb_anon.png,night,G2\n")
    assert records(read(page("acdc", ACDC), tmp_path), "condition", "mask_path") == {
        f"rgb_anon/train/{name}_1_rgb_anon.png": (
            *(name, str(tmp_path / f"gt/train/{name}_1_gt_labelTrainIds.png")),
        )
        for name in ("fog", "night")
    }


def test_index_twice_and_relative(bdd, monkeypatch):
    monkeypatch.chdir(bdd.parent)
    folder = Path(bdd.name)
    outs = [Path("one.parquet"), Path("two.parquet")]
    for out in outs:
        index.build(folder, ["bdd100k"], out, Path("c.json"), page("bdd100k", BDD))
    assert outs[0].read_bytes() == outs[1].read_bytes()
    rows = pd.read_parquet(outs[0])
    assert rows["path"].tolist() == [str(folder / name) for name in rows["image_id"]]
    assert rows["bytes"].min() > 0 and Path("c.json").read_text() == "[]\n"
    assert all(Path(path).is_file() for path in rows["mask_path"] if path)
