"""The rules' scripts on small embeddings, against brute force."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from sklearn.metrics.pairwise import cosine_similarity
from test_corpus import fake_faiss, retrieval_folder

from replidg.config.similarity import Mmd, Search
from replidg.data.embeddings import read, read_ids, write
from replidg.metrics.mmd import median_distance, squared_mmd

SCRIPTS = Path(__file__).parents[2] / "scripts"
DOMAINS = ["art", "photo", "sketch"]


@pytest.fixture
def dataset(tmp_path):
    """Index and embeddings of 3 target domains of 12 images and a domain that only pretrains."""
    rng = np.random.default_rng(0)
    rows = [
        (f"{d}/c/{i:02d}.png", d) for d in ["art", "more", "photo", "sketch"] for i in range(12)
    ]
    index = pd.DataFrame(rows, columns=["image_id", "domain"])
    index["path"] = "/data/" + index["image_id"]
    index["pretraining"] = index["domain"].isin(["art", "more"]) & (index.index % 3 > 0)
    values = rng.normal(size=(len(index), 6)).astype(np.float16)
    index.to_parquet(tmp_path / "index.parquet", index=False)
    write(tmp_path / "images.safetensors", values, index["image_id"].tolist(), {})
    return SimpleNamespace(folder=tmp_path, index=index, values=values.astype(np.float32))


def run(dataset, corpus=None, perceptual=None, search=None):
    """Run find_neighbours as Snakemake does; returns the table and the folder of the outputs."""
    folder = dataset.folder
    images, index = folder / "images.safetensors", folder / "index.parquet"
    snakemake = SimpleNamespace(
        input=SimpleNamespace(index=index, images=images, corpus_index=index, corpus_images=images),
        output=SimpleNamespace(
            neighbours=str(folder / "n.parquet"), vectors=str(folder / "n.safetensors")
        ),
        params=SimpleNamespace(
            domains=DOMAINS,
            corpus=corpus or {"source": "pretraining"},
            perceptual=perceptual or {},
            checkpoints=str(folder / "checkpoints"),
        ),
        config={"alignment": {"search": search or {}}},
        resources={},
        log=[str(folder / "log.txt")],
    )
    runpy.run_path(
        str(SCRIPTS / "find_neighbours.py"), {"snakemake": snakemake}, run_name="__main__"
    )
    return pd.read_parquet(folder / "n.parquet")


@pytest.fixture(autouse=True)
def _hooks(monkeypatch):
    """Put back what the scripts' logging changes."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


def expected(dataset, exclude):
    """Return the ids of the neighbours in the pretraining images by brute force."""
    targets = dataset.index["domain"].isin(DOMAINS).to_numpy()
    corpus = dataset.index["pretraining"].to_numpy()
    similarity = cosine_similarity(dataset.values[targets], dataset.values[corpus])
    ids = dataset.index["image_id"].to_numpy()
    if exclude:
        similarity[ids[targets][:, None] == ids[corpus][None, :]] = -2
    order = np.argsort(-similarity, axis=1)
    return ids[targets], ids[corpus][order], -np.sort(-similarity, axis=1)


@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize("block_rows", [3, 1000])
def test_neighbours_in_the_pretraining_images(dataset, exclude, block_rows):
    table = run(
        dataset,
        perceptual={"neighbours": 3, "exclude_same_image": exclude},
        search={"block_rows": block_rows, "query_rows": 5},
    )
    targets, near, similarity = expected(dataset, exclude)
    assert table["rank"].tolist() == [1, 2, 3] * len(targets)
    assert table["image_id"].tolist() == np.repeat(targets, 3).tolist()
    assert table["neighbour_id"].tolist() == near[:, :3].ravel().tolist()
    np.testing.assert_allclose(table["similarity"], similarity[:, :3].ravel(), atol=1e-6)
    assert table["similarity"].dtype == np.float32
    assert table["neighbour_path"].tolist() == [f"/data/{n}" for n in table["neighbour_id"]]
    own = table[table["neighbour_id"] == table["image_id"]]
    assert len(own) == (0 if exclude else 8) and (own["similarity"] == 1).all()
    # The embeddings of the nearest, for the discrepancies.
    vectors = dataset.folder / "n.safetensors"
    place = {name: i for i, name in enumerate(dataset.index["image_id"])}
    assert read_ids(vectors) == targets.tolist()
    np.testing.assert_array_equal(
        read(vectors), dataset.values[[place[name] for name in near[:, 0]]]
    )
    assert not list((dataset.folder / "checkpoints").rglob("*.npz"))


def test_some_images_a_domain(dataset):
    table = run(dataset, perceptual={"max_images_per_domain": 5, "neighbours": 1})
    assert table["domain"].value_counts().to_dict() == dict.fromkeys(DOMAINS, 5)
    fewer = run(dataset, perceptual={"max_images_per_domain": 2, "neighbours": 1})
    assert set(fewer["image_id"]) < set(table["image_id"])
    # Not the first ones, which would be of one class.
    assert any(not name.endswith(("00.png", "01.png")) for name in fewer["image_id"])


def test_embeddings_of_a_user(dataset):
    whole = retrieval_folder(dataset.folder / "laion").astype(np.float32)
    table = run(dataset, {"source": "embeddings", "path": str(dataset.folder / "laion")})
    targets = dataset.index["domain"].isin(DOMAINS).to_numpy()
    similarity = cosine_similarity(dataset.values[targets], whole)
    near = np.argsort(-similarity, axis=1)[:, :4].ravel()
    assert table["neighbour_id"].tolist() == [f"{i:09d}" for i in near]
    assert table["neighbour_url"].tolist() == [f"http://x/{i}" for i in near]
    assert (table["neighbour_path"] == "").all()
    found = load_file(dataset.folder / "n.safetensors")["embeddings"]
    np.testing.assert_array_equal(found, whole[near[::4]])


