"""MPA: the paper's mean over steps, the code's mean over segments, and the choice among them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from replidg.methods.mpa import MPA


def weight(step: int) -> float:
    """Return the weight after a step; no two averages of different steps are alike."""
    return float(step) ** 1.5 / 7.0


def weights_of(step: int) -> dict[str, torch.Tensor]:
    return {
        "w": torch.tensor([weight(step)], dtype=torch.float64),
        "num_batches_tracked": torch.tensor(step),
    }


def feed(average: MPA, lengths, accuracies, first=1) -> int:
    for length, accuracy in zip(lengths, accuracies, strict=True):
        for step in range(first, first + length):
            average.update(weights_of(step))
        first += length
        average.close_segment(0.0, accuracy)
    return first


def mean(steps) -> float:
    values = [weight(step) for step in steps]
    return sum(values) / len(values)


def code_averages(lengths, burn_in) -> list[float]:
    """Return the average at every validation as the authors' code has it, from its description.

    It counts steps from 0. A segment is the steps between two validations; one that starts at or
    before `burn_in` starts the average anew, a later one joins it; segments weigh the same.
    """
    averages, terms, first = [], [], 0
    for length in lengths:
        segment = mean(range(first + 1, first + length + 1))
        terms = [segment] if first <= burn_in else [*terms, segment]
        averages.append(sum(terms) / len(terms))
        first += length
    return averages


def paper_averages(lengths, burn_in) -> list[float]:
    averages, last = [], 0
    for length in lengths:
        last += length
        averages.append(mean(range(min(burn_in, last) or 1, last + 1)))
    return averages


RUNS = st.lists(st.integers(1, 5), min_size=1, max_size=12)


@settings(deadline=None)
@given(RUNS, st.integers(0, 30), st.sampled_from(["segments", "steps"]), st.data())
def test_the_most_accurate_average_is_the_result(lengths, burn_in, terms, data):
    accuracies = data.draw(
        st.lists(
            st.sampled_from([0.0, 0.5, 0.6, 0.7]), min_size=len(lengths), max_size=len(lengths)
        )
    )
    average = MPA(burn_in, terms)
    feed(average, lengths, accuracies)
    expected = (code_averages if terms == "segments" else paper_averages)(lengths, burn_in)
    best = accuracies.index(max(accuracies))  # the first of equals
    assert average.final()["w"].item() == pytest.approx(expected[best], rel=1e-9)
    assert average.selected_step == sum(lengths[: best + 1])


def test_by_hand_with_burn_in_2():
    # Steps 1 to 5, a validation after each: from w_2 on the mean of the steps.
    average = MPA(2, "steps")
    seen = []
    for step in range(1, 6):
        average.update(weights_of(step))
        seen.append(average.candidate()["w"].item())
        average.close_segment(0.0, step / 10)
    by_hand = [weight(1), weight(2), mean([2, 3]), mean([2, 3, 4]), mean([2, 3, 4, 5])]
    assert seen == pytest.approx(by_hand)


def test_equation_1_of_arpit():
    average, burn_in = MPA(3, "steps"), 3
    expected = 0.0
    for t in range(1, 9):
        average.update(weights_of(t))
        n = t - burn_in
        expected = weight(t) if n <= 0 else n / (n + 1) * expected + weight(t) / (n + 1)
        assert average.candidate()["w"].item() == pytest.approx(expected)


def test_the_papers_schedule_begins_with_step_402_of_5001():
    """Validations after step 1, 201, …: the segment with steps 402 to 601 is the first term."""
    lengths = [1] + [200] * 25
    average = MPA(600, "segments")
    feed(average, lengths, [float(n) for n in range(26)])
    assert average.final()["w"].item() == pytest.approx(mean(range(402, 5002)), rel=1e-9)
    # DomainNet's every 1,000: the second step of all.
    average = MPA(600, "segments")
    feed(average, [1] + [1000] * 2, [1.0, 2.0, 3.0])
    assert average.final()["w"].item() == pytest.approx(mean(range(2, 2002)), rel=1e-9)


def test_segments_of_unequal_length_weigh_the_same():
    average = MPA(0, "segments")
    feed(average, [1, 4, 2], [0.1, 0.2, 0.3])
    # The first starts with the first step and is replaced never; the others join.
    by_hand = (mean([1]) + mean([2, 3, 4, 5]) + mean([6, 7])) / 3
    assert average.final()["w"].item() == pytest.approx(by_hand)


@pytest.mark.parametrize("terms", ["segments", "steps"])
def test_after_one_step_it_is_that_step(terms):
    average = MPA(0, terms)
    with pytest.raises(ValueError, match="no step"):
        average.candidate()
    average.update(weights_of(1))
    assert average.candidate()["w"].item() == weight(1)
    assert average.final()["w"].item() == weight(1)  # not validated yet
    average.close_segment(0.0, 0.0)
    assert average.final()["w"].item() == weight(1)


def test_with_equal_accuracies_the_first_stays_and_copies_are_kept():
    live = {"w": torch.tensor([3.0])}
    average = MPA(5, "steps")
    average.update(live)
    average.close_segment(0.0, 0.5)
    live["w"].fill_(9.0)
    average.update(live)
    average.close_segment(0.0, 0.5)
    assert average.final()["w"].item() == 3.0 and average.selected_step == 1


@settings(deadline=None, max_examples=40)
@given(
    lengths=RUNS, burn_in=st.integers(0, 12), terms=st.sampled_from(["segments", "steps"]),
    data=st.data(),
)  # fmt: skip
def test_state_round_trip_in_mid_run(lengths, burn_in, terms, data, tmp_path_factory):
    cut = data.draw(st.integers(0, len(lengths) - 1))
    accuracies = [(7 * i % 5) / 5 for i in range(len(lengths))]
    whole, first, second = (MPA(burn_in, terms) for _ in range(3))
    feed(whole, lengths, accuracies)
    step = feed(first, lengths[:cut], accuracies[:cut])
    first.update(weights_of(step))
    path = tmp_path_factory.mktemp("state") / "state.pt"
    torch.save(first.state_dict(), path)
    second.load_state_dict(torch.load(path, weights_only=True))
    for later in range(step + 1, step + lengths[cut]):
        second.update(weights_of(later))
    second.close_segment(0.0, accuracies[cut])
    feed(second, lengths[cut + 1 :], accuracies[cut + 1 :], step + lengths[cut])
    for name, value in whole.final().items():
        assert torch.equal(value, second.final()[name])
    assert second.selected_step == whole.selected_step
