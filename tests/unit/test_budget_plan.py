"""How a plan is simulated, what it stores and lacks, and the command on a real plan."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replidg.budget import plan, schedule, storage, tables
from replidg.budget.estimate import Estimate
from replidg.budget.plan import Job
from replidg.budget.work import Work
from replidg.cli import main
from replidg.config.files import read

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def full():
    return read([ROOT / "config.yaml", ROOT / "config/full.yaml"])


def test_a_plan_worked_out_by_hand():
    # data -> two trainings of 4 and 6 -> table; a third of 5 stands alone.
    durations, gpus = [1.0, 4.0, 6.0, 2.0, 5.0], [0, 1, 1, 0, 1]
    before = [[], [0], [0], [1, 2], []]
    assert schedule.critical_path(durations, before) == 1 + 6 + 2
    assert schedule.tails(durations, before) == [9, 6, 8, 2, 5]
    # One GPU: the lone one starts at 0, since the others wait for data; then 6, 4, and the table.
    assert schedule.makespan(durations, gpus, before, 1) == 5 + 6 + 4 + 2
    # Two: 6 from 1 to 7, the lone one to 5, then 4 to 9, then the table.
    assert schedule.makespan(durations, gpus, before, 2) == 11
    assert schedule.makespan(durations, gpus, before, 3) == 9


def test_a_job_of_more_gpus_than_there_are():
    assert schedule.makespan([10.0], [8], [[]], 8) == 10
    assert schedule.makespan([10.0], [8], [[]], 2) == 40


def test_a_circle_is_told():
    with pytest.raises(ValueError, match="circle"):
        schedule.critical_path([1.0, 1.0], [[1], [0]])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_plan_is_faster_than_its_bounds(data):
    count = data.draw(st.integers(1, 12))
    durations = data.draw(st.lists(st.floats(0.1, 9), min_size=count, max_size=count))
    before = [
        data.draw(st.lists(st.integers(0, n - 1), max_size=3, unique=True)) if n else []
        for n in range(count)
    ]
    number = data.draw(st.integers(1, 4))
    gpus = data.draw(st.lists(st.integers(1, number), min_size=count, max_size=count))
    span = schedule.makespan(durations, gpus, before, number)
    used = sum(d * g for d, g in zip(durations, gpus, strict=True))
    assert span >= schedule.critical_path(durations, before) - 1e-9
    assert span >= used / number - 1e-9
    assert span <= sum(durations) + 1e-9


def test_dependencies_are_read_from_files():
    jobs = [
        Job("a", "a", outputs=("x", "y")),
        Job("b", "b", inputs=("x", "elsewhere"), outputs=("z",)),
        Job("c", "c", inputs=("z", "y", "x")),
    ]
    assert plan.dependencies(jobs) == [[], [0], [0, 1]]


def test_what_is_downloaded_and_what_is_missing(full):
    jobs = [
        Job("retrieve_dataset", name, {"dataset": name})
        for name in ("terra_incognita", "cityscapes", "PACS")
    ]
    jobs.append(Job("label_domains", "all"))
    found = [Estimate(job, None) for job in jobs]
    sizes = {amount.item: amount.size for amount in storage.downloads(full, found)}
    assert sizes["terra_incognita"].low == 6_492_615_601 and sizes["PACS"] is None
    lacking = {each.name: each for each in storage.missing(full, jobs)}
    assert set(lacking) == {"cityscapes", "forgotten.domains.labels"}
    assert lacking["cityscapes"].access == "login" and "Register" in lacking["cityscapes"].steps
    given = full.model_copy(update={"data_root": {"cityscapes": "/nowhere"}})
    names = [amount.item for amount in storage.downloads(given, found)]
    assert names == ["terra_incognita", "PACS"]


def test_checkpoints_that_are_not_downloaded(full):
    jobs = [
        Job("retrieve_timm", name, {"model": name}) for name in ("resnet50_scratch", "resnet18")
    ]
    work = Work(weights=1000)
    found = storage.downloads(full, [Estimate(job, work) for job in jobs])
    assert [(a.item, a.size) for a in found] == [("resnet18", (2000, 4000))]


def test_a_budget_of_two_jobs(full):
    keys = {"model": "openclip_vit_b16", "dataset": "PACS", "target": "photo", "seed": "seed0"}
    run = "results/runs/alignment/openclip_vit_b16/PACS/photo"
    jobs = [
        Job("train_classifier", m, keys | {"method": m}, (), (f"{run}/{m}/seed0/x",), 8, 1)
        for m in ("erm", "sagm")
    ]
    made = tables.make(full, jobs, ["A100", "H100"], [1, 2])
    rows = {(r.section, r.item, r.quantity, r.gpu, r.gpus): r for r in made.rows}
    hours = rows["paper", "alignment", "GPU-hours", "A100", ""]
    assert rows["total", "total", "GPU-hours", "A100", ""][5:7] == hours[5:7]
    one, two = (rows["wall time", "total", "wall time", "A100", n] for n in "12")
    assert one.high == pytest.approx(hours.high)
    assert two.high == rows["wall time", "total", "critical path", "A100", ""].high < one.high
    assert rows["paper", "alignment", "GPU-hours", "H100", ""].high < hours.high
    assert rows["rule", "train_classifier", "jobs", "", ""].high == 2
    assert all(row.source for row in made.rows)


def test_the_command_plans_what_a_log_in_would_stop(tmp_path, monkeypatch, capsys):
    """Embeddings of the full configuration, and a data set that needs a log-in."""
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    targets, overlay = ["alignment_fig17", "data_cityscapes"], str(ROOT / "config/full.yaml")
    options = ["--gpus", "1", "2", "--gpu-model", "A100", "H100", "--configfile", overlay]
    assert main(["budget", *targets, *options]) == 0
    told = capsys.readouterr().out
    assert "embed_images" in told and "./replidg datasets --for cityscapes" in told
    with Path("results/budget.csv").open() as file:
        rows = list(csv.DictReader(file))
    jobs = {row["item"]: row["high"] for row in rows if row["quantity"] == "jobs"}
    assert jobs["embed_images"] == "5" and jobs["retrieve_clip"] == "1"
    wall = [row for row in rows if row["quantity"] == "wall time" and row["gpu"] == "A100"]
    assert [row["gpus"] for row in wall] == ["1", "2"]
    assert all(float(row["low"]) <= float(row["high"]) for row in wall)
    assert all(row["source"] for row in rows)
    assert not Path("results/models").exists()


def test_a_real_run_does_not_plan(tmp_path):
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    command = [sys.executable, "-m", "snakemake", "data_PACS", "--cores", "1"]
    command += ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    done = subprocess.run(
        [*command, "--config", "planning=true"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "planning: true is for dry runs" in done.stderr
    assert not (tmp_path / "resources").exists()


def test_errors_of_the_command(tmp_path, monkeypatch, capsys):
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    assert main(["budget", "--gpu-model", "A101"]) == 2
    assert "A100" in capsys.readouterr().err
    assert main(["budget", "no_such_target"]) == 2
    assert "no_such_target" in capsys.readouterr().err
