"""What jobs took: the line that progress writes, and the table that is made of such lines."""

from __future__ import annotations

import csv
import json
import logging
import sys
import types
from pathlib import Path

import pytest

from replidg import measured, progress
from replidg.cli import main
from replidg.progress import MARK, Measured, Progress, read_measured, tracked

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still until a test moves it."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_what_is_written_is_read(caplog: pytest.LogCaptureFixture, clock: list[float]) -> None:
    caplog.set_level(logging.INFO)
    with Progress(10, "training é", "steps", done=4, images=96) as counted:
        for seconds in (5.0, 2.0, 2.0):
            clock[0] += seconds
            counted.add(2)
        clock[0] += 50  # what comes behind the last unit is none of its time
    lines = [f"2026-01-01 INFO replidg.progress: {text}\n" for text in caplog.messages]
    (found,) = read_measured(lines)
    assert found == Measured(
        what="training é", unit="steps", units=6, seconds=9.0, later_units=4, later_seconds=4.0,
        images_a_unit=96,
    )  # fmt: skip


def test_images_are_their_own_unit_and_lines_cut_short_are_passed_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    assert list(tracked("abc", 3, "embedding")) == ["a", "b", "c"]
    whole = caplog.messages[-1]
    strange = MARK + '{"no": "such"}'
    (found,) = read_measured([whole[:40], strange, "other line", whole])
    assert (found.units, found.images_a_unit, found.unit) == (3, 1.0, "images")


def test_a_gpu_is_named_only_if_torch_used_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = types.SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: True,
        get_device_name=lambda: "Some GPU",
        max_memory_allocated=lambda: 3 * 2**20,
    )
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(cuda=cuda))
    assert Progress(1, "x").measured().device == "Some GPU"
    assert Progress(1, "x").measured().peak_gpu_mb == 3.0
    monkeypatch.delitem(sys.modules, "torch")
    found = Progress(1, "x").measured()
    assert (found.device, found.peak_gpu_mb) == ("cpu", None) and "torch" not in sys.modules


def job(folder: Path, rule: str, wildcards: dict[str, str], *works: Measured, **how: object):
    """Leave the traces of a job, and return its row in the list."""
    place = ".".join(wildcards.values()) or "all"
    row = {
        "rule": rule,
        "wildcards": wildcards,
        "log": f"logs/{rule}/{place}.log",
        "benchmark": f"benchmarks-out/{rule}/{place}.tsv",
        "outputs": [f"results/{rule}/{place}/out.bin"],
        "failed": bool(how.get("failed")),
    }
    if how.get("begun", True):
        log = folder / row["log"]
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(f"INFO {work.line()}\n" for work in works))
    if how.get("done", True):
        for path in (folder / row["outputs"][0], folder / row["benchmark"]):
            path.parent.mkdir(parents=True, exist_ok=True)
        (folder / row["outputs"][0]).write_bytes(b"x" * 2**20)
        took = how.get("took", 10.0)
        rss = how.get("rss", 50.0)
        (folder / row["benchmark"]).write_text(
            f"{HEAD}{took}\t0:0:1\t{rss}\t1\t1\t1\t1\t1\t1\t7.5\n"
        )
    return row


def steps(units: int, seconds: float, **more: object) -> Measured:
    return Measured("t", "steps", units, seconds, units - 1, seconds - 4, **more)


def test_jobs_that_do_the_same_share_a_row(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    decoding = Measured("validation", "images", 9, 99.0, 8, 90.0, 1.0)
    gpu = {"images_a_unit": 96.0, "device": "Some GPU", "peak_gpu_mb": 500.0}
    rows = [
        job(tmp_path, "train", {"method": "erm", "seed": "0"}, decoding, steps(3, 8.0, **gpu)),
        job(tmp_path, "train", {"method": "erm", "seed": "1"}, steps(3, 6.0, **gpu), rss=70.0),
        job(tmp_path, "train", {"method": "swad", "seed": "0"}, failed=True, done=False),
        job(tmp_path, "draw", {}, took="-"),
        job(tmp_path, "draw_late", {}, begun=False, done=False),
    ]
    measured.write_jobs(rows, "rehearsal")
    assert main(["measured"]) == 1
    told = capsys.readouterr().out
    assert "4 kinds of jobs: 2 passed, 1 failed, 1 not reached" in told
    assert "failed or unfinished: train (method=swad)" in told and "not reached: draw_late" in told
    with open("results/measured.csv", newline="") as file:
        found = {(row["rule"], row["job"]): row for row in csv.DictReader(file)}
    erm = found["train", "method=erm"]
    # Four later steps took (8 - 4) + (6 - 4) seconds; decoding is not what is asked for.
    wanted = {
        "jobs": "2", "device": "Some GPU", "seconds": "10.0", "cpu_seconds": "7.5", "units": "6",
        "unit": "steps", "seconds_a_unit": "1.5", "images_a_unit": "96.0",
        "peak_memory_mb": "70.0", "peak_gpu_mb": "500.0", "output_mb": "1.0", "failed": "0",
    }  # fmt: skip
    assert {key: erm[key] for key in wanted} == wanted
    assert found["train", "method=swad"]["failed"] == "1"
    assert found["draw", ""]["seconds"] == "" and found["draw", ""]["jobs"] == "1"


def test_runs_of_a_scale_add_up_and_another_scale_begins_anew(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, again = (job(tmp_path, "a", {}, failed=failed) for failed in (True, False))
    measured.write_jobs([first], "demo")
    measured.write_jobs([again, job(tmp_path, "b", {})], "demo")
    assert [(j.rule, j.failed) for j in measured.read_jobs()] == [("a", False), ("b", False)]
    measured.write_jobs([first], "full")
    assert json.loads(measured.JOBS.read_text())["scale"] == "full"
    assert len(measured.read_jobs()) == 1


def test_without_a_run_it_says_so(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["measured", "--directory", str(tmp_path)]) == 2
    assert "a run writes it when it begins" in capsys.readouterr().err
