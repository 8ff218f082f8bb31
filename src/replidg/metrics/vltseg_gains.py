"""How sure the numbers of arXiv 2312.02021 are: bootstrap over images, of runs and of differences.

A resample draws the images of each data set anew, the same ones for all arms and seeds, so that a
difference of two arms is paired. A mean over data sets resamples each on its own. None of this
knows how far another training would come out: for that there are seeds.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from replidg.metrics.segmentation import Areas, interval, resampled, seeds_mean
from replidg.metrics.tidy import tidy
from replidg.metrics.vltseg import AVERAGE, PAGES, PAPER, PARTIAL, Arm, Source, Tested

#: Studies whose arms are compared with the first of them, among those with the same encoder.
COMPARED = ("decoders", "language", "lambda", "prompts", "augmentation")
MEAN_NAMES = (AVERAGE, PARTIAL)


class Side(NamedTuple):
    """A network of a comparison: what it trained on, and its arm."""

    source: str
    arm: str


class Pair(NamedTuple):
    """Two networks, of which the first should be better or is new."""

    study: str
    first: Side
    second: Side


class Draws(NamedTuple):
    """A score and what it is on resampled images."""

    value: float
    drawn: np.ndarray
    n: int

    def __sub__(self, other: Draws) -> Draws:
        return Draws(self.value - other.value, self.drawn - other.drawn, self.n)


Scores = dict[Side, dict[str, Draws]]


def draw_scores(
    tested: Iterable[Tested], sources: Mapping[str, Source], resamples: int, seed: int
) -> Scores:
    """Return the score of every network on every data set, and its mean over targets.

    Args:
        tested: runs.
        sources: by name; a data set of the source is no target.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        For each source and arm, by data set and for the mean over targets (`AVERAGE`, or `PARTIAL`
        where not all four of the paper's were tested), the mean over seeds.
    """
    seen: dict[tuple[Side, str], list[Areas]] = defaultdict(list)
    for one in tested:
        seen[Side(one.source, one.arm), one.dataset].append(one.areas)
    scores: Scores = defaultdict(dict)
    for (side, dataset), runs in seen.items():
        count = len(runs[0].images)
        # A data set's resamples depend on its name and size alone: the same for all networks.
        weights = resampled(count, resamples, [seed, zlib.crc32(dataset.encode())])
        value = float(seeds_mean(runs))
        scores[side][dataset] = Draws(value, seeds_mean(runs, weights), count)
    for side, found in scores.items():
        targets = [page for page in PAGES if page not in sources[side.source].datasets]
        found |= _mean([found[page] for page in targets if page in found], len(targets))
    return dict(scores)


def _mean(draws: Sequence[Draws], wanted: int) -> dict[str, Draws]:
    if not draws:
        return {}
    name = AVERAGE if len(draws) == wanted else PARTIAL
    drawn = np.mean([each.drawn for each in draws], axis=0)
    value = float(np.mean([each.value for each in draws]))
    return {name: Draws(value, drawn, sum(each.n for each in draws))}


def interval_rows(scores: Scores, level: float) -> pd.DataFrame:
    """Return the score of each network with its interval, tidy.

    Returns:
        Rows of "intervals": `method` the arm, `setting` the source, metrics miou, low, high.
    """
    rows = []
    for side, found in scores.items():
        for dataset, draws in found.items():
            keys = {"dataset": dataset, "method": side.arm, "setting": side.source, "n": draws.n}
            low, high = interval(draws.drawn, level)
            values = {"miou": draws.value, "low": low, "high": high}
            rows += [keys | {"metric": name, "value": value} for name, value in values.items()]
    return tidy(pd.DataFrame(rows), paper=PAPER, artefact="intervals")


def pairs(
    arms: Mapping[str, Arm], sources: Mapping[str, Source], sides: Iterable[Side]
) -> list[Pair]:
    """Return every comparison that was run.

    Vision-language against vision-only pre-training, and full against frozen fine-tuning, among the
    arms of Table T1 with the same source; in the studies of `COMPARED` each arm against the first
    with the same encoder;
    in `multi_source` each source against the first of its kind (synthetic or real).

    Args:
        arms: by name, in the configuration's order.
        sources: by name.
        sides: networks that were tested.
    """
    there = list(dict.fromkeys(sides))
    found = []
    for source in sources:
        own = [name for name in arms if Side(source, name) in there]
        table = [name for name in own if "t1" in arms[name].studies]
        for study, wanted in (("pretraining", _pretraining), ("frozen", _frozen)):
            found += [
                Pair(study, Side(source, first), Side(source, second))
                for first in table
                for second in table
                if wanted(arms[first], arms[second])
            ]
        for study in COMPARED:
            members = [name for name in own if study in arms[name].studies]
            firsts: dict[str, str] = {}
            for name in members:
                first = firsts.setdefault(arms[name].encoder, name)
                if first != name:
                    found.append(Pair(study, Side(source, name), Side(source, first)))
    for name, arm in arms.items():
        if "multi_source" not in arm.studies:
            continue
        for kind in ("synthetic", "real"):
            same = [source for source, one in sources.items() if one.kind == kind]
            trained = [source for source in same if Side(source, name) in there]
            found += [
                Pair("multi_source", Side(source, name), Side(trained[0], name))
                for source in trained[1:]
            ]
    return found


def _pretraining(first: Arm, second: Arm) -> bool:
    kinds = first.pretraining, second.pretraining
    return kinds == ("vision_language", "vision") and not first.frozen and not second.frozen


def _frozen(first: Arm, second: Arm) -> bool:
    return first.encoder == second.encoder and not first.frozen and second.frozen


def gain_rows(
    scores: Scores, compared: Iterable[Pair], sources: Mapping[str, Source], level: float
) -> pd.DataFrame:
    """Return differences with intervals, on each data set and over the targets of both, tidy.

    Returns:
        Rows of "gains_<study>": `method` the first arm, `setting` "<its source>/<the other's
        source>/<the other arm>", metrics gain, low and high.
    """
    rows: list[dict[str, Any]] = []
    for pair in compared:
        first, second = scores[pair.first], scores[pair.second]
        gains = {d: first[d] - second[d] for d in first if d in second and d not in MEAN_NAMES}
        trained = {d for side in pair[1:] for d in sources[side.source].datasets}
        targets = [page for page in PAGES if page not in trained]
        gains |= _mean([gains[page] for page in targets if page in gains], len(targets))
        for dataset, gain in gains.items():
            low, high = interval(gain.drawn, level)
            keys = {
                "artefact": f"gains_{pair.study}", "dataset": dataset, "method": pair.first.arm,
                "setting": "/".join([pair.first.source, *pair.second]), "n": gain.n,
            }  # fmt: skip
            values = {"gain": gain.value, "low": low, "high": high}
            rows += [keys | {"metric": name, "value": value} for name, value in values.items()]
    columns = ["artefact", "dataset", "method", "setting", "n", "metric", "value"]
    return tidy(pd.DataFrame(rows, columns=columns), paper=PAPER)
