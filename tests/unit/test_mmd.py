"""The discrepancy against a double loop and against known distributions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from replidg.metrics import mmd
from replidg.metrics.mmd import median_distance, sample, shuffled, squared_mmd


def written_out(one, other, bandwidth):
    """Gretton et al. 2012, equation 3, term by term."""
    x = [v / math.sqrt(sum(a * a for a in v)) for v in one]
    y = [v / math.sqrt(sum(a * a for a in v)) for v in other]

    def kernel(a, b):
        return math.exp(-sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) / (2 * bandwidth**2))

    m, n = len(x), len(y)
    within_x = sum(kernel(x[i], x[j]) for i in range(m) for j in range(m) if i != j)
    within_y = sum(kernel(y[i], y[j]) for i in range(n) for j in range(n) if i != j)
    across = sum(kernel(a, b) for a in x for b in y)
    return within_x / (m * (m - 1)) + within_y / (n * (n - 1)) - 2 * across / (m * n)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 15), st.integers(2, 15), st.floats(0.1, 3))
def test_against_a_double_loop(seed, m, n, bandwidth):
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(m, 5)) * 3, rng.normal(size=(n, 5)) + 0.5
    found = squared_mmd(one, other, bandwidth)
    assert found == pytest.approx(written_out(one, other, bandwidth), abs=1e-6)
    assert found == pytest.approx(squared_mmd(other, one, bandwidth), abs=1e-12)


def test_by_hand():
    # Two orthogonal directions a set: every distance is 0 or sqrt 2.
    one = np.array([[2.0, 0.0], [0.0, 3.0]])
    e = math.exp(-1.0)
    assert squared_mmd(one, one, 1.0) == pytest.approx(2 * e - 2 * (2 + 2 * e) / 4)


def test_few_values_in_memory_give_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(40, 6)), rng.normal(size=(31, 6))
    whole = squared_mmd(one, other, 0.9)
    monkeypatch.setattr(mmd, "VALUES", 70)
    assert squared_mmd(one, other, 0.9) == pytest.approx(whole, abs=1e-12)


def test_unbiased_and_sensitive():
    rng = np.random.default_rng(1)
    draws = [
        squared_mmd(rng.normal(size=(20, 4)), rng.normal(size=(25, 4)), 1.0) for _ in range(300)
    ]
    assert abs(np.mean(draws)) < 4 * np.std(draws) / math.sqrt(300)
    assert min(draws) < 0
    shifted = squared_mmd(rng.normal(size=(200, 4)), rng.normal(size=(200, 4)) + 1, 1.0)
    assert shifted > 5 * np.std(draws)


def test_median_is_scipys():
    vectors = np.random.default_rng(2).normal(size=(41, 7))
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert median_distance(vectors * 5) == pytest.approx(np.median(pdist(units)), abs=1e-6)


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_images(rows):
    vectors = np.ones((rows, 3))
    with pytest.raises(ValueError, match="two images"):
        squared_mmd(vectors, np.ones((5, 3)), 1.0)
    with pytest.raises(ValueError, match="two images"):
        median_distance(vectors)


def test_equal_images_have_no_median_distance():
    with pytest.raises(ValueError, match="median distance is zero"):
        median_distance(np.ones((4, 3)))


def test_zero_vectors():
    with pytest.raises(ValueError, match="zero or not finite"):
        squared_mmd(np.zeros((3, 2)), np.ones((3, 2)), 1.0)


@given(st.lists(st.text(max_size=8), unique=True, max_size=30), st.integers(0, 40))
def test_samples(names, count):
    places = sample(names, count)
    assert len(places) == min(count, len(names)) and list(places) == sorted(set(places))
    smaller = {names[i] for i in sample(names, max(count - 3, 0))}
    assert smaller <= {names[i] for i in places}
    # Neither order nor other names matter to which of two comes first.
    turned = names[::-1]
    assert {turned[i] for i in sample(turned, count)} == {names[i] for i in places}
    assert sorted(shuffled(names)) == list(range(len(names)))


def test_no_cap_is_all():
    assert sample(["b", "a"], None).tolist() == [0, 1]
