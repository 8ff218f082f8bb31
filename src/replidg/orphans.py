"""Slurm jobs that outlived the Snakemake that submitted them, and are in the way of the next run.

A Snakemake that is killed leaves its jobs behind: they go on, and those that wait still start. The
next run would submit the same work again, and two jobs would write the same files. So a run ends
such jobs before it submits its own; a training among them saves a checkpoint and is resumed.

Snakemake logs the name of its Slurm jobs in `.snakemake/log`. A run holds a lock on its own log
for as long as it lives, so a job is an orphan if its name stands in a log that nobody has locked.
"""

from __future__ import annotations

import fcntl
import getpass
import logging
import platform
import re
import shutil
import subprocess
import time
from pathlib import Path

logger = logging.getLogger(__name__)
#: As `slurm-jobname-prefix` of the profile and the plugin's run id make it.
RUN_NAME = re.compile(r"replidg_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PATIENCE_S = 300.0  # a stopped training may write a large checkpoint


class OrphanError(Exception):
    """There are jobs of another run, and nothing here can tell whether it lives."""


def end(log: Path) -> None:
    """Mark this run as alive, and cancel the Slurm jobs of dead runs of its folder.

    Nothing happens where there is no Slurm.

    Args:
        log: Snakemake's own log of this run, in the folder with those of the runs before.

    Raises:
        OrphanError: a run of another machine left jobs, or cancelled jobs do not go.
    """
    if not log.is_file() or shutil.which("squeue") is None:
        return
    lock(log)
    known = runs_of(log.parent)
    # A folder that never used Slurm does not ask it: a machine may have its client alone.
    names = {name for _, name in queued()} if known else set()
    dead = [name for name, other in known.items() if name in names and not lives(name, other)]
    if not dead:
        return
    # scancel sends SIGTERM first, at which a training saves what it has.
    logger.warning("cancelling Slurm jobs of a run that was killed: %s", ", ".join(dead))
    for name in dead:
        _slurm("scancel", f"--name={name}", f"--user={getpass.getuser()}")
    until = time.monotonic() + PATIENCE_S
    while any(name in dead for _, name in queued()):
        if time.monotonic() > until:
            raise OrphanError(
                f"jobs of a killed run do not end; wait until `squeue --name={','.join(dead)}` "
                "shows none, and start again"
            )
        time.sleep(1.0)


def lock(log: Path) -> bool:
    """Lock a run's log until this process ends; tell whether nobody else has it.

    A file system without locks counts as if nobody had.
    """
    file = log.open("r+b")  # NFS wants a lock for writing on a file to write
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    except OSError as error:
        logger.warning("%s cannot be locked (%s); do not start two runs here at once", log, error)
    _held.append(file)
    return True


_held: list[object] = []  # closed with the process, however it ends


def lives(name: str, log: Path) -> bool:
    """Tell whether a run of this folder goes on.

    Raises:
        OrphanError: it was started on another machine, whose locks may not be seen here.
    """
    if not lock(log):
        return True
    host, _ = read(log)
    if host == platform.node():
        return False
    raise OrphanError(
        f"Slurm still has jobs of a run that was started here on {host} "
        f"({log}). If that run goes on, wait for it; if it was killed, end its jobs "
        f"by `scancel --name={name}` and start again"
    )


def queued() -> list[tuple[str, str]]:
    """Return id and name of the user's jobs in Slurm's queue that a run here submitted."""
    user = f"--user={getpass.getuser()}"
    lines = _slurm("squeue", user, "--noheader", "--format=%i %j").splitlines()
    jobs = [line.split(maxsplit=1) for line in lines if line.strip()]
    return [(job, name) for job, name in jobs if RUN_NAME.fullmatch(name.strip())]


def runs_of(logs: Path) -> dict[str, Path]:
    """Return the names of the runs on Slurm that a folder's logs know, with their logs."""
    found = {read(log)[1]: log for log in sorted(logs.glob("*.snakemake.log"))}
    found.pop("", None)
    return found


def read(log: Path) -> tuple[str, str]:
    """Return the machine that a run was started on, and its name in Slurm; empty if not said."""
    host = ""
    with log.open(errors="replace") as lines:
        for line in lines:
            key, _, value = line.strip().partition(": ")
            if key.lower() == "host":
                host = value
            elif key == "SLURM run ID":
                return host, value
    return host, ""


def _slurm(*command: str) -> str:
    """Run a command of Slurm and return what it prints; nothing where its controller is away."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        logger.warning("%s failed: %s", " ".join(command), done.stderr.strip())
    return done.stdout
