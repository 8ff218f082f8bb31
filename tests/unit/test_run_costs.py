"""What a run cost, and what in its configuration differs from the default."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from replidg.reporting import run_costs
from replidg.reporting.run_costs import Change, config_difference, costs, rerun_command

ROOT = Path(__file__).parents[2]


def stage(rule, seconds, cpu):
    return {"rule": rule, "seconds": seconds, "cpu_seconds": cpu, "jobs": 1, "max_memory_mb": 1.0}


STAGES = [stage("train", 7200.0, 3600.0), stage("embed", 1800.0, None), stage("draw", None, 1800.0)]


def test_hours_are_summed():
    found = costs(STAGES, {"train": 4, "embed": 1, "never_run": 8}, gpu_found=True)
    assert found["job_hours"] == 2.5
    assert found["cpu_hours"] == 1.5
    assert found["gpu_hours"] == 8.5
    assert "unknown" in found["energy"]


def test_what_is_not_known_is_not_0():
    found = costs(STAGES[1:2], {"embed": 1}, gpu_found=False)
    assert found["cpu_hours"] is None and found["gpu_hours"] is None
    assert found["gpu_jobs_hours"] == 0.5


def test_difference_by_key_without_credentials():
    default = {"a": {"x": 1, "y": [1, 2]}, "gone": {"k": 1}, "same": 1}
    here = {"same": 1, "a": {"x": 1.5, "y": [1]}, "new": {"deep": True}, "hub_token": "secret"}
    assert config_difference(default, here) == [
        Change("a.x", "1", "1.5"),
        Change("a.y", "[1, 2]", "[1]"),
        Change("new", "(not set)", "{deep: true}"),
        Change("gone", "{k: 1}", "(not set)"),
    ]
    assert config_difference(default, default) == []


def test_default_is_the_committed_file(tmp_path):
    shutil.copy(ROOT / "config.yaml", tmp_path)
    plain, source = run_costs.default_config(tmp_path)
    assert plain["scale"] == "demo" and source == "config.yaml of the checkout"
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["add", "."], [*author, "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", tmp_path, *command], check=True)
    text = (tmp_path / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(text.replace("scale: demo", "scale: mine"))
    committed, source = run_costs.default_config(tmp_path)
    assert committed == plain and source == "config.yaml as committed"
    from replidg.config.files import read

    here = read([tmp_path / "config.yaml"]).model_dump(mode="json")
    assert config_difference(committed, here) == [Change("scale", "demo", "mine")]


def test_default_that_is_wrong_is_no_error(tmp_path):
    assert run_costs.default_config(tmp_path)[0] is None
    (tmp_path / "config.yaml").write_text("a: [")
    found, source = run_costs.default_config(tmp_path)
    assert found is None and "does not fit" in source


@pytest.mark.parametrize(
    ("files", "command"),
    [((), "./replidg t"), (("a.yaml", "b c.yaml"), "./replidg t --configfile a.yaml 'b c.yaml'")],
)
def test_command_has_the_same_overlays(files, command):
    assert rerun_command("t", files) == command


def test_record_is_json(tmp_path):
    record = {"changes": [Change("a", "1", "2")], "stages": STAGES}
    run_costs.write_record(tmp_path / "p.json", record)
    found = json.loads((tmp_path / "p.json").read_text())
    assert found["changes"] == [{"key": "a", "default": "1", "here": "2"}]
    assert found["stages"][0]["rule"] == "train"
