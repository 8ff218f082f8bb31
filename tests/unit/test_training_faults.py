"""Every training of our own: killed and stopped at ten drawn steps each, it ends the same."""

import signal
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import domain_runs
import faults
import numpy as np
import pandas as pd
import pytest
import training_runs
import wilds_runs
from hybrid_parts import backbone as student
from hybrid_parts import benchmark, plain_tower

from replidg.config.forgotten import DomainClassifier
from replidg.config.robust_ft import Interpolation
from replidg.data.image_folder import scan
from replidg.models import store
from replidg.training import job as jobs
from replidg.training.domain_job import make_all
from replidg.training.domain_run import DomainRun
from replidg.training.epochs import EpochRun
from replidg.training.probe_job import train_probes
from replidg.training.probes import Probes
from replidg.training.trainer import Run
from replidg.training.wilds_job import Choice, EndToEnd, train_end_to_end

STEPS = 24
#: A job of three steps: what is swept there are its renames.
SHORT = {"steps": 3, "evaluate_every": 2}


@dataclass(frozen=True)
class Alignment:
    """Fine-tuning of the alignment paper."""

    pictures: Path
    model: Path
    method: str
    changes: dict = field(default_factory=dict)
    targets: tuple = ("photo",)
    gpus: int = 1

    def __call__(self, folder: Path, strike) -> None:
        faults.watch(Run, strike)
        faults.save_every(3)
        protocol = {"steps": STEPS, "evaluate_every": 5, "gpus": self.gpus} | self.changes
        job = training_runs.a_job(
            targets=list(self.targets),
            seeds=[0],
            method=training_runs.METHODS[self.method],
            protocol=training_runs.PROTOCOL.model_copy(update=protocol),
        )
        index, out = scan(self.pictures, job.domains), training_runs.outputs(folder / "out")
        jobs.train_all(job, index, 3, self.model, folder / "checkpoints", out)


@dataclass(frozen=True)
class Students:
    """Students of the SCI-PD paper."""

    pictures: Path
    model: Path
    names: tuple
    changes: dict = field(default_factory=dict)
    gpus: int = 1

    def __call__(self, folder: Path, strike) -> None:
        import test_hybrid_run as hybrid

        from replidg.training.hybrid_run import HybridRun

        faults.watch(HybridRun, strike)
        faults.save_every(3)
        load = store.load
        own = student()
        if self.gpus > 1:  # what learns batch-norm statistics cannot be shared
            own.visual = plain_tower()
        store.load = lambda path: own if str(path) == "student" else load(path)
        protocol = {"steps": STEPS, "evaluate_every": 5, "gpus": self.gpus} | self.changes
        job = hybrid.a_job(
            runs=[hybrid.RunKey("tiny", "mixed", "photo", name, 0) for name in self.names],
            protocol=hybrid.PROTOCOL.model_copy(update=protocol),
        )
        table = benchmark(scan(self.pictures, job.domains))
        hybrid.train(job, table, self.model, folder / "out", folder / "checkpoints")


@dataclass(frozen=True)
class EndToEnds:
    """End-to-end runs of the robust fine-tuning paper."""

    index: pd.DataFrame
    model: Path
    arm: dict
    epochs: int = 6
    fractions: tuple = (1.0,)
    gpus: int = 1

    def __call__(self, folder: Path, strike) -> None:
        faults.watch(EpochRun, strike)
        faults.save_every(3)
        arm, how = {"kind": "end_to_end"} | self.arm, {"epochs": self.epochs, "gpus": self.gpus}
        job = wilds_runs.make_job(self.index, arm, batch_size=7, **how)
        wise = Interpolation(arm="arm", fractions=[1.0], alphas=[0.5])
        choices = [Choice(fraction, 1e-3, 0) for fraction in self.fractions]
        given = EndToEnd(
            self.model, wilds_runs.INPUT, wilds_runs.PROMPTS, True, False, wise, choices, True
        )
        train_end_to_end(job, given, folder / "checkpoints", folder / "out")


@dataclass(frozen=True)
class LinearProbes:
    """Linear probes of the robust fine-tuning paper."""

    index: pd.DataFrame
    epochs: int = 6

    def __call__(self, folder: Path, strike) -> None:
        faults.watch(Probes, strike, "_train_step")
        faults.save_every(3)
        job = wilds_runs.make_job(self.index, {"kind": "linear_probe"}, epochs=self.epochs)
        values = np.random.default_rng(0).normal(size=(len(self.index), 5)).astype(np.float32)
        choices = [Choice(f, r, 0) for f in (0.5, 1.0) for r in (1e-1, 1e-3)]
        train_probes(job, values, choices, folder / "checkpoints", folder / "out")


