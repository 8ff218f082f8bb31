"""Seconds of a job on a GPU model: published peaks, stated assumptions, or what was measured."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from replidg.budget.estimate import Estimate
from replidg.budget.plan import Job
from replidg.budget.work import FOLDER, Work

#: Wildcards that decide which network a job trains, and how.
TYPES = ("model", "method", "arm")
#: What is shorter says little: a rehearsal's two steps of a few images are bound by launches.
LEAST_UNITS, LEAST_S = 10, 1.0
FORMULA = "operations / (published peak x assumed share), or decoding where that is slower"


class Interval(NamedTuple):
    """Lowest and highest value."""

    low: float
    high: float

    def __mul__(self, factor: float) -> Interval:  # type: ignore[override]
        """Return both, times a number."""
        return Interval(self.low * factor, self.high * factor)


class Measured(NamedTuple):
    """A row of results/measured.csv that tells a speed.

    Attributes:
        rule: of the job.
        parts: of the job's name.
        device: name of the GPU, as its driver says.
        seconds_an_image: of the optimiser's steps, or of a forward pass.
    """

    rule: str
    parts: frozenset[str]
    device: str
    seconds_an_image: float


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (FOLDER / name).open() as file:
        yield from csv.DictReader(file)


@cache
def peaks() -> dict[str, dict[str, tuple[float, str]]]:
    """Return operations a second and their source by GPU model and number format."""
    found: dict[str, dict[str, tuple[float, str]]] = {}
    for row in _rows("gpus.csv"):
        value = (1e12 * float(row["teraflops"]), row["source"])
        found.setdefault(row["gpu"], {})[row["precision"]] = value
    return found


@cache
def assumption(name: str) -> Interval:
    """Return a stated assumption (assumptions.csv)."""
    rows = {row["name"]: row for row in _rows("assumptions.csv")}
    return Interval(float(rows[name]["low"]), float(rows[name]["high"]))


@cache
def rates() -> dict[str, float]:
    """Return images that a core reads in a second, by kind (rates.csv)."""
    return {row["kind"]: float(row["images_a_core_second"]) for row in _rows("rates.csv")}


def peak(gpu: str, precision: str) -> tuple[float, str]:
    """Return a GPU's operations a second in the fastest format it has that is asked for."""
    known = peaks()[gpu]
    return known[precision] if precision in known else known["fp32"]


def read_measured(path: Path) -> list[Measured]:
    """Return the speeds of results/measured.csv; none where there is no such file.

    Jobs of fewer than `LEAST_UNITS` steps or images, or less than `LEAST_S`, tell none.

    Raises:
        ValueError: a column is missing.
    """
    if not path.is_file():
        return []
    wanted = {"rule", "job", "device", "units", "seconds_a_unit", "images_a_unit"}
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        missing = wanted - set(reader.fieldnames or [])
        if missing:
            raise ValueError(
                f"{path} lacks {', '.join(sorted(missing))}: make it anew by ./replidg measured"
            )
        return [found for row in reader if (found := _measured(row)) is not None]


def _measured(row: Mapping[str, str]) -> Measured | None:
    try:
        units, images = float(row["units"]), float(row["images_a_unit"])
        seconds = float(row["seconds_a_unit"])
    except ValueError:  # a job that counts no images
        return None
    if images <= 0 or units < LEAST_UNITS or seconds * units < LEAST_S:
        return None
    return Measured(row["rule"], name_parts(row["job"]), row["device"], seconds / images)


def name_parts(name: str) -> frozenset[str]:
    """Return the words of a job's name, as a file or as wildcards write it."""
    for mark in (".", ",", "=", " "):
        name = name.replace(mark, "/")
    return frozenset(name.split("/"))


def matching(measured: Iterable[Measured], job: Job, gpu: str) -> Measured | None:
    """Return a measurement on this GPU of the same rule, model, method and arm."""
    wanted = {
        part for key in TYPES if key in job.wildcards for part in name_parts(job.wildcards[key])
    }
    device = gpu.replace("RTX", "").lower()
    for row in measured:
        if row.rule == job.rule and wanted <= row.parts and device in row.device.lower():
            return row
    return None


def cores(estimate: Estimate) -> int:
    """Return the cores that a job takes.

    One of a single thread with many decoding processes has not said it: as many as those.
    """
    threads, work = estimate.job.threads, estimate.work
    return max(threads, work.processes if work and threads == 1 else 1)


def decoding(estimate: Estimate, work: Work) -> Interval:
    """Return seconds that the decoding processes of a job need."""
    beside = min(work.processes, cores(estimate))
    seconds = sum(count / rates()[kind] for kind, count in work.read.items()) / beside
    speed = assumption("core_speed")
    return Interval(seconds / speed.high, seconds / speed.low)


def seconds(
    estimate: Estimate, gpu: str, measured: Iterable[Measured] = ()
) -> tuple[Interval, str] | None:
    """Return the seconds of a job and their source; None where no computation is known of it."""
    work, job = estimate.work, estimate.job
    if work is None or not work.passes:
        return None
    start = assumption("start_seconds")
    speed, source = peak(gpu, work.precision)
    share = assumption(f"share_{work.precision}")
    number = max(1, job.gpus)
    found = matching(measured, job, gpu)
    # Evaluation between the measured steps is computed all the same.
    rest = sum(p.flop for p in work.passes if not (found and _counted(work, p.trained)))
    known = work.images * found.seconds_an_image if found else 0.0
    at_least = decoding(estimate, work)
    low = max(known + rest / (speed * share.high * number), 0 if found else at_least.low)
    high = max(known + rest / (speed * share.low * number), 0 if found else at_least.high)
    told = f"measured on {found.device}" if found else f"{FORMULA}; {source}"
    return Interval(low + start.low, high + start.high), told


def _counted(work: Work, trained: bool) -> bool:
    """Tell whether a pass is among those whose images a job's progress counts."""
    return trained or not any(each.trained for each in work.passes)
