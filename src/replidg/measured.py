"""What the jobs of a run took: Snakemake's benchmark files, sizes of outputs, the jobs' own logs.

The workflow writes the list of its jobs when it starts (`write_jobs`); `kinds` puts those that do
the same to different data (another target, seed or data set) into one row.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from replidg.files import whole_file, write_json
from replidg.progress import Measured, read_measured

JOBS = Path("logs/jobs.json")
CSV = Path("results/measured.csv")
#: Wildcards that say what a job reads, not what it does.
DATA = frozenset(
    {
        "dataset", "domain", "part", "preprocessing", "prompts", "runs", "seed", "sets", "split",
        "target", "tested", "variant",
    }
)  # fmt: skip
MB = 2**20


@dataclass(frozen=True)
class Job:
    """A job of the last run.

    Attributes:
        rule: its rule; of rules that were made in a loop the folder of their benchmark files.
        name: its wildcards, or its place in the loop; empty where there is only one.
        log: of the job.
        benchmark: Snakemake's measurement, written when a job ends well.
        outputs: declared, less those that Snakemake removes by itself.
        failed: Snakemake saw it fail.
    """

    rule: str
    name: str
    log: Path
    benchmark: Path
    outputs: tuple[Path, ...]
    failed: bool = False


@dataclass(frozen=True)
class Kind:
    """A row of the table: jobs that do the same.

    Attributes:
        rule: see `Job`.
        job: what tells it from the rule's other kinds.
        jobs: how many of them ended well; the means below are over these.
        failed: how many failed, or had begun when the run was stopped.
        not_reached: how many did not begin.
        device: GPU or cpu, as their logs have it; empty where these say nothing.
        seconds: wall time of a job, with the start of Python.
        cpu_seconds: of all its processes.
        unit: what the longest work in their logs counted: steps, images.
        units: of all jobs together.
        seconds_a_unit: over units after the first, where there are such.
        images_a_unit: images in one, where known.
        peak_memory_mb: most of any job, all its processes together (MiB, resident).
        peak_gpu_mb: most of any job that torch held (MiB).
        output_mb: declared outputs of a job (MiB).
    """

    rule: str
    job: str
    jobs: int
    failed: int
    not_reached: int
    device: str = ""
    seconds: float | None = None
    cpu_seconds: float | None = None
    unit: str = ""
    units: int | None = None
    seconds_a_unit: float | None = None
    images_a_unit: float | None = None
    peak_memory_mb: float | None = None
    peak_gpu_mb: float | None = None
    output_mb: float | None = None


def write_jobs(rows: Iterable[dict[str, Any]], scale: str, path: Path = JOBS) -> None:
    """Write the list of a run's jobs, with those that earlier runs of the scale asked for.

    Args:
        rows: `rule`, `wildcards`, `log`, `benchmark`, `outputs`, and `failed` of each job.
        scale: name of the configuration's scale.
        path: file to write.
    """
    before = _content(path)
    known = before["jobs"] if before.get("scale") == scale else []
    found = {row["benchmark"]: row for row in [*known, *rows]}
    write_json(path, {"scale": scale, "jobs": list(found.values())})


def read_jobs(path: Path = JOBS) -> list[Job]:
    """Return the jobs of the last run.

    Raises:
        FileNotFoundError: no run has begun here.
    """
    if not path.exists():
        raise FileNotFoundError(f"no {path}; a run writes it when it begins")
    return [_job(row) for row in _content(path)["jobs"]]


def kinds(jobs: Iterable[Job]) -> list[Kind]:
    """Return a row for each kind of job, in the order of the jobs."""
    grouped: dict[tuple[str, str], list[Job]] = defaultdict(list)
    for job in jobs:
        grouped[job.rule, job.name].append(job)
    return [_kind(rule, name, group) for (rule, name), group in grouped.items()]


def write_csv(rows: Sequence[Kind], path: Path = CSV) -> None:
    """Write the table."""
    with whole_file(path) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Kind)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def _content(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def _job(row: dict[str, Any]) -> Job:
    benchmark = Path(row["benchmark"])
    kept = {key: value for key, value in row["wildcards"].items() if key not in DATA}
    name = ", ".join(f"{key}={value}" for key, value in kept.items())
    # Rules without wildcards that a loop makes differ in their benchmark's name.
    if not row["wildcards"] and benchmark.stem != "all":
        name = benchmark.stem
    outputs = tuple(map(Path, row["outputs"]))
    return Job(
        benchmark.parent.name, name, Path(row["log"]), benchmark, outputs, row.get("failed", False)
    )


def _kind(rule: str, name: str, jobs: list[Job]) -> Kind:
    done = [job for job in jobs if _passed(job)]
    begun = [job for job in jobs if job not in done and (job.failed or job.log.exists())]
    row = Kind(rule, name, len(done), len(begun), len(jobs) - len(done) - len(begun))
    if not done:
        return row
    times = [_benchmark(job.benchmark) for job in done]
    works = [work for job in done for work in _works(job.log)]
    sizes = [sum(map(_size, job.outputs)) / MB for job in done]
    peaks = [work.peak_gpu_mb for work in works if work.peak_gpu_mb is not None]
    devices = dict.fromkeys(work.device for work in works if work.device != "cpu")
    measured = {
        "device": " + ".join(devices) or ("cpu" if works else ""),
        "seconds": _mean([time.get("s") for time in times]),
        "cpu_seconds": _mean([time.get("cpu_time") for time in times]),
        "peak_memory_mb": max((t["max_rss"] for t in times if t.get("max_rss")), default=None),
        "peak_gpu_mb": max(peaks, default=None),
        "output_mb": _mean(sizes),
        **_units(works),
    }
    return Kind(**(asdict(row) | measured))


def _passed(job: Job) -> bool:
    return not job.failed and job.benchmark.exists() and all(p.exists() for p in job.outputs)


def _units(works: list[Measured]) -> dict[str, Any]:
    """Return unit, units and the time of one, of the work that took longest."""
    seconds: dict[str, float] = defaultdict(float)
    for work in works:
        seconds[work.unit] += work.seconds
    if not seconds:
        return {}
    # Where there are steps, they are what is asked for, however long was decoded or predicted.
    unit = "steps" if "steps" in seconds else max(seconds, key=lambda each: seconds[each])
    chosen = [work for work in works if work.unit == unit]
    units, later = sum(w.units for w in chosen), sum(w.later_units for w in chosen)
    time = sum(w.later_seconds for w in chosen) if later else seconds[unit]
    images = {work.images_a_unit for work in chosen}
    return {
        "unit": unit,
        "units": units,
        "seconds_a_unit": round(time / (later or units), 6) if later or units else None,
        "images_a_unit": images.pop() if len(images) == 1 else None,
    }


def _works(log: Path) -> list[Measured]:
    if not log.exists():
        return []
    with open(log, errors="replace") as file:
        return list(read_measured(file))


def _benchmark(path: Path) -> dict[str, float]:
    """Return the numbers of Snakemake's file; what a short job could not measure is left out."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    found = {}
    for key in ("s", "max_rss", "cpu_time"):
        text = rows[-1].get(key) if rows else None
        if text and text not in ("-", "NA"):
            found[key] = float(text)
    return found


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 3) if known else None


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
    return path.stat().st_size
