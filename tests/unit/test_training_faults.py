"""Every training of our own: killed and stopped at ten drawn steps each, it ends the same."""

import json
from dataclasses import replace
from pathlib import Path

import faults
import pytest
import torch
from safetensors.torch import save_file
from training_runs import (
    METHODS,
    PROTOCOL,
    a_job,
    outputs,
)

from replidg.checkpoints import Checkpoints
from replidg.data.image_folder import scan
from replidg.training import job as jobs
from replidg.training.trainer import Run

STEPS = 24


class Alignment:
    """A job of two runs of the alignment paper."""

    def __init__(self, pictures: Path, model: Path, method: str, **protocol) -> None:
        self.pictures, self.model, self.method = pictures, model, method
        self.protocol = {"steps": STEPS, "evaluate_every": 5} | protocol

    def __call__(self, folder: Path, strike) -> None:
        faults.watch(Run, strike)
        faults.save_every(3)
        job = replace(
            a_job(targets=["photo"], seeds=[0]),
            method=METHODS[self.method],
            protocol=PROTOCOL.model_copy(update=self.protocol),
        )
        index = scan(self.pictures, job.domains)
        jobs.train_all(job, index, 3, self.model, folder / "checkpoints", outputs(folder / "out"))


@pytest.fixture(scope="session")
def pictures(index):
    return Path(index["path"][0]).parents[2]


@pytest.mark.parametrize("method", ["miro_swad", "sagm"])
def test_alignment(method, pictures, model, tmp_path):
    train = Alignment(pictures, model, method)
    whole = faults.unbroken(train, tmp_path / "whole")
    assert faults.broken(train, tmp_path / "broken", faults.drawn(0, STEPS)) == whole