@pytest.mark.parametrize("with_embeddings", [True, False])
def test_a_faiss_index(dataset, monkeypatch, with_embeddings):
    folder = dataset.folder / "laion"
    whole = retrieval_folder(folder).astype(np.float32)
    (folder / "image.index").write_bytes(b"x")
    unit = whole / np.linalg.norm(whole, axis=1, keepdims=True)
    # A coarse index, as one that is compressed: it orders hits wrongly.
    monkeypatch.setitem(sys.modules, "faiss", fake_faiss(0, np.round(unit, 1)))
    source = {"source": "faiss", "index": str(folder / "image.index"), "candidates": 14}
    if with_embeddings:
        source["path"] = str(folder)
    table = run(dataset, source, {"neighbours": 2})
    targets = dataset.index["domain"].isin(DOMAINS).to_numpy()
    similarity = cosine_similarity(dataset.values[targets], whole)
    near, first = np.argsort(-similarity, axis=1)[:, :2].ravel(), -np.sort(-similarity, axis=1)
    if with_embeddings:
        assert table["neighbour_id"].tolist() == [f"{i:09d}" for i in near]
        np.testing.assert_allclose(table["similarity"], first[:, :2].ravel(), atol=1e-6)
        assert len(read_ids(dataset.folder / "n.safetensors")) == targets.sum()
    else:
        assert table["neighbour_id"].str.fullmatch(r"\d+").all()
        np.testing.assert_allclose(table["similarity"], first[:, :2].ravel(), atol=0.15)
        assert read_ids(dataset.folder / "n.safetensors") == []


def test_an_index_of_other_embeddings(dataset, monkeypatch):
    folder = dataset.folder / "laion"
    retrieval_folder(folder)
    (folder / "image.index").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "faiss", fake_faiss(0, np.eye(6, dtype=np.float32)))
    source = {"source": "faiss", "index": str(folder / "image.index"), "path": str(folder)}
    with pytest.raises(ValueError, match="the index has 6 rows, its embeddings 14"):
        run(dataset, source)


def test_nearest_source_images(dataset):
    script = runpy.run_path(str(SCRIPTS / "measure_source_similarity.py"))
    folder = dataset.folder
    for block_rows in (5, 1000):
        budget = Search(block_rows=block_rows, query_rows=7)
        script["measure_source_similarity"](
            folder / "index.parquet", folder / "images.safetensors", DOMAINS, budget,
            folder / "s.parquet",
        )  # fmt: skip
        table = pd.read_parquet(folder / "s.parquet")
        rows = dataset.index[dataset.index["domain"].isin(DOMAINS)]
        assert table["image_id"].tolist() == rows["image_id"].tolist()
        similarity = cosine_similarity(dataset.values[rows.index])
        domains = rows["domain"].to_numpy()
        similarity[domains[:, None] == domains[None, :]] = -2
        np.testing.assert_allclose(table["similarity"], similarity.max(axis=1), atol=1e-6)
        nearest = rows["image_id"].to_numpy()[similarity.argmax(axis=1)]
        assert table["neighbour_id"].tolist() == nearest.tolist()


def test_discrepancies_of_a_data_set(dataset):
    run(dataset, perceptual={"exclude_same_image": True})
    script, folder = runpy.run_path(str(SCRIPTS / "measure_mmd.py")), dataset.folder

    def measured(how=None, vectors="n.safetensors"):
        script["measure_mmd"](
            folder / "index.parquet", folder / "images.safetensors", folder / vectors,
            DOMAINS, how or Mmd(), folder / "m.parquet",
        )  # fmt: skip
        return pd.read_parquet(folder / "m.parquet").set_index(["domain", "pair"])

    table = measured()
    domains = dataset.index["domain"].to_numpy()
    targets = np.isin(domains, DOMAINS)
    bandwidth = median_distance(dataset.values[targets])
    near = pd.Series(list(read(folder / "n.safetensors")), read_ids(folder / "n.safetensors"))
    for domain in DOMAINS:
        own = dataset.values[domains == domain]
        ids = dataset.index["image_id"][domains == domain]
        others = dataset.values[targets & (domains != domain)]
        both = {
            "target_pretraining": squared_mmd(own, np.stack(near[ids]), bandwidth),
            "source_target": squared_mmd(own, others, bandwidth),
        }
        for pair, value in both.items():
            assert table.loc[(domain, pair), "value"] == pytest.approx(value, abs=1e-9)
        assert table.loc[(domain, "target_target"), ["n", "m"]].tolist() == [6, 6]
        assert table.loc[(domain, "source_target"), ["n", "m"]].tolist() == [12, 24]
    assert (table["bandwidth"] == table["bandwidth"].iloc[0]).all()
    assert measured().equals(table)
    capped = measured(Mmd(max_images=4, bandwidth=0.5))
    assert (capped[["n", "m"]] == 4).all().all() and (capped["bandwidth"] == 0.5).all()
    # An index without embeddings tells no discrepancy from pretraining.
    write(folder / "none.safetensors", np.empty((0, 6), np.float32), [], {})
    none = measured(vectors="none.safetensors").xs("target_pretraining", level="pair")
    assert none["value"].isna().all() and (none["n"] == 0).all()
