"""Pairs of image and label: who belongs to whom, who has to go, and work on many of them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from replidg.data.convert.label_maps import LabelError
from replidg.data.convert.tree import check_share
from replidg.progress import tracked

logger = logging.getLogger(__name__)
#: More threads than this wait for the disk only.
MOST_THREADS = 16


class Matched(NamedTuple):
    """Names without suffix: those that image and label have, and the others by reason."""

    both: list[str]
    dropped: dict[str, list[str]]


def match(images: set[str], labels: set[str]) -> Matched:
    """Return which names have an image and a label."""
    reasons = {
        "image without label": sorted(images - labels),
        "label without image": sorted(labels - images),
    }
    return Matched(sorted(images & labels), {why: names for why, names in reasons.items() if names})


def work_off(matched: Matched, task: Callable[[str], None], what: str) -> Matched:
    """Do `task` for every pair, in threads; pairs of which it cannot use the label are dropped.

    Decoding and compressing release Python's lock, so threads use all cores.

    Args:
        matched: the pairs.
        task: takes a name; raises LabelError with the reason to drop the pair.
        what: name of the work, for the progress.
    """

    def attempt(name: str) -> str | None:
        try:
            task(name)
        except LabelError as error:
            return str(error)
        return None

    dropped = {why: list(names) for why, names in matched.dropped.items()}
    kept = []
    threads = min(MOST_THREADS, len(os.sched_getaffinity(0)))
    with ThreadPoolExecutor(threads) as pool:
        results = tracked(pool.map(attempt, matched.both), len(matched.both), what, "pairs")
        for name, reason in zip(matched.both, results, strict=True):
            if reason is None:
                kept.append(name)
            else:
                dropped.setdefault(reason, []).append(name)
    return Matched(kept, dropped)


def report(matched: Matched, most_dropped: float, what: str) -> dict[str, Any]:
    """Log the names of dropped pairs and return the facts.

    Args:
        matched: what became of the pairs.
        most_dropped: largest accepted share.
        what: data set and part.

    Raises:
        ConversionError: more were dropped.
    """
    for reason, names in matched.dropped.items():
        logger.warning("%s: dropped %d pairs, %s: %s", what, len(names), reason, names)
    lost = [f"{name}: {why}" for why, names in matched.dropped.items() for name in names]
    total = len(matched.both) + len(lost)
    check_share(lost, total, most_dropped, f"{what}: pairs had to be dropped", "most_dropped")
    return {"images": len(matched.both), "dropped": matched.dropped}
