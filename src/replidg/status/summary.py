"""What a run's log amounts to: counts, time left, last error lines, whether it still runs."""

from __future__ import annotations

import os
import platform
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from replidg.status.run_log import LoggedJob, RunLog

#: Bytes at a log's end that are searched for its error.
TAIL = 65_536
_ERROR = re.compile(r"^(?:\S+: )?\S*(Error|Exception|Interrupt|Killed|CANCELLED|error:)")


@dataclass(frozen=True)
class Failure:
    """A failed job.

    Attributes:
        job: Snakemake's id.
        rule: its rule.
        error: last error line of its log.
        log: the log that this is from, or that should be there.
        slurm: id of its SLURM job; "" without one.
    """

    job: int
    rule: str
    error: str
    log: str
    slurm: str


@dataclass(frozen=True)
class Running:
    """A job that runs, or waits in the cluster's queue.

    Attributes:
        job: Snakemake's id.
        what: its message, or its rule.
        seconds: since it was started.
        slurm: id of its SLURM job; "" without one.
        attempts: how often it was started.
    """

    job: int
    what: str
    seconds: float
    slurm: str
    attempts: int


@dataclass(frozen=True)
class Summary:
    """A run in numbers.

    Attributes:
        log: Snakemake's own.
        started: when the run was.
        state: running; finished; failed; stopped (killed, or its machine went down); unknown
            (started on another machine).
        process: id of the Snakemake process; None where there is none here.
        planned: jobs of the run.
        done: of these.
        failed: jobs that failed and were not started again.
        running: jobs that were started and have not ended; where the run stopped, they were cut.
        waiting: jobs that were not started.
        seconds_left: estimate; None where nothing tells.
        rules: rule -> planned, done and failed jobs.
    """

    log: str
    started: str
    state: str
    process: int | None
    planned: int
    done: int
    failed: list[Failure]
    running: list[Running]
    waiting: int
    seconds_left: float | None
    rules: dict[str, dict[str, int]]

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return asdict(self)


def summarise(run: RunLog, folder: Path, now: datetime) -> Summary:
    """Return what a log amounts to.

    Args:
        run: the log.
        folder: the working directory, which the paths of logs start from.
        now: the time.
    """
    process = holder(run.path)
    failed, open_jobs = run.of("failed"), run.of("running")
    planned = sum(run.planned.values())
    done = len(run.of("done"))
    here = run.host in ("", platform.node())
    alive = process is not None or (not here and not run.ended)
    return Summary(
        log=str(run.path),
        started="" if run.started is None else run.started.isoformat(sep=" "),
        state=_state(process, here, run.ended, planned - done),
        process=process,
        planned=planned,
        done=done,
        failed=[_failure(job, folder) for job in failed],
        running=[_running(job, now if alive else run.last or now) for job in open_jobs],
        waiting=max(0, planned - done - len(failed) - len(open_jobs)),
        seconds_left=time_left(run, now) if alive else None,
        rules=_rules(run),
    )


def _state(process: int | None, here: bool, ended: bool, left: int) -> str:
    if process is not None:
        return "running"
    if not left:
        return "finished"
    if ended:
        return "failed"
    return "stopped" if here else "unknown"


def holder(log: Path) -> int | None:
    """Return the process that has a log open for writing, on this machine; None without one.

    A running Snakemake keeps its log open. Needs /proc; processes of other users are not seen.
    """
    wanted = log.resolve()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if Path(os.readlink(link)) == wanted:
                return int(link.parts[2])
        except OSError:  # it ended, or is another user's
            continue
    return None


def time_left(run: RunLog, now: datetime) -> float | None:
    """Return an estimate of the seconds to the end; None before the first job is done.

    Each job that is left counts as the mean of its rule, or of all jobs where none of the rule is
    done; as many run side by side as have so far, on average.
    """
    done = [job for job in run.of("done") if job.started and job.ended]
    lengths = {job.number: (job.ended - job.started).total_seconds() for job in done}
    if not lengths or run.started is None:
        return None
    mean = sum(lengths.values()) / len(lengths)
    by_rule: dict[str, list[float]] = {}
    for job in done:
        by_rule.setdefault(job.rule, []).append(lengths[job.number])
    ended = Counter(job.rule for job in [*run.of("done"), *run.of("failed")])
    work = 0.0
    for rule, number in run.planned.items():
        own = by_rule.get(rule)
        work += (number - ended[rule]) * (sum(own) / len(own) if own else mean)
    begun = [(now - job.started).total_seconds() for job in run.of("running") if job.started]
    elapsed = max(1.0, (now - run.started).total_seconds())
    beside = max(1.0, (sum(lengths.values()) + sum(begun)) / elapsed)
    # What running jobs have behind them is not left; how much of each is not known.
    return max(0.0, work - sum(min(seconds, mean) for seconds in begun)) / beside


def _rules(run: RunLog) -> dict[str, dict[str, int]]:
    done, failed = (Counter(job.rule for job in run.of(state)) for state in ("done", "failed"))
    return {
        rule: {"planned": number, "done": done[rule], "failed": failed[rule]}
        for rule, number in run.planned.items()
    }


def _running(job: LoggedJob, now: datetime) -> Running:
    seconds = 0.0 if job.started is None else (now - job.started).total_seconds()
    slurm = job.slurm[0] if job.slurm else ""
    return Running(job.number, job.message or job.rule, max(0.0, seconds), slurm, job.attempts)


def _failure(job: LoggedJob, folder: Path) -> Failure:
    """Return what is known of a failure: an error in a log, the cluster's word, or a last line."""
    logs = list(dict.fromkeys([*job.logs, *([job.slurm[1]] if job.slurm else [])]))
    slurm = job.slurm[0] if job.slurm else ""
    ends = {log: last_lines(folder / log) for log in logs}
    for log, (error, _) in ends.items():
        if error:
            return Failure(job.number, job.rule, error, log, slurm)
    last = next(((line, log) for log, (_, line) in ends.items() if line), ("", ""))
    told = job.error or last[0] or "its log is empty or missing; Snakemake's own log says more"
    return Failure(job.number, job.rule, told, last[1] or (logs or [""])[0], slurm)


def last_lines(path: Path) -> tuple[str, str]:
    """Return the last line of a log that names an error, and its last line; "" without one."""
    if not path.is_file():
        return "", ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        text = file.read().decode(errors="replace")
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    return _last(line for line in lines if _ERROR.match(line)), _last(lines)


def _last(lines: Iterable[str]) -> str:
    return next(iter(reversed(list(lines))), "")
