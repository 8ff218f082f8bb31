"""Thresholds by precision, the choice of classifiers, and the domains that follow."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score

from replidg.config.forgotten_sets import WEB
from replidg.metrics.domain_assign import assigned, domain_of
from replidg.metrics.domain_thresholds import (
    chosen,
    precision_recall,
    threshold_at,
    thresholds,
)

CASES = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=40).filter(
    lambda rows: any(positive for _, positive in rows)
)


@given(CASES, st.sampled_from([0.5, 0.8, 0.98]))
def test_the_threshold_is_the_best_of_all(rows, wanted):
    """Against sklearn at every score that occurs."""
    scores = np.array([score for score, _ in rows], np.float32)
    positive = np.array([positive for _, positive in rows])
    found = threshold_at(scores, positive, wanted)
    all_of_them = [
        (precision_score(positive, scores >= s), recall_score(positive, scores >= s))
        for s in np.unique(scores)
    ]
    enough = [pair for pair in all_of_them if pair[0] >= wanted]
    top = max(precision for precision, _ in all_of_them)
    rivals = enough or [pair for pair in all_of_them if pair[0] == top]
    assert found.recall == pytest.approx(max(recall for _, recall in rivals))
    own = scores >= np.float32(found.threshold)
    assert found.precision == pytest.approx(precision_score(positive, own))
    assert found.recall == pytest.approx(recall_score(positive, own))


def test_a_domain_without_an_image_has_no_threshold():
    with pytest.raises(ValueError, match="no recall"):
        threshold_at(np.array([1.0]), np.array([False]), 0.5)


def test_precision_of_nothing_is_zero():
    assert precision_recall(np.array([False, False]), np.array([True, False])) == (0.0, 0.0)
    precision, recall = precision_recall(np.array([True, False]), np.array([False, False]))
    assert precision == 0 and np.isnan(recall)


def predictions() -> pd.DataFrame:
    labels = ["natural"] * 4 + ["rendition"] * 4 + ["ambiguous"] * 2
    table = pd.DataFrame({"label": labels})
    table["natural_score"] = [0.9, 0.8, 0.7, 0.2, 0.1, 0.1, 0.3, 0.1, 0.75, 0.1]
    table["rendition_score"] = [0.1, 0.1, 0.1, 0.5, 0.9, 0.8, 0.6, 0.4, 0.2, 0.7]
    table["default"] = table[["natural_score", "rendition_score"]].idxmax(axis=1).str[:-6]
    other = table.assign(test_set="imagenet_r", natural_score=1.0)
    val = table.assign(test_set=WEB, split="val")
    return pd.concat([val, other.assign(split="test")], ignore_index=True)


def test_thresholds_by_hand():
    """Natural from 0.8 on is two of four without an error; 0.7 lets the ambiguous 0.75 in."""
    found = thresholds(predictions(), strict=0.98, relaxed=0.7)
    assert found["strict"]["natural"] == {
        "threshold": pytest.approx(0.8), "precision": 1.0, "recall": 0.5,
    }  # fmt: skip
    assert found["relaxed"]["natural"]["threshold"] == pytest.approx(0.7)
    assert found["relaxed"]["natural"]["precision"] == 0.75
    assert found["strict"]["rendition"]["recall"] == 0.5
    # Argmax calls 0.9, 0.8, 0.7 and the ambiguous 0.75 natural.
    assert found["default"]["natural"] == {"precision": 0.75, "recall": 0.75}


def level(precision, recall, threshold=0.5):
    one = {"threshold": threshold, "precision": precision, "recall": recall}
    return {"natural": one, "rendition": one}


def test_the_choice_is_recall_among_those_that_are_precise_enough():
    found = {
        "vague": {name: level(0.7, 1.0) for name in ("strict", "relaxed", "default")},
        "sure": {name: level(0.99, 0.2) for name in ("strict", "relaxed", "default")},
        "best": {name: level(0.98, 0.4) for name in ("strict", "relaxed", "default")},
        "other": {name: level(1.0, 0.9) for name in ("strict", "relaxed", "default")},
    }
    nobody = {"natural": None, "rendition": None}
    picked = chosen(found, ["vague", "sure", "best", "absent"], nobody, 0.98)
    assert picked["natural"]["classifier"] == picked["rendition"]["classifier"] == "best"
    named = chosen(found, ["vague"], {"natural": "sure", "rendition": None}, 0.98)
    assert named["natural"]["classifier"] == "sure"
    assert named["rendition"]["classifier"] == "vague"  # nobody is precise enough
    with pytest.raises(ValueError, match="none of the candidates"):
        chosen(found, ["absent"], nobody, 0.98)


def test_neither_or_both_is_ambiguous():
    names = domain_of([True, False, True, False], [False, True, True, False])
    assert names.tolist() == ["natural", "rendition", "ambiguous", "ambiguous"]


def test_assigned_domains():
    scores = pd.DataFrame(
        {
            "natural_score": np.array([0.9, 0.75, 0.1, np.nan], np.float32),
            "rendition_score": np.array([0.0, 0.1, 0.6, np.nan], np.float32),
            "natural_default": [True, True, False, False],
            "rendition_default": [False, False, True, False],
        }
    )
    picked = {
        "natural": {"strict": {"threshold": float(np.float32(0.9))}, "relaxed": {"threshold": 0.7}},
        "rendition": {"strict": {"threshold": 0.7}, "relaxed": {"threshold": 0.7}},
    }
    table = assigned(scores, picked)
    assert table["domain_strict"].tolist() == ["natural", "ambiguous", "ambiguous", "ambiguous"]
    assert table["domain_default"].tolist() == ["natural", "natural", "rendition", "ambiguous"]
    assert table["natural_relaxed"].tolist() == [True, True, False, False]
