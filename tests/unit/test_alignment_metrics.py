"""The alignment paper's further numbers against hand-computed values."""

import math

import numpy as np
import pandas as pd
import pytest

from replidg.config.labels import PerceptualSplit
from replidg.metrics.alignment import Bounds
from replidg.metrics.backbones import backbone_rows, cross_split_rows
from replidg.metrics.classes import class_counts
from replidg.metrics.comparable import comparable_datasets
from replidg.metrics.contrast import two_by_two
from replidg.metrics.object_sizes import size_curve
from replidg.metrics.one_pass import evaluate
from replidg.metrics.predictors import (
    accuracy_by_similarity,
    image_scores,
    nice_width,
    split_bound,
)
from replidg.metrics.scored import read_scored
from replidg.metrics.sensitivity import accuracy_by_threshold, gap_by_threshold, thresholds_between

RUN = {"dataset": "d", "target": "t", "method": "erm", "seed": 0}
AT = Bounds(0.1, 0.2, 0.4)


def scored(scores, correct, **keys) -> pd.DataFrame:
    """Predictions; `correct` spells 1 and 0."""
    table = pd.DataFrame({"score": np.float32(scores), "correct": [c == "1" for c in correct]})
    table["image_id"] = [f"i{place}" for place in range(len(table))]
    return table.assign(**(RUN | keys))


# --- thresholds --------------------------------------------------------------------------------


def test_accuracy_by_threshold_by_hand():
    table = scored([0.05, 0.1, 0.2, 0.3, 0.4, 0.5], "101011")
    found = accuracy_by_threshold(table, AT, np.array([0.1, 0.2, 0.25]))
    cells = found.set_index(["setting", "x"])
    # Kept are .1 wrong, .2 right, .3 wrong, .4 right; .05 and .5 are dropped.
    assert cells.loc[("IP", 0.1), ["value", "n"]].tolist() == [50.0, 4]
    assert math.isnan(cells.loc[("OOP", 0.1), "value"]) and cells.loc[("OOP", 0.1), "n"] == 0
    assert cells.loc[("IP", 0.2), ["value", "n"]].tolist() == pytest.approx([200 / 3, 3])
    assert cells.loc[("OOP", 0.2), ["value", "n"]].tolist() == [0.0, 1]
    assert cells.loc[("OOP", 0.25), ["value", "n"]].tolist() == [50.0, 2]


def test_thresholds_are_the_paper_s_at_full_scale():
    found = thresholds_between(Bounds(0.15, 0.21, 0.4), 26)
    assert found[:3].tolist() == [0.15, 0.16, 0.17] and 0.21 in found and found[-1] == 0.4


def test_gap_is_a_mean_over_domains_then_data_sets():
    def rows(dataset, domain, ip, oop, n=5):
        keys = {"dataset": dataset, "domain": domain, "method": "erm", "seed": 0, "x": 0.2, "n": n}
        return [keys | {"setting": "IP", "value": ip}, keys | {"setting": "OOP", "value": oop}]

    table = pd.DataFrame(
        rows("a", "x", 90, 50) + rows("a", "y", 80, 60) + rows("b", "z", 70, 69)
        + rows("b", "few", 100, 0, n=2)
    )  # fmt: skip
    found = gap_by_threshold(table, min_images=5)
    assert found["value"].item() == pytest.approx(((40 + 20) / 2 + 1) / 2)
    assert found["n"].item() == 3


# --- two by two --------------------------------------------------------------------------------


def test_two_by_two_by_hand():
    zero = scored([0] * 5, "11001").assign(part="")
    method = scored([0] * 5, "10011").assign(part=["ip", "ip", "ip", "oop", "dropped_low"])
    found = two_by_two(zero, method).set_index(["artefact", "setting"])["value"]
    assert found["table5"].to_dict() == {
        "IP/zs_incorrect/dg_incorrect": 1, "IP/zs_incorrect/dg_correct": 0,
        "IP/zs_correct/dg_incorrect": 1, "IP/zs_correct/dg_correct": 1,
    }  # fmt: skip
    assert found["table6"].sum() == 1
    assert found["table6"]["OOP/zs_incorrect/dg_correct"] == 1
    with pytest.raises(ValueError, match="no prediction of i4"):
        two_by_two(zero[:4], method)


# --- classes, sizes, similarities --------------------------------------------------------------


