"""Slurm jobs of a killed run are ended before the next run submits its own. Slurm is faked here."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from replidg import orphans

DEAD, ALIVE, ELSEWHERE = (
    f"replidg_{digit * 8}-0000-4000-8000-{digit * 12}" for digit in ("1", "2", "3")
)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A queue as a text file, which squeue prints and scancel takes lines from."""
    queue = tmp_path / "queue"
    queue.write_text("")
    scancel = f"""echo "$1" >> {tmp_path}/cancelled
    grep -v "${{1#--name=}}" {queue} > {queue}.new; mv {queue}.new {queue}"""
    for name, does in {"squeue": f"cat {queue}", "scancel": scancel}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def log_of(folder: Path, time: str, run: str = "", host: str = "") -> Path:
    """Write the head of Snakemake's log of a run."""
    log = folder / f".snakemake/log/2026-01-01T{time}.snakemake.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    lines = ["SNAKEMAKE", f"  Host: {host or platform.node()}", "Building DAG of jobs..."]
    log.write_text("\n".join([*lines, *([f"SLURM run ID: {run}"] if run else []), ""]))
    return log


def cancelled(folder: Path) -> str:
    file = folder / "cancelled"
    return file.read_text() if file.exists() else ""


def test_jobs_of_a_dead_run_are_cancelled_and_no_others(slurm: Path):
    log_of(slurm, "01", DEAD)
    (slurm / "queue").write_text(f"7 {DEAD}\n8 {ELSEWHERE}\n9 my job\n")
    orphans.end(log_of(slurm, "02"))
    assert cancelled(slurm) == f"--name={DEAD}\n"
    # A run of another folder is none of this one's business, nor is a job of another kind.
    assert (slurm / "queue").read_text() == f"8 {ELSEWHERE}\n9 my job\n"


def test_jobs_of_a_living_run_stay(slurm: Path):
    log = log_of(slurm, "01", ALIVE)
    code = "import sys; from pathlib import Path; from replidg import orphans\n"
    code += "orphans.end(Path(sys.argv[1])); print('up', flush=True); sys.stdin.read()"
    run = subprocess.Popen(
        [sys.executable, "-c", code, str(log)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout.readline() == "up\n"
    (slurm / "queue").write_text(f"7 {ALIVE}\n")
    orphans.end(log_of(slurm, "02"))
    assert not cancelled(slurm)
    run.kill()
    run.communicate()
    orphans.end(log_of(slurm, "03"))
    assert cancelled(slurm) == f"--name={ALIVE}\n"


def test_jobs_of_a_run_on_another_machine_stop_this_one(slurm: Path):
    log_of(slurm, "01", DEAD, host="login2")
    (slurm / "queue").write_text(f"7 {DEAD}\n")
    with pytest.raises(orphans.OrphanError, match=rf"login2.*scancel --name={DEAD}"):
        orphans.end(log_of(slurm, "02"))
    assert not cancelled(slurm)


def test_jobs_that_do_not_go_stop_this_run(slurm: Path, monkeypatch: pytest.MonkeyPatch):
    log_of(slurm, "01", DEAD)
    (slurm / "queue").write_text(f"7 {DEAD}\n")
    (slurm / "scancel").write_text("#!/bin/sh\n")
    monkeypatch.setattr(orphans, "PATIENCE_S", 0.0)
    with pytest.raises(orphans.OrphanError, match="do not end"):
        orphans.end(log_of(slurm, "02"))


def test_without_slurm_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    orphans.end(log_of(tmp_path, "01"))


def test_a_folder_that_never_used_slurm_does_not_ask_it(
    slurm: Path, caplog: pytest.LogCaptureFixture
):
    (slurm / "squeue").write_text("#!/bin/sh\necho no controller >&2; exit 1\n")
    log_of(slurm, "01")
    orphans.end(log_of(slurm, "02"))
    assert not caplog.records
