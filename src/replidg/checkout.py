"""Let the jobs of a run import the package that the run was started with."""

from __future__ import annotations

import os
from pathlib import Path


def offer_to_jobs() -> None:
    """Put this package's folder first on the path of every process that is started from here.

    A clone in one's own environment then works without installing it, and an older installed
    replidg is never used by mistake.
    """
    # Imports ask torch whether there is a GPU; asked so, it does not start CUDA yet, which would
    # fix the GPUs that it sees before `devices.take` has chosen.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    folder = str(Path(__file__).parents[1])
    paths = [folder, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path for path in paths if path))
