"""The switches of a training's arithmetic: precision, parts of a batch, what cannot be combined."""

import re
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn
from training_runs import PROTOCOL, begin, settings, shares_of

from replidg import processes
from replidg.config.check import ConfigError, load
from replidg.config.compute import COMBINING, DIVISIBLE, LOOKING_INSIDE, MIXING_INSIDE, Compute
from replidg.methods.hybrid.registry import OWN
from replidg.methods.objective import Objective
from replidg.methods.passes import OwnItems, own_rows, restore
from replidg.methods.registry import OBJECTIVES
from replidg.training.switches import deterministic

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


def test_a_compiled_tower_computes_the_same(index):
    """By a backend that only traces: what is tested is that the tower is what gets compiled."""
    seen = []

    def traced(graph, _inputs):
        seen.append(graph)
        return graph.forward

    compiled = torch.compile
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", lambda function: compiled(function, backend=traced))
        found = gradient("erm", index, compile=True)
    whole = gradient("erm", index)
    assert seen and found[0] == pytest.approx(whole[0], rel=1e-6)
    torch.testing.assert_close(found[1], whole[1], rtol=1e-5, atol=1e-7)


def test_towers_are_left_as_they_are_by_default():
    run = begin(settings("erm"))
    assert "forward" not in run.classifier.visual.__dict__
    run = begin(settings("erm", PROTOCOL.model_copy(update={"precision": "bf16"})))
    assert "forward" in run.classifier.visual.__dict__
    pixels = torch.zeros(2, 3, 16, 16)
    assert run.classifier.visual(pixels).dtype == torch.float32
    restore(run.classifier.visual)
    assert "forward" not in run.classifier.visual.__dict__


@pytest.mark.parametrize("compute", [{"accumulate": 2}, {"gpus": 2}])
def test_batches_are_not_divided_before_statistics_of_them(compute):
    protocol = PROTOCOL.model_copy(update=compute)
    with pytest.raises(ValueError, match="frozen_batchnorm: true"):
        begin(settings("erm", protocol, frozen_batchnorm=False))
    begin(settings("erm", protocol, frozen_batchnorm=True))


def test_switches_of_a_job():
    deterministic(1, Compute(tf32=True, deterministic=False))
    assert torch.backends.cuda.matmul.allow_tf32 and torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.benchmark and not torch.are_deterministic_algorithms_enabled()
    deterministic(1)
    assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cudnn.benchmark and torch.are_deterministic_algorithms_enabled()


def test_every_objective_has_its_place_in_the_tables():
    known = set(OBJECTIVES) | set(OWN)
    assert known >= DIVISIBLE | COMBINING | LOOKING_INSIDE | MIXING_INSIDE
    # Those that overwrite `backward` combine gradients.
    own = {n for n, kind in (OBJECTIVES | OWN).items() if kind.backward is not Objective.backward}
    assert own == COMBINING


def test_one_process_shares_a_batch_with_nobody():
    sampler = [[(0, 1), (1, 2)], [(2, 3)]]
    assert list(OwnItems(sampler)) == sampler and len(OwnItems(sampler)) == 2


def test_rows_of_processes(monkeypatch):
    monkeypatch.setattr(processes, "count", lambda: 3)
    found = []
    for rank in range(3):
        monkeypatch.setattr(processes, "rank", lambda rank=rank: rank)
        found.append((list(range(9))[own_rows(9)], own_rows(7), own_rows(1)))
    assert [rows for rows, _, _ in found] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert [rows for _, rows, _ in found] == [[0, 1, 2], [3, 4, 5], [6, 6, 6]]
    assert [rows for _, _, rows in found] == [[0], [0], [0]]


REFUSED = [
    ("alignment", {"accumulate": 2}, "alignment.training.accumulate: coral compares the images"),
    ("alignment", {"precision": "fp16"}, "alignment.training.precision: sagm combines gradients"),
    ("alignment", {"compile": True}, "alignment.training.compile: miro reads layers inside"),
    ("alignment", {"gpus": 3}, "alignment.training.gpus: 3 processes cannot share batch_per_dom"),
    ("scipd", {"precision": "fp16"}, "scipd.training.precision: `doubled` takes two steps"),
    ("robust_ft", {"accumulate": 2}, "robust_ft.training.accumulate: contrastive compares"),
    ("robust_ft", {"accumulate": 2, "gpus": 2}, "only one of them may be above 1"),
    ("domains", {"gpus": 2}, "forgotten.domains.ft.gpus: a job of domain classifiers has one"),
]


@pytest.mark.parametrize(("paper", "switches", "told"), REFUSED)
def test_what_cannot_be_combined_is_refused(paper, switches, told, demo):
    place = demo["forgotten"]["domains"]["ft"] if paper == "domains" else None
    (demo[paper].setdefault("training", {}) if place is None else place).update(switches)
    with pytest.raises(ConfigError, match=re.escape(told)):
        load(demo)


def test_a_method_alone_can_have_other_switches(demo):
    demo["alignment"]["training"]["accumulate"] = 2
    for name, method in demo["methods"].items():
        if method["objective"] not in DIVISIBLE:
            demo["methods"][name].setdefault("training", {})["accumulate"] = 1
    load(demo)
    demo["methods"]["erm"].setdefault("training", {})["gpus"] = 2
    with pytest.raises(ConfigError, match="all trainings of a paper have as many"):
        load(demo)


@pytest.fixture
def demo():
    """Return the demo's configuration."""
    return yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
