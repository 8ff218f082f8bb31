"""Two processes that share each batch against one: the same steps to rounding, for every loss.

float32 sums in another order differ in the last bits, so gradients are compared to a relative
1e-4 of the largest entry of each parameter.
"""

import pickle
from dataclasses import dataclass
from pathlib import Path

import faults
import hybrid_parts
import numpy as np
import pytest
import torch
import training_runs
import wilds_runs
from torch import nn

from replidg import processes
from replidg.config.compute import MIXING_INSIDE
from replidg.config.hybrid_methods import HybridMethod
from replidg.config.robust_ft import EpochTraining
from replidg.methods.hybrid.registry import OWN
from replidg.methods.learners import make_learner
from replidg.methods.registry import OBJECTIVES
from replidg.models import store
from replidg.training.data import Batch
from replidg.training.epochs import EpochRun, Plan
from replidg.training.hybrid_run import HybridRun, HybridSettings
from replidg.training.probes import Stream
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
    return Batch(pixels, labels, torch.arange(3).repeat_interleave(4), [])


@dataclass(frozen=True)
class EndToEnd:
    """One step of every end-to-end learner on seven images: one process gets one more."""

    model: Path
    names: tuple = ("cross_entropy", "contrastive", "linear")

    def __call__(self, folder: Path, strike) -> None:
        found = {}
        for name in self.names:
            backbone = store.load(self.model)
            tokens = None if name == "linear" else backbone.tokenize(wilds_runs.PROMPTS)
            torch.manual_seed(0)
            learner = make_learner(backbone, 3, tokens, name, "all", [], True)
            training = EpochTraining(batch_size=7, gpus=2)
            plan = Plan(training, False, backbone.spec, 3, "accuracy", False)
            stream = Stream(np.arange(7), None, (0,), 0, (1e-3,))
            run = EpochRun(learner, stream, plan, torch.device("cpu"))
            loss = run.train_step(batch().pixels[:7], batch().labels[:7]).item()
            learned = run.learner.named_parameters()
            grads = {n: p.grad for n, p in learned if p.grad is not None}
            found[name] = loss, grads, run.learner.logits(batch().pixels[:5].float(), texts(run))
        leave(folder, found)


@torch.no_grad()
def texts(run: EpochRun):
    return run.learner.texts()


def leave(folder: Path, found: dict) -> None:
    if processes.is_main():
        (folder / "out").mkdir()
        (folder / "out" / "steps.pickle").write_bytes(pickle.dumps(found))


@dataclass(frozen=True)
class Steps:
    """One step of every method; leaves losses and gradients."""

    names: tuple

    def __call__(self, folder: Path, strike) -> None:
        found = {}
        for name in self.names:
            run = begin(name)
            loss = run.train_step(batch()).item()
            learned = [*run.classifier.named_parameters(), *run.objective.named_parameters()]
            found[name] = loss, {n: p.grad for n, p in learned if p.grad is not None}
            pixels = batch().pixels[:5]  # no multiple of the processes
            found[name] += (run.logits(pixels),)
        leave(folder, found)


def compared(train, folder: Path) -> list[dict]:
    """Return what one process leaves, and what two leave."""
    alone = faults.unbroken(train, folder / "alone")
    ends = faults.side_by_side(train, folder / "both", faults.Fault())
    assert ends == [0, 0], faults.told(folder / "both")
    both = faults.results(folder / "both", ends)
    return [pickle.loads(files["steps.pickle"]) for files in (alone, both)]


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """Loss, gradients and predictions of every method, of one process and of two."""
    clip = wilds_runs.make_clip(tmp_path_factory.mktemp("clip"))
    methods = compared(Steps((*ALIGNMENT, *HYBRID)), tmp_path_factory.mktemp("steps"))
    learners = compared(EndToEnd(clip), tmp_path_factory.mktemp("learners"))
    return [one | other for one, other in zip(methods, learners, strict=True)]


def test_every_objective_is_compared():
    assert set(ALIGNMENT) == set(OBJECTIVES)


@pytest.mark.parametrize("name", [*ALIGNMENT, *HYBRID, *EndToEnd.names])
def test_two_processes_take_the_step_of_one(name, steps):
    (loss, gradients, logits), (loss2, gradients2, logits2) = (found[name] for found in steps)
    assert gradients.keys() == gradients2.keys() and gradients
    for key, value in gradients.items():
        scale = value.abs().max().item()
        assert (value - gradients2[key]).abs().max() <= TOLERANCE * scale + 1e-7, key
    torch.testing.assert_close(logits2, logits, rtol=1e-4, atol=1e-4)
    if name != "miro":  # each reports the regulariser of its own images
        assert loss2 == pytest.approx(loss, rel=1e-5)
