"""Few-shot subsets and group-uniform draws, against WILDS' own sampler and counts."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from replidg.data.epoch_draws import epoch_rows, group_weights, subset, subset_parts

# (N, fraction) -> images, as WILDS' get_subset keeps them.
SIZES = {
    (76863, 0.03): 2306, (76863, 0.05): 3843, (76863, 0.1): 7686, (76863, 0.3): 23059,
    (76863, 0.5): 38432, (76863, 0.7): 53804, (76863, 0.9): 69177, (76863, 1.0): 76863,
    (129809, 0.03): 3894, (129809, 0.05): 6490, (129809, 0.1): 12981, (129809, 0.3): 38943,
    (129809, 0.5): 64904, (129809, 0.7): 90866, (129809, 0.9): 116828,
}  # fmt: skip


@pytest.mark.parametrize(("given_", "count"), SIZES.items())
def test_sizes_are_those_of_wilds(given_, count):
    assert len(subset(*given_, 0)) == count == int(np.round(float(given_[0]) * given_[1]))


@given(
    st.integers(1, 400),
    st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted),
    st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_subsets_are_nested(count, fractions, seed):
    small, large = (subset(count, fraction, seed) for fraction in fractions)
    assert set(small) <= set(large)
    assert (np.diff(large) > 0).all() and set(large) <= set(range(count))
    assert len(subset(count, 1.0, seed)) == count


def test_who_shares_a_subset():
    assert subset_parts("shared", 3, "clip", 0.1, 1e-3) == (3,)
    own = subset_parts("per_job", 3, "clip", 0.1, 1e-3)
    assert own == subset_parts("per_job", 4, "clip", 0.1, 1e-3)
    assert own != subset_parts("per_job", 3, "clip", 0.1, 1e-4)
    assert own != subset_parts("per_job", 3, "vision", 0.1, 1e-3)
    assert not np.array_equal(subset(400, 0.1, *own), subset(400, 0.1, 3))


def test_weights_are_those_of_wilds():
    groups = np.array([2, 2, 2, 0, 0, 5])
    counts = torch.bincount(torch.tensor(groups), minlength=6)
    # wilds.common.data_loaders.get_train_loader, uniform_over_groups
    theirs = (1 / counts.float())[torch.tensor(groups)].double()
    assert group_weights(groups) == pytest.approx((theirs / theirs.sum()).numpy(), rel=1e-6)
    assert group_weights(groups).sum() == pytest.approx(1)


def test_each_group_is_drawn_alike():
    groups = np.repeat([0, 1, 2], [4, 60, 536])
    weights = group_weights(groups)
    rows = np.concatenate([epoch_rows(weights, 600, 0, epoch) for epoch in range(40)])
    assert chisquare(np.bincount(groups[rows])).pvalue > 1e-3
    assert chisquare(np.bincount(rows[rows < 4])).pvalue > 1e-3
    assert len(epoch_rows(weights, 600, 0, 0)) == 600
    assert not np.array_equal(epoch_rows(weights, 600, 0, 0), epoch_rows(weights, 600, 0, 1))


def test_without_weights_an_epoch_has_each_row_once():
    assert sorted(epoch_rows(None, 50, 0, 1)) == list(range(50))
