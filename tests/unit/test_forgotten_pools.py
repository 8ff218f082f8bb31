"""Pools of web pictures: order, nesting, packing, going on after a kill."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from forgotten_parts import write_corpus
from hypothesis import given
from hypothesis import strategies as st

from replidg.data import pools
from replidg.data.domain_shards import samples
from replidg.data.errors import DatasetError
from replidg.data.pools import Order, classified, listed, pack

COUNTS = [5, 4, 6]


def members(counts):
    return [(n, p) for n, count in enumerate(counts) for p in range(count) if (n + p) % 3]


def ids_of(folder):
    return [[sample.image_id for sample in samples(path)] for path in sorted(folder.glob("*.tar"))]


@given(st.sets(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=60))
def test_ranks_are_a_permutation_and_do_not_depend_on_the_order_of_the_members(places):
    ordered = sorted(places)
    order = Order(ordered, 0, "natural")
    ranks = [order.rank(place) for place in ordered]
    assert sorted(ranks) == list(range(len(places)))
    again = Order(reversed(ordered), 0, "natural")
    assert [again.rank(place) for place in ordered] == ranks
    assert order.rank((51, 0)) is None


def test_pools_and_seeds_have_orders_of_their_own():
    places = [(0, n) for n in range(40)]
    orders = [Order(places, *key) for key in ((0, "natural"), (0, "random"), (1, "natural"))]
    ranks = {tuple(order.rank(place) for place in places) for order in orders}
    assert len(ranks) == 3


def test_order_refuses_nothing_and_doubles():
    with pytest.raises(DatasetError, match=r"pools\.natural"):
        Order([], 0, "natural")
    with pytest.raises(DatasetError, match="twice"):
        Order([(0, 1), (0, 1)], 0, "natural")


def test_a_pool_has_its_members_in_shards_of_a_size(tmp_path):
    shards, places = write_corpus(tmp_path / "in", COUNTS), members(COUNTS)
    order = Order(places, 0, "natural")
    facts = pack(shards, order, 4, tmp_path / "out", tmp_path / "scratch")
    found = ids_of(tmp_path / "out")
    starts = [0, 5, 9]
    expected = {str(starts[n] + p): order.rank((n, p)) for n, p in places}
    assert facts["images"] == len(places) == 10
    assert [len(each) for each in found] == [4, 4, 2]
    for number, each in enumerate(found):
        assert {expected[image_id] // 4 for image_id in each} == {number}
    sizes = json.loads((tmp_path / "out/sizes.json").read_text())
    assert sizes == {"00000.tar": 4, "00001.tar": 4, "00002.tar": 2}
    assert not (tmp_path / "scratch").exists()


def test_packing_that_was_killed_goes_on_to_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "BUFFERED", 1)  # append after each source shard
    shards, places = write_corpus(tmp_path / "in", COUNTS), members(COUNTS)
    order = Order(places, 0, "natural")
    pack(shards, order, 4, tmp_path / "whole", tmp_path / "scratch_whole")

    read = []

    def killed(path):
        read.append(path)
        if len(read) == 2:
            raise KeyboardInterrupt
        yield from samples(path)

    monkeypatch.setattr(pools, "samples", killed)
    with pytest.raises(KeyboardInterrupt):
        pack(shards, order, 4, tmp_path / "out", tmp_path / "scratch")
    with open(tmp_path / "scratch/00000.tar", "ab") as file:
        file.write(b"half a picture that was appended and never noted")
    monkeypatch.setattr(pools, "samples", lambda path: read.append(path) or samples(path))
    pack(shards, order, 4, tmp_path / "out", tmp_path / "scratch")
    assert [path.name for path in read] == ["00000.tar", "00001.tar", "00001.tar", "00002.tar"]
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes(), path.name


def test_a_pool_that_was_killed_while_it_was_moved_is_not_packed_again(tmp_path, monkeypatch):
    shards = write_corpus(tmp_path / "corpus", [5, 4])
    order = Order([(s, p) for s, n in enumerate((5, 4)) for p in range(n)], 0, "natural")
    pack(shards, order, 3, tmp_path / "whole", tmp_path / "a")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/00007.tar").write_bytes(b"of an older, larger pool")
    move, moved = Path.replace, []

    def killed(self, target):
        moved.append(target)
        if len(moved) == 2:
            raise KeyboardInterrupt
        return move(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        pack(shards, order, 3, tmp_path / "out", tmp_path / "b")
    monkeypatch.setattr(pools, "samples", None)
    pack(shards, order, 3, tmp_path / "out", tmp_path / "b")
    found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert found == {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    assert not (tmp_path / "b").exists()


def test_packing_names_members_that_are_in_no_shard(tmp_path):
    shards = write_corpus(tmp_path / "in", COUNTS)
    order = Order([(0, 0), (9, 9)], 0, "natural")
    with pytest.raises(DatasetError, match="1 of 2 images"):
        pack(shards, order, 4, tmp_path / "out", tmp_path / "scratch")


def test_members_by_the_classifiers(tmp_path):
    rows = pd.DataFrame(
        {
            "shard": [0, 0, 1, 1], "position": [0, 1, 0, 1], "kept": [True, True, False, True],
            "domain_strict": ["natural", "ambiguous", "natural", "rendition"],
            "domain_default": ["natural", "natural", "natural", "rendition"],
        }
    )  # fmt: skip
    rows.to_parquet(tmp_path / "domains.parquet")
    read = lambda pool, how: list(classified(tmp_path / "domains.parquet", pool, how))  # noqa: E731
    assert read("natural", "strict") == [(0, 0)]
    assert read("natural", "default") == [(0, 0), (0, 1)]
    assert read("rendition", "strict") == [(1, 1)]
    assert read("random", "strict") == [(0, 0), (0, 1), (1, 1)]


def test_members_by_a_released_list(tmp_path):
    shards = write_corpus(tmp_path / "in", [3, 3])
    index = pd.DataFrame(
        {"image_id": ["1", "4", "77"], "domain": ["natural", "rendition", "natural"]}
    )
    index.to_parquet(tmp_path / "index.parquet")
    assert list(listed(shards, tmp_path / "index.parquet", "natural")) == [(0, 1)]
    assert list(listed(shards, tmp_path / "index.parquet", None)) == [(0, 1), (1, 1)]
    # img2dataset's table beside a shard is read instead of the shard; failed downloads are no rows.
    beside = pd.DataFrame(
        {"SAMPLE_ID": [5, 1, 4, 9], "status": ["success", "failed_to_download", *["success"] * 2]}
    )
    beside.to_parquet(shards[1].path.with_suffix(".parquet"))
    assert list(listed(shards, tmp_path / "index.parquet", None)) == [(0, 1), (1, 1)]
    beside.iloc[:2].to_parquet(shards[1].path.with_suffix(".parquet"))
    with pytest.raises(DatasetError, match="1 images"):
        list(listed(shards, tmp_path / "index.parquet", None))
