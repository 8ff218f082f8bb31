"""Two processes that share each batch against one: the same steps to rounding, for every loss.

float32 sums in another order differ in the last bits, so gradients are compared to a relative
1e-4 of the largest entry of each parameter.
"""

import pickle
from dataclasses import dataclass, field
from pathlib import Path

import faults
import hybrid_parts
import pytest
import torch
import training_runs
from torch import nn

from replidg.config.compute import MIXING_INSIDE
from replidg.config.hybrid_methods import HybridMethod
from replidg.methods.hybrid.registry import OWN
from replidg.methods.registry import OBJECTIVES
from replidg.training.hybrid_run import HybridRun, HybridSettings
from replidg.training.teacher import Teacher

ALIGNMENT = ["erm", "lp_ft", "coral", "sagm", "attn_tune", "miro", "vl2v_sd", "clipood"]
HYBRID = sorted(set(OWN) - MIXING_INSIDE)
TOLERANCE = 1e-4


def still(run):
    """Take dropout away: processes draw the same numbers for other images."""
    for module in run.classifier.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0
    return run


def begin(name: str):
    """Return a run of a method at its pretrained weights."""
    protocol = training_runs.PROTOCOL.model_copy(update={"gpus": 2, "batch_per_domain": 4})
    if name in ALIGNMENT:
        chosen = training_runs.settings(name, protocol, frozen_batchnorm=True)
        return still(training_runs.begin(chosen))
    head = "text" if name == "scipd" else "linear"
    method = HybridMethod(objective=name, lr=0.01, head=head, logit_scale=10)
    chosen = HybridSettings(
        method, protocol, training_runs.SPEC, 3, 3, 3, False, True, hybrid_parts.texts()
    )
    device = torch.device("cpu")
    teacher = Teacher(hybrid_parts.clip(), hybrid_parts.texts(), device)
    return still(HybridRun(hybrid_parts.backbone(), chosen, device, teacher))


def batch():
    """Return twelve images, four of each of three domains."""
    generator = torch.Generator().manual_seed(4)
    pixels = torch.randint(256, (12, 3, 16, 16), generator=generator, dtype=torch.uint8)
    labels = torch.arange(12) % 3
    return training_runs_batch(pixels, labels, torch.arange(3).repeat_interleave(4))


def training_runs_batch(pixels, labels, domains):
    from replidg.training.data import Batch

    return Batch(pixels, labels, domains, [])


@dataclass(frozen=True)
class Steps:
    """One step of every method; leaves losses and gradients."""

    names: tuple
    more: dict = field(default_factory=dict)

    def __call__(self, folder: Path, strike) -> None:
        from replidg import processes

        found = {}
        for name in self.names:
            run = begin(name)
            loss = run.train_step(batch()).item()
            learned = [*run.classifier.named_parameters(), *run.objective.named_parameters()]
            found[name] = loss, {n: p.grad for n, p in learned if p.grad is not None}
            pixels = batch().pixels[:5]  # no multiple of the processes
            found[name] += (run.logits(pixels),)
        if processes.is_main():
            (folder / "out").mkdir()
            (folder / "out" / "steps.pickle").write_bytes(pickle.dumps(found))


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """Loss, gradients and predictions of every method, of one process and of two."""
    train, folder = Steps((*ALIGNMENT, *HYBRID)), tmp_path_factory.mktemp("steps")
    alone = faults.unbroken(train, folder / "alone")
    ends = faults.side_by_side(train, folder / "both", faults.Fault())
    assert ends == [0, 0], faults.told(folder / "both")
    both = faults.results(folder / "both", ends)
    return [pickle.loads(files["steps.pickle"]) for files in (alone, both)]


def test_every_objective_is_compared():
    assert set(ALIGNMENT) == set(OBJECTIVES)


@pytest.mark.parametrize("name", [*ALIGNMENT, *HYBRID])
def test_two_processes_take_the_step_of_one(name, steps):
    (loss, gradients, logits), (loss2, gradients2, logits2) = (found[name] for found in steps)
    assert gradients.keys() == gradients2.keys() and gradients
    for key, value in gradients.items():
        scale = value.abs().max().item()
        assert (value - gradients2[key]).abs().max() <= TOLERANCE * scale + 1e-7, key
    torch.testing.assert_close(logits2, logits, rtol=1e-4, atol=1e-4)
    if name != "miro":  # each reports the regulariser of its own images
        assert loss2 == pytest.approx(loss, rel=1e-5)