@dataclass(frozen=True)
class Classifiers:
    """Domain classifiers of the paper on forgotten domain generalization."""

    labels: pd.DataFrame
    model: Path
    names: tuple
    epochs: int = 5

    def __call__(self, folder: Path, strike) -> None:
        faults.watch(DomainRun, strike)
        faults.save_every(3)
        changes = {
            "ft": domain_runs.FT.model_dump() | {"epochs": self.epochs},
            "dr": domain_runs.DR.model_dump() | {"epochs": self.epochs, "lr": [1e-3]},
        }
        backbone, points = store.load(self.model), folder / "checkpoints"
        job = domain_runs.make_job(self.labels, backbone, points, **changes)
        kinds = {n: DomainClassifier.model_validate(domain_runs.CLASSIFIERS[n]) for n in self.names}
        make_all(job, kinds, folder / "out")


@pytest.fixture(scope="module")
def pictures(index):
    return Path(index["path"][0]).parents[2]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return wilds_runs.make_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def wilds(tmp_path_factory):
    return wilds_runs.make_index(tmp_path_factory.mktemp("wilds"))


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return domain_runs.make_labels(tmp_path_factory.mktemp("labelled"))


@pytest.fixture
def trainings(pictures, model, clip, wilds, labels):
    """Each kind of training, by name: 24 steps or so."""
    return {
        "erm": partial(Alignment, pictures, model, "erm"),
        "miro_swad": partial(Alignment, pictures, model, "miro_swad"),
        "scipd": partial(Students, pictures, model, ("scipd",)),
        "daml": partial(Students, pictures, model, ("daml",)),
        "clip_swa": partial(EndToEnds, wilds, clip, {"swa": True}),
        "clip_e2e": partial(EndToEnds, wilds, clip, {"loss": "contrastive"}),
        "probes": partial(LinearProbes, wilds),
        "ft": partial(Classifiers, labels, clip, ("ft",)),
        "dr": partial(Classifiers, labels, clip, ("dr_r",)),
    }


def test_scaled_gradients_resume_with_their_scale(trainings, tmp_path):
    """fp16: the scale and when it grows are a part of the checkpoint."""
    changes = {"precision": "fp16", "steps": 12}
    train = trainings["erm"](changes=changes)
    plain = faults.unbroken(trainings["erm"](changes={"steps": 12}), tmp_path / "plain")
    whole = faults.unbroken(train, tmp_path / "whole")
    assert whole["model.safetensors"] != plain["model.safetensors"]
    assert faults.broken(train, tmp_path / "broken", faults.drawn(1, 12, points=3)) == whole


@pytest.mark.parametrize("name", ["scipd", "clip_swa"])
def test_two_processes_lose_nothing(name, trainings, tmp_path):
    """Killed and stopped, they go on from what the first one saved, to the same bytes."""
    train = trainings[name](gpus=2)
    whole = faults.side_by_side(train, tmp_path / "whole", faults.Fault())
    whole = faults.results(tmp_path / "whole", whole)
    folder = tmp_path / "broken"
    for fault in faults.drawn(2, 12, points=2):
        ends = faults.side_by_side(train, folder, fault)
        expected = -9 if fault.number == signal.SIGKILL else 99
        assert ends == [expected] * 2, f"{fault}: {faults.told(folder)}"
    assert faults.results(folder, faults.side_by_side(train, folder, faults.Fault())) == whole


#: Points of each signal: ten for each loop, fewer for the second training of the same loop.
POINTS = {
    "miro_swad": 10,
    "erm": 4,
    "scipd": 10,
    "daml": 4,
    "clip_swa": 10,
    "clip_e2e": 4,
    "probes": 10,
    "dr": 10,
    "ft": 4,
}


@pytest.mark.parametrize("name", POINTS)
def test_faults_change_no_byte(name, trainings, tmp_path):
    train = trainings[name]()
    whole = faults.unbroken(train, tmp_path / "whole")
    drawn = faults.drawn(list(POINTS).index(name), STEPS, POINTS[name])
    found = faults.broken(train, tmp_path / "broken", drawn)
    assert found == whole
    assert not list((tmp_path / "broken" / "checkpoints").rglob("*.pt"))


def test_a_kill_before_any_rename_changes_no_byte(trainings, tmp_path):
    """Checkpoints, files of finished runs, outputs: each is whole, or as it was."""
    short = {
        "alignment": replace(trainings["erm"](), changes=SHORT, targets=("photo", "sketch")),
        "scipd": replace(trainings["scipd"](), changes=SHORT, names=("erm", "scipd")),
        "end to end": replace(trainings["clip_e2e"](), epochs=1, fractions=(0.5, 1.0)),
        "probes": trainings["probes"](epochs=1),
        "classifiers": trainings["ft"](epochs=1),
    }
    for name, train in short.items():
        whole = faults.unbroken(train, tmp_path / name / "whole")
        assert faults.broken_at_every_rename(train, tmp_path / name / "broken") == whole, name
