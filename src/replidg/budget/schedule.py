"""How long a plan takes on some GPUs: list scheduling, and the longest chain of jobs."""

from __future__ import annotations

import heapq
from collections.abc import Sequence


def tails(durations: Sequence[float], before: Sequence[Sequence[int]]) -> list[float]:
    """Return, for each job, the time from its start to the end of the longest chain behind it.

    Args:
        durations: of the jobs.
        before: jobs that each job waits for.

    Raises:
        ValueError: jobs wait for each other.
    """
    behind: list[list[int]] = [[] for _ in durations]
    for job, needed in enumerate(before):
        for other in needed:
            behind[other].append(job)
    left = [len(jobs) for jobs in behind]
    ready = [job for job, count in enumerate(left) if not count]
    found = [0.0] * len(durations)
    done = 0
    while ready:
        job = ready.pop()
        done += 1
        found[job] = durations[job] + max((found[other] for other in behind[job]), default=0.0)
        for other in before[job]:
            left[other] -= 1
            if not left[other]:
                ready.append(other)
    if done < len(durations):
        raise ValueError("the jobs of the plan wait for each other in a circle")
    return found


def critical_path(durations: Sequence[float], before: Sequence[Sequence[int]]) -> float:
    """Return the longest chain of jobs: no number of GPUs is faster."""
    return max(tails(durations, before), default=0.0)


def makespan(
    durations: Sequence[float],
    gpus: Sequence[int],
    before: Sequence[Sequence[int]],
    available: int,
) -> float:
    """Return the time until the last job ends, by list scheduling.

    Jobs with the longest chain behind them go first; jobs without a GPU wait for nothing but their
    inputs. A job that wants more GPUs than there are takes all of them, so much longer.

    Args:
        durations: of the jobs.
        gpus: that each takes.
        before: jobs that each waits for.
        available: GPUs at a time.
    """
    needs = [min(need, available) for need in gpus]
    lengths = [
        length * need / own if own else length
        for length, need, own in zip(durations, gpus, needs, strict=True)
    ]
    rank = tails(lengths, before)
    behind: list[list[int]] = [[] for _ in lengths]
    left = [len(jobs) for jobs in before]
    for job, needed in enumerate(before):
        for other in needed:
            behind[other].append(job)
    waiting: list[tuple[float, int]] = []
    running: list[tuple[float, int]] = []
    now, free = 0.0, available
    ready = [job for job, count in enumerate(left) if not count]
    while True:
        for job in ready:
            if needs[job]:
                heapq.heappush(waiting, (-rank[job], job))
            else:
                heapq.heappush(running, (now + lengths[job], job))
        # The first in rank starts first: a large job is not overtaken for ever.
        while waiting and needs[waiting[0][1]] <= free:
            _, job = heapq.heappop(waiting)
            free -= needs[job]
            heapq.heappush(running, (now + lengths[job], job))
        if not running:
            return now
        now, job = heapq.heappop(running)
        free += needs[job]
        ready = []
        for other in behind[job]:
            left[other] -= 1
            if not left[other]:
                ready.append(other)
