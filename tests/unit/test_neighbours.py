"""Exact search against brute force in float64, and what must not change its result."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replidg.metrics import neighbours
from replidg.metrics.neighbours import Search, cosines, go_through, lengths, on_cpu, on_torch, unit
from replidg.metrics.rescore import best, rescore


def data(seed=0, queries=17, rows=230, dim=24):
    """Return queries and a corpus of float16 rows with exact and near duplicates."""
    rng = np.random.default_rng(seed)
    corpus = rng.normal(size=(rows, dim)).astype(np.float16)
    corpus[rows // 2 :: 7] = corpus[3]
    corpus[5] = corpus[3] * np.float16(2)
    found = rng.normal(size=(queries, dim)).astype(np.float32)
    found[0] = corpus[3]
    return found, corpus


def brute(queries, corpus, k):
    """Return what a plain product in float64 says, ties in the order of the rows."""
    q, c = queries.astype(np.float64), corpus.astype(np.float64)
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    c /= np.linalg.norm(c, axis=1, keepdims=True)
    # Rounded: equal directions differ in the last bits of a plain product.
    similarity = np.round(q @ c.T, 12)
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(similarity, order, axis=1), order


def searched(queries, corpus, k, block=1000, **options):
    search = Search(queries, k, **options)
    for start in range(0, len(corpus), block):
        search.add(corpus[start : start + block])
    return search.result()


@pytest.mark.parametrize("k", [1, 4, 60])
@pytest.mark.parametrize("compare", [on_cpu, on_torch("cpu")], ids=["numpy", "torch"])
def test_search_is_brute_force(k, compare):
    queries, corpus = data()
    found = searched(queries, corpus, k, block=50, compare=compare)
    similarity, row = brute(queries, corpus, k)
    np.testing.assert_array_equal(found.row, row)
    np.testing.assert_allclose(found.similarity, similarity, atol=2e-12)


def test_by_hand():
    queries = np.array([[3.0, 4.0], [-1.0, 0.0]])
    corpus = np.array([[0.0, 5.0], [2.0, 0.0], [6.0, 8.0], [-4.0, -3.0]], np.float32)
    found = searched(queries, corpus, 4)
    np.testing.assert_array_equal(found.row, [[2, 0, 1, 3], [3, 0, 2, 1]])
    np.testing.assert_allclose(found.similarity, [[1, 0.8, 0.6, -0.96], [0.8, 0, -0.6, -1]])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 260), st.integers(1, 20), st.integers(1, 9))
def test_sizes_of_blocks_change_no_bit(seed, block, query_rows, k):
    queries, corpus = data(seed)
    whole = searched(queries, corpus, k)
    parts = searched(queries, corpus, k, block=block, query_rows=query_rows)
    assert whole.row.tobytes() == parts.row.tobytes()
    assert whole.similarity.tobytes() == parts.similarity.tobytes()


def test_order_of_the_rows_changes_no_similarity():
    queries, corpus = data()
    turned = searched(queries, corpus[::-1], 5)
    straight = searched(queries, corpus, 5)
    assert turned.similarity.tobytes() == straight.similarity.tobytes()
    # Equal rows aside, the same neighbours.
    same = cosines(corpus[len(corpus) - 1 - turned.row.ravel()], corpus[straight.row.ravel()])
    np.testing.assert_allclose(same, 1.0, atol=1e-12)


def test_ties_go_to_the_first_rows():
    rng = np.random.default_rng(1)
    corpus = np.tile(rng.normal(size=(1, 33)).astype(np.float32), (500, 1))
    corpus *= rng.choice([0.5, 1.0, 4.0], (500, 1)).astype(np.float32)
    found = searched(rng.normal(size=(6, 33)), corpus, 7, block=64)
    np.testing.assert_array_equal(found.row, np.tile(np.arange(7), (6, 1)))


def test_a_rounding_error_of_float32_hides_no_neighbour():
    # Cosines that differ by 1e-9: float32 puts them in any order, float64 in the right one.
    rng = np.random.default_rng(2)
    query = rng.normal(size=(1, 512))
    query /= np.linalg.norm(query)
    query = query.astype(np.float32)
    corpus = np.repeat(query, 4000, axis=0).astype(np.float64)
    corpus += rng.normal(size=corpus.shape) * 2e-6
    corpus = corpus.astype(np.float32)
    exact = cosines(np.repeat(query, len(corpus), axis=0), corpus)
    found = searched(query, corpus, 3, block=512)
    np.testing.assert_array_equal(found.row[0], np.argsort(-exact, kind="stable")[:3])


def test_more_neighbours_than_rows():
    queries, corpus = data(rows=6)
    found = searched(queries, corpus, 9, block=4)
    assert (found.row[:, 6:] == -1).all() and np.isnan(found.similarity[:, 6:]).all()
    np.testing.assert_array_equal(found.row[:, :6], brute(queries, corpus, 6)[1])


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_an_undefined_cosine_is_an_error(bad):
    queries, corpus = data()
    wrong = corpus.copy()
    wrong[200] = bad
    with pytest.raises(ValueError, match="row 200 is zero or not finite"):
        searched(queries, wrong, 2, block=64)
    queries[4] = bad
    with pytest.raises(ValueError, match="query 4 is zero or not finite"):
        Search(queries, 2)


def test_another_model_is_an_error():
    with pytest.raises(ValueError, match="the same model"):
        Search(np.ones((2, 8)), 1).add(np.ones((5, 9)))


@pytest.mark.parametrize("compare", [on_cpu, on_torch("cpu")], ids=["numpy", "torch"])
def test_own_file_does_not_count_but_its_copies_do(compare):
    rng = np.random.default_rng(3)
    corpus = rng.normal(size=(40, 16)).astype(np.float32)
    corpus[30] = corpus[8]
    paths = [f"{i}.png" for i in range(40)]
    search = Search(corpus[:10], 2, paths[:10], compare=compare)
    for start in range(0, 40, 16):
        search.add(corpus[start : start + 16], paths[start : start + 16])
    found = search.result()
    assert not (found.row == np.arange(10)[:, None]).any()
    assert found.row[8, 0] == 30 and found.similarity[8, 0] == 1.0
    counted = searched(corpus[:10], corpus, 2)
    np.testing.assert_array_equal(counted.row[:, 0], np.arange(10))
    np.testing.assert_array_equal(counted.row[8], [8, 30])


def test_only_the_own_file_in_the_corpus():
    search = Search(np.ones((1, 4)), 2, ["a"])
    search.add(np.ones((1, 4)), ["a"])
    assert (search.result().row == -1).all()


def test_memory_is_bounded(monkeypatch):
    queries, corpus = data(queries=50, rows=3000)
    seen = []

    def watched(queries, block, floor, own, k):
        seen.append((len(queries), len(block)))
        return on_cpu(queries, block, floor, own, k)

    monkeypatch.setattr(neighbours, "PAIRS", 7)
    found = searched(queries, corpus, 3, block=128, query_rows=20, compare=watched)
    assert max(q for q, _ in seen) <= 20 and max(b for _, b in seen) <= 128
    np.testing.assert_array_equal(found.row, brute(queries, corpus, 3)[1])


def test_gone_on_with_after_a_kill(tmp_path, caplog):
    queries, corpus = data()
    kept = tmp_path / "below" / "state.npz"

    def blocks(start, stop=None):
        for at in range(start, len(corpus), 40):
            if stop is not None and at >= stop:
                raise KeyboardInterrupt
            yield corpus[at : at + 40], None

    with pytest.raises(KeyboardInterrupt):
        go_through(Search(queries, 4), lambda s: blocks(s, 120), len(corpus), kept, 0.0)
    starts = []

    def noted(start):
        starts.append(start)
        return blocks(start)

    found = go_through(Search(queries, 4), noted, len(corpus), kept, 1e9)
    whole = searched(queries, corpus, 4)
    assert starts == [120]
    assert found.row.tobytes() == whole.row.tobytes()
    assert found.similarity.tobytes() == whole.similarity.tobytes()
    kept.write_bytes(kept.read_bytes()[:200])
    found = go_through(Search(queries, 4), noted, len(corpus), kept, 1e9)
    assert starts[-1] == 0 and "damaged" in caplog.text
    assert found.row.tobytes() == whole.row.tobytes()


def test_a_corpus_that_ends_early_is_an_error(tmp_path):
    queries, corpus = data()
    with pytest.raises(ValueError, match="230 rows where 231"):
        go_through(
            Search(queries, 1), lambda start: iter([(corpus, None)]), 231, tmp_path / "k.npz", 1e9
        )


def test_units_and_lengths():
    vectors = np.array([[3.0, 4.0], [0.0, -2.0]], np.float16)
    np.testing.assert_array_equal(lengths(vectors, "row"), [5.0, 2.0])
    np.testing.assert_allclose(unit(vectors, "row"), [[0.6, 0.8], [0.0, -1.0]], rtol=1e-7)


# --- hits of an approximate index ----------------------------------------------------------------


def test_hits_are_scored_again():
    queries, corpus = data()
    rng = np.random.default_rng(4)
    row = np.stack([rng.permutation(len(corpus))[:40] for _ in queries])
    row[2, 5:] = -1
    found = rescore(queries, row, 6, lambda rows: corpus[rows].astype(np.float32), size=5)
    for query in range(len(queries)):
        hits = np.sort(row[query][row[query] >= 0])
        similarity, order = brute(queries[query : query + 1], corpus[hits], 6)
        wanted = np.full(6, -1)
        wanted[: order.shape[1]] = hits[order[0]]
        np.testing.assert_array_equal(found.row[query], wanted)
        known = len(similarity[0])
        np.testing.assert_allclose(found.similarity[query, :known], similarity[0], atol=2e-12)
        assert np.isnan(found.similarity[query, known:]).all()


def test_hits_without_embeddings_keep_the_index_own_scores():
    similarity = np.array([[0.2, 0.9, np.nan], [1.0001, 0.5, 0.5]])
    row = np.array([[4, 7, -1], [3, 9, 2]])
    found = best(similarity, row, 4)
    np.testing.assert_array_equal(found.row, [[7, 4, -1, -1], [3, 2, 9, -1]])
    np.testing.assert_array_equal(
        found.similarity, [[0.9, 0.2, np.nan, np.nan], [1.0, 0.5, 0.5, np.nan]]
    )


def test_hits_of_another_model():
    with pytest.raises(ValueError, match="the same model"):
        rescore(np.ones((1, 4)), np.array([[0]]), 1, lambda rows: np.ones((1, 5)), 1)
