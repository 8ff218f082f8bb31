"""The Beta moving average against scipy's density and averages worked out whole."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from replidg.methods.beta_average import BetaMovingAverage


def weights_of(step: int) -> dict[str, torch.Tensor]:
    value = float(step) ** 1.5 / 7.0
    return {
        "w": torch.tensor([value, -value], dtype=torch.float64),
        "num_batches_tracked": torch.tensor(step),
    }


def run(average: BetaMovingAverage, first: int, last: int) -> None:
    for step in range(first, last + 1):
        average.update(weights_of(step))


@given(st.sampled_from([0.1, 0.5, 1.0, 2.0, 3.7]), st.integers(1, 60), st.data())
def test_average_is_that_of_scipys_density(concentration, steps, data):
    now = data.draw(st.integers(0, steps))
    average = BetaMovingAverage(concentration, steps)
    average.start(weights_of(0))
    run(average, 1, now)
    shares = beta.pdf((np.arange(now + 1) + 0.5) / (steps + 1), concentration, concentration)
    values = [weights_of(step)["w"][0].item() for step in range(now + 1)]
    expected = np.average(values, weights=shares)
    assert average.candidate()["w"][0].item() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert average.final()["w"][1].item() == pytest.approx(-expected, rel=1e-9, abs=1e-12)
    assert average.final()["num_batches_tracked"].item() == now


def test_by_hand():
    # One step: places 1/4 and 3/4 weigh the same.
    average = BetaMovingAverage(0.5, 1)
    average.start({"w": torch.tensor([1.0])})
    average.update({"w": torch.tensor([4.0])})
    assert average.final()["w"].item() == pytest.approx(2.5)
    # Two steps: 1/6, 1/2, 5/6 with (x (1 - x))^-1/2 = 6 / sqrt(5), 2, 6 / sqrt(5).
    average = BetaMovingAverage(0.5, 2)
    average.start({"w": torch.tensor([1.0], dtype=torch.float64)})
    for value in (4.0, 10.0):
        average.update({"w": torch.tensor([value], dtype=torch.float64)})
    end = 6 / 5**0.5
    by_hand = (1 * end + 4 * 2 + 10 * end) / (2 * end + 2)
    assert average.final()["w"].item() == pytest.approx(by_hand)


def test_concentration_1_is_the_plain_mean_with_the_pretrained_weights():
    average = BetaMovingAverage(1.0, 4)
    average.start(weights_of(0))
    run(average, 1, 4)
    mean = np.mean([weights_of(step)["w"][0].item() for step in range(5)])
    assert average.final()["w"][0].item() == pytest.approx(mean)


def test_the_ends_count_most_below_1():
    average = BetaMovingAverage(0.5, 100)
    shares = [average.weight(step) for step in range(101)]
    assert shares == pytest.approx(shares[::-1])
    assert shares[0] == max(shares) and shares[50] == min(shares)


def test_weights_are_copied_and_validation_changes_nothing():
    average = BetaMovingAverage(0.5, 3)
    live = {"w": torch.ones(2)}
    average.start(live)
    live["w"].zero_()
    before = average.candidate()["w"].clone()
    assert torch.equal(before, torch.ones(2))
    average.close_segment(1.0, 0.5)
    assert torch.equal(average.candidate()["w"], before)
    assert average.selected_step is None


@settings(deadline=None, max_examples=25)
@given(cut=st.integers(0, 9))
def test_state_round_trip(cut, tmp_path_factory):
    whole, first, second = (BetaMovingAverage(0.5, 9) for _ in range(3))
    whole.start(weights_of(0))
    run(whole, 1, 9)
    first.start(weights_of(0))
    run(first, 1, cut)
    path = tmp_path_factory.mktemp("state") / "state.pt"
    torch.save(first.state_dict(), path)
    second.start(weights_of(5))  # a new process starts from whatever its tower holds
    second.load_state_dict(torch.load(path, weights_only=True))
    run(second, cut + 1, 9)
    for name, value in whole.final().items():
        assert torch.equal(value, second.final()[name])
