"""Rank correlations against scipy, and their bootstrap intervals."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from replidg.metrics.accuracy import bin_counts
from replidg.metrics.correlation import FINE, compare_predictors, correlations, rank_correlation


@given(st.integers(0, 10_000), st.integers(3, 60))
def test_counts_are_scipys_spearman(seed, count):
    rng = np.random.default_rng(seed)
    score, hit = rng.integers(6, size=count), rng.integers(2, size=count)
    hits, n = np.bincount(score, hit, 6), np.bincount(score, minlength=6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a constant column has no correlation
        expected = spearmanr(score, hit).statistic
    np.testing.assert_allclose(rank_correlation(hits, n), expected, atol=1e-12)


def test_by_hand():
    # Scores 1, 2, 3, 4; wrong, wrong, right, right: ranks -1.5 … 1.5 against -.5, -.5, .5, .5.
    assert rank_correlation([0, 0, 1, 1], [1, 1, 1, 1]) == pytest.approx(1 / np.sqrt(1.25))
    assert rank_correlation([1, 1, 0, 0], [1, 1, 1, 1]) == pytest.approx(-1 / np.sqrt(1.25))
    assert np.isnan(rank_correlation([1, 1], [1, 1]))  # always right
    assert np.isnan(rank_correlation([1], [2]))  # one score


def images(seed: int, count: int, slope: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    score = rng.uniform(0, 0.4, count).round(3)
    correct = rng.random(count) < 0.5 + slope * (score - 0.2)
    run = {"dataset": "d", "target": "t", "method": "erm", "seed": 0}
    return pd.DataFrame({"score": score, "correct": correct}).assign(**run)


def test_correlation_of_runs_and_its_interval():
    both = pd.concat([images(0, 800, 2.0), images(1, 800, 0.0).assign(method="flat")])
    table = correlations(bin_counts(both, FINE), resamples=400)
    wide = table.pivot(index="method", columns="metric", values="value")
    own = both[both["method"] == "erm"]
    assert wide.loc["erm", "rho"] == pytest.approx(
        spearmanr(own["score"], own["correct"]).statistic
    )
    assert 0 < wide.loc["erm", "rho_low"] < wide.loc["erm", "rho"] < wide.loc["erm", "rho_high"]
    assert wide.loc["flat", "rho_low"] < 0 < wide.loc["flat", "rho_high"]
    # The usual standard error of a correlation is about 1 / sqrt(n).
    width = wide.loc["flat", "rho_high"] - wide.loc["flat", "rho_low"]
    assert width == pytest.approx(2 * 1.96 / np.sqrt(800), rel=0.2)
    assert (table["n"] == 800).all()
    again = correlations(bin_counts(both, FINE), resamples=400)
    pd.testing.assert_frame_equal(table, again)


def test_files_of_one_run_are_one_run():
    table = images(0, 300, 2.0)
    parts = [bin_counts(part, FINE) for part in (table[:100], table[100:])]
    apart = correlations(pd.concat(parts), resamples=10)
    pd.testing.assert_frame_equal(apart, correlations(bin_counts(table, FINE), resamples=10))


def test_predictors_are_compared_on_the_same_samples():
    rng = np.random.default_rng(0)
    good = rng.normal(size=600)
    correct = rng.random(600) < 1 / (1 + np.exp(-2 * good))
    scores = {"good": good, "bad": rng.normal(size=600), "twin": 3 * good + 1}
    table = compare_predictors(correct, scores, resamples=300).pivot(
        index="setting", columns="metric", values="value"
    )
    assert table.loc["good", "rho"] == pytest.approx(spearmanr(good, correct).statistic)
    assert table.loc["bad", "gap"] == pytest.approx(
        table.loc["good", "rho"] - table.loc["bad", "rho"]
    )
    assert table.loc["bad", "gap_low"] > 0
    # The same order of images: no difference in any sample.
    assert table.loc["twin", ["gap", "gap_low", "gap_high"]].tolist() == pytest.approx([0, 0, 0])
