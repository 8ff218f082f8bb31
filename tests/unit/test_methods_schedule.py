"""Learning rates and optimisers of a run against torch's own schedulers and AdamW."""

import pytest
import torch
from torch import nn
from training_runs import METHODS, PROTOCOL, STEPS, begin, settings, shares_of

from replidg.methods.schedule import lr_factor
from replidg.training.data import training_batches
from replidg.training.trainer import Run

pytestmark = pytest.mark.usefixtures("restored")


@pytest.mark.parametrize("steps", [1, 7, 500])
def test_cosine_is_torchs(steps):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps + 1):
        expected = optimizer.param_groups[0]["lr"]
        assert 0.3 * lr_factor("cosine", step, steps) == pytest.approx(expected, rel=1e-6, abs=1e-9)
        optimizer.step()
        scheduler.step()
    assert lr_factor("constant", 3, steps) == 1.0


def batches(index, method: str):
    shares = shares_of(index, method=method)
    return training_batches(shares, settings().spec, PROTOCOL, 3, 0)


def rates(run: Run, index, method: str) -> list[list[float]]:
    seen = []
    for batch in batches(index, method):
        run.train_step(batch)
        seen.append([group["lr"] for group in run.optimizer.param_groups])
    return seen


def test_every_group_follows_the_schedule(index):
    seen = rates(begin(settings("erm_cosine")), index, "erm_cosine")
    for step, (tower, head) in enumerate(seen):
        assert tower == pytest.approx(0.01 * lr_factor("cosine", step, STEPS))
        assert head == pytest.approx(tower)
    miro = rates(begin(settings("miro")), index, "miro")
    assert all(row == pytest.approx([0.01, 0.01, 0.1]) for row in miro)


def test_clipood_learns_as_adamw_with_torchs_scheduler_does(index):
    """The whole of CLIPood's training written out with torch's parts, batch by batch."""
    # A bias before batch statistics has no gradient but rounding, which Adam blows up.
    run, other = (begin(settings("clipood", frozen_batchnorm=True)) for _ in range(2))
    method, net = METHODS["clipood"], other.classifier
    optimizer = torch.optim.AdamW(net.visual.parameters(), lr=0.01, weight_decay=0.1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for module in [*run.classifier.modules(), *net.modules()]:
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # else the two would draw different numbers
    net.train()
    for batch in batches(index, "clipood"):
        run.train_step(batch)
        features = nn.functional.normalize(net.visual(other._input(batch.pixels)), dim=-1)
        texts = net.head.texts
        logits = method.logit_scale * (features - 0.3 * texts[batch.labels]) @ texts.T
        optimizer.zero_grad()
        nn.functional.cross_entropy(logits, batch.labels).backward()
        optimizer.step()
        scheduler.step()
    for (name, value), expected in zip(
        run.classifier.visual.named_parameters(), net.visual.parameters(), strict=True
    ):
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-6, msg=name)
