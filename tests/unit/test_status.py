"""What `./replidg status` makes of logs of real, small runs."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from replidg.cli import main
from replidg.status import run_log, summary

SNAKEFILE = """
rule all:
    input: "good", "bad", "last"

rule good:
    output: "good"
    message: "Making good"
    shell: "echo done > {output}"

rule bad:
    input: "good"
    output: "bad"
    log: "logs/bad.log"
    message: "Making bad"
    shell: "printf 'Traceback:\\nValueError: no such %s\\n' luck > {log}; echo bye >> {log}; {END}"

rule last:
    input: "bad"
    output: "last"
    shell: "echo {input} > {output}"
"""


def command(folder: Path, end: str, *options: str) -> list[str]:
    """Write a workflow whose rule `bad` ends in a way, and return the command that runs it."""
    (folder / "Snakefile").write_text(SNAKEFILE.replace("{END}", end))
    return [sys.executable, "-m", "snakemake", "--cores", "1", "--directory", str(folder),
            "--snakefile", str(folder / "Snakefile"), *options]  # fmt: skip


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose second job failed twice."""
    folder = tmp_path_factory.mktemp("failed")
    options = ("--retries", "1", "--show-failed-logs")
    done = subprocess.run(command(folder, "exit 3", *options), capture_output=True, check=False)
    assert done.returncode == 1
    return folder


def test_a_failed_run(failed):
    path = run_log.newest(failed)
    run = run_log.read(path)
    assert run.planned == {"all": 1, "bad": 1, "good": 1, "last": 1}
    found = summary.summarise(run, failed, datetime.now())
    assert (found.state, found.planned, found.done, found.waiting) == ("failed", 4, 1, 2)
    assert found.rules["bad"] == {"planned": 1, "done": 0, "failed": 1}
    (failure,) = found.failed
    assert (failure.rule, failure.log) == ("bad", "logs/bad.log")
    assert failure.error == "ValueError: no such luck"
    bad = run.of("failed")[0]
    assert bad.attempts == 2 and bad.message == "Making bad"


def test_the_command(failed, capsys):
    assert main(["status", "--directory", str(failed)]) == 1
    told = capsys.readouterr().out
    assert "1 of 4 jobs done" in told and "ValueError: no such luck" in told
    assert "logs/bad.log" in told
    assert main(["status", "--directory", str(failed), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["failed"][0]["rule"] == "bad"


def test_a_run_that_goes_on_and_is_killed(tmp_path):
    process = subprocess.Popen(
        command(tmp_path, "exec sleep 600"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        end = time.monotonic() + 120
        while not (tmp_path / "logs/bad.log").exists():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.1)
        run = run_log.read(run_log.newest(tmp_path))
        found = summary.summarise(run, tmp_path, datetime.now())
        assert (found.state, found.process) == ("running", process.pid)
        assert [job.what for job in found.running] == ["Making bad"]
        assert (found.done, found.waiting) == (1, 2) and found.seconds_left is not None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    found = summary.summarise(run_log.read(run.path), tmp_path, datetime.now())
    assert (found.state, found.process, found.seconds_left) == ("stopped", None, None)
    assert len(found.running) == 1


def test_no_run(tmp_path, capsys):
    assert main(["status", "--directory", str(tmp_path)]) == 2
    assert "--directory" in capsys.readouterr().err


SLURM = """
SNAKEMAKE
=========
  Date: 2026-01-02 03:04:05
  Host: a-login-node

Job stats:
job      count
-----  -------
all          1
train        3
total        4

[Fri Jan  2 03:04:06 2026]
Job 1: Training a
Reason: Missing output files: a
Job 1 has been submitted with SLURM jobid 4711 (log: slurm/4711.log).
[Fri Jan  2 03:04:06 2026]
Job 2: Training b
Reason: Missing output files: b
Job 2 has been submitted with SLURM jobid 4712 (log: slurm/4712.log).
[Fri Jan  2 03:06:06 2026]
Error in rule train:
    message: SLURM-job '4711' failed, SLURM status is: 'OUT_OF_MEMORY'
    jobid: 1
    output: a
    log: logs/a.log, slurm/4711.log (check log file(s) for error details)
    external_jobid: 4711
Logfile logs/a.log:
================================================================================
[Fri Jan  2 03:05:06 2026]
Finished jobid: 2 (Rule: train)
================================================================================
Logfile slurm/4711.log:
=======================
[Fri Jan  2 03:05:07 2026]
Error in rule train:
    jobid: 0
    log: logs/a.log (check log file(s) for error details)
Logfile logs/a.log:
===================
all is lost
===================
[Fri Jan  2 03:05:08 2026]
Error in rule train:
    jobid: 0
=======================
[Fri Jan  2 03:06:07 2026]
Job 3: Training c
"""


def test_a_run_on_slurm(tmp_path):
    (tmp_path / "slurm").mkdir()
    (tmp_path / "slurm/4711.log").write_text("step\nslurmstepd: error: Detected 1 oom_kill event\n")
    log = tmp_path / "a.log"
    log.write_text(SLURM)
    found = summary.summarise(run_log.read(log), tmp_path, datetime(2026, 1, 2, 3, 10))
    assert (found.planned, found.done, found.waiting) == (4, 0, 1)
    assert found.state == "unknown"  # of another host
    (failure,) = found.failed
    assert failure.slurm == "4711" and "oom_kill" in failure.error
    # What a job's own log says is no event.
    assert [(job.job, job.slurm) for job in found.running] == [(2, "4712"), (3, "")]


REFUSED = """
  Date: 2026-01-02 03:04:05
  Host: a-login-node
Job stats:
job      count
-----  -------
train        1
total        1

[Fri Jan  2 03:04:06 2026]
Job 1: Training a
[Fri Jan  2 03:04:07 2026]
Error in rule train:
    message: Job submission failed with exception: no partitions
sinfo: fatal: no source
    jobid: 1
    log: logs/a.log (check log file(s) for error details)
Logfile logs/a.log: empty file
Exiting because a job execution failed. Look above for error messages
Complete log(s): a.log
"""


def test_a_job_that_was_never_queued(tmp_path):
    log = tmp_path / "a.log"
    log.write_text(REFUSED)
    found = summary.summarise(run_log.read(log), tmp_path, datetime(2026, 1, 2, 3, 10))
    assert (found.running, found.waiting) == ([], 0)
    assert found.failed[0].error == "Job submission failed with exception: no partitions"
    assert found.failed[0].log == "logs/a.log"


def test_time_left():
    run = run_log.RunLog(Path("x"), started=datetime(2026, 1, 1), planned={"a": 3, "b": 1})
    for number, (start, end) in enumerate([(0, 10), (10, 30)]):
        times = {
            "started": datetime(2026, 1, 1, 0, 0, start),
            "ended": datetime(2026, 1, 1, 0, 0, end),
        }
        run.jobs[number] = run_log.LoggedJob(number, "done", "a", **times)
    # One `a` of 15 s and one `b`, taken as the mean of all, 15 s; one job at a time so far.
    assert summary.time_left(run, datetime(2026, 1, 1, 0, 0, 30)) == pytest.approx(30)
