"""Scores from counts, against scikit-learn and WILDS' metrics."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from wilds.common.metrics.all_metrics import F1, Accuracy

from replidg.scores import accuracy, class_counts, macro_f1


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_sklearn_and_wilds(seed):
    random = np.random.default_rng(seed)
    labels, pred = random.integers(0, 6, 40), random.integers(0, 9, 40)
    counts = class_counts(labels, pred, 9)
    assert accuracy(counts) == pytest.approx(100 * accuracy_score(labels, pred))
    present = np.unique(labels)
    theirs = f1_score(labels, pred, average="macro", labels=present, zero_division=0)
    assert macro_f1(counts) == pytest.approx(100 * theirs)
    y_pred, y_true = torch.tensor(pred), torch.tensor(labels)
    wilds_f1 = F1(prediction_fn=None, average="macro").compute(y_pred, y_true)
    wilds_accuracy = Accuracy(prediction_fn=None).compute(y_pred, y_true)
    assert macro_f1(counts) == pytest.approx(100 * wilds_f1["F1-macro_all"], rel=1e-6)
    assert accuracy(counts) == pytest.approx(100 * wilds_accuracy["acc_avg"], rel=1e-6)


def test_scores_by_hand_and_of_many_at_once():
    # class 0: 2 of 3 right; class 1: 1 of 1 and one wrongly called so; class 2 only predicted.
    labels, pred = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    counts = class_counts(labels, pred, 3)
    assert counts.tolist() == [[2, 1, 0], [2, 2, 0], [3, 1, 0]]
    assert accuracy(counts) == 75
    assert macro_f1(counts) == pytest.approx(100 * (4 / 5 + 2 / 3) / 2)
    both = np.stack([counts, counts * 0.5])
    assert macro_f1(both) == pytest.approx([macro_f1(counts)] * 2)
