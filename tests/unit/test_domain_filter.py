"""Classifiers applied to shards and sets; near duplicates; pruning by similarity."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from domain_runs import SPEC, domains, make_backbone, make_job, make_labels, make_shards

from replidg.config.forgotten import Deduplication
from replidg.data import embeddings
from replidg.data.domain_shards import read_shards
from replidg.data.domain_stream import FileSource, ShardSource, batches
from replidg.data.embeddings import EmbeddingError
from replidg.data.errors import DatasetError
from replidg.data.images import ImageError, ImageFiles, normalise
from replidg.models import deduplicate, domain_filter
from replidg.models.deduplicate import duplicates, too_similar
from replidg.models.domain_filter import ChosenClassifiers, filter_sources
from replidg.models.domain_nets import load
from replidg.models.prune_near import gaps, pruned
from replidg.training.domain_job import make_all

CHOSEN = {"natural": {"classifier": "csd_n"}, "rendition": {"classifier": "ft"}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Classifiers and the CLIP that they were made with."""
    folder = tmp_path_factory.mktemp("made")
    backbone = make_backbone(folder / "clip")
    (folder / "pictures").mkdir()
    labels = make_labels(folder / "pictures")
    names = {name: domains().classifiers[name] for name in ("csd_n", "ft")}
    make_all(make_job(labels, backbone, folder / "c"), names, folder / "classifiers")
    return folder, backbone, labels


def classifiers(made, embed=True, precision="float32"):
    folder, backbone, _ = made
    where = folder / "classifiers"
    return ChosenClassifiers(CHOSEN, where, backbone, SPEC, False, embed, precision)


def shards(folder, **options):
    listed = make_shards(folder, **options)
    (folder / "shards.json").write_text(json.dumps({"shards": listed}))
    return [ShardSource(shard) for shard in read_shards(folder / "shards.json")]


def test_scores_of_files_are_those_of_the_networks(made, tmp_path):
    folder, backbone, labels = made
    index = labels.assign(domain="web", label=0, bytes=1)
    source = FileSource("all", index)
    out, embedded = tmp_path / "s.parquet", tmp_path / "e.safetensors"
    filter_sources([source], classifiers(made), 7, 0, tmp_path / "c", out, embedded)
    table = pd.read_parquet(out)
    assert table["image_id"].tolist() == labels["image_id"].tolist() and table["readable"].all()
    files = ImageFiles(labels["path"], SPEC)
    images = normalise(torch.stack([files[place] for place in range(len(files))]), SPEC)
    with torch.inference_mode():
        clip = backbone.visual(images)
        own = {
            name: load(
                folder / "classifiers" / name / "model.safetensors", backbone.visual, backbone.dim,
                SPEC.size,
            )(images, clip)
            for name in ("csd_n", "ft")
        }  # fmt: skip
    np.testing.assert_allclose(table["natural_score"], own["csd_n"][:, 0], rtol=1e-4)
    np.testing.assert_allclose(table["rendition_score"], own["ft"][:, 1], rtol=1e-3)
    assert table["natural_default"].tolist() == (own["csd_n"][:, 2] == 0).tolist()
    assert table["rendition_default"].tolist() == (own["ft"][:, 2] == 1).tolist()
    values = embeddings.read(embedded, labels["image_id"].tolist())
    np.testing.assert_allclose(values, clip.numpy(), rtol=1e-2, atol=1e-3)


def test_bf16_rounds_the_towers_and_has_a_key_of_its_own(made):
    _, _, labels = made
    files = ImageFiles(labels["path"], SPEC)
    pixels = torch.stack([files[place] for place in range(len(files))])
    exact, half = classifiers(made), classifiers(made, precision="bf16")
    assert exact.key != half.key
    (whole, clip), (rounded, vectors) = exact(pixels), half(pixels)
    assert not np.array_equal(clip, vectors)
    similar = (clip.astype(float) * vectors.astype(float)).sum(1) / (
        np.linalg.norm(clip.astype(float), axis=1) * np.linalg.norm(vectors.astype(float), axis=1)
    )
    assert similar.min() > 0.999
    np.testing.assert_allclose(whole[:, :2], rounded[:, :2], atol=0.05)


@pytest.mark.parametrize("workers", [0, 2])
def test_every_picture_of_a_shard_comes_once(tmp_path, workers):
    source = shards(tmp_path, sizes=(11,), broken=[(0, 4)])[0]
    found = [
        (place, ready)
        for batch in batches(source, SPEC, 3, workers)
        for place, ready in zip(batch.places, batch.readable, strict=True)
    ]
    assert sorted(found) == [(place, place != 4) for place in range(11)]


def test_a_picture_of_the_web_may_be_broken_and_of_a_set_not(made, tmp_path):
    sources = shards(tmp_path, sizes=(5, 4), broken=[(1, 2)])
    filter_sources(sources, classifiers(made, False), 4, 0, tmp_path / "c", tmp_path / "o", None)
    table = pd.read_parquet(tmp_path / "o")
    assert table["position"].tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3]
    assert table["shard"].tolist() == [0] * 5 + [1] * 4
    assert table["image_id"].tolist() == [*map(str, range(5)), *map(str, range(100, 104))]
    assert (~table["readable"]).tolist() == [False] * 7 + [True, False]
    assert table["natural_score"].isna().sum() == 1 and not table["natural_default"][7]
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    row = {"image_id": "x", "path": str(broken), "domain": "d", "label": 0, "bytes": 1}
    source = FileSource("x", pd.DataFrame([row]))
    with pytest.raises(ImageError, match=r"broken\.png"):
        list(batches(source, SPEC, 1, 0))


