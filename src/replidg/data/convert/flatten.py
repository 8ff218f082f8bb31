"""ACDC: one folder a split instead of one a condition, split and sequence."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from replidg.data.convert import label_maps
from replidg.data.convert.label_maps import LabelError
from replidg.data.convert.pairs import Matched, match, report, work_off
from replidg.data.convert.tree import ConversionError, link, walk
from replidg.data.registry.schema import Entry, RelativePath, Segmentation
from replidg.files import whole_file
from replidg.typed import Strict

CONDITIONS = "conditions.csv"


class Options(Strict):
    """Options of `flatten`.

    Attributes:
        images: folder of `<condition>/<split>/<sequence>/<image>`.
        labels: the same for labels, which are train ids already.
        conditions: the condition folders.
        most_dropped: largest accepted share of pairs of a split that cannot be used.
    """

    images: RelativePath
    labels: RelativePath
    conditions: list[str] = Field(min_length=1)
    most_dropped: float = Field(default=0.01, ge=0, le=1)


class Frame(NamedTuple):
    """An image of the official layout; `stem` is its name without suffix."""

    condition: str
    split: str
    sequence: str
    stem: str

    @property
    def path(self) -> str:
        """Path below the image or the label folder, without suffix."""
        return os.path.join(self.condition, self.split, self.sequence, self.stem)


def flat_names(frames: list[Frame]) -> dict[Frame, str]:
    """Return a name for each frame that no other has, in whichever split.

    A frame keeps its own; only where several have the same, condition and sequence go before it.

    Raises:
        ConversionError: that does not tell them apart either.
    """
    uses = Counter(frame.stem for frame in frames)
    names = {
        frame: frame.stem
        if uses[frame.stem] == 1
        else f"{frame.condition}_{frame.sequence.replace(os.sep, '_')}_{frame.stem}"
        for frame in frames
    }
    twice = [name for name, count in Counter(names.values()).items() if count > 1]
    if twice:
        raise ConversionError(f"several frames would be called {twice[0]}")
    return names


def _frames(root: Path, options: Options, split: str, suffix: str) -> Iterator[Frame]:
    for condition in options.conditions:
        for path in walk(root / condition / split, suffix):
            sequence, stem = os.path.split(path.removesuffix(suffix))
            yield Frame(condition, split, sequence, stem)


def run(
    entry: Entry, options: Options, source: Path, out: Path, classes: list[str] | None
) -> dict[str, Any]:
    """Link images and labels split by split and write `conditions.csv`.

    Its columns: `image_id` (path of the image below `out`), `condition`, `sequence`. The reference
    images of clear weather (`train_ref` and so on) are left out.

    Raises:
        ConversionError: folders are missing, or too many pairs cannot be used.
    """
    reader = entry.reader
    if not isinstance(reader, Segmentation):
        raise ConversionError(f"{entry.name}.yaml: flatten needs the reader `segmentation`")
    frames = {
        split: list(_frames(source / options.images, options, split, reader.img_suffix))
        for split in reader.parts
    }
    if empty := [split for split, found in frames.items() if not found]:
        raise ConversionError(f"{source / options.images} has no images of the splits {empty}")
    names = flat_names([frame for found in frames.values() for frame in found])
    facts, kept = {}, []
    for split, part in reader.parts.items():
        matched = _split(entry, options, split, frames[split], names, source, out)
        what = f"{entry.name}, {split}"
        facts[split] = report(matched, options.most_dropped, what)
        by_path = {frame.path: frame for frame in frames[split]}
        for path in matched.both:
            frame = by_path[path]
            _link(source / options.images, frame, reader.img_suffix, out / part.images, names)
            name = f"{part.images}/{names[frame]}{reader.img_suffix}"
            kept.append((name, frame.condition, frame.sequence))
    with whole_file(out / CONDITIONS) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image_id", "condition", "sequence"])
        writer.writerows(sorted(kept))
    return {
        "images": len(kept),
        "by condition": dict(sorted(Counter(condition for _, condition, _ in kept).items())),
        "parts": facts,
    }


def _split(
    entry: Entry,
    options: Options,
    split: str,
    frames: list[Frame],
    names: dict[Frame, str],
    source: Path,
    out: Path,
) -> Matched:
    """Check and link the labels of a split; return which frames can be used."""
    reader, part = entry.reader, entry.reader.parts[split]
    by_path = {frame.path: frame for frame in frames}
    if part.labels is None:
        return Matched(sorted(by_path), {})
    suffix = reader.seg_map_suffix
    labels = {frame.path for frame in _frames(source / options.labels, options, split, suffix)}

    def task(path: str) -> None:
        label = source / options.labels / (path + suffix)
        _check(source / options.images / (path + reader.img_suffix), label)
        _link(source / options.labels, by_path[path], suffix, out / part.labels, names)

    return work_off(match(set(by_path), labels), task, f"{entry.name}, {split}")


def _check(image: Path, label: Path) -> None:
    head = label_maps.header(label.read_bytes())
    size = label_maps.size_of_image(image)
    if size != (head.width, head.height):
        raise LabelError(
            f"image ({size[0]} x {size[1]}) and label ({head.width} x {head.height}) differ"
        )


def _link(source: Path, frame: Frame, suffix: str, place: Path, names: dict[Frame, str]) -> None:
    link(source / (frame.path + suffix), place / (names[frame] + suffix))
