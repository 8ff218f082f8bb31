"""ImageNet-V2: folders "0" to "999" become the synset ids of these labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from replidg.data.convert.tree import ConversionError, entries, link_images, needed, shown
from replidg.data.registry.schema import Entry, RelativePath
from replidg.progress import tracked
from replidg.typed import Strict


class Options(Strict):
    """Options of `numeric_folders`.

    Attributes:
        root: folder that the numbered folders lie in.
    """

    root: RelativePath = "."


def labels(names: list[str], count: int, root: Path) -> dict[str, int]:
    """Return the label of each folder: its name read as a number, never its place in a sorted list.

    Raises:
        ConversionError: the folders are not exactly 0 to `count` - 1, each once.
    """
    strange = [name for name in names if not (name.isascii() and name.isdigit())]
    if strange:
        raise ConversionError(f"{root}: folders that are no numbers: {shown(strange)}")
    found = {name: int(name) for name in names}
    twice = sorted(name for name, label in found.items() if [*found.values()].count(label) > 1)
    if twice:
        raise ConversionError(f"{root}: folders of the same number: {shown(twice)}")
    missing = [str(label) for label in sorted(set(range(count)) - set(found.values()))]
    extra = [str(label) for label in sorted(set(found.values()) - set(range(count)))]
    if missing or extra:
        raise ConversionError(
            f"{root}: there are {count} classes, so the folders must be 0 to {count - 1}; "
            f"missing: {shown(missing) or 'none'}; too many: {shown(extra) or 'none'}"
        )
    return found


def run(
    entry: Entry, options: Options, source: Path, out: Path, classes: list[str] | None
) -> dict[str, Any]:
    """Link `<label>/<image>` to `<synset>/<image>`.

    Raises:
        ConversionError: the folders do not fit the classes, or one has no image.
    """
    wanted = needed(classes, entry.name)
    root = source / options.root
    found = labels(entries(root)[0], len(wanted), root)
    total = 0
    for name, label in tracked(found.items(), len(found), f"{entry.name}: linking", "folders"):
        count = link_images(root / name, out / wanted[label])
        if not count:
            raise ConversionError(f"{root / name} has no image; the data set is incomplete")
        total += count
    return {"images": total, "classes": len(found), "dropped": {}}
