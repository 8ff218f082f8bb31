"""The launcher, up to the point where it would install something."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def launch(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ./replidg with a changed environment."""
    return subprocess.run(
        [str(ROOT / "replidg"), *arguments],
        capture_output=True,
        text=True,
        env=os.environ | variables,
        cwd="/",
    )


def test_help_needs_no_environment(tmp_path):
    done = launch("--help", REPLIDG_VENV=str(tmp_path / "venv"))
    assert done.returncode == 0
    assert "./replidg test" in done.stdout and "results/report.html" in done.stdout
    assert not (tmp_path / "venv").exists()


def test_a_missing_python_is_one_clear_sentence(tmp_path):
    done = launch("-n", REPLIDG_VENV=str(tmp_path / "venv"), PYTHON="/no/such/python")
    assert done.returncode != 0
    assert done.stderr.strip().count("\n") == 0
    assert "/no/such/python" in done.stderr and "3.11" in done.stderr


def test_an_old_python_is_refused(tmp_path):
    old = tmp_path / "python"
    # What an interpreter that is too old answers to the launcher's question.
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = launch("-n", REPLIDG_VENV=str(tmp_path / "venv"), PYTHON=str(old))
    assert done.returncode != 0 and "older than 3.11" in done.stderr
    assert not (tmp_path / "venv").exists()
