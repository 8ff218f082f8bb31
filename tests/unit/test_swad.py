"""SWAD against Algorithm 1 of arXiv 2102.08604, written out here from its formulas."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from replidg.methods.swad import LossValley, Segment, merge

LOSSES = st.lists(
    st.floats(0.1, 5.0, allow_nan=False).map(lambda x: round(x, 2)), min_size=1, max_size=20
)
#: Losses of a run that converges, stays, and maybe rises again.
VALLEY = st.tuples(
    st.lists(st.sampled_from([4.0, 3.0, 2.0]), max_size=4),
    st.lists(st.sampled_from([1.0, 1.1, 1.2, 1.4]), min_size=1, max_size=8),
    st.lists(st.sampled_from([1.0, 1.5, 2.0, 3.0]), max_size=8),
).map(lambda parts: [value for part in parts for value in part])


def weight(step: int) -> float:
    """Return the weight after a step; no two averages of different steps are alike."""
    return float(step) ** 1.5 / 7.0


def algorithm_1(losses: list[float], n_s: int, n_e: int, ratio: float) -> tuple[int, int] | None:
    """Return start and end of the averaging, as indices of validations, or None.

    With i counted from 0. The paper lets i run over iterations; with a validation every k steps i
    is a validation, as in its section 3.2. Its r = 1.3 is 1 + `ratio`.
    """
    total, start, bound = len(losses), None, 0.0
    for i in range(total):
        if start is None:
            window = [losses[i - j] for j in range(n_s) if i - j >= 0]
            if len(window) == n_s and losses[i - n_s + 1] == min(window):
                start = i - n_s + 1
                bound = (1 + ratio) / n_s * sum(window)
        else:
            window = [losses[i - j] for j in range(n_e) if i - j >= 0]
            if bound < min(window):
                return start, i - n_e
    if start is None:
        return None
    # At the end of training fewer than N_e losses are left to judge the last validations by; the
    # public code leaves those out that are followed by nothing but losses above the bound.
    end = total - 1
    while end > max(start, total - n_e) and losses[end] > bound:
        end -= 1
    return start, end


def expected(losses, n_s, n_e, ratio, lengths) -> float:
    """Return the average of the weights over all steps of the chosen validations."""
    steps, first = [], 1
    for length in lengths:
        steps.append(range(first, first + length))
        first += length
    window = algorithm_1(losses, n_s, n_e, ratio)
    chosen = steps[-1:] if window is None else steps[window[0] : window[1] + 1]
    values = [weight(step) for part in chosen for step in part]
    return sum(values) / len(values)


def weights_of(step: int) -> dict[str, torch.Tensor]:
    return {
        "w": torch.tensor([weight(step), -weight(step)], dtype=torch.float64),
        "num_batches_tracked": torch.tensor(step),
    }


def feed(valley: LossValley, losses, lengths, first=1) -> int:
    for loss, length in zip(losses, lengths, strict=True):
        for step in range(first, first + length):
            valley.update(weights_of(step))
        first += length
        valley.close_segment(loss)
    return first


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(LOSSES, VALLEY),
    st.integers(1, 4),
    st.integers(1, 7),
    st.sampled_from([0.0531, 0.3017]),  # no loss is exactly on the bound
    st.data(),
)
@example([5.0, 4.0, 3.0, 2.0], 2, 6, 0.3, None)  # never converges
@example([3.0, 1.0, 1.1, 1.2, 9.0, 9.0, 9.0, 9.0], 2, 3, 0.3, None)  # ends
@example([3.0, 1.0, 1.1, 1.2, 9.0, 9.0], 2, 6, 0.3, None)  # training ends before the valley does
@example([1.0, 1.0, 3.0, 1.0, 1.0], 3, 1, 0.05, None)  # N_e < N_s, high loss at convergence
def test_average_is_that_of_algorithm_1(losses, n_s, n_e, ratio, data):
    length = st.lists(st.integers(1, 4), min_size=len(losses), max_size=len(losses))
    lengths = [1 + i % 3 for i in range(len(losses))] if data is None else data.draw(length)
    valley = LossValley(n_s, n_e, ratio)
    feed(valley, losses, lengths)
    value = valley.final()["w"]
    assert value[0].item() == pytest.approx(expected(losses, n_s, n_e, ratio, lengths), rel=1e-9)
    assert value[1].item() == pytest.approx(-value[0].item())


def averaged(losses, n_s, n_e) -> float:
    valley = LossValley(n_s, n_e, 0.3)
    feed(valley, losses, [1] * len(losses))
    return valley.final()["w"][0].item()


def test_not_converged_gives_the_last_segment():
    assert averaged([5.0, 4.0, 3.0, 2.0], 2, 3) == pytest.approx(weight(4))


def test_ended_valley_by_hand():
    # Converged at steps 2, 3 (bound 1.3 * 1.05 = 1.365); 5, 6, 7 are too high; 8 comes too late.
    losses = [3.0, 1.0, 1.1, 1.2, 2.0, 2.0, 2.0, 0.5]
    by_hand = (weight(2) + weight(3) + weight(4)) / 3
    assert averaged(losses, 2, 3) == pytest.approx(by_hand)


def test_end_of_training_by_hand():
    # Only two high losses are known of the three that would end the valley; they stay out.
    by_hand = (weight(2) + weight(3) + weight(4)) / 3
    assert averaged([3.0, 1.0, 1.1, 1.2, 2.0, 2.0], 2, 3) == pytest.approx(by_hand)
    # A high loss that is followed by a low one is in.
    by_hand = sum(weight(step) for step in range(2, 7)) / 5
    assert averaged([3.0, 1.0, 1.1, 1.2, 2.0, 1.2], 2, 3) == pytest.approx(by_hand)


def test_candidate_is_the_running_segments_average():
    valley = LossValley(3, 6, 0.3)
    with pytest.raises(ValueError, match="no step"):
        valley.candidate()
    for step in (1, 2, 3):
        valley.update(weights_of(step))
    mean = (weight(1) + weight(2) + weight(3)) / 3
    assert valley.candidate()["w"][0].item() == pytest.approx(mean)
    assert valley.candidate()["num_batches_tracked"] == 3
    valley.close_segment(1.0)
    valley.update(weights_of(4))
    assert valley.candidate()["w"][0].item() == weight(4)


def test_weights_are_copied():
    valley = LossValley(3, 6, 0.3)
    live = {"w": torch.ones(2)}
    valley.update(live)
    live["w"].zero_()
    assert torch.equal(valley.candidate()["w"], torch.ones(2))


@given(st.integers(1, 50), st.integers(1, 50))
def test_merge_weighs_by_steps(left, right):
    one = Segment({"w": torch.tensor([2.0], dtype=torch.float64)}, left)
    two = Segment({"w": torch.tensor([5.0], dtype=torch.float64)}, right)
    both = merge(one, two)
    assert both.steps == left + right
    assert both.weights["w"].item() == pytest.approx((2 * left + 5 * right) / (left + right))


@settings(max_examples=60, deadline=None)
@given(losses=VALLEY, n_s=st.integers(1, 3), n_e=st.integers(1, 4), data=st.data())
def test_state_round_trip_in_mid_run(losses, n_s, n_e, data, tmp_path_factory):
    cut = data.draw(st.integers(0, len(losses)))
    lengths = [1 + i % 3 for i in range(len(losses))]
    whole = LossValley(n_s, n_e, 0.3)
    feed(whole, losses, lengths)
    first = LossValley(n_s, n_e, 0.3)
    step = feed(first, losses[:cut], lengths[:cut])
    path = tmp_path_factory.mktemp("state") / "state.pt"
    # In the middle of a segment: its first step is in the state, the others come after.
    if cut < len(losses):
        first.update(weights_of(step))
    torch.save(first.state_dict(), path)
    second = LossValley(n_s, n_e, 0.3)
    second.load_state_dict(torch.load(path, weights_only=True))
    if cut < len(losses):
        for later in range(step + 1, step + lengths[cut]):
            second.update(weights_of(later))
        second.close_segment(losses[cut])
        feed(second, losses[cut + 1 :], lengths[cut + 1 :], step + lengths[cut])
    for name, value in whole.final().items():
        assert torch.equal(value, second.final()[name])
    assert (second.ended, second.threshold) == (whole.ended, whole.threshold)


def test_final_does_not_change_the_state():
    valley = LossValley(2, 3, 0.3)
    feed(valley, [3.0, 1.0, 1.1, 1.2], [2] * 4)
    first = valley.final()["w"].clone()
    assert torch.equal(valley.final()["w"], first)
    feed(valley, [1.0], [2], 9)
    by_hand = sum(weight(step) for step in range(3, 11)) / 8
    assert valley.final()["w"][0].item() == pytest.approx(by_hand)
