"""Open-set metrics against numbers worked out by hand and against sklearn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import auc, roc_auc_score

from replidg.config.scipd_arms import RunKey
from replidg.metrics import open_set
from replidg.metrics.scipd import KEYS, run_metrics, tidy_metrics, variation

KNOWN = np.array([True, True, True, True, False, False])
CORRECT = np.array([True, True, False, True, False, False])
CONFIDENCE = np.array([0.9, 0.6, 0.8, 0.3, 0.5, 0.7])


def test_closed_set_accuracy_ignores_unknown_images():
    assert open_set.closed_set_accuracy(KNOWN, CORRECT) == 0.75
    assert np.isnan(open_set.closed_set_accuracy(np.zeros(2, bool), np.zeros(2, bool)))


def test_h_score_by_hand():
    # At 0.6: right and accepted are 0.9 and 0.6 of 4; rejected is 0.5 of 2.
    assert open_set.h_score(KNOWN, CORRECT, CONFIDENCE, 0.6) == pytest.approx(0.5)
    # At 0.65: 0.9 of 4 is left, still 0.5 is rejected alone.
    assert open_set.h_score(KNOWN, CORRECT, CONFIDENCE, 0.65) == pytest.approx(
        2 * 0.25 * 0.5 / 0.75
    )


def test_a_confidence_on_the_threshold_is_accepted():
    known, correct = np.array([True, False]), np.array([True, False])
    assert open_set.h_score(known, correct, np.array([0.5, 0.2]), 0.5) == 1.0
    assert open_set.h_score(known, correct, np.array([0.5, 0.5]), 0.5) == 0.0


def test_h_score_of_one_kind_is_not_defined():
    assert np.isnan(open_set.h_score(np.ones(2, bool), np.ones(2, bool), np.ones(2), 0.5))


def test_ten_thresholds_from_all_entries():
    at = open_set.target_thresholds(np.array([0.1, 0.02]), np.array([0.7, 0.92]))
    assert len(at) == 10 and (at[0], at[-1]) == pytest.approx((0.02, 0.92))
    assert np.diff(at) == pytest.approx(np.full(9, 0.1))
    assert open_set.h_scores(KNOWN, CORRECT, CONFIDENCE, np.array([0.0]))[0] == 0.0


def test_source_threshold_accepts_the_share():
    held = np.arange(100) / 100
    at = open_set.source_threshold(held, 0.95)
    assert (held >= at).mean() >= 0.95 and (held > at).mean() < 0.96
    assert open_set.source_threshold(held, 1.0) == 0.0


def test_auroc_equals_sklearn_with_ties():
    rng = np.random.default_rng(0)
    for _ in range(20):
        known = rng.random(50) < 0.6
        confidence = rng.integers(0, 8, 50) / 8
        assert open_set.auroc(known, confidence) == pytest.approx(roc_auc_score(known, confidence))


def test_oscr_equals_the_area_under_the_curve():
    rng = np.random.default_rng(1)
    for _ in range(20):
        known = rng.random(60) < 0.5
        correct = (rng.random(60) < 0.7) & known
        confidence = rng.integers(0, 10, 60) / 10
        at = [np.inf, *sorted(set(confidence), reverse=True)]
        ccr = [(correct & (confidence >= t)).sum() / known.sum() for t in at]
        fpr = [(~known & (confidence >= t)).sum() / (~known).sum() for t in at]
        assert open_set.oscr(known, correct, confidence) == pytest.approx(auc(fpr, ccr))


def test_oscr_of_a_perfect_classifier_is_auroc():
    assert open_set.oscr(KNOWN, KNOWN, CONFIDENCE) == pytest.approx(
        open_set.auroc(KNOWN, CONFIDENCE)
    )


def test_h2_cv_by_hand():
    assert open_set.h2_cv(np.array([1.0, 3.0])) == pytest.approx(0.5)
    assert open_set.h2_cv(np.array([1.0, 3.0]), ddof=1) == pytest.approx(np.sqrt(2) / 2)
    assert open_set.h2_cv(np.full(4, 7.0)) == 0.0
    assert np.isnan(open_set.h2_cv(np.array([1.0, np.nan])))
    assert np.isnan(open_set.h2_cv(np.zeros(3)))


def predictions(arms=("a",), seeds=(0,), sets=("H0", "H1"), targets=("x", "y")) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    tables = []
    for arm in arms:
        for seed in seeds:
            for name in sets:
                for target in targets:
                    known = np.arange(20) < 15
                    table = pd.DataFrame(
                        {
                            "role": ["target"] * 20 + ["source_validation"] * 10,
                            "label": [*np.where(known, 1, -1), *[1] * 10],
                            "max_softmax": rng.random(30) / 2 + 0.5,
                            "min_softmax": rng.random(30) / 10,
                            "max_logit": rng.normal(size=30),
                        }
                    )
                    table["correct"] = (rng.random(30) < 0.6) & (table["label"] >= 0)
                    keys = dict(zip(KEYS, ["d", name, target, arm, seed], strict=True))
                    tables.append(table.assign(**keys))
    return pd.concat(tables, ignore_index=True)


def test_run_metrics_are_percentages_of_the_target():
    table = predictions()
    found = run_metrics(table, 0.95)
    one = table[(table["sets"] == "H0") & (table["target"] == "x") & (table["role"] == "target")]
    known = one["label"] >= 0
    wanted = 100 * one.loc[known, "correct"].mean()
    first = found[(found["sets"] == "H0") & (found["target"] == "x")].set_index("metric")["value"]
    assert first["accuracy"] == pytest.approx(wanted)
    assert first["auroc"] == pytest.approx(100 * roc_auc_score(known, one["max_logit"]))
    assert first["h_score_mean"] <= first["h_score_max"]


def test_tidy_rows_average_targets_and_vary_over_h():
    metrics = run_metrics(predictions(), 0.95)
    keys = [RunKey("d", s, t, "a", 0) for s in ("H0", "H1") for t in ("x", "y")]
    rows = tidy_metrics(metrics, {"main": keys}, {"d": {"H0": 0.0, "H1": 1.0}}, {}, 0)
    accuracy = rows[(rows["metric"] == "accuracy") & (rows["setting"] == "H1")]
    by_domain = accuracy.set_index("domain")["value"]
    assert by_domain["average"] == pytest.approx((by_domain["x"] + by_domain["y"]) / 2)
    assert set(accuracy["x"]) == {1.0}
    averages = rows[(rows["metric"] == "accuracy") & (rows["domain"] == "average")]["value"]
    cv = rows[(rows["metric"] == "h2_cv_accuracy") & (rows["domain"] == "average")]["value"]
    assert cv.item() == pytest.approx(100 * averages.std(ddof=0) / averages.mean())


def test_h2_cv_needs_every_setting():
    rows = pd.DataFrame(
        {
            "dataset": "d", "domain": "x", "method": ["a", "a", "b"], "seed": 0,
            "metric": "accuracy", "setting": ["H0", "H1", "H0"], "value": [1.0, 3.0, 2.0], "n": 1,
            "x": 0.0,
        }
    )  # fmt: skip
    found = variation(rows, 0).set_index("method")["value"]
    assert found["a"] == pytest.approx(50.0) and np.isnan(found["b"])
