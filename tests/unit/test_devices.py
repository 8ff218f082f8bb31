"""Jobs of one machine share its GPUs without meeting on one. The GPUs here are names."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from replidg import devices

UUIDS = [f"GPU-{letter}" for letter in "abcd"]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with four GPUs, as nvidia-smi tells it, and a folder for locks."""
    smi = tmp_path / "nvidia-smi"
    rows = "\n".join(f"{number}, {uuid}" for number, uuid in enumerate(UUIDS))
    smi.write_text(f'#!/bin/sh\ncat <<"EOF"\n{rows}\nEOF\n')
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    folder = tmp_path / "locks"
    folder.mkdir()
    monkeypatch.setattr(devices, "lock_folder", lambda: folder)
    return folder


def job(folder: Path, count: int, then: str) -> subprocess.Popen[str]:
    """Start a process that takes GPUs, says which, and goes on with `then`."""
    code = (
        "import os, subprocess, sys, time; from pathlib import Path; from replidg import devices\n"
        f"devices.POLL_S = 0.02; devices.lock_folder = lambda: Path({str(folder)!r})\n"
        f"devices.take({count}); print(os.environ[devices.VISIBLE], flush=True)\n{then}"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def taken(process: subprocess.Popen[str]) -> list[str]:
    return process.stdout.readline().strip().split(",")


def end(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_jobs_get_gpus_of_their_own_and_a_killed_job_frees_its(machine: Path):
    pair = job(machine, 2, "time.sleep(60)")
    first = taken(pair)
    single = job(machine, 1, "time.sleep(60)")
    second = taken(single)
    assert len(first) == 2 and len(second) == 1 and len({*first, *second}) == 3
    late = job(machine, 2, "")  # one GPU is left, so it has to wait
    time.sleep(0.5)
    assert late.poll() is None
    pair.send_signal(signal.SIGKILL)
    third = taken(late)
    assert set(third).isdisjoint(second) and len(third) == 2
    end(pair, single, late)


def test_many_jobs_never_meet_on_a_gpu(machine: Path, tmp_path: Path):
    # Each holds a file named after its GPU, made so that a second one would fail.
    hold = (
        f"f = os.path.join({str(tmp_path)!r}, os.environ[devices.VISIBLE])\n"
        "os.close(os.open(f, os.O_CREAT | os.O_EXCL)); time.sleep(0.05); os.unlink(f)"
    )
    jobs = [job(machine, 1, hold) for _ in range(10)]
    assert [each.wait(60) for each in jobs] == [0] * 10
    assert {taken(each)[0] for each in jobs} <= set(UUIDS)
    end(*jobs)


def test_a_started_process_sees_the_gpus_of_its_job(machine: Path):
    child = f"print(os.environ[{devices.VISIBLE!r}])"
    started = job(machine, 2, f"subprocess.run([sys.executable, '-c', 'import os; {child}'])")
    assert taken(started) == taken(started)
    end(started)


def test_where_a_scheduler_chose_nothing_is_taken(machine: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(devices.VISIBLE, "0")  # as Slurm with cgroups shows each job its GPU
    devices.take(1)
    assert os.environ[devices.VISIBLE] == "0" and not list(machine.iterdir())


def test_a_user_s_choice_of_gpus_is_kept(machine: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(devices.VISIBLE, "2,3")
    first = job(machine, 1, "time.sleep(60)")
    second = job(machine, 1, "time.sleep(60)")
    assert {*taken(first), *taken(second)} == set(UUIDS[2:])
    end(first, second)


def test_without_gpus_nothing_is_taken(machine: Path, monkeypatch: pytest.MonkeyPatch):
    devices.take(0)
    monkeypatch.setenv("PATH", "/nowhere")
    devices.take(1)
    assert devices.VISIBLE not in os.environ and not list(machine.iterdir())
