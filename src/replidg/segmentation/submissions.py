"""Predictions for the benchmarks whose labels only a test server has: Cityscapes and ACDC (T6).

Needs neither torch nor mmsegmentation: a submission is checked by the file alone.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError

from replidg.config.street_classes import CLASSES, LABEL_IDS
from replidg.data import registry
from replidg.files import sha256_file, whole_file

SHOWN = 3
# A fixed date: equal predictions make equal bytes.
DATE = (2000, 1, 1, 0, 0, 0)


class Server(NamedTuple):
    """What a test server wants.

    Attributes:
        ids: numbers of the classes in the pictures.
        url: where it is.
        source: where its format was read.
    """

    ids: Literal["label ids", "train ids"]
    url: str
    source: str


SERVERS = {
    "cityscapes": Server(
        "label ids",
        "https://www.cityscapes-dataset.com/submit/",
        "cityscapesScripts, evalPixelLevelSemanticLabeling.py: pictures of the image's size with "
        "regular ids, not train ids, one PNG an image, named <city>_<sequence>_<frame>*.png",
    ),
    "acdc": Server(
        "train ids",
        "https://acdc.vision.ee.ethz.ch/submit",
        "as public readmes quote it (DTBS: size of the image, train ids, road is 0; HRDA: "
        "to_label_id=False, named as the image); the server's own page was not seen: UNVERIFIED",
    ),
}


def name_of(image_id: str) -> str:
    """Return the name of an image's labels in the archive: the image's own, as PNG."""
    return f"{PurePosixPath(image_id).stem}.png"


def as_server_wants(labels: np.ndarray, page: str) -> np.ndarray:
    """Return train ids (H, W) uint8 in the numbers of a server.

    Args:
        labels: train ids, 0 to 18.
        page: key of `SERVERS`.
    """
    if SERVERS[page].ids == "train ids":
        return labels
    return np.asarray(LABEL_IDS, np.uint8)[labels]


def write(files: Iterable[tuple[str, bytes]], out: Path) -> None:
    """Write an archive of (name, PNG) pairs, whole or not at all; names in their order."""
    with whole_file(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in sorted(files):
            # A PNG is compressed already.
            archive.writestr(zipfile.ZipInfo(name, DATE), content)


def check(path: Path, rows: pd.DataFrame, page: str) -> dict[str, Any]:
    """Read a submission as its server would, and say what is wrong with it.

    Args:
        path: the archive.
        rows: of the test split, with `image_id` and `path`.
        page: key of `SERVERS`.

    Returns:
        images, expected, server_images (what the benchmark has), ids, bytes, sha256, state,
        problems, server, format_source.
    """
    expected = {name_of(row.image_id): row.path for row in rows.itertuples()}
    official = sum(r.images["test"] for r in registry.load(page).releases if "test" in r.images)
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        problems = [*_names(names, expected), *_pictures(archive, names, expected, page)]
    if problems:
        state = "faulty"
    elif len(expected) != official:
        state = f"whole, but the server has {official:,} images"
    else:
        state = "ready"
    shown = problems[:SHOWN] + ([f"and {len(problems) - SHOWN} more"] * (len(problems) > SHOWN))
    return {
        "images": len(names),
        "expected": len(expected),
        "server_images": official,
        "ids": SERVERS[page].ids,
        "bytes": path.stat().st_size,
        "sha256": sha256_file(path),
        "state": state,
        "problems": "; ".join(shown),
        "server": SERVERS[page].url,
        "format_source": SERVERS[page].source,
    }


def _names(names: list[str], expected: dict[str, str]) -> Iterator[str]:
    counts = Counter(PurePosixPath(name).name for name in names)
    for name in sorted(expected.keys() - counts.keys()):
        yield f"{name} is missing"
    for name in sorted(counts.keys() - expected.keys()):
        yield f"{name} belongs to no test image"
    for name, number in sorted(counts.items()):
        if number > 1:
            yield f"{name} is there {number} times"


def _pictures(
    archive: zipfile.ZipFile, names: list[str], expected: dict[str, str], page: str
) -> Iterator[str]:
    wanted = range(len(CLASSES)) if SERVERS[page].ids == "train ids" else LABEL_IDS
    for name in names:
        image = expected.get(PurePosixPath(name).name)
        if image is None:
            continue
        try:
            labels = Image.open(BytesIO(archive.read(name)))
            labels.load()
        except (UnidentifiedImageError, OSError, zipfile.BadZipFile) as error:
            yield f"{name} cannot be read ({error})"
            continue
        with Image.open(image) as picture:
            size = picture.size
        if labels.size != size:
            yield f"{name} is {labels.size[0]} x {labels.size[1]}, its image {size[0]} x {size[1]}"
        if labels.mode not in ("L", "P"):
            yield f"{name} has pixels of mode {labels.mode}, not one byte"
            continue
        odd = sorted(set(np.unique(np.asarray(labels)).tolist()) - set(wanted))
        if odd:
            yield f"{name} has ids {odd}, which are no {SERVERS[page].ids}"