def test_a_killed_job_goes_on_behind_the_last_shard(made, tmp_path, monkeypatch):
    sources = shards(tmp_path, sizes=(4, 4, 4))
    args = (classifiers(made), 4, 0)
    filter_sources(
        sources, *args, tmp_path / "c1", tmp_path / "whole.parquet", tmp_path / "whole.st"
    )
    one, seen = domain_filter._one, []

    def counted(source, *rest):
        seen.append(source.name)
        if len(seen) == 3:
            raise KeyboardInterrupt
        one(source, *rest)

    monkeypatch.setattr(domain_filter, "_one", counted)
    again = (*args, tmp_path / "c2", tmp_path / "again.parquet", tmp_path / "again.st")
    with pytest.raises(KeyboardInterrupt):
        filter_sources(sources, *again)
    # A part that was damaged meanwhile is made again.
    next((tmp_path / "c2").rglob("000000.parquet")).write_bytes(b"PAR1")
    filter_sources(sources, *again)
    assert seen == ["000000", "000001", "000002", "000000", "000002"]
    for name in ("parquet", "st"):
        whole, other = (tmp_path / f"{n}.{name}" for n in ("whole", "again"))
        assert whole.read_bytes() == other.read_bytes()
    assert not list((tmp_path / "c2" / "filter").iterdir())


def test_a_shard_that_was_cut_off_is_no_short_shard(tmp_path):
    source = shards(tmp_path, sizes=(9,))[0]
    path = source.shard.path
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DatasetError, match=r"00000\.tar (has \d pictures, 9 were|is a damaged)"):
        list(batches(source, SPEC, 4, 0))


def test_more_jobs_than_shards_is_told(made, tmp_path):
    with pytest.raises(DatasetError, match=r"lower forgotten\.corpus\.jobs"):
        filter_sources([], classifiers(made), 4, 0, tmp_path / "c", tmp_path / "o", None)


def write_vectors(folder, parts):
    paths = []
    for number, values in enumerate(parts):
        paths.append(folder / f"{number}.safetensors")
        ids = [f"{number}:{row}" for row in range(len(values))]
        embeddings.write(paths[-1], values.astype(np.float16), ids, {})
    return paths


def vectors(count, seed=0, dim=8):
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)


def test_too_similar_by_hand():
    angles = np.radians([0, 10, 20, 90])
    values = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    bound = float(np.cos(np.radians(15)))
    # 10 degrees is like the first; 20 is like 10, though that one goes itself.
    assert too_similar(values, bound).tolist() == [False, True, True, False]
    assert too_similar(values[::-1].copy(), bound).tolist() == [False, False, True, True]


@pytest.mark.parametrize("keep", ["far", "near"])
def test_duplicates_of_one_cluster_by_brute_force(tmp_path, monkeypatch, keep):
    """In one cluster all pairs are compared, whatever the files."""
    values = np.concatenate([vectors(30), vectors(30) + 0.02, vectors(20, 1)])
    paths = write_vectors(tmp_path, np.split(values, [25, 55]))
    options = Deduplication(clusters=1, similarity=0.99, keep=keep, sample_per_cluster=100)
    unit = values.astype(np.float16).astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    centre = unit.mean(0) / np.linalg.norm(unit.mean(0))
    monkeypatch.setattr(deduplicate, "_centroids", lambda *_: centre[None])
    found = np.concatenate(duplicates(paths, options, tmp_path / "c"))
    far = 1 - unit @ centre
    order = np.argsort(far if keep == "near" else -far)
    expected = np.zeros(80, bool)
    for place, row in enumerate(order):
        expected[row] = any(unit[row] @ unit[other] > 0.99 for other in order[:place])
    assert (found == expected).all() and 25 <= expected.sum() <= 35
    assert not list((tmp_path / "c" / "deduplicate").iterdir())


def test_duplicates_are_sought_in_each_cluster(tmp_path):
    """Copies are in the same cluster, so one of each pair goes; the rest stays."""
    values = np.concatenate([vectors(40, dim=32), vectors(40, dim=32)])
    paths = write_vectors(tmp_path, np.split(values, [33]))
    options = Deduplication(clusters=4, similarity=0.999, sample_per_cluster=10)
    dropped = np.concatenate(duplicates(paths, options, tmp_path / "c"))
    assert dropped.sum() == 40 and (dropped[:40] ^ dropped[40:]).all()
    with pytest.raises(EmbeddingError, match="clusters is 500"):
        duplicates(paths, Deduplication(clusters=500), tmp_path / "c")


def test_pruned_pictures_by_brute_force(tmp_path):
    web, train, test = vectors(200), vectors(30, 1), vectors(15, 2)
    (train_path,) = write_vectors(tmp_path, [train])
    (tmp_path / "web").mkdir()
    paths = write_vectors(tmp_path / "web", np.split(web, [90]))

    def unit(values):
        values = values.astype(np.float16).astype(np.float32)
        return values / np.linalg.norm(values, axis=1, keepdims=True)

    bound = gaps(unit(test), train_path)
    np.testing.assert_allclose(bound, (unit(test) @ unit(train).T).max(1), rtol=1e-5)
    found = [masks["sketch"] for masks in pruned(paths, {"sketch": (unit(test), bound)})]
    expected = (unit(web) @ unit(test).T > bound).any(1)
    assert (np.concatenate(found) == expected).all() and 0 < expected.sum() < 200
