"""Run the real workflow, from this checkout, in a folder of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MINI = Path(__file__).with_name("mini.yaml")


class Workspace:
    """A working directory for Snakemake with the demo's configuration and an overlay."""

    def __init__(self, folder: Path, overlay: Path | None) -> None:
        self.folder = folder
        self.overlay = overlay
        shutil.copy(ROOT / "config.yaml", folder / "config.yaml")

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a run."""
        own = ["--configfile", str(self.overlay)] if self.overlay else []
        snakefile = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(self.folder)]
        base = [sys.executable, "-m", "snakemake", *snakefile, "--cores", "2"]
        return [*base, *arguments, *own]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run Snakemake; fail with its output where `check` and it failed."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, cwd=self.folder, env=clean()
        )
        if check and done.returncode != 0:
            pytest.fail(f"snakemake {arguments} failed:\n{(done.stdout + done.stderr)[-6000:]}")
        return done

    def planned(self, *targets: str, options: tuple[str, ...] = ()) -> dict[str, int]:
        """Return the jobs a dry run plans, by rule."""
        text = self.run(*targets, "--dry-run", *options)
        lines = (text.stdout + text.stderr).splitlines()
        if "Job stats:" not in lines:
            return {}
        table = lines[lines.index("Job stats:") + 3 :]
        jobs = {}
        for line in table:
            if not line.strip():
                break
            rule, count = line.split()
            jobs[rule] = int(count)
        jobs.pop("total", None)
        return jobs

    def kill_when(self, seen: Callable[[], bool], *arguments: str, timeout: float = 240.0) -> None:
        """Start a run and kill -9 it with all its jobs as soon as `seen()` holds."""
        process = subprocess.Popen(
            self.command(*arguments),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env=clean(),
            start_new_session=True,
        )
        end = time.monotonic() + timeout
        try:
            while not seen():
                if process.poll() is not None:
                    pytest.fail(f"the run ended ({process.returncode}) before it could be killed")
                if time.monotonic() > end:
                    pytest.fail("the moment to kill the run never came")
                time.sleep(0.02)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def outputs(self) -> dict[str, bytes]:
        """Return the files that must not depend on when or where a run happens."""
        kinds = ("*.parquet", "*.safetensors", "*.csv", "*.svg", "metrics.json")
        files = sorted(p for kind in kinds for p in (self.folder / "results").rglob(kind))
        # Times, and what a job that was killed had begun to write.
        files = [p for p in files if p.name != "measured.csv" and not p.name.startswith(".")]
        return {p.relative_to(self.folder).as_posix(): p.read_bytes() for p in files}


def clean() -> dict[str, str]:
    """Return the environment of a user's shell."""
    unwanted = ("SNAKEMAKE_PROFILE", "OMP_NUM_THREADS")
    return {name: value for name, value in os.environ.items() if name not in unwanted}