def test_class_counts_by_hand():
    split = pd.DataFrame(
        {"image_id": list("abcd"), "part": ["ip", "oop", "dropped_low", "ip"]}
    )  # fmt: skip
    scores = pd.DataFrame({"image_id": list("dcba"), "label": [1, 0, 0, 1]})
    found = class_counts(split, scores, ["cat", "dog", "none"]).set_index("setting")["value"]
    assert found.to_dict() == {
        "IP/cat": 0, "IP/dog": 2, "IP/none": 0, "OOP/cat": 1, "OOP/dog": 0, "OOP/none": 0,
        "unsplit/cat": 2, "unsplit/dog": 2, "unsplit/none": 0,
    }  # fmt: skip
    with pytest.raises(ValueError, match="1 images of the split have no score"):
        class_counts(split, scores[1:], ["cat", "dog"])


def test_object_sizes_by_hand():
    scores = pd.DataFrame({"image_id": list("abcd"), "score": [0.21, 0.25, 0.31, 0.32]})
    sizes = pd.DataFrame({"image_id": list("abcd"), "share": [0.2, 0.4, 0.5, math.nan]})
    found = size_curve(scores, sizes, 0.1).set_index(["metric", "x"])
    assert found.loc[("share_mean", 0.2), ["value", "n"]].tolist() == pytest.approx([0.3, 2])
    assert found.loc[("share_low", 0.2), "value"] == pytest.approx(0.25)
    assert found.loc[("share_median", 0.3), ["value", "n"]].tolist() == [0.5, 1]  # NaN: no object
    assert size_curve(scores, sizes.assign(share=math.nan), 0.1).empty


def test_similarity_scores_and_the_split_by_them():
    split = pd.DataFrame({"image_id": list("abc"), "score": [0.2, 0.3, 0.4], "part": "ip"})
    neighbours = pd.DataFrame(
        {"image_id": list("aabb"), "rank": [1, 2, 2, 1], "similarity": [0.8, 0.7, 0.5, 0.6]}
    )
    found = image_scores(split, neighbours).set_index("image_id")
    assert found["perceptual"].to_dict() == {"a": 0.8, "b": 0.6}  # c was not searched
    assert found["mean"].to_dict() == pytest.approx({"a": 0.5, "b": 0.45})
    values = {"x": np.array([0.8, 0.6]), "y": np.array([0.9, 0.7])}
    assert split_bound(PerceptualSplit(), values) == 0.86
    assert split_bound(PerceptualSplit(kind="quantile", at=0.5), values) == 0.7
    table = scored([0] * 4, "1101").assign(perceptual=np.float32([0.86, 0.9, 0.5, 0.85]))
    parts = accuracy_by_similarity(table, 0.86).set_index("setting")
    assert parts.loc["perceptual_IP", ["value", "n"]].tolist() == [100.0, 2]
    assert parts.loc["perceptual_OOP", ["value", "n"]].tolist() == [50.0, 2]


@pytest.mark.parametrize(
    ("low", "high", "width"), [(0.002, 0.009, 0.0005), (0.01, 0.04, 0.002), (0, 1, 0.05)]
)
def test_width_of_calibrated_bins(low, high, width):
    values = np.linspace(low, high, 2001)
    assert nice_width(values) == pytest.approx(width)
    assert nice_width(np.ones(4)) > 0


# --- backbones ---------------------------------------------------------------------------------


def accuracies(*rows) -> pd.DataFrame:
    columns = ["model", "method", "setting", "value"]
    return pd.DataFrame(rows, columns=columns).assign(dataset="d", target="t", seed=0, n=9)


def test_backbones_are_compared_where_two_have_a_method():
    table = accuracies(
        ("clip", "miro", "IP", 90.0), ("dino", "miro", "IP", 80.0), ("clip", "erm", "IP", 70.0),
        ("clip", "mpa", "All", 75.0), ("resnet", "mpa", "All", 20.0), ("clip", "mpa", "IP", 85.0),
        ("dino", "mpa", "All", 60.0),
    )  # fmt: skip
    found = backbone_rows(table, "clip", ["resnet"])
    values = found.set_index(["artefact", "method", "setting"])["value"].to_dict()
    assert values == {
        ("table2", "miro", "IP/clip"): 90.0, ("table2", "miro", "IP/dino"): 80.0,
        ("table4", "mpa", "All/clip"): 75.0, ("table4", "mpa", "All/resnet"): 20.0,
    }  # fmt: skip


