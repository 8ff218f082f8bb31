"""Label sets and shares of the HDG benchmark."""

from fractions import Fraction
from itertools import combinations

import pandas as pd
import pytest
from hybrid_parts import benchmark
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from replidg.config.label_sets import PAPER_KNOWN, PAPER_SPLITS, hybridness, parse_ids
from replidg.config.scipd import HybridData, LabelSets
from replidg.data.errors import DatasetError
from replidg.data.hybrid import counted, expected_counts, known_classes, renumbered, share_out

DOMAINS = ["art", "photo", "sketch"]
PAIR = LabelSets(sets=["0,1", "1,2"])


def test_ids():
    assert parse_ids("0-2, 5") == {0, 1, 2, 5}
    for wrong in ("", "a", "1-", "0-2,1", "3-1"):
        with pytest.raises(ValueError):
            parse_ids(wrong)


@pytest.mark.parametrize("dataset", PAPER_SPLITS)
def test_the_papers_splits_have_the_hybridness_of_their_names(dataset):
    for name, (h, sets) in PAPER_SPLITS[dataset].items():
        split = LabelSets(sets=list(sets), hybridness=h)
        assert split.h == Fraction(h) and name == "H" + h.replace("/", "_")
        assert frozenset().union(*split.ids) == frozenset(range(PAPER_KNOWN[dataset]))


def test_mean_jaccard_is_another_quantity():
    sets = LabelSets(sets=list(PAPER_SPLITS["PACS"]["H1_6"][1])).ids
    jaccard = [Fraction(len(a & b), len(a | b)) for a, b in combinations(sets, 2)]
    assert sum(jaccard) / 3 == Fraction(1, 5) and hybridness(sets) == Fraction(1, 6)


def test_a_wrong_hybridness_is_an_error():
    with pytest.raises(ValidationError, match="hybridness is 1/3, not 1/2"):
        LabelSets(sets=["0,1", "1,2"], hybridness="1/2")


@given(st.lists(st.frozensets(st.integers(0, 9), min_size=1), min_size=2, max_size=6))
def test_hybridness_lies_between_none_and_all(sets):
    h = hybridness(sets)
    assert 0 <= h <= 1
    assert (h == 1) == (len(set(sets)) == 1)
    assert (h == 0) == all(not a & b for a, b in combinations(sets, 2))


def test_unknown_classes_are_numbered_minus_one(index):
    rows = renumbered(benchmark(index))
    assert set(rows.loc[rows["class_name"] == "zebra", "label"]) == {-1}
    assert known_classes(rows)["class_name"].tolist() == ["cat", "dog", "owl"]


def test_known_classes_follow_the_benchmark_not_the_alphabet(index):
    table = benchmark(index)
    table["hdg_label"] = table["hdg_label"].map({0: 2, 1: 0, 2: 1, 3: 3})
    assert known_classes(table)["class_name"].tolist() == ["dog", "owl", "cat"]
    rows = renumbered(table)
    assert set(rows.loc[rows["class_name"] == "cat", "label"]) == {2}


def shares(index, target="sketch", data=None, **other):
    data = data or HybridData(train=0.67, validation=0.33)
    return share_out(benchmark(index), DOMAINS, target, PAIR, data, 0, **other)


def test_sources_have_their_classes_and_nobody_has_the_unknown(index):
    found = shares(index)
    for part in (found.train, found.validation):
        assert [set(rows["class_name"]) for rows in part] == [{"cat", "dog"}, {"dog", "owl"}]
        assert [rows["domain"].iloc[0] for rows in part] == ["art", "photo"]
    assert set(found.target["class_name"]) == {"cat", "dog", "owl", "zebra"}
    assert set(found.target["domain"]) == {"sketch"}


def test_a_class_gives_its_first_images_to_training(index):
    found = shares(index)
    cats = found.train[0][found.train[0]["class_name"] == "cat"]["image_id"]
    held = found.validation[0][found.validation[0]["class_name"] == "cat"]["image_id"]
    assert len(cats) == 4 and len(held) == 2 and cats.max() < held.min()
    table = counted(found)
    assert table.loc[table["part"] == "train", "n_images"].tolist() == [8, 8]
    target = table[table["role"] == "target"].iloc[0]
    assert (target["n_images"], target["n_known"], target["n_unknown"]) == (24, 18, 6)


def test_the_rest_is_tested_where_asked(index):
    data = HybridData(train=0.5, validation=0.17, target_images="rest")
    found = shares(index, data=data)
    assert len(found.target) == 4 * (6 - 4)


def test_scarcity_takes_a_share_and_keeps_the_hold_outs(index):
    less = shares(index, share=0.5)
    assert [len(rows) for rows in less.train] == [4, 4]
    assert [len(rows) for rows in less.validation] == [len(r) for r in shares(index).validation]


def test_official_lists(index, tmp_path):
    rows = benchmark(index)
    for domain in DOMAINS:
        own = rows[rows["domain"] == domain]["image_id"].tolist()
        for part, names in (("train", own[::2]), ("val", own[1::2])):
            text = "".join(f"/far/away/{name} 1\n" for name in names)
            (tmp_path / f"{domain}_{part}.txt").write_text(text)
    data = HybridData(lists=str(tmp_path / "{domain}_{part}.txt"))
    found = shares(index, data=data)
    art = rows[rows["domain"] == "art"]["image_id"].tolist()
    assert set(found.train[0]["image_id"]) <= set(art[::2])
    with pytest.raises(DatasetError, match="there is no"):
        shares(index, data=HybridData(lists=str(tmp_path / "{domain}-{part}")))


def test_label_sets_must_fit(index):
    data = HybridData()
    table = benchmark(index)
    with pytest.raises(DatasetError, match="2 label sets for 1 sources"):
        share_out(table, DOMAINS[:2], "art", PAIR, data, 0)
    few = LabelSets(sets=["0", "1"])
    with pytest.raises(DatasetError, match="every known class"):
        share_out(table, DOMAINS, "art", few, data, 0)


@pytest.mark.parametrize("dataset", PAPER_SPLITS)
def test_expected_counts_cover_every_split_and_target(dataset):
    table = expected_counts(dataset)
    assert set(table["split"]) == set(PAPER_SPLITS[dataset])
    sources = table["target"].nunique() - 1
    groups = table[table["role"] == "source"].groupby(["split", "target"])
    assert (groups.size() == 2 * sources).all()
    known = table.dropna(subset="n_images")
    total = known["n_known"] + known["n_unknown"]
    pd.testing.assert_series_equal(total, known["n_images"], check_names=False)
