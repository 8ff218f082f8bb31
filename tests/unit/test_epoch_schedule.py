"""Learning rates by epoch, against torch's own schedulers and the rates measured of them."""

import pytest
import torch
from torch.optim.lr_scheduler import StepLR
from torch.optim.swa_utils import SWALR

from replidg.methods.epoch_schedule import Schedule


def torch_rates(base, epochs, step, gamma, swa_epochs=0, swa_lr=1e-4, anneal=10):
    """The loop of the authors' train.py."""
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=base)
    scheduler = StepLR(optimizer, step, gamma)
    swa, found = None, []
    for epoch in range(epochs):
        if swa_epochs and epoch == epochs - swa_epochs:
            swa = SWALR(optimizer, swa_lr, anneal_epochs=anneal, anneal_strategy="cos")
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        (swa or scheduler).step()
    return found


@pytest.mark.parametrize("base", [1e-2, 1e-3, 1e-4, 1e-5])
@pytest.mark.parametrize("swa", [0, 10, 5, 3])
def test_rates_are_those_of_torch(base, swa):
    own = Schedule(20, 15, 0.1, swa, 1e-4, 10).rates(base)
    assert own == pytest.approx(torch_rates(base, 20, 15, 0.1, swa), rel=1e-9)


def test_after_the_annealing_the_rate_stays():
    own = Schedule(12, 4, 0.5, 8, 1e-3, 3).rates(1e-2)
    assert own == pytest.approx(torch_rates(1e-2, 12, 4, 0.5, 8, 1e-3, 3), rel=1e-9)
    assert own[-1] == pytest.approx(1e-3)


def test_the_rates_of_the_paper():
    without = Schedule(20, 15, 0.1).rates(1e-5)
    assert without == pytest.approx([1e-5] * 15 + [1e-6] * 5)
    low = Schedule(20, 15, 0.1, 10, 1e-4, 10).rates(1e-5)
    rising = [1.22, 1.86, 2.85, 4.11, 5.50, 6.89, 8.15, 9.14, 9.78]
    assert low == pytest.approx([1e-5] * 11 + [r * 1e-5 for r in rising], rel=3e-3)
    high = Schedule(20, 15, 0.1, 10, 1e-4, 10).rates(1e-3)
    assert high[10] == pytest.approx(1e-3)
    assert high[11] == pytest.approx(9.78e-4, rel=1e-3) and high[19] == pytest.approx(1.22e-4, 3e-3)
    assert Schedule(20, 15, 0.1, 10, 1e-4, 10).rates(1e-4) == pytest.approx([1e-4] * 20)


def test_ten_snapshots_are_averaged():
    schedule = Schedule(20, 15, 0.1, 10, 1e-4, 10)
    assert [epoch for epoch in range(20) if schedule.averaged(epoch)] == list(range(10, 20))
    assert not any(Schedule(20, 15, 0.1).averaged(epoch) for epoch in range(20))
