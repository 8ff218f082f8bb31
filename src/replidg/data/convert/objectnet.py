"""ObjectNet: the classes that ImageNet has too, as folders of synset ids.

The official archive has four mappings, used here as their owners' readers do (checked against
wise-ft's and other public readers of the same files):

* `folder_to_objectnet_label.json`: image folder -> ObjectNet's name of the class;
* `objectnet_to_imagenet_1k.json`: that name -> ImageNet names, joined by "; ";
* `imagenet_to_label_2012_v2`: ImageNet name of each ILSVRC-2012 number, one a line, from 0;
* `pytorch_to_imagenet_2012_id.json`: label in the order of synset ids -> that number.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, NamedTuple

from replidg.data.convert.tree import (
    ConversionError,
    entries,
    link_images,
    needed,
    read_json,
    shown,
)
from replidg.data.registry.schema import Entry, RelativePath
from replidg.files import whole_file
from replidg.progress import tracked
from replidg.typed import Strict

ACCEPTED = "accepted.csv"


class Options(Strict):
    """Options of `objectnet`.

    Attributes:
        root: folder with `images/` and `mappings/`.
    """

    root: RelativePath = "objectnet-1.0"


class Overlap(NamedTuple):
    """An image folder whose class ImageNet has too.

    Attributes:
        folder: its name.
        label: ObjectNet's name of the class.
        accepted: synset ids that count as right, in the order of the file; the first is its own.
    """

    folder: str
    label: str
    accepted: list[str]


def synset_by_name(mappings: Path, classes: list[str]) -> dict[str, str | None]:
    """Return the synset id of each ImageNet name; None for a name that two classes share.

    Args:
        mappings: folder of the four files.
        classes: synset ids in label order.

    Raises:
        ConversionError: the files do not fit the classes.
    """
    path = mappings / "pytorch_to_imagenet_2012_id.json"
    try:
        numbers = {int(label): int(number) for label, number in read_json(path).items()}
    except (TypeError, ValueError) as error:
        raise ConversionError(f"{path} must map labels to numbers: {error}") from None
    if sorted(numbers) != list(range(len(classes))):
        raise ConversionError(f"{path} has {len(numbers)} labels for {len(classes)} classes")
    names_path = mappings / "imagenet_to_label_2012_v2"
    if not names_path.is_file():
        raise ConversionError(f"{names_path} is missing; the data set is incomplete")
    names = [line.strip() for line in names_path.read_text(encoding="utf-8").splitlines()]
    if sorted(numbers.values()) != list(range(len(names))):
        raise ConversionError(f"{names_path} has {len(names)} lines that {path.name} does not fit")
    found: dict[str, str | None] = {}
    for label, number in numbers.items():
        name = names[number]
        found[name] = None if name in found else classes[label]
    return found


def overlaps(mappings: Path, classes: list[str]) -> tuple[list[Overlap], list[str]]:
    """Return the overlapping classes by folder, and the names of all known folders.

    Raises:
        ConversionError: the mappings contradict each other.
    """
    labels = read_json(mappings / "folder_to_objectnet_label.json")
    folders = {label: folder for folder, label in labels.items()}
    synsets = synset_by_name(mappings, classes)
    path = mappings / "objectnet_to_imagenet_1k.json"
    found = []
    for label, joined in read_json(path).items():
        names = [name.strip() for name in joined.split(";")]
        unclear = [name for name in names if synsets.get(name) is None]
        if unclear or label not in folders:
            raise ConversionError(
                f"{path}: {label!r} has no folder, or an ImageNet name that no class or more "
                f"than one has: {unclear}"
            )
        found.append(Overlap(folders[label], label, [synsets[name] for name in names]))
    own = [overlap.accepted[0] for overlap in found]
    if twice := sorted({name for name in own if own.count(name) > 1}):
        raise ConversionError(f"{path}: several classes begin with the synset {shown(twice)}")
    return sorted(found), sorted(labels)


def run(
    entry: Entry, options: Options, source: Path, out: Path, classes: list[str] | None
) -> dict[str, Any]:
    """Link the overlapping classes to `<synset>/<image>` and write `accepted.csv`.

    Its columns: `wnid` (the folder here), `folder` and `label` (there), `accepted` (all synset ids
    that count as right, joined by ";").

    Raises:
        ConversionError: mappings or folders are missing or do not fit.
    """
    root = source / options.root
    found, known = overlaps(root / "mappings", needed(classes, entry.name))
    present = entries(root / "images")[0]
    strange = sorted(set(present) - set(known))
    missing = sorted({overlap.folder for overlap in found} - set(present))
    if strange or missing:
        raise ConversionError(
            f"{root / 'images'}: folders that the mappings do not know: "
            f"{shown(strange) or 'none'}; missing: {shown(missing) or 'none'}"
        )
    total = 0
    for overlap in tracked(found, len(found), f"{entry.name}: linking", "classes"):
        count = link_images(root / "images" / overlap.folder, out / overlap.accepted[0])
        if not count:
            raise ConversionError(f"{root / 'images' / overlap.folder} has no image")
        total += count
    with whole_file(out / ACCEPTED) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["wnid", "folder", "label", "accepted"])
        for overlap in sorted(found, key=lambda overlap: overlap.accepted[0]):
            accepted = ";".join(overlap.accepted)
            writer.writerow([overlap.accepted[0], overlap.folder, overlap.label, accepted])
    dropped = sorted(set(present) - {overlap.folder for overlap in found})
    return {
        "images": total,
        "classes": len(found),
        "dropped": {"classes that ImageNet does not have": len(dropped)},
    }
