"""What jobs ask a scheduler for, and the profiles that pass it on. tests/cluster runs them."""

import os
import re
from pathlib import Path

import pytest
import yaml
from workspace import ROOT, Workspace

PROFILES = ROOT / "workflow/profiles"
RULE_FILES = sorted((ROOT / "workflow/rules").rglob("*.smk"))


def test_each_job_asks_for_memory_and_time_that_grow():
    lacking = {
        path.name: text
        for path in RULE_FILES
        if (text := path.read_text()).count("script:\n") != text.count("mem_mb=grows(")
        or text.count("script:\n") != text.count("runtime=grows(")
    }
    assert not lacking.keys()


@pytest.mark.slow
def test_each_try_gets_more_up_to_the_profile_s_limits(mini: Workspace, tmp_path, monkeypatch):
    # A Slurm that takes nothing, so that a job uses up its tries at once.
    calls = tmp_path / "calls"
    slurm = {"sbatch": f'echo "$@" >> {calls}; exit 1', "squeue": "exit 0", "sinfo": "echo cpu*"}
    for name, does in (dict.fromkeys(("sacct", "sacctmgr", "scontrol"), "exit 1") | slurm).items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = mini.run(
        "data_pictograms", "--workflow-profile", "slurm", "--resources", "mem_mb=7000",
        check=False,
    )  # fmt: skip
    assert done.returncode != 0
    tries = calls.read_text().splitlines()
    assert [re.search(r"--mem (\d+)", each).group(1) for each in tries] == [
        "2000", "4000", "6000", "7000",
    ]  # fmt: skip
    days = [int(re.search(r" -t (\d+)", each).group(1)) / 1440 for each in tries]
    assert days == [2, 4, 6, 8]
    # Not to the batch shell (B:), which would die of it.
    assert all("--signal=TERM@60" in each and "--requeue" in each for each in tries)


def read(name: str) -> dict:
    return yaml.safe_load((PROFILES / name / "profile.yaml").read_text())


def test_the_cluster_s_profile_keeps_away_from_the_plugin_s_traps():
    profile = read("slurm")
    assert profile["slurm-status-command"] == "squeue"
    assert profile["slurm-jobname-prefix"] == "replidg"  # orphans are found by it
    assert not {"slurm-array-jobs", "groups", "group-components"} & profile.keys()
    # A limit of a job's time, not of all jobs' together.
    assert profile["set-resource-scopes"] == ["runtime=local"]
    # A rule's own retries would be applied again by both Snakemakes inside a job.
    assert profile["retries"] > 0
    assert not any(re.search(r"^\s+retries:", path.read_text(), re.M) for path in RULE_FILES)


@pytest.mark.parametrize("name", sorted(p.parent.name for p in PROFILES.glob("*/profile.yaml")))
def test_a_run_survives_a_failed_job_and_a_kill(name: str):
    assert read(name)["keep-going"] and read(name)["rerun-incomplete"]


def test_all_profiles_are_explained():
    text = (PROFILES / "README.md").read_text()
    assert all(f"`{path.name}/`" in text for path in PROFILES.iterdir() if path.is_dir())


def test_the_list_for_gres_names_rules():
    text = (PROFILES / "slurm/profile.yaml").read_text()
    rules = re.findall(r"^#   (\w+): \{gpu: 0", text, re.M)
    smk = "\n".join(Path(path).read_text() for path in RULE_FILES)
    assert rules and all(re.search(rf"^ *rule {rule}:", smk, re.M) for rule in rules)
