"""What a table of published numbers may hold, and the check of each line."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from replidg.config.names import nearest

COLUMNS = (
    "artefact", "dataset", "domain", "method", "setting", "split", "metric", "x",
    "value", "stderr", "n", "quality", "source", "note",
)  # fmt: skip
#: What names a number, in our tidy metrics too. `split` is told, but no two numbers differ in it
#: alone, so that a join with metrics that lack it is one to one.
KEYS = ("artefact", "dataset", "domain", "method", "setting", "metric", "x")

#: How a number was read, best first.
QUALITIES: dict[str, str] = {
    "table": "printed in a table of the paper (or of the README that `source` names)",
    "text": "printed in the running text",
    "poster": "printed on the authors' poster or project page",
    "quoted": "printed in another paper that quotes this one",
    "vector_figure": "taken from the coordinates of a vector figure",
    "digitised": "measured in a picture of a figure; the note says how well",
}
#: Digitised percentages may lie outside the range by their reading error.
READING_ERROR = 1.0


class Metric(NamedTuple):
    """A metric's range and meaning."""

    low: float
    high: float
    what: str
    whole: bool = False


#: Every share is in percent, as in our tidy metrics.
METRICS: dict[str, Metric] = {
    "accuracy": Metric(0, 100, "top-1 accuracy in percent"),
    "macro_f1": Metric(0, 100, "mean over classes of F1 in percent"),
    "worst_region_accuracy": Metric(0, 100, "top-1 accuracy in the worst region in percent"),
    "miou": Metric(0, 100, "mean intersection over union of 19 classes in percent"),
    "map": Metric(0, 100, "mean average precision in percent, threshold not stated"),
    "map50": Metric(0, 100, "mean average precision at IoU 0.5 in percent"),
    "rpd": Metric(0, 200, "100 x mean score on the targets / score on the source's validation set"),
    "ratio": Metric(0, 10, "accuracy of one model over that of another"),
    "precision": Metric(0, 100, "percent"),
    "recall": Metric(0, 100, "percent"),
    "share_percent": Metric(0, 100, "share of images in percent"),
    "dropped_percent": Metric(0, 100, "share of images that cleaning drops, in percent"),
    "mislabelled_percent": Metric(0, 100, "share of wrong labels in percent"),
    "best_rendition_fraction": Metric(0, 1, "share of renditions in the best mix"),
    "score": Metric(-1, 1, "cosine of an image and its label's text"),
    "mmd": Metric(0, 4, "maximum mean discrepancy"),
    "images": Metric(0, 1e12, "number of images", whole=True),
    "classes": Metric(0, 1e6, "number of classes", whole=True),
}


class PublishedError(ValueError):
    """A table of published numbers is wrong, or there is none of that name."""


class Names(NamedTuple):
    """The keys that one paper's table may use."""

    datasets: frozenset[str]
    domains: Mapping[str, frozenset[str]]
    methods: frozenset[str]


def read_rows(path: Path, names: Names) -> list[dict[str, str]]:
    """Read and check one csv.

    Args:
        path: the file.
        names: what data sets, domains and methods are called.

    Returns:
        One dictionary a line, values as text.

    Raises:
        PublishedError: naming the file and the line of the first thing that is wrong.
    """
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise PublishedError(f"{path}:1: the columns must be {','.join(COLUMNS)}")
        rows, seen = [], {}
        for cells in reader:
            where = f"{path}:{reader.line_num}"
            if len(cells) != len(COLUMNS):
                raise PublishedError(f"{where}: {len(cells)} cells, not {len(COLUMNS)}")
            row = dict(zip(COLUMNS, cells, strict=True))
            wrong = next(_faults(row, names), None)
            if wrong:
                raise PublishedError(f"{where}: {wrong}")
            x = f"{float(row['x']):.6f}" if row["x"] else ""
            key = (*(row[k] for k in KEYS[:-1]), x)
            if key in seen:
                raise PublishedError(f"{where}: names the same number as line {seen[key]}")
            seen[key] = reader.line_num
            rows.append(row)
    return rows


def _faults(row: Mapping[str, str], names: Names) -> Iterable[str]:
    """Yield what is wrong with one line."""
    for column in ("artefact", "dataset", "domain", "metric", "value", "quality", "source"):
        if not row[column].strip():
            yield f"{column} is empty"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", row["artefact"]):
        yield f"artefact {row['artefact']!r} is no name that could be typed as a target"
    if row["quality"] not in QUALITIES:
        yield f"quality {row['quality']!r} is none of {', '.join(QUALITIES)}"
    if row["metric"] not in METRICS:
        yield f"metric {row['metric']!r} is not known; {nearest(row['metric'], METRICS)}"
    domains = {"all", "average"} | names.domains.get(row["dataset"], frozenset())
    for kind, key, known in (
        ("data set", row["dataset"], names.datasets),
        ("domain", row["domain"], domains),
        ("method", row["method"], {"", *names.methods}),
    ):
        if key not in known:
            yield f"{kind} {key!r} is not in keys.yaml; {nearest(key, known)}"
    for column in ("value", "stderr", "x", "n"):
        text = row[column]
        if text and not _is_finite(text):
            yield f"{column} {text!r} is not a finite number"
    metric, value = METRICS[row["metric"]], float(row["value"])
    spare = READING_ERROR if row["quality"] == "digitised" and metric.high == 100 else 0.0
    if not metric.low - spare <= value <= metric.high + spare:
        yield f"{row['metric']} {value:g} is outside {metric.low:g} to {metric.high:g}"
    if metric.whole and not value.is_integer():
        yield f"{row['metric']} {value:g} is not a whole number"
    if row["stderr"] and float(row["stderr"]) < 0:
        yield f"stderr {row['stderr']} is negative"
    if row["n"] and not re.fullmatch(r"[1-9]\d*", row["n"]):
        yield f"n {row['n']!r} must be a number of runs, 1 or more"


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
