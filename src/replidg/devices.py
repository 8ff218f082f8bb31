"""GPUs of a machine without a scheduler: each job takes as many as it asked for, for itself.

Snakemake limits how many jobs with a GPU run at once, but says to none which GPU is its own. So
each job locks its GPUs' files before it uses one, and is shown no others. The operating system
ends the locks with the process, however it ends. Where a scheduler has already shown a job just
the GPUs that it may use, nothing happens.
"""

from __future__ import annotations

import csv
import fcntl
import getpass
import logging
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

logger = logging.getLogger(__name__)
VISIBLE = "CUDA_VISIBLE_DEVICES"
POLL_S, SAY_EVERY_S = 1.0, 60.0
_held: list[int] = []  # file descriptors; open until the process ends


def take(count: int) -> None:
    """Make `count` of the GPUs that this process sees its own; the others become invisible.

    Waits while other jobs of the user have them. To be called before CUDA starts. Nothing happens
    if the process sees no more GPUs than it wants, which is so where a scheduler handed them out.

    Args:
        count: how many the job asked for.
    """
    seen = visible(os.environ)
    if count < 1 or len(seen) <= count:
        return
    own = wait_for(seen, count, lock_folder())
    os.environ[VISIBLE] = ",".join(own)
    logger.info("using GPU %s", os.environ[VISIBLE])


def visible(environ: Mapping[str, str]) -> list[str]:
    """Return the GPUs that a process sees, as CUDA_VISIBLE_DEVICES names them."""
    listed = _installed()
    if VISIBLE not in environ:
        return list(listed.values())
    # Numbers become the names that do not depend on who counts; what nobody knows stays as it is.
    names = [name.strip() for name in environ[VISIBLE].split(",") if name.strip()]
    return [listed.get(name, name) for name in names]


def _installed() -> dict[str, str]:
    """Return number -> uuid of the machine's NVIDIA GPUs."""
    if shutil.which("nvidia-smi") is None:
        return {}
    query = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    if done.returncode:
        logger.warning("nvidia-smi failed, so no GPU is set apart: %s", done.stdout.strip())
        return {}
    rows = csv.reader(done.stdout.splitlines(), skipinitialspace=True)
    return {number: uuid for number, uuid in rows}


def lock_folder() -> Path:
    """Return the user's folder of locks on this machine."""
    # Not $TMPDIR: it may be a folder of this job alone.
    root = next((Path(p) for p in ("/dev/shm", "/tmp") if os.access(p, os.W_OK)), None)
    folder = (root or Path(tempfile.gettempdir())) / f"replidg-gpus-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def wait_for(seen: Sequence[str], count: int, folder: Path) -> list[str]:
    """Lock `count` of the GPUs until this process and those that it forked have ended.

    One job chooses at a time, and keeps the turn until it has all it wants: a job with several
    GPUs is not overtaken for ever, and no two wait for each other.

    Args:
        seen: the GPUs.
        count: how many of them.
        folder: of the locks, the same for all jobs of the machine.
    """
    said = time.monotonic() - SAY_EVERY_S
    own: list[str] = []
    turn = os.open(folder / "turn", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        while True:
            for gpu in seen:
                if gpu not in own and _lock(folder, gpu):
                    own.append(gpu)
                if len(own) == count:
                    return own
            if time.monotonic() - said >= SAY_EVERY_S:
                said = time.monotonic()
                logger.info("waiting for %d of %d GPUs", count - len(own), len(seen))
            time.sleep(POLL_S)
    finally:
        os.close(turn)


def _lock(folder: Path, gpu: str) -> bool:
    file = os.open(folder / gpu, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    _held.append(file)
    return True
