"""AlignmentScore and the IP/OOP split against sklearn, numpy and hand counts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax
from sklearn.metrics.pairwise import cosine_similarity

from replidg.config.schema import Thresholds
from replidg.metrics.alignment import (
    PARTS,
    Bounds,
    alignment_score,
    assign_parts,
    bounds,
    count_parts,
    true_class_probability,
)

PAPER = Bounds(0.15, 0.21, 0.4)
#: Scores are stored as float32; these are exact in float64 too.
SCORE = st.floats(-1, 1, width=32)
SCORES = hnp.arrays(np.float64, st.integers(1, 40), elements=SCORE)


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 7))
def test_score_is_sklearns_cosine(seed, count, classes):
    rng = np.random.default_rng(seed)
    images = (rng.normal(size=(count, 8)) * rng.uniform(0.1, 50, (count, 1))).astype(np.float32)
    texts = rng.normal(size=(classes, 8)).astype(np.float32)
    labels = rng.integers(classes, size=count)
    scores = alignment_score(images, texts, labels)
    expected = cosine_similarity(images, texts)[np.arange(count), labels]
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    assert scores.dtype == np.float32 and scores.shape == (count,)


def test_score_by_hand():
    images = np.array([[3.0, 4.0], [0.0, 2.0], [-5.0, 0.0]])
    texts = np.array([[1.0, 0.0], [0.0, 7.0]])
    scores = alignment_score(images, texts, np.array([0, 1, 0]))
    np.testing.assert_allclose(scores, [0.6, 1.0, -1.0], rtol=1e-7)


@given(st.integers(0, 10_000), st.floats(-3, 3))
def test_score_of_parallel_vectors_stays_a_cosine(seed, power):
    text = np.random.default_rng(seed).normal(size=(1, 512)).astype(np.float32)
    images = np.concatenate([text, -text]) * np.float32(10**power)
    scores = alignment_score(images, text, np.array([0, 0]))
    np.testing.assert_allclose(scores, [1, -1], atol=1e-6)
    assert np.all(np.abs(scores) <= 1), scores - [1, -1]


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
@pytest.mark.parametrize("where", ["images", "texts"])
def test_an_undefined_cosine_is_an_error(bad, where):
    vectors = {"images": np.ones((3, 4)), "texts": np.ones((2, 4))}
    vectors[where][1] = bad
    with pytest.raises(ValueError, match="zero or not finite"):
        alignment_score(vectors["images"], vectors["texts"], np.array([0, 1, 1]))


def test_a_bad_text_of_another_class_does_no_harm():
    texts = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert alignment_score(np.ones((1, 2)), texts, np.array([0]))[0] == pytest.approx(0.5**0.5)


@given(st.integers(0, 10_000), st.sampled_from([0.01, 1.0, 14.3, 100.0]))
def test_probability_is_scipys_softmax(seed, scale):
    rng = np.random.default_rng(seed)
    images = (rng.normal(size=(30, 8)) * rng.uniform(0.1, 50, (30, 1))).astype(np.float32)
    texts = rng.normal(size=(6, 8)).astype(np.float32) * 3
    labels = rng.integers(6, size=30)
    found = true_class_probability(images, texts, labels, scale)
    logits = scale * cosine_similarity(images.astype(float), texts.astype(float))
    expected = softmax(logits, axis=1)[np.arange(30), labels]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-30)
    assert found.dtype == np.float32


def test_probability_by_hand():
    # Cosines 1 and 0: at scale ln 3 the odds are 3 to 1.
    images, texts = np.array([[5.0, 0.0], [0.0, 2.0]]), np.array([[1.0, 0.0], [0.0, 7.0]])
    found = true_class_probability(images, texts, np.array([0, 0]), np.log(3))
    np.testing.assert_allclose(found, [0.75, 0.25], rtol=1e-6)


@pytest.mark.parametrize("where", ["images", "texts"])
def test_a_probability_needs_directions(where):
    vectors = {"images": np.ones((3, 4)), "texts": np.ones((2, 4))}
    vectors[where][1] = 0
    with pytest.raises(ValueError, match="zero or not finite"):
        true_class_probability(vectors["images"], vectors["texts"], np.array([0, 1, 1]), 1.0)


# --- bounds ------------------------------------------------------------------------------------


def test_absolute_bounds_ignore_the_scores():
    thresholds = Thresholds(kind="absolute", low=0.15, split=0.21, high=0.4)
    assert bounds(thresholds, {"a": np.array([0.9])}) == PAPER


def test_quantiles_are_of_all_data_sets_together():
    thresholds = Thresholds(kind="quantile", low=0.1, split=0.5, high=0.9)
    # 11 scores 0, 0.1 … 1 over two data sets of very different sizes and ranges.
    scores = {"a": np.array([0.9, 1.0]), "b": np.arange(9) / 10}
    at = bounds(thresholds, scores)
    assert at == pytest.approx(Bounds(0.1, 0.5, 0.9))


def test_quantiles_between_scores_are_scores_that_occur():
    thresholds = Thresholds(kind="quantile", low=0.3, split=0.5, high=0.6)
    at = bounds(thresholds, {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])})
    # Positions 0.9, 1.5 and 1.8 of 0 … 3: down, down, up.
    assert at == Bounds(1.0, 2.0, 3.0)


@given(SCORES, SCORES, st.tuples(*[st.floats(0, 1)] * 3).map(sorted))
def test_quantile_bounds_are_ordered_and_keep_at_least_the_share(one, other, levels):
    low, split, high = levels
    thresholds = Thresholds(kind="quantile", low=low, split=split, high=high)
    at = bounds(thresholds, {"one": one, "other": other})
    pooled = np.concatenate([one, other])
    assert at.low <= at.split <= at.high
    assert set(at) <= set(pooled)
    parts = assign_parts(pooled, at)
    assert np.sum(parts == "dropped_low") <= low * (len(pooled) - 1) + 1e-9
    assert np.sum(parts == "dropped_high") <= (1 - high) * (len(pooled) - 1) + 1e-9


# --- parts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_images_exactly_on_a_threshold(dtype):
    # Scores are stored as float32, in which 0.21 is 0.2099999934 and 0.4 is 0.4000000060.
    scores = np.array([0.1499, 0.15, 0.2099, 0.21, 0.4, 0.4001], dtype)
    assert assign_parts(scores, PAPER).tolist() == [
        "dropped_low", "oop", "oop", "ip", "ip", "dropped_high",
    ]  # fmt: skip


def test_equal_bounds():
    assert assign_parts(np.array([0.2, 0.3, 0.4]), Bounds(0.3, 0.3, 0.3)).tolist() == [
        "dropped_low", "ip", "dropped_high",
    ]  # fmt: skip


@given(SCORES, st.tuples(*[SCORE] * 3).map(sorted))
def test_each_score_gets_the_one_part_whose_range_holds_it(scores, levels):
    low, split, high = levels
    parts = assign_parts(scores, Bounds(low, split, high))
    holds = {
        "dropped_low": scores < low,
        "oop": (low <= scores) & (scores < split) & (scores <= high),
        "ip": (split <= scores) & (scores <= high) & (low <= scores),
        "dropped_high": scores > high,
    }
    for part in PARTS:
        np.testing.assert_array_equal(parts == part, holds[part])


@given(SCORES, st.tuples(*[SCORE] * 3).map(sorted))
def test_parts_rise_with_the_score(scores, levels):
    order = ["dropped_low", "oop", "ip", "dropped_high"]
    parts = assign_parts(np.sort(scores), Bounds(*levels))
    ranks = [order.index(part) for part in parts]
    assert ranks == sorted(ranks)


def test_counts_by_hand():
    split = pd.DataFrame(
        {
            "domain": ["art", "art", "art", "photo", "photo"],
            "part": ["ip", "ip", "dropped_high", "oop", "ip"],
        }
    )
    counts = count_parts(split)
    assert counts.columns.tolist() == [*PARTS, "original"]
    assert counts.loc["art"].tolist() == [2, 0, 0, 1, 3]
    assert counts.loc["photo"].tolist() == [1, 1, 0, 0, 2]


@given(SCORES, st.integers(0, 100))
def test_counts_sum_to_the_original(scores, seed):
    domains = np.random.default_rng(seed).choice(["a", "b", "c"], len(scores))
    split = pd.DataFrame({"domain": domains, "part": assign_parts(scores, PAPER)})
    counts = count_parts(split)
    assert (counts[list(PARTS)].sum(axis=1) == counts["original"]).all()
    assert counts["original"].to_dict() == split["domain"].value_counts().to_dict()
