"""Files for the test servers: what is written passes, and what a server would refuse is found."""

import re
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scene_trees import tree

from replidg.config.street_classes import LABEL_IDS
from replidg.segmentation import submissions

WIDTH, HEIGHT = 24, 16
CITIES = [
    "leftImg8bit/test/berlin/berlin_000000_000019_leftImg8bit.png",
    "leftImg8bit/test/bonn/bonn_000003_000019_leftImg8bit.png",
]
TRAIN_IDS = (np.arange(WIDTH * HEIGHT) % 19).astype(np.uint8).reshape(HEIGHT, WIDTH)


def png(labels: np.ndarray, mode: str | None = None) -> bytes:
    buffer = BytesIO()
    image = Image.fromarray(labels)
    (image.convert(mode) if mode else image).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def rows(tmp_path):
    paths = [tmp_path / image_id for image_id in CITIES]
    for path in paths:
        path.parent.mkdir(parents=True)
        Image.new("RGB", (WIDTH, HEIGHT)).save(path)
    return pd.DataFrame({"image_id": CITIES, "path": [str(path) for path in paths]})


def write(folder: Path, page: str = "cityscapes", **others: bytes) -> Path:
    """Write a good submission with some files replaced, added or, if empty, left out."""
    good = png(submissions.as_server_wants(TRAIN_IDS, page))
    files = {submissions.name_of(image_id): good for image_id in CITIES}
    files |= {f"{name}.png": content for name, content in others.items()}
    path = folder / "submission.zip"
    submissions.write([(name, content) for name, content in files.items() if content], path)
    return path


@pytest.mark.parametrize(
    ("page", "ids", "road", "bicycle", "official"),
    [("cityscapes", "label ids", 7, 33, 1525), ("acdc", "train ids", 0, 18, 2000)],
)
def test_a_good_submission(tmp_path, rows, page, ids, road, bicycle, official):
    path = write(tmp_path, page)
    found = submissions.check(path, rows, page)
    assert found["problems"] == "" and found["ids"] == ids
    assert (found["images"], found["expected"], found["server_images"]) == (2, 2, official)
    assert found["state"] == f"whole, but the server has {official:,} images"
    with zipfile.ZipFile(path) as archive:
        labels = np.asarray(Image.open(BytesIO(archive.read(archive.namelist()[0]))))
    assert labels[0, 0] == road and labels[0, 18] == bicycle
    assert labels.shape == (HEIGHT, WIDTH) and labels.dtype == np.uint8


def test_a_whole_benchmark_is_ready(tmp_path, rows, monkeypatch):
    page = submissions.registry.load("cityscapes")
    release = page.releases[0].model_copy(update={"images": {"test": 2}})
    monkeypatch.setattr(
        submissions.registry, "load", lambda _: page.model_copy(update={"releases": [release]})
    )
    assert submissions.check(write(tmp_path), rows, "cityscapes")["state"] == "ready"


def test_label_ids_are_cityscapes_own():
    found = submissions.as_server_wants(np.arange(19, dtype=np.uint8)[None], "cityscapes")[0]
    assert tuple(found.tolist()) == LABEL_IDS
    assert LABEL_IDS[:3] == (7, 8, 11) and LABEL_IDS[13] == 26 and LABEL_IDS[16] == 31


BERLIN, BONN = "berlin_000000_000019_leftImg8bit", "bonn_000003_000019_leftImg8bit"


@pytest.mark.parametrize(
    ("others", "text"),
    [
        ({BONN: b""}, f"{BONN}.png is missing"),
        ({"ulm_1": png(TRAIN_IDS)}, "ulm_1.png belongs to no test image"),
        ({BERLIN: png(TRAIN_IDS[:, :-1])}, f"{BERLIN}.png is 23 x 16, its image 24 x 16"),
        ({BERLIN: png(TRAIN_IDS)}, "has ids [0, 1, 2"),
        ({BERLIN: png(TRAIN_IDS, "RGB")}, f"{BERLIN}.png has pixels of mode RGB, not one byte"),
        ({BERLIN: b"no picture"}, f"{BERLIN}.png cannot be read"),
        ({f"results/{BONN}": png(TRAIN_IDS)}, f"{BONN}.png is there 2 times"),
    ],
)
def test_what_a_server_would_refuse(tmp_path, rows, others, text):
    found = submissions.check(write(tmp_path, **others), rows, "cityscapes")
    assert found["state"] == "faulty" and text in found["problems"]


def test_many_problems_are_counted(tmp_path, rows):
    others = {f"x{number}": png(TRAIN_IDS) for number in range(9)}
    found = submissions.check(write(tmp_path, **others), rows, "cityscapes")
    assert found["problems"].count(";") == 3 and found["problems"].endswith("and 6 more")


def test_equal_predictions_make_equal_bytes(tmp_path):
    first = write(tmp_path).read_bytes()
    assert write(tmp_path).read_bytes() == first


def test_names_are_those_that_the_evaluation_script_looks_for():
    images = sorted(path.name for path in tree("cityscapes").rglob("test/*/*_leftImg8bit.png"))
    assert images
    # evalPixelLevelSemanticLabeling.py: <city>_<sequence>_<frame>*.png
    names = [submissions.name_of(f"leftImg8bit/test/{name}") for name in images]
    assert all(re.fullmatch(r"[a-z]+_\d{6}_\d{6}.*\.png", name) for name in names)
    assert len(set(names)) == len(names)
