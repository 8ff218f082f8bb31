"""The budget as rows, for the csv file and the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from replidg.budget import schedule, storage
from replidg.budget.estimate import Estimate, estimates
from replidg.budget.plan import Job, dependencies
from replidg.budget.times import Interval, Measured, cores, seconds
from replidg.config import Config

COLUMNS = ("section", "item", "quantity", "gpu", "gpus", "low", "high", "unit", "source")
ALL = "total"


class Row(NamedTuple):
    """One figure.

    Attributes:
        section: rule, paper, wall time, disk, download, missing or not estimated.
        item: of the section: a rule, a paper, a data set.
        quantity: what is counted.
        gpu: GPU model, where it depends on one.
        gpus: number of GPUs, where it depends on that.
        low: smallest value; None: not known.
        high: largest value.
        unit: of both.
        source: where the figure comes from.
    """

    section: str
    item: str
    quantity: str
    gpu: str
    gpus: str
    low: float | None
    high: float | None
    unit: str
    source: str


@dataclass(frozen=True)
class Budget:
    """A plan with its figures.

    Attributes:
        found: jobs and their work.
        rows: every figure.
        missing: what a real run would stop for.
    """

    found: list[Estimate]
    rows: list[Row]
    missing: list[storage.Missing]


def make(
    config: Config,
    jobs: Sequence[Job],
    models: Sequence[str],
    numbers: Sequence[int],
    measured: Sequence[Measured] = (),
) -> Budget:
    """Return the budget of a plan.

    Args:
        config: that it was planned with.
        jobs: of the plan.
        models: GPU models.
        numbers: of GPUs, for the wall time.
        measured: speeds that override the published ones.
    """
    found = estimates(config, jobs)
    rows = [*_job_rows(found)]
    before = dependencies(jobs)
    for gpu in models:
        times = [seconds(each, gpu, measured) for each in found]
        for section, key in (("rule", _rule), ("paper", _paper), ("total", _all)):
            rows += _hours(section, key, found, times, gpu)
        rows += _wall(found, times, before, gpu, numbers)
    rows += _amounts("download", storage.downloads(config, found))
    rows += _amounts("disk", storage.disk(config, found))
    lacking = storage.missing(config, jobs)
    rows += [
        Row(
            "missing", m.name, "what to do", "", "", None, None, m.access, " ".join(m.steps.split())
        )
        for m in lacking
    ]
    return Budget(found, rows, lacking)


def _rule(each: Estimate) -> str:
    return each.job.rule


def _paper(each: Estimate) -> str:
    return each.paper


def _all(each: Estimate) -> str:
    return ALL


def groups(found: Iterable[Estimate], key: Callable[[Estimate], str]) -> dict[str, list[int]]:
    """Return the places of jobs by a key, in order of appearance."""
    grouped: dict[str, list[int]] = {}
    for place, each in enumerate(found):
        grouped.setdefault(key(each), []).append(place)
    return grouped


def _job_rows(found: Sequence[Estimate]) -> Iterator[Row]:
    """Yield numbers of jobs, and the GPU jobs whose work nobody knows."""
    for section, key in (("rule", _rule), ("paper", _paper), ("total", _all)):
        for item, places in groups(found, key).items():
            number = len(places)
            yield Row(section, item, "jobs", "", "", number, number, "jobs", "dry run")
    unknown = [each for each in found if each.reason]
    for item, places in groups(unknown, lambda each: f"{each.job.rule}: {each.reason}").items():
        limits = [unknown[place].job.limit_minutes for place in places]
        most = sum(limits) / 60 if None not in limits else None
        told = "not estimated; `high` is the sum of their time limits"
        yield Row("not estimated", item, "job-hours", "", "", None, most, "h", told)


def _hours(
    section: str,
    key: Callable[[Estimate], str],
    found: Sequence[Estimate],
    times: Sequence[tuple[Interval, str] | None],
    gpu: str,
) -> Iterator[Row]:
    """Yield GPU-hours and CPU-hours of each group of jobs whose time is known."""
    for item, places in groups(found, key).items():
        timed = [(found[p], *times[p]) for p in places if times[p] is not None]
        lacking = sum(found[p].job.gpus > 0 and times[p] is None for p in places)
        sources = "; ".join(dict.fromkeys(source for *_, source in timed))
        sources += f"; without {lacking} GPU jobs that are not estimated" if lacking else ""
        used = {
            "GPU-hours": [(time, each.job.gpus) for each, time, _ in timed],
            "CPU-hours": [(time, cores(each)) for each, time, _ in timed],
        }
        for name, parts in used.items():
            low = sum(time.low * number for time, number in parts) / 3600
            high = sum(time.high * number for time, number in parts) / 3600
            if high:
                yield Row(section, item, name, gpu, "", low, high, "h", sources)


def _wall(
    found: Sequence[Estimate],
    times: Sequence[tuple[Interval, str] | None],
    before: Sequence[Sequence[int]],
    gpu: str,
    numbers: Sequence[int],
) -> Iterator[Row]:
    """Yield the time until the last job ends, by number of GPUs, and the longest chain."""
    lengths = [
        [0.0 if time is None else getattr(time[0], end) for time in times]
        for end in ("low", "high")
    ]
    needs = [each.job.gpus for each in found]
    told = "list scheduling of the plan; jobs without an estimate count as no time"
    low, high = (schedule.critical_path(each, before) / 3600 for each in lengths)
    yield Row("wall time", ALL, "critical path", gpu, "", low, high, "h", "longest chain of jobs")
    largest = max(needs, default=0)
    for number in numbers:
        source = told
        if largest > number:
            source += f"; jobs of {largest} GPUs counted as that much longer on {number}"
        low, high = (schedule.makespan(each, needs, before, number) / 3600 for each in lengths)
        yield Row("wall time", ALL, "wall time", gpu, str(number), low, high, "h", source)


def _amounts(section: str, amounts: Iterable[storage.Amount]) -> Iterator[Row]:
    for amount in amounts:
        low, high = amount.size or (None, None)
        yield Row(section, amount.item, amount.kind, "", "", low, high, "bytes", amount.source)
