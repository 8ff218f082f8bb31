"""The index of a data set, and captions of its rows."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pictures import png
from torchvision.datasets import ImageFolder

from replidg.data import index
from replidg.data.captions import captions
from replidg.data.errors import DatasetError
from replidg.data.image_folder import class_names, scan


def test_index_is_sorted_and_labelled_as_image_folder(owned, tmp_path):
    index.build(owned, ["photo", "art"], tmp_path / "i.parquet", tmp_path / "c.json")
    rows = pd.read_parquet(tmp_path / "i.parquet")
    assert rows["image_id"].tolist() == sorted(rows["image_id"])
    assert index.read_classes(tmp_path / "c.json") == ["cat", "zebra"]
    pd.testing.assert_frame_equal(rows.drop(columns="bytes"), scan(owned, ["photo", "art"]))
    for domain in ("photo", "art"):
        peer = ImageFolder(owned / domain)
        labels = {Path(path).relative_to(owned).as_posix(): label for path, label in peer.samples}
        own = rows[rows["domain"] == domain].set_index("image_id")
        assert own["label"].to_dict() == labels
        assert peer.classes == index.read_classes(tmp_path / "c.json")
    assert (rows["split"] == "").all()
    assert rows["bytes"].tolist() == [os.path.getsize(path) for path in rows["path"]]


def test_a_class_that_a_domain_lacks_does_not_shift_labels(owned):
    (owned / "art" / "dog").mkdir()
    (owned / "art" / "dog" / "1.PNG").write_bytes(png(1))
    rows = scan(owned, ["art", "photo"])
    assert class_names(owned, ["art", "photo"]) == ["cat", "dog", "zebra"]
    photo = rows[rows["domain"] == "photo"]
    assert dict(zip(photo["class_name"], photo["label"], strict=True)) == {"cat": 0, "zebra": 2}
    assert "art/dog/1.PNG" in set(rows["image_id"])


def test_other_files_are_no_images(owned):
    (owned / "art" / "cat" / "Thumbs.db").write_bytes(b"x")
    (owned / "art" / "README.txt").write_text("x")
    assert len(scan(owned, ["art"])) == 6


def test_missing_and_empty_domains(owned):
    with pytest.raises(DatasetError, match=r"no folder for the domains \['sketch'\]"):
        scan(owned, ["art", "sketch"])
    (owned / "empty" / "cat").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"no image in the domains \['empty'\]"):
        scan(owned, ["art", "empty"])


def test_metadata_must_cover_every_image(owned):
    ids = scan(owned, ["art"])["image_id"]
    metadata = pd.DataFrame({"image_id": ids, "split": "train", "note": "n/a"})
    metadata.to_csv(owned / "metadata.csv", index=False)
    rows = scan(owned, ["art"])
    assert set(rows["split"]) == {"train"} and set(rows["note"]) == {"n/a"}
    with pytest.raises(DatasetError, match=r"no row for 6 images, e\.g\. photo/cat/0\.png"):
        scan(owned, ["art", "photo"])


def test_metadata_with_an_image_twice(owned):
    ids = scan(owned, ["art"])["image_id"].tolist()
    pd.DataFrame({"image_id": [*ids, ids[0]], "split": "train"}).to_csv(
        owned / "metadata.csv", index=False
    )
    with pytest.raises(ValueError, match="one-to-one"):
        scan(owned, ["art"])


def test_captions_by_hand():
    rows = pd.DataFrame(
        {
            "domain": ["photo", "noto"],
            "class_name": ["musical_instrument", "plant"],
            "caption": ["red drum", "tulip"],
            "keywords": ["loud, round, beat, extra", np.nan],
        }
    )
    assert captions(rows) == [
        [
            "a photo of a red drum.",
            "a photo of a musical instrument.",
            "red drum, a musical instrument",
            "a photo of a musical instrument",
            "a musical instrument: red drum loud round beat",
        ],
        [
            "a cartoon of a tulip.",
            "a cartoon of a plant.",
            "tulip, a plant",
            "a picture of a plant",
            "a plant: tulip",
        ],
    ]
