"""Corpora of embeddings on disk, in the layouts that users have."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from replidg.data.corpus import OwnImages
from replidg.data.corpus_files import open_corpus
from replidg.data.embeddings import EmbeddingError, read, read_ids, write
from replidg.data.faiss_index import FaissError, FaissIndex

DIM = 6


def values(rows, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, DIM)).astype(np.float16)


def retrieval_folder(folder, counts=(4, 7, 3), numbers=(2, 9, 10), **columns):
    """Write a folder as clip-retrieval does, without leading zeros."""
    whole = values(sum(counts))
    (folder / "img_emb").mkdir(parents=True)
    (folder / "metadata").mkdir()
    start = 0
    for number, count in zip(numbers, counts, strict=True):
        np.save(folder / "img_emb" / f"img_emb_{number}.npy", whole[start : start + count])
        rows = range(start, start + count)
        table = {"image_path": [f"{i:09d}" for i in rows], "url": [f"http://x/{i}" for i in rows]}
        table |= {name: values[start : start + count] for name, values in columns.items()}
        frame = pd.DataFrame(table)
        frame.to_parquet(folder / "metadata" / f"metadata_{number}.parquet", row_group_size=2)
        start += count
    return whole


def all_rows(corpus, size, start=0, with_paths=False):
    blocks = list(corpus.blocks(start, size, with_paths))
    assert max(len(block) for block, _ in blocks) <= size
    return np.concatenate([block for block, _ in blocks])


@pytest.mark.parametrize("size", [1, 3, 100])
def test_npy_files_in_the_order_of_their_numbers(tmp_path, size):
    whole = retrieval_folder(tmp_path)
    corpus = open_corpus(tmp_path)
    assert corpus.rows == 14
    for start in (0, 2, 4, 10, 13):
        np.testing.assert_array_equal(all_rows(corpus, size, start), whole[start:])
    assert not list(corpus.blocks(14, size, False))


def test_npy_rows_and_their_metadata(tmp_path):
    whole = retrieval_folder(tmp_path)
    corpus = open_corpus(tmp_path)
    rows = np.array([13, 0, 5, 13, 10, 11])
    np.testing.assert_array_equal(corpus.vectors(rows), whole[rows].astype(np.float32))
    told = corpus.describe(rows)
    assert told["id"].tolist() == [f"{i:09d}" for i in rows]
    assert told["url"].tolist() == [f"http://x/{i}" for i in rows]
    assert told["path"].tolist() == [""] * 6  # places in tar files that are gone


def test_paths_of_files_that_are_here(tmp_path):
    retrieval_folder(tmp_path)
    (tmp_path / "000000005").write_bytes(b"x")
    corpus = open_corpus(tmp_path)
    here = str(tmp_path / "000000005")
    assert corpus.describe(np.array([5, 6]))["path"].tolist() == [here, ""]
    paths = [path for _, block in corpus.blocks(4, 3, True) for path in block]
    assert paths[1] == here and len(paths) == 10


def test_npy_files_without_metadata(tmp_path, caplog):
    np.save(tmp_path / "a_1.npy", values(3))
    np.save(tmp_path / "a_02.npy", values(2, 1))
    corpus = open_corpus(tmp_path)
    assert corpus.describe(np.array([4, 0]))["id"].tolist() == ["a_02:1", "a_1:0"]
    assert "2 of 2 files have no metadata" in caplog.text


def test_metadata_of_other_rows_is_an_error(tmp_path):
    retrieval_folder(tmp_path)
    pd.DataFrame({"url": ["a"]}).to_parquet(tmp_path / "metadata" / "metadata_9.parquet")
    with pytest.raises(EmbeddingError, match=r"metadata_9.parquet has 1 rows.*img_emb_9.npy 7"):
        open_corpus(tmp_path)


@pytest.mark.parametrize("name", ["img_emb/img_emb_9.npy", "metadata/metadata_9.parquet"])
def test_a_truncated_file_is_named(tmp_path, name):
    retrieval_folder(tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(EmbeddingError, match=rf"{path.name} is damaged"):
        open_corpus(tmp_path)


def test_npy_files_of_different_models(tmp_path):
    np.save(tmp_path / "1.npy", values(3))
    np.save(tmp_path / "2.npy", np.ones((3, DIM + 1)))
    with pytest.raises(EmbeddingError, match=r"2.npy has shape \(3, 7\), 1.npy \(3, 6\)"):
        open_corpus(tmp_path)


@pytest.mark.parametrize("kind", ["list", "fixed", "large"])
def test_parquet_files(tmp_path, kind):
    whole = values(11).astype(np.float32)
    kinds = {"list": pa.list_(pa.float32()), "fixed": pa.list_(pa.float32(), DIM)}
    kinds["large"] = pa.large_list(pa.float32())
    for number, part in ((3, slice(0, 7)), (12, slice(7, 11))):
        lists = pa.array(whole[part].tolist(), kinds[kind])
        ids = [f"i{i}" for i in range(11)][part]
        table = pa.table({"key": ids, "vector": lists, "width": [1.0] * len(ids)})
        parquet.write_table(table, tmp_path / f"part_{number}.parquet", row_group_size=3)
    corpus = open_corpus(tmp_path)
    for size in (1, 2, 50):
        for start in (0, 2, 3, 4, 7, 9):
            np.testing.assert_array_equal(all_rows(corpus, size, start), whole[start:])
    rows = np.array([8, 1, 6, 1])
    np.testing.assert_array_equal(corpus.vectors(rows), whole[rows])
    assert corpus.describe(rows)["id"].tolist() == ["i8", "i1", "i6", "i1"]


def test_parquet_column(tmp_path):
    lists = pa.array(values(2).astype(np.float32).tolist())
    parquet.write_table(pa.table({"image": lists, "text": lists}), tmp_path / "a.parquet")
    assert open_corpus(tmp_path, "text").rows == 2
    with pytest.raises(EmbeddingError, match=r"set it to one of \['image', 'text'\]"):
        open_corpus(tmp_path)
    with pytest.raises(EmbeddingError, match="did you mean 'image'"):
        open_corpus(tmp_path, "imge")


def test_parquet_lists_of_different_lengths(tmp_path):
    parquet.write_table(pa.table({"v": [[1.0, 2.0], [1.0]]}), tmp_path / "a.parquet")
    with pytest.raises(EmbeddingError, match="different lengths"):
        all_rows(open_corpus(tmp_path), 5)


def test_a_folder_of_nothing(tmp_path):
    with pytest.raises(EmbeddingError, match="has no embeddings; expected img_emb"):
        open_corpus(tmp_path)
    with pytest.raises(EmbeddingError, match="there is no folder"):
        open_corpus(tmp_path / "none")


# --- embeddings of this project ------------------------------------------------------------------


@pytest.fixture
def own(tmp_path):
    whole, ids = values(9), [f"d/c/{i}.png" for i in range(9)]
    write(tmp_path / "images.safetensors", whole, ids, {"weights": "x"})
    index = pd.DataFrame({"image_id": ids, "path": [f"/data/{name}" for name in ids]})
    index["pretraining"] = [False, True, True, False, False, False, True, False, True]
    return tmp_path, whole, index


def test_written_embeddings_are_read_again(own):
    folder, whole, index = own
    path = folder / "images.safetensors"
    np.testing.assert_array_equal(read(path, index["image_id"].tolist()), whole)
    assert read_ids(path) == index["image_id"].tolist()


@pytest.mark.parametrize("size", [1, 2, 4, 100])
def test_only_the_pretraining_images(own, size):
    folder, whole, index = own
    corpus = OwnImages(folder / "images.safetensors", index)
    kept = np.array([1, 2, 6, 8])
    assert corpus.rows == 4
    for start in range(4):
        np.testing.assert_array_equal(all_rows(corpus, size, start), whole[kept[start:]])
    paths = [path for _, block in corpus.blocks(0, size, True) for path in block]
    assert paths == index["path"].iloc[kept].tolist()
    told = corpus.describe(np.array([3, 0]))
    assert told["id"].tolist() == ["d/c/8.png", "d/c/1.png"]
    assert told["path"].tolist() == ["/data/d/c/8.png", "/data/d/c/1.png"]
    np.testing.assert_array_equal(corpus.vectors(np.array([3, 0])), whole[[8, 1]])


def test_whole_file_by_its_folder_or_name(own):
    folder, whole, _ = own
    for path in (folder, folder / "images.safetensors"):
        corpus = open_corpus(path)
        np.testing.assert_array_equal(all_rows(corpus, 4), whole)
        assert corpus.describe(np.array([2]))["path"].tolist() == [""]


def test_a_corpus_that_no_index_knows(own):
    folder, _, index = own
    path = folder / "images.safetensors"
    with pytest.raises(EmbeddingError, match="column pretraining"):
        OwnImages(path, index.drop(columns="pretraining"))
    with pytest.raises(EmbeddingError, match="no image is in the pretraining corpus"):
        OwnImages(path, index.assign(pretraining=False))
    with pytest.raises(EmbeddingError, match="rows do not match"):
        OwnImages(path, index[::-1])


def test_another_corpus_has_another_key(tmp_path):
    retrieval_folder(tmp_path)
    before = open_corpus(tmp_path).key
    assert open_corpus(tmp_path).key == before
    np.save(tmp_path / "img_emb" / "img_emb_11.npy", values(1))
    assert open_corpus(tmp_path).key != before


# --- faiss ---------------------------------------------------------------------------------------


def fake_faiss(metric, rows, ivf=True):
    """Return a module with as much of faiss as is used; its index compares all rows."""
    index = SimpleNamespace(metric_type=metric, ntotal=len(rows), d=rows.shape[1], nprobe=1)

    def search(queries, k):
        assert queries.dtype == np.float32 and queries.flags["C_CONTIGUOUS"]
        inner = queries @ rows.T
        score = inner if metric == 0 else -(2.0 - 2.0 * inner)
        order = np.argsort(-score, axis=1)[:, :k]
        found = np.abs(np.take_along_axis(score, order, axis=1)) if metric else None
        found = np.take_along_axis(score, order, axis=1) if found is None else found
        missing = k - order.shape[1]
        return (
            np.pad(found, ((0, 0), (0, missing)), constant_values=-3e38).astype(np.float32),
            np.pad(order, ((0, 0), (0, missing)), constant_values=-1),
        )

    def extract(_):
        if not ivf:
            raise RuntimeError("not an IVF index")
        return index

    index.search = search
    module = SimpleNamespace(
        METRIC_INNER_PRODUCT=0, METRIC_L2=1, IO_FLAG_MMAP=1, IO_FLAG_READ_ONLY=2, index=index
    )
    module.read_index = lambda path, flags: index if flags == 3 else None
    module.extract_index_ivf = extract
    return module


@pytest.mark.parametrize("metric", [0, 1])
def test_faiss_scores_are_cosines(tmp_path, monkeypatch, metric):
    rows = values(20).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    module = fake_faiss(metric, rows)
    monkeypatch.setitem(sys.modules, "faiss", module)
    (tmp_path / "image.index").write_bytes(b"x")
    index = FaissIndex(tmp_path / "image.index", nprobe=16)
    assert module.index.nprobe == 16 and index.rows == 20
    similarity, row = index.search(rows[:5].astype(np.float64), 24, size=2)
    np.testing.assert_array_equal(row[:, 0], np.arange(5))
    known = row[:, :20]
    expected = (rows[:5] @ rows.T)[np.arange(5)[:, None], known]
    np.testing.assert_allclose(similarity[:, :20], expected, atol=1e-6)
    assert (row[:, 20:] == -1).all() and np.isnan(similarity[:, 20:]).all()
    with pytest.raises(EmbeddingError, match="the same model"):
        index.search(np.ones((1, 3)), 1, 1)


def test_faiss_errors_say_what_to_do(tmp_path, monkeypatch):
    path = tmp_path / "image.index"
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(FaissError, match="pip install faiss-cpu"):
        FaissIndex(path)
    module = fake_faiss(0, np.eye(3, dtype=np.float32), ivf=False)
    monkeypatch.setitem(sys.modules, "faiss", module)
    with pytest.raises(FaissError, match="there is no file"):
        FaissIndex(path)
    path.write_bytes(b"x")
    with pytest.raises(FaissError, match="no IVF index"):
        FaissIndex(path, nprobe=4)
    module.index.metric_type = 20
    with pytest.raises(FaissError, match="neither inner product nor L2"):
        FaissIndex(path)


def test_a_real_faiss_index(tmp_path):
    faiss = pytest.importorskip("faiss")
    rows = values(50).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    index = faiss.IndexFlatIP(DIM)
    index.add(rows)
    faiss.write_index(index, str(tmp_path / "flat.index"))
    similarity, row = FaissIndex(tmp_path / "flat.index").search(rows, 3, size=20)
    np.testing.assert_array_equal(row[:, 0], np.arange(50))
    np.testing.assert_allclose(similarity[:, 0], 1.0, atol=1e-6)
