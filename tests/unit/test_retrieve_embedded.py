"""The embedded pictures become a tree of folders, with splits of their own."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import png
from PIL import Image

from replidg.config.inputs import EmbeddedDataset, Pretraining, Splits
from replidg.data import embedded_pictures, retrieve, verify
from replidg.data.image_folder import scan

DOMAINS = ["fluent_3d", "noto", "photo"]
TINY_CLASSES = ["clock", "plant", "vehicle"]
SPLITS = Splits(train=0.5, validation=0.2, test=0.3)
EMBEDDED = EmbeddedDataset(
    source="embedded",
    tree=DOMAINS,
    domains=["photo", "noto"],
    splits=SPLITS,
    pretraining=Pretraining(domains=["photo", "fluent_3d"], held_out_classes=["plant"]),
)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Return a small table like the embedded one: photo has no clock, backgrounds no class."""
    rows = []
    for domain in [*DOMAINS, "twemoji"]:
        for name in TINY_CLASSES:
            if (domain, name) == ("photo", "clock"):
                continue
            for number in range(8):
                rows.append((domain, name, f"{name}-{number}"))
    rows.append(("photo", "", "meadow"))
    pictures = pd.DataFrame(rows, columns=["domain", "class_name", "instance"])
    pictures["image_id"] = (
        pictures["domain"] + "/" + pictures["class_name"] + "/" + pictures["instance"]
    )
    pictures["image"] = [png(i, mode="RGBA") for i in range(len(pictures))]
    return pictures.assign(
        caption="thing", keywords="a, b", licence="MIT", author="someone", source="somewhere"
    )


@pytest.fixture
def small(table, monkeypatch):
    monkeypatch.setattr(embedded_pictures, "load_table", lambda columns=None: table)


@pytest.fixture
def retrieved(small, tmp_path) -> Path:
    folder = tmp_path / "datasets" / "pictures"
    retrieve.retrieve("pictures", EMBEDDED, retrieve.Places(), folder / ".verified.json")
    return folder


def test_embedded_layout(retrieved, table):
    chosen = table[table["domain"].isin(DOMAINS) & (table["class_name"] != "")]
    written = {p.relative_to(retrieved).as_posix() for p in retrieved.rglob("*.png")}
    assert written == set(chosen["image_id"] + ".png")
    # A class without a picture has a folder: labels are numbered by folders.
    assert [p.name for p in sorted((retrieved / "photo").iterdir())] == TINY_CLASSES
    assert not list((retrieved / "photo" / "clock").iterdir())
    facts = json.loads((retrieved / ".verified.json").read_text())
    assert facts["images"] == len(chosen) and facts["classes"] == 3
    assert facts["per_domain"] == {"fluent_3d": 24, "noto": 24, "photo": 16}
    assert facts["drift"] == {} and facts["licence"] == f"MIT ({len(chosen)})"
    # Nothing half-written beside it.
    assert [p.name for p in retrieved.parent.iterdir()] == ["pictures"]


def test_embedded_pictures_are_laid_on_white(retrieved, table):
    row = table.iloc[0]
    source = Image.open(io.BytesIO(row["image"])).convert("RGBA")
    white = Image.new("RGBA", source.size, (255, 255, 255, 255))
    expected = np.asarray(Image.alpha_composite(white, source).convert("RGB"), int)
    written = np.asarray(Image.open(retrieved / f"{row['image_id']}.png"), int)
    assert written.shape == (10, 10, 3)
    assert np.abs(written - expected).max() <= 1  # Pillow composes in integers


def test_splits_are_disjoint_by_instance_in_all_domains(retrieved):
    rows = scan(retrieved, DOMAINS)
    assert set(rows["split"]) == {"train", "val", "test"}
    assert (rows.groupby("instance")["split"].nunique() == 1).all()
    for instance, split in zip(rows["instance"], rows["split"], strict=True):
        digest = hashlib.sha256(instance.encode()).hexdigest()
        place = int(digest[:16], 16) / 16**16
        assert split == ("train" if place < 0.5 else "val" if place < 0.7 else "test")


@given(st.text(min_size=1, max_size=30), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_training_share_moves_nothing_out_of_training(instance, one, other):
    small, large = sorted([round(one, 3), round(other, 3)])
    split = lambda share: embedded_pictures.instance_split(  # noqa: E731
        instance, Splits(train=share, validation=0, test=1 - share)
    )
    if split(small) == "train":
        assert split(large) == "train"
    assert "val" not in (split(small), split(large))


def test_shares_of_many_instances():
    names = [f"instance {i}" for i in range(4000)]
    found = pd.Series([embedded_pictures.instance_split(n, SPLITS) for n in names]).value_counts()
    # Five standard deviations of a binomial draw of 4000 are 0.04.
    assert found["train"] / 4000 == pytest.approx(0.5, abs=0.04)
    assert found["val"] / 4000 == pytest.approx(0.2, abs=0.04)


def test_pretraining_leaves_out_domain_classes_and_instances(retrieved):
    rows = scan(retrieved, DOMAINS)
    corpus = rows[rows["pretraining"]]
    assert len(corpus) > 5
    assert set(corpus["split"]) == {"train"}
    assert "plant" not in set(corpus["class_name"]) and "noto" not in set(corpus["domain"])
    seen = (rows["split"] == "train") & (rows["class_name"] != "plant") & (rows["domain"] != "noto")
    assert rows["pretraining"].equals(seen)


def test_no_pretraining_share(small, tmp_path):
    dataset = EMBEDDED.model_copy(update={"pretraining": None})
    assert not embedded_pictures.write_tree(dataset, tmp_path)["pretraining"].any()


def test_unknown_embedded_domain(small, tmp_path):
    dataset = EMBEDDED.model_copy(update={"tree": ["photo", "oil"]})
    with pytest.raises(ValueError, match=r"\['oil'\]"):
        embedded_pictures.write_tree(dataset, tmp_path)


def test_retrieving_again_replaces(retrieved):
    before = (retrieved / ".verified.json").read_text()
    (retrieved / "photo" / "plant" / "stray.png").write_bytes(b"x")
    (retrieved.parent / ".pictures.part" / "old").mkdir(parents=True)  # of a killed job
    retrieve.retrieve("pictures", EMBEDDED, retrieve.Places(), retrieved / ".verified.json")
    assert not (retrieved / "photo" / "plant" / "stray.png").exists()
    assert not (retrieved.parent / ".pictures.part").exists()
    assert (retrieved / ".verified.json").read_text() == before


def test_a_failed_retrieval_leaves_the_old_folder(retrieved, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(retrieve, "write_tree", full)
    with pytest.raises(OSError):
        retrieve.retrieve("pictures", EMBEDDED, retrieve.Places(), retrieved / ".verified.json")
    assert len(scan(retrieved, DOMAINS)) == 64


def fingerprint(rows: pd.DataFrame, contents: bool) -> str:
    return verify.take([rows], contents).fingerprint()


def test_fingerprint_sees_contents(retrieved):
    rows = scan(retrieved, DOMAINS)
    before = [fingerprint(rows, contents) for contents in (True, False)]
    path = Path(rows["path"][0])
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    assert fingerprint(rows, True) != before[0]
    assert fingerprint(rows, False) == before[1]  # sizes only
    path.write_bytes(content + b"?")
    assert fingerprint(rows, False) != before[1]
