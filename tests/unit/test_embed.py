"""Embeddings of images: keys, resumption, and values against a plain loop."""

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from embed_runs import BUDGET, OWN, SPEC, backbone, by_loop, key_of, run
from PIL import Image
from safetensors import safe_open
from torchvision import transforms as T

from replidg.config.inputs import Embedding, Preprocessing
from replidg.data.embeddings import EmbeddingError, index_hash, read
from replidg.data.images import ImageError
from replidg.models import embed
from replidg.models.store import Backbone

TRANSFORM = T.Compose(
    [
        T.Resize(16, T.InterpolationMode.BICUBIC),
        T.CenterCrop(16),
        T.ToTensor(),
        T.Normalize(SPEC.mean, SPEC.std),
    ]
)


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> pd.DataFrame:
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    ids = [f"photo/c/{number}.png" for number in range(10)]
    (root / "photo" / "c").mkdir(parents=True)
    for image_id in ids:
        pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / image_id)
    paths = [str(root / image_id) for image_id in ids]
    return pd.DataFrame({"image_id": ids, "path": paths, "label": 0, "bytes": 100})


@pytest.mark.parametrize("shard_size", [1, 3, 10, 99])
def test_embeddings_are_those_of_a_plain_loop(shard_size, index, tmp_path):
    own = backbone()
    out = run(own, index, tmp_path, budget=Embedding(batch_size=3, shard_size=shard_size))
    values = read(out, index["image_id"].tolist())
    expected = by_loop(own.visual.inner, index["path"], TRANSFORM)
    assert values.shape == (10, 5) and values.dtype == np.float32
    np.testing.assert_allclose(values, expected, rtol=2e-3, atol=2e-3)
    with safe_open(out, framework="np") as file:
        assert file.get_tensor("embeddings").dtype == np.float16
    assert json.loads(key_of(out))["weights"] == "a" * 64
    assert not list((tmp_path / "checkpoints" / "embed").iterdir())


def test_equal_runs_write_equal_bytes(index, tmp_path):
    files = [run(backbone(), index, tmp_path / str(number)) for number in range(2)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_channels_last_gives_the_same(index, tmp_path):
    plain = read(run(backbone(), index, tmp_path))
    out = tmp_path / "last.safetensors"
    embed.embed_images(backbone(), index, OWN, BUDGET, True, out, tmp_path / "checkpoints")
    np.testing.assert_allclose(read(out), plain, rtol=2e-3, atol=2e-3)


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def kill_after(own: Backbone, images: int) -> None:
    def check(module, _):
        if module.seen >= images:
            raise Killed

    own.visual.register_forward_pre_hook(check)


def killed(index, folder: Path, images: int = 8, **changes) -> list[Path]:
    """Embed until `images` images are done; returns the shards that are left."""
    own = backbone(**changes)
    kill_after(own, images)
    with pytest.raises(Killed):
        run(own, index, folder)
    assert not (folder / "images.safetensors").exists()
    return sorted((folder / "checkpoints" / "embed").glob("*/*"))


def test_a_killed_job_goes_on_behind_the_last_whole_shard(index, tmp_path):
    assert [path.name for path in killed(index, tmp_path)] == [
        "000000000.safetensors", "000000004.safetensors",
    ]  # fmt: skip
    own = backbone()
    values = read(run(own, index, tmp_path))
    assert own.visual.seen == 2
    other = tmp_path / "unbroken"
    np.testing.assert_array_equal(values, read(run(backbone(), index, other)))


@pytest.mark.parametrize("damage", ["half", "empty", "rows"])
def test_a_damaged_shard_is_never_read(damage, index, tmp_path, caplog):
    first, second = killed(index, tmp_path)
    content = second.read_bytes()
    if damage == "rows":
        embed.save_file({"embeddings": torch.zeros(3, 5, dtype=torch.float16)}, second)
    else:
        second.write_bytes(content[: len(content) // 2] if damage == "half" else b"")
    own = backbone()
    with caplog.at_level(logging.WARNING):
        values = read(run(own, index, tmp_path))
    assert own.visual.seen == 6
    np.testing.assert_array_equal(values, read(run(backbone(), index, tmp_path / "unbroken")))
    if damage != "rows":
        assert f"{second} is damaged" in caplog.text
    assert not first.exists()


def test_shards_of_other_weights_input_or_images_are_never_read(index, tmp_path):
    killed(index, tmp_path)
    for changes in (
        {"own": backbone(weights_sha256="b" * 64)},
        {"preprocessing": Preprocessing(resize="squash")},
        {"preprocessing": Preprocessing(resize="model", normalise="clip")},
        {"index": index.assign(bytes=101)},
        {"budget": Embedding(batch_size=2, shard_size=5)},
    ):
        call = {"own": backbone(), "index": index, "folder": tmp_path} | changes
        run(**call)
        assert call["own"].visual.seen == 10, changes


def test_key_names_everything_the_values_depend_on(index, tmp_path):
    numbers = iter(range(99))

    def key(**changes):
        call = {"own": backbone(), "index": index, "folder": tmp_path / str(next(numbers))}
        return key_of(run(**(call | changes)))

    base = key()
    assert key() == base
    assert key(budget=Embedding(batch_size=5, shard_size=3)) == base  # no effect on the result
    others = [
        key(own=backbone(weights_sha256="b" * 64)),
        key(preprocessing=Preprocessing(resize="squash")),
        key(preprocessing=Preprocessing(resize="model", normalise="imagenet")),
        key(index=index.iloc[:9]),
        key(index=index.iloc[::-1]),
        key(index=index.assign(bytes=[*range(9), 7])),
    ]
    assert len({base, *others}) == len(others) + 1


def test_index_hash_ignores_columns_that_do_not_change_pixels(index):
    assert index_hash(index.assign(label=1)) == index_hash(index)
    assert index_hash(index.drop(columns="bytes")) != index_hash(index)


def test_undecodable_image_keeps_the_shards_before_it(index, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(Path(index["path"][9]).read_bytes()[:80])
    broken = index.copy()
    broken.loc[9, "path"] = str(bad)
    with pytest.raises(ImageError, match=r"bad\.png"):
        run(backbone(), broken, tmp_path)
    own = backbone()
    run(own, index, tmp_path)  # the image is restored
    assert own.visual.seen == 2


def test_read_refuses_other_rows(index, tmp_path):
    out = run(backbone(), index, tmp_path)
    ids = index["image_id"].tolist()
    for wrong in (ids[::-1], ids[:-1], [*ids, "photo/c/new.png"]):
        with pytest.raises(EmbeddingError, match="rows do not match"):
            read(out, wrong)
