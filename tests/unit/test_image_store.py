"""Stores of images: the same bits as from files, resumption, damage, and who is told of changes."""

import errno
import json
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from training_runs import PROTOCOL, SPEC, result, settings, train

from replidg.config.image_stores import ExactStore, InputStore, PackedStore, ResizedStore
from replidg.config.inputs import Embedding, Preprocessing
from replidg.data import image_store, pack_images
from replidg.data.embeddings import PIXELS, index_hash
from replidg.data.fetch.errors import FetchError
from replidg.data.image_store import StoreError, attach
from replidg.data.images import ImageError, InputSpec, decode, loader, still_paths
from replidg.models import embed
from replidg.models.store import Backbone

pytestmark = pytest.mark.usefixtures("restored")
EXACT = ExactStore(kind="exact")
SQUASHED = InputStore(kind="input", size=16, resize="squash", interpolation="bilinear")
CROPPED = InputSpec(24, "crop", "bicubic", (0.5,) * 3, (0.2,) * 3, 0.875)


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> pd.DataFrame:
    """JPEG files of several sizes, one grey and one with a palette."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    names = [f"{number}.jpg" for number in range(9)] + ["9.png"]
    for number, name in enumerate(names):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
        image = coarse.resize((40 + 3 * number, 70 - 2 * number), Image.Resampling.BICUBIC)
        image = image.convert("L") if number == 4 else image
        (image.convert("P") if name == "9.png" else image).save(root / name)
    paths = [str(root / name) for name in names]
    sizes = [Path(path).stat().st_size for path in paths]
    return pd.DataFrame({"image_id": names, "path": paths, "label": 0, "bytes": sizes})


def packed(index: pd.DataFrame, store, folder: Path, **options) -> Path:
    checkpoints = folder.parent / "checkpoints"
    pack_images.pack(index, store, folder, checkpoints, **({"file_images": 4} | options))
    assert not any((checkpoints / "images").iterdir())
    return folder / image_store.FACTS


def pixels(paths) -> list[np.ndarray]:
    return [np.asarray(decode(path)) for path in paths]


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# --- the same bits -----------------------------------------------------------------------------


@pytest.mark.parametrize("store", [EXACT, PackedStore(kind="packed")], ids=lambda s: s.kind)
def test_a_store_gives_the_pixels_of_the_files(photos, tmp_path, store):
    stored = attach(photos, [packed(photos, store, tmp_path / "s")])
    assert all(path.startswith(image_store.STORED) for path in stored["path"])
    assert len(list((tmp_path / "s").glob("pixels-*.bin"))) == 3
    assert same(pixels(stored["path"]), pixels(photos["path"]))
    # Neither a checkpoint nor an embedding tells the two apart.
    assert index_hash(stored) == index_hash(photos) and PIXELS not in stored


def test_a_store_of_inputs_gives_the_models_input(photos, tmp_path):
    geometry = {"size": 24, "resize": "crop", "interpolation": "bicubic", "crop_share": 0.875}
    store = InputStore(kind="input", **geometry)
    stored = attach(photos, [packed(photos, store, tmp_path / "s")])
    assert still_paths(photos, CROPPED) == photos["path"].tolist() == stored["path"].tolist()
    ready = still_paths(stored, CROPPED)
    assert not set(ready) & set(photos["path"])
    batches = [next(iter(loader(p, CROPPED, 10, 0))) for p in (ready, photos["path"].tolist())]
    assert torch.equal(*batches) and batches[0].shape == (10, 3, 24, 24)
    # Another input is made from the files.
    for other in (CROPPED._replace(size=25), CROPPED._replace(crop_share=1.0)):
        assert still_paths(stored, other) == photos["path"].tolist()


@pytest.mark.parametrize("workers", [0, 2])
def test_training_from_a_store_gives_the_same_bits(index, tmp_path, workers):
    stores = [packed(index, s, tmp_path / s.kind) for s in (EXACT, SQUASHED)]
    stored = attach(index, stores)
    # Nothing falls back to the files.
    assert all(path.startswith("store:") for path in stored["path"])
    assert all(path.startswith("input:") for path in still_paths(stored, SPEC))
    protocol = PROTOCOL.model_copy(update={"workers": workers, "steps": 4})
    runs = [
        train(rows, tmp_path / name, "erm", settings("erm", protocol))
        for name, rows in (("files", index), ("stores", stored))
    ]
    one, other = (result(run, rows) for run, rows in zip(runs, (index, stored), strict=True))
    assert all(torch.equal(value, other[0][name]) for name, value in one[0].items())
    drop = [name for name in other[1] if name.startswith("input ")]
    pd.testing.assert_frame_equal(one[1], other[1].drop(columns=drop), check_exact=True)
    assert runs[0].history == runs[1].history


def test_embeddings_from_a_store_are_the_same_bytes(photos, tmp_path):
    torch.manual_seed(0)
    tower = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 4, 4), torch.nn.Flatten()).eval()
    spec = InputSpec(16, "squash", "bilinear", (0.5,) * 3, (0.2,) * 3)
    backbone = Backbone(tower, None, None, spec, 64, "a" * 64)
    out = []
    for name, store in (("files", None), ("exact", EXACT), ("input", SQUASHED)):
        rows = attach(photos, [packed(photos, store, tmp_path / name)]) if store else photos
        out.append(tmp_path / name / "images.safetensors")
        budget = Embedding(batch_size=3, shard_size=4)
        how = Preprocessing(resize="squash")
        embed.embed_images(backbone, rows, how, budget, False, out[-1], tmp_path / "checkpoints")
    assert out[0].read_bytes() == out[1].read_bytes() == out[2].read_bytes()


# --- resized copies ----------------------------------------------------------------------------


def test_resized_copies_are_small_close_and_of_another_key(photos, tmp_path):
    keys, whole = set(), pixels(photos["path"])
    for store in (
        ResizedStore(kind="resized", shorter=45),
        ResizedStore(kind="resized", shorter=45, format="jpeg"),
        ResizedStore(kind="resized", shorter=45, format="jpeg", quality=60),
    ):
        stored = attach(photos, [packed(photos, store, tmp_path / "s")])
        assert len(list((tmp_path / "s").glob("pixels-*.bin"))) == 3
        for copy, image in zip(pixels(stored["path"]), whole, strict=True):
            assert min(copy.shape[:2]) == min(45, *image.shape[:2])
            height, width = copy.shape[:2]
            wanted = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
            distance = np.abs(copy.astype(int) - np.asarray(wanted)).mean()
            assert distance < (0.01 if store.format == "raw" else 12)
        keys |= {index_hash(stored), index_hash(photos)}
    assert len(keys) == 4


def test_borders_do_not_fit_resized_copies(photos, tmp_path):
    bordered = photos.assign(border_px=2)
    with pytest.raises(StoreError, match=r"borders.*'s' out of `image_store`"):
        packed(bordered, ResizedStore(kind="resized"), tmp_path / "s")
    packed(bordered, EXACT, tmp_path / "s")
    with pytest.raises(StoreError, match="lists no image files"):
        packed(photos.drop(columns="path"), EXACT, tmp_path / "s")


# --- kills, damage, room -----------------------------------------------------------------------


class Killed(BaseException):
    """Stands for a kill."""


def test_a_killed_job_goes_on_behind_the_whole_files(photos, tmp_path, monkeypatch):
    unbroken = packed(photos, EXACT, tmp_path / "a" / "s", processes=2).parent
    fill, filled = pack_images._fill, []

    def dying(work, **options):
        if work[0] == 2 and not filled.count(2):
            filled.append(2)
            raise Killed
        filled.append(work[0])
        return fill(work, **options)

    monkeypatch.setattr(pack_images, "_fill", dying)
    folder = tmp_path / "b" / "s"
    with pytest.raises(Killed):
        packed(photos, EXACT, folder)
    assert not (folder / image_store.FACTS).exists()
    (folder / ".pixels-00002.123.part.bin").write_bytes(b"half")
    packed(photos, EXACT, folder)
    assert filled == [0, 1, 2, 2]
    assert files(folder) == files(unbroken)


def test_a_file_damaged_between_two_jobs_is_made_again(photos, tmp_path, monkeypatch, caplog):
    folder, unbroken = tmp_path / "s", packed(photos, EXACT, tmp_path / "a" / "s").parent
    monkeypatch.setattr(pack_images, "_finish", lambda *_: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        packed(photos, EXACT, folder)
    monkeypatch.undo()
    content = bytearray((folder / "pixels-00001.bin").read_bytes())
    content[100] ^= 1
    (folder / "pixels-00001.bin").write_bytes(content)
    packed(photos, EXACT, folder)
    assert "pixels-00001.bin is damaged" in caplog.text
    assert files(folder) == files(unbroken)


def test_another_store_leaves_nothing_of_the_one_before(photos, tmp_path):
    folder = packed(photos, EXACT, tmp_path / "s", file_images=2).parent
    assert len(files(folder)) == 5 + 2
    packed(photos, PackedStore(kind="packed"), folder, file_images=10)
    assert sorted(files(folder)) == ["index.parquet", "pixels-00000.bin", "store.json"]


def test_damage_is_found_and_named(photos, tmp_path):
    facts = packed(photos, EXACT, tmp_path / "s")
    whole = attach(photos, [facts])
    file = facts.with_name("pixels-00001.bin")
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[-1] ^= 255
    file.write_bytes(flipped)
    stored = attach(photos, [facts])
    decode(stored["path"][6])
    with pytest.raises(StoreError, match=r"pixels-00001\.bin is damaged at byte .*run again"):
        decode(stored["path"][7])
    file.write_bytes(content[:-5])
    with pytest.raises(StoreError, match=r"pixels-00001\.bin has .* bytes, .* were packed"):
        attach(photos, [facts])
    image_store._opened.cache_clear()
    with pytest.raises(StoreError, match=r"pixels-00001\.bin is damaged"):
        decode(whole["path"][7])
    file.unlink()
    with pytest.raises(StoreError, match=r"pixels-00001\.bin is missing.*delete .*store\.json"):
        attach(photos, [facts])
    image_store._opened.cache_clear()
    with pytest.raises(StoreError, match=r"cannot read .*pixels-00001\.bin"):
        decode(whole["path"][7])


def test_a_store_of_another_index_is_not_read(photos, tmp_path):
    facts = packed(photos, EXACT, tmp_path / "s")
    with pytest.raises(StoreError, match="packed from another index"):
        attach(photos.iloc[::-1], [facts])
    told = json.loads(facts.read_text())
    assert told["store"] == {"kind": "exact"} and told["images"] == 10
    assert attach(photos, []).equals(photos)


def test_a_broken_image_is_named(photos, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(Path(photos["path"][0]).read_bytes()[:200])
    rows = pd.concat([photos, photos.iloc[:1].assign(image_id="bad", path=str(bad))])
    for store in (EXACT, PackedStore(kind="packed")):
        with pytest.raises(ImageError, match=r"cannot decode .*bad\.jpg"):
            packed(rows.reset_index(drop=True), store, tmp_path / store.kind)


def test_too_little_room_is_said_before_and_while_writing(photos, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**5, 0, 50_000))
    with pytest.raises(FetchError, match=r"s, 10 images in a store, needs .* kB .*50\.0 kB are"):
        packed(photos, EXACT, tmp_path / "s")
    assert not list((tmp_path / "s").iterdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, 10**9))

    def full(path, mode="r"):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pack_images, "open", full, raising=False)
    with pytest.raises(StoreError, match=r"s is on a full disk; free some space"):
        packed(photos, EXACT, tmp_path / "s")
