"""What a killed run leaves in Slurm's queue. Slurm is faked here; tests/cluster has a real one."""

import os
import platform

import pytest
from workspace import Workspace

DEAD = "replidg_11111111-0000-4000-8000-111111111111"


@pytest.mark.slow
def test_what_an_ended_job_takes_with_it_is_made_again(mini: Workspace, monkeypatch):
    """A cancelled job removes its files; Snakemake must not have counted on them by then."""
    mini.run("data_pictograms")
    index = mini.folder / "results/data/pictograms/index.parquet"
    before = index.read_bytes()
    log = mini.folder / ".snakemake/log/2026-01-01T000000.snakemake.log"
    log.write_text(f"  Host: {platform.node()}\nSLURM run ID: {DEAD}\n")
    slurm = mini.folder / "slurm"
    slurm.mkdir()
    queue = slurm / "queue"
    queue.write_text(f"7 {DEAD}\n")
    for name, does in {"squeue": f"cat {queue}", "scancel": f": >{queue}; rm {index}"}.items():
        (slurm / name).write_text(f"#!/bin/sh\n{does}\n")
        (slurm / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{slurm}:{os.environ['PATH']}")
    assert not mini.planned("data_pictograms")
    assert queue.read_text() and index.exists()  # who only looks ends nothing
    mini.run("data_pictograms")
    assert not queue.read_text() and index.read_bytes() == before
