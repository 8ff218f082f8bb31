"""ImageNet's validation images, sorted into folders of synset ids."""

from __future__ import annotations

import csv
import logging
import re
from pathlib import Path
from typing import Any

from pydantic import Field

from replidg.data.convert.tree import (
    ConversionError,
    check_share,
    images,
    link,
    needed,
    shown,
)
from replidg.data.registry.schema import Entry, RelativePath
from replidg.progress import tracked
from replidg.typed import Strict

logger = logging.getLogger(__name__)
NAME = re.compile(r"(ILSVRC2012_val_(\d{8}))\.JPEG")


class Options(Strict):
    """Options of `validation_labels`.

    Attributes:
        images: folders that the images may lie in; the first that exists is taken.
        devkit: folder of the development kit's `ILSVRC2012_validation_ground_truth.txt` and
            `meta.mat`; taken if it is there.
        solution: Kaggle's `LOC_val_solution.csv`; taken otherwise.
        root: folder for the synset folders.
        most_missing: largest accepted share of labelled images that the disk does not have.
    """

    images: list[RelativePath] = Field(min_length=1)
    devkit: RelativePath
    solution: RelativePath
    root: RelativePath = "val"
    most_missing: float = Field(default=0.0, ge=0, le=1)


def devkit_labels(folder: Path) -> dict[str, str]:
    """Return the synset id of each image by the development kit.

    Line n of the ground truth is the ILSVRC number of image n. Only leaves of `meta.mat` are
    classes; its inner nodes have numbers above 1000.

    Raises:
        ConversionError: the files are missing or contradict each other.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    truth, meta = folder / "ILSVRC2012_validation_ground_truth.txt", folder / "meta.mat"
    for path in (truth, meta):
        if not path.is_file():
            raise ConversionError(f"{path} is missing; unpack ILSVRC2012_devkit_t12 again")
    try:
        rows = loadmat(meta, squeeze_me=False)["synsets"].ravel()
        synsets = {
            int(row["ILSVRC2012_ID"].item()): str(row["WNID"].item())
            for row in rows
            if int(row["num_children"].item()) == 0
        }
    except (MatReadError, KeyError, ValueError, TypeError) as error:
        raise ConversionError(f"{meta} is not the development kit's: {error!r}") from None
    numbers = truth.read_text().split()
    unknown = sorted({number for number in numbers if synsets.get(_number(number)) is None})
    if unknown:
        raise ConversionError(f"{truth} has the numbers {shown(unknown)} that {meta} does not")
    return {
        f"ILSVRC2012_val_{place:08d}": synsets[int(number)]
        for place, number in enumerate(numbers, start=1)
    }


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else -1


def solution_labels(path: Path) -> dict[str, str]:
    """Return the synset id of each image by Kaggle's table.

    `PredictionString` has five words a box: synset id and corners; all boxes of an image agree.

    Raises:
        ConversionError: the table is not what Kaggle offers.
    """
    found = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            words = (row.get("PredictionString") or "").split()
            if "ImageId" not in row or len(words) % 5 or len(set(words[::5])) != 1:
                raise ConversionError(f"{path}: cannot read the row {row}")
            found[row["ImageId"]] = words[0]
    if not found:
        raise ConversionError(f"{path} has no rows; get the file again")
    return found


def _labels(options: Options, source: Path) -> tuple[dict[str, str], str]:
    if (source / options.devkit).is_dir():
        return devkit_labels(source / options.devkit), options.devkit
    if (source / options.solution).is_file():
        return solution_labels(source / options.solution), options.solution
    raise ConversionError(
        f"{source} has no labels of the validation images: neither {options.devkit} nor "
        f"{options.solution} is there"
    )


def run(
    entry: Entry, options: Options, source: Path, out: Path, classes: list[str] | None
) -> dict[str, Any]:
    """Link the flat images to `<root>/<synset>/<image>`.

    Raises:
        ConversionError: images or labels are missing or do not fit.
    """
    folders = [source / name for name in options.images if (source / name).is_dir()]
    if not folders:
        raise ConversionError(f"{source} has none of the image folders {options.images}")
    labels, by = _labels(options, source)
    if foreign := sorted(set(labels.values()) - set(needed(classes, entry.name))):
        raise ConversionError(f"{source / by}: {shown(foreign)} are none of the classes")
    names = {match[1]: match[0] for name in images(folders[0]) if (match := NAME.fullmatch(name))}
    if unlabelled := sorted(set(names) - set(labels)):
        raise ConversionError(f"{source / by} has no label for {shown(unlabelled)}")
    missing = sorted(set(labels) - set(names))
    what = f"{folders[0]}: images are missing"
    check_share(missing, len(labels), options.most_missing, what, "most_missing")
    if missing:
        logger.warning("%s: %d images are missing: %s", entry.name, len(missing), missing)
    for key, name in tracked(names.items(), len(names), f"{entry.name}: linking"):
        link(folders[0] / name, out / options.root / labels[key] / name)
    return {
        "images": len(names),
        "classes": len({labels[key] for key in names}),
        "labels": by,
        "dropped": {"missing on disk": len(missing)},
        "missing": missing,
    }
