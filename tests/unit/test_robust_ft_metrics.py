"""Metrics of arXiv 2311.02236: WILDS' own evaluation, selection, gains, robustness, claims."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from sklearn.metrics import f1_score

from replidg.compat import prepare_wilds
from replidg.metrics.effective_robustness import effective_robustness, fit_line, to_logit
from replidg.metrics.gains import holm, paired_gain
from replidg.metrics.robust_ft import score_runs, select, selected_rates
from replidg.metrics.robust_ft_claims import robust_ft_claims
from replidg.metrics.robust_ft_gains import comparisons, gain_rows
from replidg.metrics.wilds import run_metrics, weighted_counts, worst_region_accuracy
from replidg.reporting import robust_ft_figures as figures
from replidg.reporting import robust_ft_tables as tables
from replidg.reporting.style import PlotStyle
from replidg.scores import class_counts

REGIONS = ["Asia", "Europe", "Africa", "Americas", "Oceania", "Other"]


def predictions(seed=0, count=60, right=0.6, classes=5):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    pred = np.where(random.random(count) < right, labels, random.integers(0, classes, count))
    return pd.DataFrame(
        {
            "image_id": [f"{k:04d}" for k in range(count)],
            "domain": random.choice(REGIONS, count),
            "label": labels,
            "pred": pred,
            "correct": labels == pred,
        }
    )


@pytest.mark.parametrize("seed", range(3))
def test_fmow_is_evaluated_as_wilds_does(seed):
    prepare_wilds()
    from wilds.common.grouper import CombinatorialGrouper
    from wilds.datasets.fmow_dataset import FMoWDataset

    table = predictions(seed, 300, classes=62)
    regions = pd.Categorical(table["domain"], categories=REGIONS).codes.astype(int)
    metadata = torch.stack([torch.tensor(regions), torch.zeros(300, dtype=torch.long)], dim=1)
    dataset = FMoWDataset.__new__(FMoWDataset)  # its evaluation alone; no files
    dataset._metadata_fields = ["region", "year"]
    dataset._metadata_array = metadata
    dataset._metadata_map = {"region": np.array(REGIONS), "year": np.array([2016])}
    dataset._eval_groupers = {
        name: CombinatorialGrouper(dataset=dataset, groupby_fields=[name])
        for name in ("year", "region")
    }
    dataset.metadata = pd.DataFrame({"split": ["test"] * 300})
    found, _ = FMoWDataset.eval(
        dataset, torch.tensor(table["pred"].to_numpy()), torch.tensor(table["label"].to_numpy()),
        metadata,
    )  # fmt: skip
    own = run_metrics(table, regions=True)
    assert own["accuracy"] == pytest.approx(100 * found["acc_avg"], rel=1e-5)
    assert own["worst_region_accuracy"] == pytest.approx(100 * found["acc_worst_region"], rel=1e-5)


def test_iwildcam_is_evaluated_as_wilds_does():
    from wilds.datasets.iwildcam_dataset import IWildCamDataset

    table = predictions(4, 200, classes=9)
    found, _ = IWildCamDataset.eval(
        IWildCamDataset.__new__(IWildCamDataset), torch.tensor(table["pred"].to_numpy()),
        torch.tensor(table["label"].to_numpy()), None,
    )  # fmt: skip
    own = run_metrics(table, regions=False)
    assert own["macro_f1"] == pytest.approx(100 * found["F1-macro_all"], rel=1e-6)
    assert own["accuracy"] == pytest.approx(100 * found["acc_avg"], rel=1e-6)
    assert "worst_region_accuracy" not in own


def test_the_worst_region_is_never_other():
    table = pd.DataFrame({"domain": ["Asia", "Asia", "Other"], "correct": [True, False, False]})
    assert worst_region_accuracy(table) == 50
    assert np.isnan(worst_region_accuracy(table[table["domain"] == "Other"]))


def runs(values):
    """Predictions of runs: (arm, fraction, rate, seed) -> share of right ones on test, val."""
    tables = []
    for (arm, fraction, rate, seed), (test, val) in values.items():
        for split, right in (("test", test), ("val", val), ("id_test", test)):
            table = predictions(0, 20)
            table["pred"] = np.where(np.arange(20) < round(right * 20), table["label"], 99)
            table["correct"] = table["label"] == table["pred"]
            keys = {"arm": arm, "fraction": fraction, "rate": rate, "seed": seed}
            tables.append(table.assign(split=split, alpha=1.0, **keys))
    return pd.concat(tables, ignore_index=True)


VALUES = {
    ("clip_e2e", 0.1, 1e-3, 0): (0.5, 0.9),
    ("clip_e2e", 0.1, 1e-3, 1): (0.7, 0.9),
    ("clip_e2e", 0.1, 1e-5, 0): (0.8, 0.2),
    ("clip_e2e", 0.1, 1e-5, 1): (0.8, 0.2),
    ("vision_e2e", 0.1, 1e-3, 0): (0.4, 0.4),
    ("vision_e2e", 0.1, 1e-3, 1): (0.4, 0.4),
    ("zero_shot", 0.0, 0.0, 0): (0.3, 0.3),
}


def test_the_rate_is_selected_on_the_split_that_is_asked_for():
    rows = score_runs([("fmow", runs(VALUES))], ["fmow"])
    on_test, on_val = (select(rows, {"fmow": "accuracy"}, split) for split in ("test", "val"))
    rates = {name: selected_rates(t, name) for name, t in (("test", on_test), ("val", on_val))}
    chosen = {k: t.set_index("method")["rate"].to_dict() for k, t in rates.items()}
    assert chosen["test"] == {"clip_e2e": 1e-5, "vision_e2e": 1e-3, "zero_shot": 0}
    assert chosen["val"] == {"clip_e2e": 1e-3, "vision_e2e": 1e-3, "zero_shot": 0}
    shown = on_val[(on_val["method"] == "clip_e2e") & (on_val["domain"] == "test")]
    assert shown.loc[shown["metric"] == "accuracy", "value"].tolist() == pytest.approx([50, 70])


def test_equal_rates_fall_to_the_lowest():
    values = {("clip_e2e", 0.1, rate, 0): (0.5, 0.5) for rate in (1e-3, 1e-5, 1e-4)}
    rows = select(score_runs([("fmow", runs(values))], []), {"fmow": "accuracy"}, "val")
    assert set(rows["setting"]) == {"lr=1e-05"}


def test_interpolated_runs_are_apart():
    table = runs({("clip_e2e", 1.0, 1e-3, 0): (0.5, 0.5), ("clip_e2e", 0.5, 1e-3, 0): (0.5, 0.5)})
    half = table[table["fraction"] == 1].assign(alpha=0.5)
    rows = score_runs([("fmow", pd.concat([table, half]))], [])
    wise = rows[rows["artefact"] == "wise_ft"]
    assert set(wise["x"]) == {0.5, 1.0} and set(wise["setting"]) == {"lr=0.001, 1"}
    assert set(rows.loc[rows["artefact"] == "runs", "x"]) == {0.5, 1.0}
    assert len(rows[(rows["artefact"] == "runs") & (rows["x"] == 1)]) == 6


def test_interpolation_starts_at_zero_shot():
    table = runs({("clip_e2e", 1.0, 1e-3, s): (0.5, 0.5) for s in (0, 1)})
    zero = runs({("zero_shot", 0.0, 0.0, 0): (0.2, 0.3)})
    every = pd.concat([table, table.assign(alpha=0.5), zero])
    rows = score_runs([("fmow", every)], [])
    wise = rows[(rows["artefact"] == "wise_ft") & (rows["metric"] == "accuracy")]
    assert set(wise["method"]) == {"clip_e2e"} and set(wise["setting"]) == {"lr=0.001, 1"}
    start = wise[wise["x"] == 0].set_index("domain")["value"]
    assert start.to_dict() == pytest.approx({"test": 20, "id_test": 20, "val": 30})
    assert len(wise[wise["x"] == 1]) == 2 * 3


def test_weighted_counts_are_those_of_repeated_images():
    table = predictions(1)
    weights = np.random.default_rng(0).multinomial(60, np.full(60, 1 / 60), 3)
    found = weighted_counts(table, weights.astype(float), 5)
    for row, own in zip(weights, found, strict=True):
        again = table.loc[table.index.repeat(row)]
        assert np.array_equal(
            own, class_counts(again["label"].to_numpy(), again["pred"].to_numpy(), 5)
        )


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_the_bootstrap_agrees_with_scipys(metric):
    left, right = predictions(1, 150, 0.7), predictions(1, 150, 0.5)

    def gain(rows):
        values = []
        for table in (left, right):
            part = table.iloc[rows]
            if metric == "accuracy":
                values.append(100 * part["correct"].mean())
            else:
                present = part["label"].unique()
                f1 = f1_score(part["label"], part["pred"], average="macro", labels=present)
                values.append(100 * f1)
        return values[0] - values[1]

    theirs = stats.bootstrap(
        (np.arange(150),), gain, n_resamples=600, method="percentile", vectorized=False, rng=0
    ).confidence_interval
    own = paired_gain({0: left}, {0: right}, metric, resamples=600, level=0.95, seed=1)
    assert own["gain"] == pytest.approx(gain(np.arange(150)))
    assert own["low"] == pytest.approx(theirs.low, abs=2.5)
    assert own["high"] == pytest.approx(theirs.high, abs=2.5)


def test_gain_over_seeds_by_hand():
    arm = {0: predictions(0, 40, 0.9), 1: predictions(0, 40, 0.9).assign(pred=7, correct=False)}
    other = {k: t.sample(frac=1, random_state=k) for k, t in arm.items()}
    same = paired_gain(arm, other, "accuracy", resamples=50, level=0.95, seed=0)
    assert (same["gain"], same["low"], same["high"], same["p"]) == (0, 0, 0, 1)
    only = {5: predictions(0, 40, 0.5)}
    found = paired_gain(arm, only, "accuracy", resamples=50, level=0.95, seed=0)
    by_seed = [100 * (arm[k]["correct"].mean() - only[5]["correct"].mean()) for k in (0, 1)]
    assert found["gain"] == pytest.approx(np.mean(by_seed))
    assert found["p_seeds"] == pytest.approx(stats.ttest_1samp(by_seed, 0).pvalue)
    with pytest.raises(ValueError, match="seeds differ"):
        paired_gain(arm, {3: arm[0], 4: arm[1]}, "accuracy", resamples=9, level=0.9, seed=0)
    wrong = {k: t.assign(pred=99, correct=False) for k, t in arm.items()}
    alike = paired_gain({0: arm[0], 1: arm[0]}, wrong, "accuracy", resamples=9, level=0.9, seed=0)
    assert np.isnan(alike["p_seeds"])  # two equal differences have no spread to test by
    fewer = {k: t.iloc[1:] for k, t in arm.items()}
    with pytest.raises(ValueError, match="other images"):
        paired_gain(arm, fewer, "accuracy", resamples=9, level=0.9, seed=0)


def test_holm_by_hand():
    p = pd.Series([0.04, 0.01, np.nan, 0.03], index=list("abcd"))
    assert holm(p).to_dict() == pytest.approx(
        {"a": 0.06, "b": 0.03, "c": np.nan, "d": 0.06}, nan_ok=True
    )


def test_gains_are_taken_at_each_arms_own_rate():
    table, scored = runs(VALUES), {"fmow": "accuracy"}
    rows = score_runs([("fmow", table)], [])
    metrics = pd.concat([rows, select(rows, scored, "test"), select(rows, scored, "val")])

    def read(dataset, arm, fraction, rate):
        return table[
            (table["arm"] == arm) & (table["fraction"] == fraction) & (table["rate"] == rate)
        ]

    arms = {
        "clip_e2e": "cross_entropy",
        "vision_e2e": "cross_entropy",
        "zero_shot": "cross_entropy",
    }
    found = gain_rows(
        metrics, scored, comparisons(arms), read, {"resamples": 60, "level": 0.9, "seed": 0}
    )
    test = found[(found["domain"] == "test") & (found["metric"] == "gain")]
    gains = test.set_index("setting")["value"].to_dict()
    assert gains == pytest.approx({"vision_e2e/test": 40, "vision_e2e/val": 20})
    assert set(found["metric"]) == {"gain", "low", "high", "p", "p_holm", "p_seeds"}


def test_the_line_is_found_again_and_what_is_above_it():
    x = np.array([20.0, 40, 60, 80])
    y = 100 / (1 + np.exp(-(0.8 * to_logit(x) - 0.5)))
    line = fit_line(x, y)
    assert line == pytest.approx((0.8, -0.5))
    points = pd.DataFrame({"method": ["v"] * 4 + ["c"], "id": [*x, 50], "ood": [*y, 60]})
    found, again = effective_robustness(points, ("v",))
    assert again == pytest.approx(line)
    assert found["effective"].tolist()[:4] == pytest.approx([0] * 4, abs=1e-9)
    assert found["effective"].iloc[4] == pytest.approx(60 - 100 / (1 + np.exp(0.5)))


def test_one_run_of_each_arm_has_no_line_in_table_and_figure(caplog):
    assert not fit_line(np.array([50.0, 50]), np.array([40.0, 41])).known
    few = {key: value for key, value in VALUES.items() if key[1:3] == (0.1, 1e-3) and key[3] == 0}
    rows = score_runs([("fmow", runs(few))], [])
    metrics = pd.concat([rows, select(rows, {"fmow": "accuracy"}, "val")])
    table = tables.robustness(metrics, {"fmow": "accuracy"})
    assert len(table) and table["OOD test"].notna().all()
    assert table[["OOD expected", "effective robustness"]].isna().all(axis=None)
    options = figures.Options({"fmow": "accuracy"})
    (axes,) = figures.draw("effective_robustness", metrics, options, PlotStyle()).axes
    assert "vision-only runs" not in axes.get_legend_handles_labels()[1]
    assert [text.get_text() for text in axes.texts] == ["too few vision-only runs for a line"]
    assert "effective robustness is not known" in caplog.text


def test_claims():
    scored, table = {"fmow": "accuracy"}, runs(VALUES)
    rows = score_runs([("fmow", table)], [])
    metrics = pd.concat([rows, select(rows, scored, "test"), select(rows, scored, "val")])
    found = {claim.name: claim.holds for claim in robust_ft_claims(metrics, scored)}
    assert found["zero_shot_below_trained_test"] is True
    assert found["clip_above_vision_val"] is True
    assert found["swa_raises_ood_val"] is None  # there is no such arm here
    worse = VALUES | {("vision_e2e", 0.1, 1e-3, s): (0.1, 0.1) for s in (0, 1)}
    rows = score_runs([("fmow", runs(worse))], [])
    metrics = pd.concat([rows, select(rows, scored, "test"), select(rows, scored, "val")])
    found = {claim.name: claim.holds for claim in robust_ft_claims(metrics, scored)}
    assert found["zero_shot_below_trained_test"] is False
