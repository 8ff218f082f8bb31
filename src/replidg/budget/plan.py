"""The jobs of a dry run: Snakemake is started as a child, and a logger plugin writes them down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = ROOT / "tools" / "plugins"
#: More than a job asks for: Snakemake cuts its threads down to the cores of the run.
CORES = "4096"


class PlanError(Exception):
    """The dry run failed; says what Snakemake said."""


@dataclass(frozen=True)
class Job:
    """One job of the plan.

    Attributes:
        rule: its rule; of rules that a loop makes, the name that they share.
        name: which of the rule's jobs it is, as its benchmark file is called.
        wildcards: by name.
        inputs: files that it reads.
        outputs: files that it writes.
        threads: CPU threads that it takes.
        gpus: GPUs that it takes, over all nodes.
        limit_minutes: time limit that it asks for; None: none.
    """

    rule: str
    name: str
    wildcards: dict[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    threads: int = 1
    gpus: int = 0
    limit_minutes: int | None = None


def plan(
    targets: Sequence[str],
    configfiles: Iterable[Path],
    everything: bool = False,
    options: Sequence[str] = (),
    folder: Path = Path(),
) -> list[Job]:
    """Return the jobs that are to do, as if all that needs a log-in or labels were there.

    Args:
        targets: as for a run; none: the default.
        configfiles: overlays on config.yaml.
        everything: count finished jobs too.
        options: further options of Snakemake.
        folder: the working directory, with config.yaml.

    Raises:
        PlanError: Snakemake could not plan.
    """
    if not PLUGINS.is_dir():
        raise PlanError(
            f"{PLUGINS} is missing: the budget needs the checkout, not the package alone"
        )
    with tempfile.TemporaryDirectory() as temporary:
        jobs = Path(temporary) / "jobs.jsonl"
        command = [sys.executable, "-m", "snakemake", *targets, "--dry-run", "--cores", CORES]
        command += ["--snakefile", str(ROOT / "Snakefile"), "--quiet", "all", "--nolock"]
        command += ["--logger", "replidg-jobs", "--logger-replidg-jobs-file", str(jobs)]
        command += ["--forceall"] if everything else []
        command += [*options, "--config", "planning=true"]
        paths = [str(path) for path in configfiles]
        command += ["--configfile", *paths] if paths else []
        done = subprocess.run(
            command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode or not jobs.is_file():
            told = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise PlanError("the dry run failed:\n" + "\n".join(told[-15:]))
        return list(read(jobs))


def _environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name != "SNAKEMAKE_PROFILE"}
    paths = [str(PLUGINS), own.get("PYTHONPATH", "")]
    return own | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def read(path: Path) -> Iterator[Job]:
    """Yield the jobs of a file of the plugin."""
    for line in path.read_text().splitlines():
        yield _job(json.loads(line))


def _job(found: dict[str, Any]) -> Job:
    benchmark = Path(found["benchmark"]) if found["benchmark"] else None
    asked = found["resources"]
    return Job(
        rule=benchmark.parent.name if benchmark else found["rule"],
        name=benchmark.stem if benchmark else found["rule"],
        wildcards=found["wildcards"],
        inputs=tuple(found["input"]),
        outputs=tuple(found["output"]),
        threads=found["threads"],
        gpus=asked.get("gpu", 0) * asked.get("nodes", 1),
        limit_minutes=asked.get("runtime"),
    )


def dependencies(jobs: Sequence[Job]) -> list[list[int]]:
    """Return, for each job, the places of the jobs that make its inputs."""
    makers = {path: place for place, job in enumerate(jobs) for path in job.outputs}
    return [sorted({makers[path] for path in job.inputs if path in makers}) for job in jobs]
