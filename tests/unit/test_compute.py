"""The switches of a training's arithmetic: precision, parts of a batch, what cannot be combined."""

import pytest
import torch
from torch import nn
from training_runs import PROTOCOL, begin, settings, shares_of

pytestmark = pytest.mark.usefixtures("restored")


def still(run):
    """Take dropout away: it draws other numbers for parts of a batch."""
    for module in run.classifier.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return run


def gradient(method: str, index, **compute) -> tuple[float, torch.Tensor]:
    """Return the loss and the movement of all weights by one step."""
    protocol = PROTOCOL.model_copy(update={"batch_per_domain": 4} | compute)
    run = still(begin(settings(method, protocol, frozen_batchnorm=True)))
    before = nn.utils.parameters_to_vector(run.classifier.parameters()).clone()
    loss = run.train_step(next(run.batches(shares_of(index, protocol=protocol))))
    grads = [p.grad.reshape(-1) for p in run.classifier.parameters() if p.grad is not None]
    assert not torch.equal(before, nn.utils.parameters_to_vector(run.classifier.parameters()))
    return loss.item(), torch.cat(grads)


@pytest.mark.parametrize("method", ["erm", "lp_ft", "sagm", "miro", "vl2v_sd", "clipood"])
def test_parts_of_a_batch_give_its_gradient(method, index):
    whole, parts = gradient(method, index), gradient(method, index, accumulate=3)
    assert parts[0] == pytest.approx(whole[0], rel=1e-5)
    torch.testing.assert_close(parts[1], whole[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("method", "precision"),
    [("erm", "bf16"), ("miro", "bf16"), ("clipood", "bf16"), ("erm", "fp16"), ("miro", "fp16")],
)
def test_fewer_bits_give_nearly_the_same_gradient(method, precision, index):
    whole, narrow = gradient(method, index), gradient(method, index, precision=precision)
    assert narrow[0] == pytest.approx(whole[0], rel=2e-2)
    cosine = torch.cosine_similarity(narrow[1], whole[1], dim=0)
    assert 0.99 < cosine < 1 - 1e-9
