"""Batched linear probes against the same runs one after another with torch's own optimiser."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from torch import nn
from torch.nn import functional as F

from replidg.data.epoch_draws import group_weights
from replidg.methods.epoch_schedule import Schedule
from replidg.seeds import seed_of, seeded
from replidg.training.probes import Budget, Features, Probes, Stream, train_all

CLASSES, DIM, BATCH = 5, 7, 8
SCHEDULE = Schedule(epochs=4, step_epochs=3, gamma=0.1)


def features(count, seed, dtype=torch.float64):
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (count,), generator=random)
    centres = torch.randn(CLASSES, DIM, generator=torch.Generator().manual_seed(9))
    values = centres[labels] + torch.randn(count, DIM, generator=random)
    return Features(values.to(dtype), labels)


def streams(rates=(1e-1, 1e-3)):
    groups = np.arange(60) % 3
    return [
        Stream(np.arange(9), group_weights(groups[:9]), (0, "a"), 0, rates),
        Stream(np.arange(60), group_weights(groups), (0, "b"), 0, rates),
        Stream(np.arange(5, 25), None, (1, "c"), 1, rates),
    ]


def alone(stream, rate, train, epochs=SCHEDULE.epochs, decay=1e-4):
    """One run as anyone would write it; yields the layer after each epoch."""
    with seeded(seed_of(stream.seed, "head")):
        layer = nn.Linear(DIM, CLASSES)
    layer = layer.to(train.values.dtype)
    optimizer = torch.optim.Adam(layer.parameters(), lr=rate, weight_decay=decay)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, SCHEDULE.step_epochs, SCHEDULE.gamma)
    for epoch in range(epochs):
        for rows in stream.batches(epoch, BATCH):
            rows = torch.from_numpy(rows[rows >= 0])
            optimizer.zero_grad()
            F.cross_entropy(layer(train.values[rows]), train.labels[rows]).backward()
            optimizer.step()
        scheduler.step()
        yield layer


@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_probes_end_where_each_ends_alone(dtype, close):
    train, budget = features(60, 1, dtype), Budget(SCHEDULE, BATCH, 1e-4, CLASSES)
    together = Probes(streams(), train, None, budget)
    assert [together.step for _ in together.run()][-1] == 8 * 4
    for stream, result in zip(streams(), together.results(), strict=True):
        for place, rate in enumerate(stream.rates):
            *_, layer = alone(stream, rate, train)
            assert torch.allclose(result["weight"][place], layer.weight, atol=close, rtol=0)
            assert torch.allclose(result["bias"][place], layer.bias, atol=close, rtol=0)


@pytest.mark.parametrize("score", ["accuracy", "macro_f1"])
def test_the_epoch_of_the_best_validation_is_kept(score):
    train, held = features(60, 1), features(40, 2)
    probes = Probes(streams(), train, held, Budget(SCHEDULE, BATCH, 1e-4, CLASSES, score))
    for _ in probes.run():
        pass
    for stream, result in zip(streams(), probes.results(), strict=True):
        for place, rate in enumerate(stream.rates):
            values, weights = [], []
            for layer in alone(stream, rate, train):
                pred, labels = layer(held.values).argmax(1), held.labels
                if score == "accuracy":
                    values.append(100 * accuracy_score(labels, pred))
                else:
                    values.append(
                        100 * f1_score(labels, pred, average="macro", labels=labels.unique())
                    )
                weights.append(layer.weight.detach().clone())
            assert np.allclose(result["history"][place], values)
            assert result["epoch"][place] == int(np.argmax(values))
            assert torch.allclose(result["weight"][place], weights[int(np.argmax(values))])


@pytest.mark.parametrize("stop", [1, 7, 16, 31])
def test_a_resumed_training_ends_with_the_same_bits(stop, tmp_path):
    train, held = features(60, 1, torch.float32), features(40, 2, torch.float32)
    budget = Budget(SCHEDULE, BATCH, 1e-4, CLASSES)
    whole = Probes(streams(), train, held, budget)
    for _ in whole.run():
        pass
    first = Probes(streams(), train, held, budget)
    for step in first.run():
        if step == stop:
            torch.save(first.state_dict(), tmp_path / "state.pt")
            break
    second = Probes(streams(), train, held, budget)
    second.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    for _ in second.run():
        pass
    for one, other in zip(whole.results(), second.results(), strict=True):
        assert torch.equal(one["weight"], other["weight"])
        assert np.array_equal(one["history"], other["history"])


def test_rates_see_the_same_batches_and_streams_others():
    a, b, _ = streams()
    assert np.array_equal(a.batches(2, BATCH), a.batches(2, BATCH))
    assert not np.array_equal(a.batches(1, BATCH), a.batches(2, BATCH))
    assert a.batches(0, BATCH).shape == (2, 8) and (a.batches(0, BATCH)[1, 1:] == -1).all()
    assert b.steps(BATCH) == 8


@pytest.mark.parametrize("threads", [1, 3])
def test_streams_on_threads_end_with_the_same_bits(threads):
    train, budget = features(60, 1, torch.float32), Budget(SCHEDULE, BATCH, 1e-4, CLASSES)
    every = [Probes([stream], train, None, budget) for stream in streams()]
    before = torch.get_num_threads()
    train_all(every, threads)
    torch.set_num_threads(before)
    for stream, probes in zip(streams(), every, strict=True):
        other = Probes([stream], train, None, budget)
        for _ in other.run():
            pass
        assert torch.equal(probes.results()[0]["weight"], other.results()[0]["weight"])


def test_a_stopped_stream_stops_alone_and_an_error_is_raised():
    train, budget = features(60, 1, torch.float32), Budget(SCHEDULE, BATCH, 1e-4, CLASSES)
    every = [Probes([stream], train, None, budget) for stream in streams()]
    train_all(every, 1, lambda place: place != 1)
    assert [probes.step for probes in every] == [8, 1, 12]

    def fails(place):
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        train_all([Probes(streams(), train, None, budget)], 1, fails)
