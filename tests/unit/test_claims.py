"""Claims: what holds, what does not, and what cannot be told."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from replidg.metrics.claims import Claim, claims_table, ordered, rises

NAME = ("alignment", "rises", "Accuracy rises with the AlignmentScore.")


def pairs(*rows):
    return pd.DataFrame(rows, columns=["pair", "above", "below"])


def test_a_rise_holds_and_agrees_with_scipy():
    x = np.linspace(0.1, 0.4, 20)
    y = x**2 + np.random.default_rng(1).normal(0, 0.01, 20)
    claim = rises(*NAME, x, y)
    assert claim.holds is True
    assert claim.evidence["rho"] == pytest.approx(stats.spearmanr(x, y).statistic)
    assert claim.evidence["low"] <= claim.evidence["rho"] <= claim.evidence["high"]
    assert claim.evidence["points"] == 20 and "rho" in claim.reason
    assert rises(*NAME, x, y) == claim  # the same seed, the same interval


def test_ties_get_average_ranks():
    x, y = [1, 2, 2, 3, 4, 4], [1, 1, 2, 3, 3, 5]
    assert rises(*NAME, x, y).evidence["rho"] == pytest.approx(stats.spearmanr(x, y).statistic)


def test_a_fall_does_not_hold_and_noise_cannot_be_told():
    x = np.arange(30.0)
    assert rises(*NAME, x, -x).holds is False
    noise = np.random.default_rng(3).normal(size=12)
    claim = rises(*NAME, np.arange(12.0), noise)
    assert claim.holds is None and claim.evidence["low"] < 0 < claim.evidence["high"]


def test_too_little_to_tell():
    assert rises(*NAME, [1, 2, 3], [1, 2, 3]).holds is None
    assert rises(*NAME, [1, 2, 3, 4, 5], [1, 2, math.nan, math.nan, 5]).holds is None
    claim = rises(*NAME, [1, 2, 3, 4, 5], [7, 7, 7, 7, 7])
    assert claim.holds is None and claim.reason == "no variation"
    assert rises(*NAME, [], []).holds is None


def test_weights():
    x = np.arange(10.0)
    y = x.copy()
    y[0] = 100  # one bin of hardly any image
    weights = np.full(10, 50.0)
    weights[0] = 0
    assert rises(*NAME, x, y, weights=weights).evidence["rho"] == pytest.approx(1.0)
    with pytest.raises(ValueError, match="weights"):
        rises(*NAME, x, y, weights=-weights)
    with pytest.raises(ValueError, match="weights"):
        rises(*NAME, x, y, weights=[1.0])


def test_ordered_pairs():
    place = ("alignment", "oop_below_ip", "OOP accuracy is below IP accuracy for every method.")
    assert ordered(*place, pairs(("erm", 80, 50), ("miro", 90, 60))).holds is True
    claim = ordered(*place, pairs(("erm", 80, 50), ("miro", 60, 60), ("swad", 50, 60)))
    assert claim.holds is False
    assert "1 of 3" in claim.reason and "not in miro, swad" in claim.reason
    assert claim.evidence["smallest gap"] == -10
    assert ordered(*place, pairs(("a", 2, 1), ("b", 1, 2)), needed=0.5).holds is True
    assert ordered(*place, pairs(("a", 2, 1)), margin=1.0).holds is False  # not above by more
    with pytest.raises(ValueError, match="needed"):
        ordered(*place, pairs(), needed=0)


def test_missing_pairs_leave_it_open():
    place = ("a", "b", "c")
    assert ordered(*place, pairs()).holds is None
    assert ordered(*place, pairs(("erm", math.nan, 1))).holds is None
    claim = ordered(*place, pairs(("erm", 2, 1), ("miro", math.nan, 1)))
    assert claim.holds is None and "1 without both numbers" in claim.reason
    assert ordered(*place, pairs(("erm", 1, 2), ("miro", math.nan, 1))).holds is False
    half = ordered(*place, pairs(("erm", 2, 1), ("miro", math.nan, 1)), needed=0.5)
    assert half.holds is True  # whatever the missing pair says


def test_table():
    claims = [
        Claim("a", "one", "s", True, "r", {"rho": 0.5, "points": 3.0}),
        Claim("a", "two", "s", None, "r"),
    ]
    table = claims_table(claims)
    assert table["holds"].tolist() == [True, pd.NA]
    assert table["evidence"].tolist() == ["rho = 0.5; points = 3", ""]
    with pytest.raises(ValueError, match="share a name"):
        claims_table([claims[0], claims[0]])
    assert claims_table([]).empty
