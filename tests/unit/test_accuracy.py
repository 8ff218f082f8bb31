"""Accuracy, score bins, curves and the tidy table against hand-computed values and sklearn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score

from replidg.metrics.accuracy import accuracy_by_setting, bin_counts, bin_of, curve, histogram
from replidg.metrics.tidy import COLUMNS, tidy

RUN = {"dataset": "d", "target": "t", "method": "erm", "seed": 0}


def predictions(parts: str, correct: str, **keys) -> pd.DataFrame:
    """Return predictions; `parts` spells i(p), o(op), l(ow), h(igh), `correct` 1 and 0."""
    names = {"i": "ip", "o": "oop", "l": "dropped_low", "h": "dropped_high"}
    table = pd.DataFrame(
        {"part": [names[p] for p in parts], "correct": [c == "1" for c in correct]}
    )
    return table.assign(**(RUN | keys))


def value(table: pd.DataFrame, setting: str, **keys) -> tuple[float, int]:
    row = table[(table["setting"] == setting)]
    for key, wanted in keys.items():
        row = row[row[key] == wanted]
    assert len(row) == 1
    return row["value"].item(), row["n"].item()


def test_accuracy_by_hand():
    table = accuracy_by_setting(predictions("iiiioolh", "11100110"))
    assert value(table, "IP") == (75.0, 4)
    assert value(table, "OOP") == (50.0, 2)
    assert value(table, "All") == (62.5, 8)  # dropped images count: 5 of 8
    assert len(table) == 3


def test_a_setting_without_an_image_is_nan_of_none():
    table = accuracy_by_setting(predictions("iil", "101"))
    empty, n = value(table, "OOP")
    assert np.isnan(empty) and n == 0
    assert value(table, "IP") == (50.0, 2)


def test_runs_are_kept_apart():
    both = pd.concat(
        [
            predictions("io", "11"),
            predictions("io", "00", seed=1),
            predictions("ii", "10", target="u"),
        ]
    )
    table = accuracy_by_setting(both)
    assert len(table) == 9
    assert value(table, "IP", seed=1) == (0.0, 1)
    assert value(table, "IP", target="u") == (50.0, 2)
    assert value(table, "All", target="t", seed=0) == (100.0, 2)


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_accuracy_is_sklearns(seed, count):
    rng = np.random.default_rng(seed)
    labels, pred = rng.integers(3, size=(2, count))
    parts = "".join(rng.choice(list("iolh"), count))
    spelled = "".join("1" if same else "0" for same in labels == pred)
    table = accuracy_by_setting(predictions(parts, spelled))
    for setting, letters in {"IP": "i", "OOP": "o", "All": "iolh"}.items():
        chosen = np.isin(list(parts), list(letters))
        got, n = value(table, setting)
        assert n == chosen.sum()
        if n:
            assert got == pytest.approx(100 * accuracy_score(labels[chosen], pred[chosen]))


# --- bins --------------------------------------------------------------------------------------


def test_bins_by_hand():
    scores = np.array([0.21, 0.2199, 0.22, 0.0, -0.001, 0.29, 0.57])
    expected = [0.21, 0.21, 0.22, 0.0, -0.01, 0.29, 0.57]
    assert bin_of(scores, 0.01).tolist() == expected


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("width", "digits"), [(0.01, 2), (0.1, 1), (0.05, 2), (0.02, 2)])
def test_a_score_written_as_an_edge_is_in_the_bin_above_it(width, digits, dtype):
    edges = [round(k * width, digits) for k in range(round(1 / width) + 1)]
    assert bin_of(np.array(edges, dtype), width).tolist() == edges


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.sampled_from([0.1, 0.05, 0.01, 0.003])
)
def test_a_bin_holds_its_scores(scores, width):
    left = bin_of(np.array(scores), width)
    slack = 1e-4 * width + 1e-9
    assert np.all(left <= np.array(scores) + slack)
    assert np.all(np.array(scores) < left + width + slack)
    # Edges are multiples of the width, the same number for all scores of a bin.
    np.testing.assert_allclose(left / width, np.rint(left / width), atol=1e-6)
    order = np.argsort(scores)
    assert np.all(np.diff(left[order]) >= 0)


def scored(dataset: str, pairs: list[tuple[float, bool]], **keys) -> pd.DataFrame:
    table = pd.DataFrame(pairs, columns=["score", "correct"])
    return table.assign(**(RUN | {"dataset": dataset} | keys))


LARGE = [(0.21, True), (0.215, False), (0.219, True), (0.219, True), (0.33, True), (0.33, False)]
SMALL = [(0.212, False), (0.45, True)]


def test_bin_counts_by_hand():
    table = pd.concat(
        [scored("large", LARGE), scored("small", SMALL), scored("small", SMALL, seed=1)]
    )
    counts = bin_counts(table, 0.01).set_index(["dataset", "method", "seed", "x"])
    assert counts.loc[("large", "erm", 0, 0.21)].tolist() == [3, 4]
    assert counts.loc[("large", "erm", 0, 0.33)].tolist() == [1, 2]
    assert counts.loc[("small", "erm", 0, 0.21)].tolist() == [0, 1]
    assert counts.loc[("small", "erm", 1, 0.45)].tolist() == [1, 1]
    assert len(counts) == 6


def test_curve_weighs_data_sets_alike():
    table = pd.concat([scored("large", LARGE), scored("small", SMALL)])
    points = curve(bin_counts(table, 0.01)).set_index(["dataset", "x"])
    assert points.loc[("large", 0.21), "value"] == pytest.approx(75.0)
    assert points.loc[("large", 0.33), "value"] == pytest.approx(50.0)
    assert points.loc[("small", 0.21), "value"] == 0.0
    # An image of "large" counts 1/6, one of "small" 1/2: (3/6 + 0) / (4/6 + 1/2) = 3/7.
    assert points.loc[("all", 0.21), "value"] == pytest.approx(300 / 7)
    assert points.loc[("all", 0.21), "n"] == 5
    assert points.loc[("all", 0.33), "value"] == pytest.approx(50.0)
    assert points.loc[("all", 0.45), "value"] == pytest.approx(100.0)


def test_curve_keeps_methods_and_seeds_apart_and_pools_targets():
    table = pd.concat(
        [
            scored("d", [(0.3, True)]),
            scored("d", [(0.3, False)], target="u"),  # another domain of the same data set
            scored("d", [(0.3, False)], seed=1),
            scored("d", [(0.3, True)], method="swad"),
        ]
    )
    points = curve(pd.concat([bin_counts(part, 0.1) for _, part in table.groupby("target")]))
    own = points[points["dataset"] == "d"].set_index(["method", "seed"])
    assert own["value"].to_dict() == {("erm", 0): 50.0, ("erm", 1): 0.0, ("swad", 0): 100.0}
    assert own.loc[("erm", 0), "n"] == 2


@given(st.integers(0, 10_000), st.integers(2, 80))
def test_one_data_set_alone_is_its_own_pool_and_counts_add_up(seed, count):
    rng = np.random.default_rng(seed)
    pairs = list(zip(rng.uniform(0, 0.5, count), rng.random(count) < 0.6, strict=True))
    counts = bin_counts(scored("d", pairs), 0.05)
    assert counts["n"].sum() == count
    assert counts["hits"].sum() == sum(hit for _, hit in pairs)
    points = curve(counts)
    own, pooled = (points[points["dataset"] == name].set_index("x") for name in ("d", "all"))
    np.testing.assert_allclose(own["value"], pooled["value"])
    assert own["n"].tolist() == pooled["n"].tolist()


def test_histogram():
    scores = pd.DataFrame({"dataset": ["a", "a", "b", "a"], "score": [0.21, 0.22, 0.21, 0.2101]})
    table = histogram(scores, 0.01).set_index(["dataset", "x"])["value"]
    assert table.to_dict() == {("a", 0.21): 2, ("a", 0.22): 1, ("b", 0.21): 1}


# --- tidy --------------------------------------------------------------------------------------


def test_tidy_fills_what_is_missing():
    table = tidy(pd.DataFrame({"value": [1, 2], "seed": [0, 1]}), paper="alignment", artefact="t",
                 dataset="d", metric="accuracy", method="erm")  # fmt: skip
    assert table.columns.tolist() == COLUMNS
    first = table.iloc[0]
    assert first[["paper", "domain", "setting", "n"]].tolist() == ["alignment", "all", "", 0]
    assert table["value"].dtype == np.float64 and table["seed"].tolist() == [0, 1]
    assert np.isnan(first["x"])


def test_tidy_keeps_columns_that_are_there():
    table = pd.DataFrame({"value": [1.5], "n": [7], "x": [0.2], "domain": ["art"], "extra": ["no"]})
    constants = {"paper": "p", "artefact": "a", "dataset": "d", "metric": "m", "domain": "other"}
    row = tidy(table, **constants).iloc[0]
    assert (row["domain"], row["n"], row["x"], row["value"]) == ("art", 7, 0.2, 1.5)
    assert pd.isna(row["seed"]) and "extra" not in row


def test_tidy_needs_the_identifying_columns():
    with pytest.raises(KeyError, match="paper"):
        tidy(pd.DataFrame({"value": [1.0]}), artefact="a", dataset="d", metric="m")