def test_cross_splits_by_hand():
    table = scored([0] * 4, "1100")
    ids = [f"i{place}" for place in range(4)]
    parts = {
        "one": pd.DataFrame({"image_id": ids, "part": ["ip", "ip", "oop", "oop"]}),
        "two": pd.DataFrame({"image_id": ids, "part": ["ip", "oop", "ip", "oop"]}),
    }
    parts = {name: part.assign(dataset="d") for name, part in parts.items()}
    found = cross_split_rows(table, parts, "two").set_index("setting")["value"]
    assert found.to_dict() == {
        "IP/one/two": 100.0, "OOP/one/two": 0.0, "IP/two/two": 50.0, "OOP/two/two": 50.0,
    }  # fmt: skip
    with pytest.raises(ValueError, match="i3 is in no split of one"):
        cross_split_rows(table, {"one": parts["one"][:3]}, "two")


# --- all at once -------------------------------------------------------------------------------

CURVE = {"bin_width": 0.1, "threshold_points": 4, "resamples": 20}


def test_one_pass_over_files_of_one_target_each():
    images = pd.DataFrame(
        {"image_id": [f"i{k}" for k in range(6)], "score": [0.05, 0.15, 0.25, 0.25, 0.3, 0.35],
         "part": ["dropped_low", "oop", "ip", "ip", "ip", "ip"],
         "probability": np.linspace(0, 1, 6), "dataset": "d"}
    )  # fmt: skip
    keys = ["dataset", "image_id"]
    table = scored([0] * 6, "010110").drop(columns="score").merge(images, on=keys)
    zero = scored([0] * 6, "011111")
    tables = [table[:3].assign(target="a"), table[3:].assign(target="b"), zero_of(zero, images)]
    rows = evaluate(iter(tables), images, AT, CURVE, zero, "erm")
    cells = rows[rows["artefact"] == "table1"].set_index(["method", "domain", "setting"])["value"]
    assert cells["erm", "a", "IP"] == 0.0 and cells["erm", "a", "OOP"] == 100.0
    assert cells["erm", "b", "IP"] == pytest.approx(200 / 3)
    counts = rows[rows["artefact"] == "table5"].set_index("setting")["value"]
    assert counts["IP/zs_correct/dg_correct"] == 2 and counts.sum() == 4  # over both files
    found = set(rows["artefact"])
    assert found == {
        "table1", "curves", "sensitivity", "correlations", "fig6", "table5", "table6",
    }  # fmt: skip
    assert set(rows.loc[rows["artefact"] == "sensitivity", "x"]) == {0.1, 0.2, 0.3, 0.4}
    assert rows.loc[rows["artefact"] == "fig6", "n"].sum() == 2 * 6
    alone = evaluate(iter(tables), images, AT, CURVE)
    assert not set(alone["artefact"]) & {"table5", "table6"}


def zero_of(zero: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    table = zero.drop(columns="score").merge(images, on=["dataset", "image_id"])
    return table.assign(method="zero_shot", target="a")


def test_an_image_without_a_score_is_named(tmp_path):
    table = scored([0, 0], "10").assign(role=["target", "source"])
    table.to_parquet(tmp_path / "p.parquet")
    known = pd.DataFrame({"dataset": ["d"], "image_id": ["i0"], "part": ["ip"], "score": [0.3]})
    found = read_scored(tmp_path / "p.parquet", known)
    assert found["image_id"].tolist() == ["i0"]  # source images are not evaluated
    with pytest.raises(ValueError, match="image i0 has no AlignmentScore"):
        read_scored(tmp_path / "p.parquet", known.assign(image_id="other"))


def test_comparable_data_sets():
    facts = {
        "PACS": {"drift": {}, "release": "as in the papers"},
        "VLCS": {"drift": {}, "release": "stand-in"},
        "ti": {"drift": {"L38": {"expected": 10000, "found": 9736}}, "release": None},
        "own": {"drift": {}, "release": None},
        "pictures": {},
    }
    found = comparable_datasets(facts).set_index("dataset")
    assert found["comparable"].to_dict() == {
        "PACS": True, "VLCS": False, "ti": False, "own": False, "pictures": False,
    }  # fmt: skip
    assert "L38 has 9,736 images, expected 10,000" in found.loc["ti", "reason"]
