"""The shipped Slurm profile on a real Slurm, with every fault that a long run meets.

One run of the alignment paper meets them all; its files must be those of a run without a fault.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local_slurm import LocalSlurm, missing
from run_on_slurm import (
    ROOT,
    TARGETS,
    SlurmRun,
    command,
    environ,
    go_on,
    is_asked_to_stop,
    minutes_of,
)

reason = missing()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.demo,
    pytest.mark.skipif(reason is not None, reason=str(reason)),
]
KINDS = ("*.parquet", "*.safetensors", "*.csv", "*.svg", "metrics.json")


def outputs(folder: Path) -> dict[str, bytes]:
    files = [p for kind in KINDS for p in (folder / "results").rglob(kind)]
    # Times, and what a job that was killed had begun to write.
    files = [p for p in files if p.name != "measured.csv" and not p.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def slurm() -> Iterator[LocalSlurm]:
    root = Path(tempfile.mkdtemp(prefix="slurm"))  # pytest's paths are too long for a socket
    cluster = LocalSlurm(root)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(root, ignore_errors=True)


class Unbroken:
    """The same run on this machine, without Slurm and without a fault, beside the test.

    With the cores that a job asks for at most: with fewer threads sums come out in another order.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(ROOT / "config.yaml", folder)
        self.said = folder / "snakemake.txt"
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                command(folder, "--cores", "2"), stdout=said, stderr=said, cwd=folder, env=environ()
            )

    def outputs(self) -> dict[str, bytes]:
        assert self.process.wait(900) == 0, self.said.read_text()[-6000:]
        return outputs(self.folder)


@pytest.fixture
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unbroken]:
    run = Unbroken(tmp_path_factory.mktemp("unbroken"))
    yield run
    run.process.kill()
    run.process.wait()


@pytest.fixture
def run(slurm: LocalSlurm, tmp_path: Path) -> Iterator[SlurmRun]:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    run = SlurmRun(slurm, tmp_path)
    run.start()
    yield run
    if run.snakemake.poll() is None:
        run.kill()


def test_a_run_survives_every_fault(slurm: LocalSlurm, run: SlurmRun, unbroken: Unbroken):
    cancelled, limited, preempted = TARGETS
    run.until(lambda: run.checkpoints() == 3 == len(run.processes()), "three trainings")
    with run.held() as processes:
        jobs = run.jobs()
        _reach_the_time_limit(slurm, run, jobs[limited][0], processes[limited])
        _cancel(slurm, run, jobs[cancelled][0])
        _preempt(slurm, run, jobs[preempted])
    # The urgent job may have met a training that had just come back, too.
    run.until(lambda: run.gathered(run.is_back), "three resumed trainings")
    # Each goes on where the signal found it, not where it last happened to save.
    assert {t: run.resumed(t) for t in TARGETS} == {t: run.saved(t) for t in TARGETS}
    assert min(run.resumed(t)[0] for t in TARGETS) > 0

    with run.held():
        orphans = {job for job, _ in run.jobs().values()}
        saved, resumed = counts(run.saved), counts(run.resumed)
        run.kill()
        run.start()  # cancels them before it submits anything; a held process is woken by Slurm
        run.until(lambda: more(counts(run.saved), saved), "saved by the orphans")
    assert len(orphans) == 3
    run.until(
        lambda: run.gathered(lambda t: len(run.resumed(t)) > resumed[t]), "three resumed again"
    )
    assert "cancelling Slurm jobs of a run that was killed" in run.said.read_text()

    with run.held():
        node = max(int(where.removeprefix("n")) for _, where in run.jobs().values())
        lost = [t for t, (_, where) in run.jobs().items() if where == f"n{node}"]
        resumed = {t: n for t, n in counts(run.resumed).items() if t in lost}
        slurm.kill_node(node)
    run.until(lambda: more(counts(run.resumed), resumed), "resumed after a node's death")
    slurm.start_node(node)
    run.finish(timeout=900)

    for target in TARGETS:
        steps = run.resumed(target)
        assert steps == sorted(steps) and steps[0] > 0
    assert outputs(run.folder) == unbroken.outputs()
    _check_accounting(slurm, jobs)


def counts(steps: Callable[[str], list[int]]) -> dict[str, int]:
    """Return how often each training did something."""
    return {target: len(steps(target)) for target in TARGETS}


def more(now: dict[str, int], before: dict[str, int]) -> bool:
    """Tell whether all the trainings counted before have done it again."""
    return all(now[target] > count for target, count in before.items())


def _ends(run: SlurmRun, job: str, what: str) -> None:
    """Wait until a job has ended; hold what comes back meanwhile."""

    def gone() -> bool:
        run.gathered(run.is_back)
        return job not in {number for number, _ in run.jobs().values()}

    run.until(gone, what)


def _cancel(slurm: LocalSlurm, run: SlurmRun, job: str) -> None:
    slurm.say("scancel", job)
    _ends(run, job, "the end of a cancelled job")


def _reach_the_time_limit(slurm: LocalSlurm, run: SlurmRun, job: str, process: int) -> None:
    """Set a job's limit to less than a minute from now: the profile's warning comes at once."""
    limit = minutes_of(slurm, job) + 1
    slurm.say("scontrol", "update", f"JobId={job}", f"TimeLimit={limit}")
    run.until(lambda: is_asked_to_stop(process), "the signal before the time limit", timeout=120)
    go_on(process)
    _ends(run, job, "the end of a job at its time limit")


def _preempt(slurm: LocalSlurm, run: SlurmRun, job: tuple[str, str]) -> None:
    """Submit a job that may take a node for itself and takes the one of a training."""
    number, node = job
    where = ("-p", "urgent", "--exclusive", "-w", node)
    slurm.say("sbatch", *where, "-o", "/dev/null", "--wrap", "sleep 3")
    _ends(run, number, "preemption")


def _check_accounting(slurm: LocalSlurm, jobs: dict[str, tuple[str, str]]) -> None:
    """Look at what Slurm itself has noted of the jobs."""
    columns = "JobID,State,ReqMem,AllocTRES,Timelimit,Comment"
    # Without a start, sacct leaves out what ended before midnight.
    text = slurm.say("sacct", "-XPn", "--duplicates", "-S", "now-1days", "-o", columns)
    rows = [line.split("|") for line in text.splitlines()]
    states = {job: {row[1].split()[0] for row in rows if row[0] == job} for job, _ in jobs.values()}
    cancelled, limited, preempted = (states[jobs[target][0]] for target in TARGETS)
    assert cancelled == {"CANCELLED"}, text
    assert limited <= {"FAILED", "TIMEOUT"} and limited, text
    assert "PREEMPTED" in preempted, text
    # The job that ran out of memory was given more; every training had a GPU of its own.
    # (The two Snakemakes of a job alone take more than the first 150 MB.)
    # The try with enough may end just when Snakemake is killed: Slurm then calls it cancelled.
    tries = {(row[2], row[1].split()[0]) for row in rows if "rule_split_alignment" in row[5]}
    enough = {memory for memory, state in tries if state in ("COMPLETED", "CANCELLED")} - {"150M"}
    assert enough and "150M" in dict(tries) and ("150M", "COMPLETED") not in tries, text
    trainings = [row[3] for row in rows if "rule_train_classifier" in row[5] and row[3]]
    assert trainings and all("gres/gpu=1" in allocated for allocated in trainings), text
