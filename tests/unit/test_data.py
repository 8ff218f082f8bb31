"""Data sets on disk: retrieval, index, decoding, resizing."""

import hashlib
import io
import json
import logging
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms as T
from torchvision.datasets import ImageFolder

from replidg.config.inputs import EmbeddedDataset, FolderDataset, Pretraining, Splits
from replidg.data import embedded_pictures, index, retrieve, verify
from replidg.data.captions import captions
from replidg.data.errors import DatasetError
from replidg.data.image_folder import class_names, scan
from replidg.data.images import (
    ImageError,
    ImageFiles,
    InputSpec,
    decode,
    loader,
    normalise,
    resizer,
)

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
SPEC = InputSpec(8, "squash", "bilinear", (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))


def png(seed: int, size=(10, 10), mode="RGB") -> bytes:
    rng = np.random.default_rng(seed)
    shape = (size[1], size[0], len(mode))
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8), mode).save(buffer, "PNG")
    return buffer.getvalue()


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


# --- embedded pictures -------------------------------------------------------------------------


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


# --- a folder of the user ----------------------------------------------------------------------


@pytest.fixture
def owned(tmp_path) -> Path:
    root = tmp_path / "own"
    for domain in ("art", "photo", "unused"):
        for name in ("zebra", "cat"):
            (root / domain / name).mkdir(parents=True)
            for number in range(3):
                (root / domain / name / f"{number}.png").write_bytes(png(number))
    return root


def snapshot(root: Path) -> dict:
    return {
        p.relative_to(root).as_posix(): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in root.rglob("*")
        if p.is_file()
    }


def own(root: Path | str) -> retrieve.Places:
    return retrieve.Places(root=str(root))


def folder_dataset(**images: int) -> FolderDataset:
    return FolderDataset(source="folder", domains=["art", "photo"], images=images)


def test_folder_is_linked_and_never_changed(owned, tmp_path):
    before = snapshot(owned)
    verified = tmp_path / "datasets" / "own" / ".verified.json"
    for _ in range(2):  # the second removes the first
        retrieve.retrieve("own", folder_dataset(), own(owned), verified)
    folder = verified.parent
    assert (folder / "art").is_symlink() and (folder / "art").resolve() == owned / "art"
    assert sorted(os.listdir(folder)) == [".verified.json", "art", "photo"]
    assert snapshot(owned) == before
    facts = json.loads(verified.read_text())
    assert facts["per_domain"] == {"art": 6, "photo": 6} and facts["images"] == 12
    assert facts["licence"] == "as the data set's owner states"
    assert len(scan(folder, ["art", "photo"])) == 12


def test_relative_root(owned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    verified = tmp_path / "deep" / "down" / "own" / ".verified.json"
    retrieve.retrieve("own", folder_dataset(), own("own"), verified)
    assert len(scan(verified.parent, ["art"])) == 6


def test_drift_is_reported_and_does_not_stop(owned, tmp_path, caplog):
    verified = tmp_path / "datasets" / "own" / ".verified.json"
    with caplog.at_level(logging.WARNING):
        retrieve.retrieve("own", folder_dataset(art=7, photo=6), own(owned), verified)
    facts = json.loads(verified.read_text())
    assert facts["drift"] == {"art": {"expected": 7, "found": 6}}
    assert "own/art: 7 images expected, 6 found" in caplog.text


def test_missing_domain_folder(owned, tmp_path):
    dataset = FolderDataset(source="folder", domains=["art", "sketch"])
    verified = tmp_path / "datasets" / "own" / ".verified.json"
    with pytest.raises(DatasetError, match=r"data_root\.own: .*sketch is not a folder"):
        retrieve.retrieve("own", dataset, own(owned), verified)
    assert not verified.exists() and not verified.parent.exists()


# --- index -------------------------------------------------------------------------------------


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


# --- captions ----------------------------------------------------------------------------------


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


# --- pixels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_truncated_image_names_the_file(kind, tmp_path):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, kind)
    content = buffer.getvalue()
    path = tmp_path / f"broken.{kind.lower()}"
    # Whatever the length, up to the last block of pixels: never another error, never a picture.
    for length in range(0, len(content) - 40, 37):
        path.write_bytes(content[:length])
        with pytest.raises(ImageError, match=rf"cannot decode {path}.*restore the file"):
            decode(str(path))


def test_missing_file_and_no_image(tmp_path):
    with pytest.raises(ImageError, match=r"none\.png"):
        decode(str(tmp_path / "none.png"))
    (tmp_path / "page.png").write_text("<html>404</html>")
    with pytest.raises(ImageError, match=r"page\.png"):
        decode(str(tmp_path / "page.png"))


def test_a_bad_image_in_a_loader_names_the_file(tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(png(0))
    bad.write_bytes(png(0)[:60])
    with pytest.raises(ImageError, match=r"bad\.png"):
        list(loader([str(good), str(bad)], SPEC, 2, 0))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_every_mode_becomes_rgb(mode, tmp_path):
    path = tmp_path / "image.tif"
    Image.new("RGB", (4, 4), (255, 255, 255)).convert(mode).save(path)
    image = decode(str(path))
    assert image.mode == "RGB" and np.asarray(image).min() >= 254


@given(st.integers(0, 10_000), st.booleans())
def test_normalise_is_torchvisions(seed, channels_last):
    pixels = np.random.default_rng(seed).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    peer = T.Compose([T.ToTensor(), T.Normalize(SPEC.mean, SPEC.std)])
    expected = torch.stack([peer(image) for image in pixels])
    batch = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    got = normalise(batch, SPEC, channels_last)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
    memory = torch.channels_last if channels_last else torch.contiguous_format
    if channels_last:
        assert got.is_contiguous(memory_format=memory)


@pytest.mark.parametrize("how", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(40, 30), (30, 40), (9, 9), (11, 90)])
@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_resizer_is_torchvisions(resize, size, how):
    image = Image.open(io.BytesIO(png(1, size)))
    mode = T.InterpolationMode(how)
    peer = {
        "squash": T.Resize((8, 8), mode),
        "crop": T.Compose([T.Resize(8, mode), T.CenterCrop(8)]),
    }[resize]
    spec = SPEC._replace(resize=resize, interpolation=how)
    got = resizer(spec)(image)
    assert got.dtype == torch.uint8 and got.shape == (3, 8, 8)
    assert torch.equal(got, T.PILToTensor()(peer(image)))


def test_resize_modes_differ_and_unknown_ones_are_errors():
    image = Image.open(io.BytesIO(png(1, (40, 30))))
    crop = SPEC._replace(resize="crop")
    assert not torch.equal(resizer(SPEC)(image), resizer(crop)(image))
    with pytest.raises(ValueError, match="'stretch'"):
        resizer(SPEC._replace(resize="stretch"))


def test_loader_keeps_the_order(tmp_path):
    paths = []
    for number in range(5):
        paths.append(str(tmp_path / f"{number}.png"))
        Image.new("RGB", (8, 8), (number, 0, 0)).save(paths[-1])
    batches = list(loader(paths[::-1], SPEC, 2, 0))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert torch.cat(batches)[:, 0, 0, 0].tolist() == [4, 3, 2, 1, 0]
    assert len(ImageFiles(paths, SPEC)) == 5
