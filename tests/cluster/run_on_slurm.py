"""The workflow on the cluster of the tests: what runs, in which job, and how to hold it still."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path

from local_slurm import LocalSlurm, wait_until

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
CONFIGS = [ROOT / "tests/workflow/mini.yaml", HERE / "mini_cluster.yaml"]
TARGETS = ("photo", "fluent_3d", "noto_mono")
RULE = "train_classifier"
#: The profile as it is shipped, with the times and limits of a cluster that lasts minutes.
PROFILE = [
    "--workflow-profile", "slurm", "--slurm-init-seconds-before-status-checks", "3",
    "--latency-wait", "20", "--slurm-partition-config", str(HERE / "partitions.yaml"),
    "--resources", "mem_mb=3000", "runtime=30",
    # Too little at first, for one job: the second try has twice as much.
    "--set-resources", "split_alignment:mem_mb=150 * attempt",
]  # fmt: skip


def command(folder: Path, *options: str) -> list[str]:
    """Return the command line of a run of the alignment paper in a folder."""
    return [
        sys.executable, "-m", "snakemake", "alignment", "--snakefile", str(ROOT / "Snakefile"),
        "--directory", str(folder), *options, "--configfile", *map(str, CONFIGS),
    ]  # fmt: skip


def environ() -> dict[str, str]:
    """Return a user's environment, without what the tests run in."""
    left_out = ("SNAKEMAKE_PROFILE", "OMP_NUM_THREADS")
    return {name: value for name, value in os.environ.items() if name not in left_out}


class SlurmRun:
    """A run of the workflow on a cluster, its jobs and their trainings.

    Args:
        slurm: the cluster.
        folder: working directory with a config.yaml.
    """

    def __init__(self, slurm: LocalSlurm, folder: Path) -> None:
        self.slurm, self.folder = slurm, folder
        self.snakemake: subprocess.Popen[bytes] | None = None
        self.said = folder / "snakemake.txt"
        self._lines: dict[str, dict[str, None]] = {target: {} for target in TARGETS}
        self._gathered: set[int] = set()

    def start(self) -> None:
        """Start Snakemake with the shipped profile."""
        with self.said.open("ab") as said:
            self.snakemake = subprocess.Popen(
                command(self.folder, *PROFILE),
                stdout=said,
                stderr=said,
                cwd=self.folder,
                env=environ() | self.slurm.environ,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kill Snakemake, not its jobs in Slurm, and remove its lock as the launcher does."""
        os.killpg(self.snakemake.pid, signal.SIGKILL)
        self.snakemake.wait()
        for lock in (self.folder / ".snakemake/locks").glob("*"):
            lock.unlink()

    def finish(self, timeout: float) -> None:
        """Wait until Snakemake ends; it must have reached its target."""
        status = self.snakemake.wait(timeout)
        assert status == 0, self.tail()

    def tail(self) -> str:
        """Return the end of what Snakemake said."""
        return self.said.read_text()[-6000:]

    def until(self, holds, what: str, timeout: float = 900.0) -> None:
        """Wait for a condition while the run goes on."""

        def check() -> bool:
            assert self.snakemake.poll() is None, f"ended before: {what}\n{self.tail()}"
            for target in TARGETS:
                self.log(target)
            return bool(holds())

        wait_until(check, what, timeout)

    def log(self, target: str) -> str:
        """Return all that a training has logged; a new try begins a new file."""
        path = self.folder / f"logs/{RULE}/tiny_clip/pictograms/{target}/miro_swad/seed0.log"
        with suppress(FileNotFoundError):  # the next try is about to begin
            self._lines[target] |= dict.fromkeys(path.read_text().splitlines())
        return "\n".join(self._lines[target])

    def resumed(self, target: str) -> list[int]:
        """Return the steps after which a training was resumed, in order."""
        return [int(step) for step in re.findall(r"resuming after step (\d+)", self.log(target))]

    def saved(self, target: str) -> list[int]:
        """Return the steps that a training saved when a signal came, in order."""
        found = re.findall(r"stopped by signal \d+, step (\d+) saved", self.log(target))
        return [int(step) for step in found]

    def checkpoints(self) -> int:
        """Return how many trainings have saved something."""
        return len(list((self.folder / "checkpoints/runs").glob("*/newest.pt")))

    def jobs(self) -> dict[str, tuple[str, str]]:
        """Return target -> Slurm job and node of the trainings that run."""
        lines = self.slurm.say("squeue", "-h", "-t", "R", "-o", "%i %N %k").splitlines()
        found = {}
        for line in lines:
            job, node, comment = line.split(maxsplit=2)
            for target in TARGETS:
                if RULE in comment and target in comment:
                    found[target] = (job, node)
        return found

    def processes(self) -> dict[str, int]:
        """Return target -> process of the trainings that run."""
        owner = {job: target for target, (job, _) in self.jobs().items()}
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes().decode().split("\0")
                entries = (path / "environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:  # it has just ended
                continue
            job = next((e.split("=")[1] for e in entries if e.startswith("SLURM_JOB_ID=")), "")
            ours = f"SLURM_CONF={self.slurm.conf}" in entries
            if ours and job in owner and len(words) > 1 and f"{RULE}.py" in words[1]:
                found[owner[job]] = int(path.name)
        return found

    def is_back(self, target: str) -> bool:
        """Tell whether a training goes on again after as many stops."""
        return 0 < len(self.resumed(target)) == len(self.saved(target))

    def gathered(self, back: Callable[[str], bool]) -> bool:
        """Hold each training still once it is back, and tell whether all are.

        They take seconds: the first would end before the last is back. A signal of Slurm wakes one
        that is held, and it is not held again while it saves.
        """
        there = {target: pid for target, pid in self.processes().items() if back(target)}
        for pid in set(there.values()) - self._gathered:
            hold(pid)
        self._gathered |= set(there.values())
        return len(there) == len(TARGETS)

    @contextmanager
    def held(self):
        """Hold all trainings still in the block, so that none ends before its fault comes."""
        processes = self.processes()
        for pid in processes.values():
            hold(pid)
        try:
            yield processes
        finally:
            for pid in processes.values():
                go_on(pid)


def hold(pid: int) -> None:
    """Hold a process still; one that has just ended needs no holding."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)


def go_on(pid: int) -> None:
    """Let a process go on that is held still."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def is_asked_to_stop(pid: int) -> bool:
    """Tell whether SIGTERM waits for a process that is held still."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    waiting = re.search(r"^ShdPnd:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bool(int(waiting.group(1), 16) >> (signal.SIGTERM - 1) & 1)


def minutes_of(slurm: LocalSlurm, job: str) -> int:
    """Return for how many whole minutes a job has run."""
    started = slurm.say("squeue", "-h", "-j", job, "-o", "%S").strip()
    return int(time.time() - time.mktime(time.strptime(started, "%Y-%m-%dT%H:%M:%S"))) // 60
