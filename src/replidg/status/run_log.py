"""Snakemake's log of a run (`.snakemake/log`), read back: jobs, their times, errors.

The log is there for every run, also after a kill and with every executor, and costs the run
nothing. Its wording is that of the pinned Snakemake 9; tests read logs of real runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

LOGS = Path(".snakemake/log")
_TIME = re.compile(r"^\s*\[(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4})\]$")
_HEADER = re.compile(r"^  (Date|Host|Snakemake version|Command): (.*)$")
_STARTED = re.compile(r"^\s*Job (\d+): (.*)$")
_RULE = re.compile(r"^\s*(?:local)?(?:checkpoint|rule) (\S+):$")
_ERROR = re.compile(r"^\s*Error in rule (\S+?)(?:, jobid: \d+)?:$")
_JOB_ID = re.compile(r"^\s+jobid: (\d+)$")
_MESSAGE = re.compile(r"^    message: (.*)$")
_LOG = re.compile(r"^\s+log: (.*?) \(check log file\(s\) for error details\)$")
_FINISHED = re.compile(r"^\s*Finished jobid: (\d+) \(Rule: (\S+)\)$")
_SUBMITTED = re.compile(r"Job (\d+) has been submitted with SLURM jobid (\S+) \(log: (.*)\)\.$")
_RESTART = re.compile(r"^\s*Trying to restart job (\d+)\.$")
_STAT = re.compile(r"^(\S+)\s+(\d+)$")


@dataclass
class LoggedJob:
    """A job that the log speaks of.

    Attributes:
        number: Snakemake's id of it.
        state: running, done or failed.
        rule: its rule; "" where the log does not say, as while it runs.
        message: what it does, in words.
        started: when it was handed to the executor, the last time.
        ended: when it was done or failed.
        logs: its log files.
        error: what Snakemake or the cluster says of its failure, its first line.
        slurm: id and log of its SLURM job, the last one.
        attempts: how often it was started.
    """

    number: int
    state: str = "running"
    rule: str = ""
    message: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    logs: list[str] = field(default_factory=list)
    error: str = ""
    slurm: tuple[str, str] | None = None
    attempts: int = 0


@dataclass
class RunLog:
    """A run.

    Attributes:
        path: of the log.
        host: where it was started.
        version: of Snakemake.
        started: when it was.
        last: the last time that the log names.
        planned: jobs by rule.
        jobs: that were started, by id.
        ended: the log was closed: the run came to its end, well or not.
    """

    path: Path
    host: str = ""
    version: str = ""
    started: datetime | None = None
    last: datetime | None = None
    planned: dict[str, int] = field(default_factory=dict)
    jobs: dict[int, LoggedJob] = field(default_factory=dict)
    ended: bool = False

    def of(self, state: str) -> list[LoggedJob]:
        """Return the jobs in a state."""
        return [job for job in self.jobs.values() if job.state == state]


def newest(folder: Path) -> Path | None:
    """Return the log of the last run in a working directory that planned jobs; None without one."""
    logs = sorted((folder / LOGS).glob("*.snakemake.log"), reverse=True)
    return next((path for path in logs if "Job stats:" in path.read_text(errors="replace")), None)


def read(path: Path) -> RunLog:
    """Return what a log tells."""
    reader = _Reader(RunLog(path))
    for line in path.read_text(errors="replace").splitlines():
        reader.take(line)
    return reader.run


class _Reader:
    """Goes through a log line by line.

    The logs of failed jobs are in it too (`show-failed-logs`), between rulers; on a cluster they
    are logs of Snakemake themselves, with others within. They are passed over. The start and the
    end of a job count only right behind a time, and what an error says of its job right behind it.
    """

    def __init__(self, run: RunLog) -> None:
        self.run = run
        self.time: datetime | None = None
        self.in_stats = False
        self.block: tuple[str, str] | None = None  # "rule" or "error", and the rule
        self.block_time = datetime.min
        self.message = ""
        self.failing: LoggedJob | None = None
        self.shown: list[int] = []  # lengths of the rulers around the logs that are being shown
        self.ruler_next = False

    def _is_shown(self, line: str) -> bool:
        """Tell whether a line belongs to a job's log."""
        ruler = bool(line) and not line.strip("=")
        if ruler and self.ruler_next:
            self.shown.append(len(line))
        elif ruler and self.shown and len(line) == self.shown[-1]:
            self.shown.pop()
            return True
        self.ruler_next = line.startswith("Logfile ") and line.endswith(":")
        return bool(self.shown)

    def take(self, line: str) -> None:
        """Take the next line."""
        if self._is_shown(line):
            return
        found = _TIME.match(line)
        if found:
            self.time = datetime.strptime(found[1], "%a %b %d %H:%M:%S %Y")
            self.run.last, self.block, self.failing = self.time, None, None
            self.in_stats = False
            return
        if self.in_stats:
            self._stat(line)
        elif line == "Job stats:":
            self.in_stats = True
        elif self.block is not None:
            self._inside(line)
        elif self.time is None or not self._event(line, self.time):
            self._other(line)
        self.time = None

    def _stat(self, line: str) -> None:
        found = _STAT.match(line)
        if found and found[1] == "total":
            self.in_stats = False
        elif found:
            self.run.planned[found[1]] = int(found[2])

    def _event(self, line: str, time: datetime) -> bool:
        """Take a line behind a time; returns whether it was a job's."""
        if found := _STARTED.match(line):
            self._start(int(found[1]), time).message = found[2]
        elif found := _FINISHED.match(line):
            job = self._job(int(found[1]))
            job.state, job.rule, job.ended = "done", found[2], time
        elif found := _ERROR.match(line):
            self.block, self.block_time = ("error", found[1]), time
        elif found := _RULE.match(line):
            self.block, self.block_time = ("rule", found[1]), time
        else:
            return False
        return True

    def _inside(self, line: str) -> None:
        """Take a line of a job's or an error's description."""
        kind, rule = self.block or ("", "")
        if not line.startswith(" ") and self.failing is not None:
            self.block = None
            self._other(line)
        elif kind == "error" and self.failing is None and (found := _MESSAGE.match(line)):
            # It may go on over lines without indent, up to the job's id.
            self.message = "" if found[1] == "None" else found[1]
        elif (found := _JOB_ID.match(line)) and self.failing is None:
            number = int(found[1])
            if kind == "error":
                job = self.failing = self._job(number)
                job.state, job.ended = "failed", self.block_time
                job.error, self.message = self.message, ""
            else:
                job = self.failing = self._start(number, self.block_time)
            job.rule = rule
        elif (found := _LOG.match(line)) and self.failing is not None and kind == "error":
            self.failing.logs = found[1].split(", ")

    def _other(self, line: str) -> None:
        """Take a line that stands for itself."""
        if found := _HEADER.match(line):
            self._head(found[1], found[2])
        elif found := _SUBMITTED.search(line):
            self._job(int(found[1])).slurm = (found[2], found[3])
        elif found := _RESTART.match(line):
            self._job(int(found[1])).state = "waiting"
        elif line.startswith("Complete log"):
            self.run.ended = True

    def _head(self, key: str, value: str) -> None:
        if key == "Host":
            self.run.host = self.run.host or value
        elif key == "Snakemake version":
            self.run.version = self.run.version or value
        elif key == "Date" and self.run.started is None:
            self.run.started = datetime.fromisoformat(value)

    def _start(self, number: int, time: datetime) -> LoggedJob:
        job = self._job(number)
        job.state, job.started, job.ended = "running", time, None
        job.attempts += 1
        return job

    def _job(self, number: int) -> LoggedJob:
        return self.run.jobs.setdefault(number, LoggedJob(number))
