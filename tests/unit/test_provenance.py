"""What the report knows about its own origin."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml

from replidg.reporting import provenance, run_costs

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=no"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A folder above which git looks for no repository."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_no_repository_is_a_normal_case(outside):
    state = provenance.git_state(outside)
    assert state == {"commit": None, "short": None, "dirty": False, "note": "not a git checkout"}


def test_no_git_is_a_normal_case(outside, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert provenance.git_state(outside)["note"] == "not a git checkout"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_commit_and_dirty_flag(outside):
    git(outside, "init", "--quiet")
    assert provenance.git_state(outside)["note"] == "a git checkout without a commit"
    (outside / "a.txt").write_text("1")
    git(outside, "add", "a.txt")
    git(outside, "commit", "--quiet", "-m", "first")
    clean = provenance.git_state(outside)
    assert len(clean["commit"]) == 40 and clean["note"] == clean["short"] == clean["commit"][:10]
    (outside / "untracked.txt").write_text("results and the like do not count")
    assert not provenance.git_state(outside)["dirty"]
    (outside / "a.txt").write_text("2")
    changed = provenance.git_state(outside)
    assert changed["dirty"] and "not committed" in changed["note"]


@pytest.mark.parametrize(
    "key",
    ["token", "hf_token", "hubToken", "HF-TOKEN", "password", "db_password", "api_key", "apiKey",
     "aws_secret_access_key", "private-key", "ssh_key", "credentials", "auth", "tokens", "cookie"],
)  # fmt: skip
def test_keys_that_sound_like_secrets(key):
    assert provenance.is_secret_key(key, "x")


@pytest.mark.parametrize(
    ("key", "value"),
    [("tokenizer", "bpe"), ("max_tokens", 77), ("n_tokens", 4), ("key", "a"), ("author", "b"),
     ("keys", "c"), ("secretary", "d"), ("keypoints", 3), ("seed", 0)],
)  # fmt: skip
def test_keys_that_only_look_alike_stay(key, value):
    assert not provenance.is_secret_key(key, value)


def test_secrets_are_dropped_wherever_they_stand(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    config = {
        "scale": "demo",
        "hub": {"token": "hidden-1", "mirror": "https://me:hidden-2@example.org/x?token=hidden-3"},
        "sources": [{"url": "https://example.org/a.zip?X-Amz-Signature=hidden-4&part=1"}],
        "note": "hf_hidden5abcdefghijklmnop and AKIAHIDDEN6ABCDEFGHI",
        "data_root": "/home/someone/data",
        "other_root": "/home/someone-else/data",
        "folds": (1, 2),
        "empty": None,
    }
    text = provenance.config_yaml(config)
    assert "hidden" not in text.lower()
    clean = yaml.safe_load(text)
    assert list(clean) == list(config)
    assert clean["hub"] == {"mirror": "https://example.org/x?(removed)"}
    assert clean["sources"][0]["url"].endswith("&part=1")
    assert clean["data_root"] == "~/data"
    assert clean["other_root"] == "/home/someone-else/data"
    assert clean["folds"] == [1, 2] and clean["empty"] is None
    assert provenance.config_yaml({}) == ""


def test_versions_come_without_imports():
    code = (
        "import sys; from replidg.reporting.provenance import package_versions as v; "
        "found = v(['numpy', 'pandas', 'no-such-package']); "
        "assert 'numpy' not in sys.modules and 'pandas' not in sys.modules; "
        "assert found['no-such-package'] == 'not installed'; print(found['numpy'])"
    )
    environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    import numpy

    assert done.stdout.strip() == numpy.__version__


def test_hardware_is_words(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = provenance.hardware()
    assert set(found) == {"Processor", "Cores", "Memory", "GPU", "System", "Python"}
    assert all(isinstance(value, str) and value for value in found.values())
    assert found["GPU"] == "none found"


def test_stage_times_sum_over_jobs(tmp_path):
    train = tmp_path / "train_classifier" / "pacs"
    train.mkdir(parents=True)
    (train / "a.tsv").write_text(HEADER + "10.5\t0:00:10\t100.0\t1\t1\t1\t0\t0\t99\t20.0\n")
    (train / "b.tsv").write_text(
        HEADER + "4.5\t0:00:04\t300.0\t1\t1\t1\t0\t0\t99\tNA\n"
        "5.0\t0:00:05\t-\t-\t-\t-\t-\t-\t-\t1.0\n"
    )
    draw = tmp_path / "draw_alignment"
    draw.mkdir()
    (draw / "all.tsv").write_text(HEADER + "0.02\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\n")
    (draw / "half.tsv").write_text("")
    (tmp_path / "report.tsv").write_text(HEADER + "1\t0:00:01\t50\t1\t1\t1\t0\t0\t99\t1\n")
    stages = {stage["rule"]: stage for stage in provenance.stage_times(tmp_path)}
    assert list(stages) == ["train_classifier", "report", "draw_alignment"]
    assert stages["train_classifier"] == {
        "rule": "train_classifier", "jobs": 3, "seconds": 20.0, "cpu_seconds": 21.0,
        "max_memory_mb": 300.0,
    }  # fmt: skip
    assert stages["draw_alignment"]["max_memory_mb"] is None
    assert stages["draw_alignment"]["jobs"] == 1
    assert provenance.stage_times(tmp_path / "absent") == []


def test_dataset_facts(tmp_path):
    for name, text in [
        ("pacs", json.dumps({"dataset": "PACS", "images": 3, "hub_token": "hidden"})),
        ("broken", "{"),
        ("list", "[]"),
    ]:
        (tmp_path / name).mkdir()
        (tmp_path / name / ".verified.json").write_text(text)
    facts = provenance.dataset_facts(tmp_path.glob("*/.verified.json"))
    assert facts == [
        {"dataset": "PACS", "images": 3},
        {"dataset": "broken", "note": "unreadable"},
        {"dataset": "list", "note": "unreadable"},
    ]


def test_model_facts(tmp_path):
    rows = [{"domain": "photo", "share": "pretraining", "n": 4, "accuracy": 0.5}]
    for name, content in [
        ("one", {"dataset": "pacs", "rows": rows}),
        ("three/pacs", {"dataset": "pacs", "rows": rows}),
        ("two", [{"dataset": "b", "rows": rows}, {"dataset": "a", "rows": []}]),
        ("odd", 3),
    ]:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "zero_shot.json").write_text(json.dumps(content))
    facts = provenance.model_facts(tmp_path.rglob("zero_shot.json"))
    named = [(fact["model"], fact["dataset"], len(fact["rows"])) for fact in facts]
    assert named == [("one", "pacs", 1), ("three", "pacs", 1), ("two", "a", 0), ("two", "b", 1)]


def test_collect_has_every_part_even_of_nothing(outside):
    found = run_costs.collect(outside, {"scale": "demo"}, outside / "benchmarks-out")
    assert set(found) == {
        "git", "config", "changes", "default", "versions", "hardware", "costs", "stages",
        "datasets", "models",
    }  # fmt: skip
    assert found["config"] == "scale: demo\n"
    assert found["changes"] is None and "not found" in found["default"]
