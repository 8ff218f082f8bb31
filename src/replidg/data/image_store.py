"""Images of a data set in few large files, memory-mapped, in the place of its image files.

A store is a folder with `pixels-<n>.bin` (images one behind the other), `index.parquet` (where each
is) and `store.json` (what made it, and the size and sha256 of every file), which is written last.
`attach` puts places in a store where an index has paths; `replidg.data.images.decode` reads both.
"""

from __future__ import annotations

import io
import json
import mmap
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import pandas as pd
from PIL import Image

from replidg.data.embeddings import PIXELS, index_hash
from replidg.files import stable_hash

FACTS, INDEX = "store.json", "index.parquet"
#: How a place in a store begins; a ready input must not be resized and cropped again.
STORED, READY = "store:", "input:"
#: Kinds that give the same pixels as the files.
SAME_PIXELS = ("packed", "exact")
#: Keys of an `input` store that say which model's input it holds.
GEOMETRY = ("size", "resize", "interpolation", "crop_share")


class StoreError(ValueError):
    """A store is damaged, or is not that of the index; the message says what to do."""


class Place(NamedTuple):
    """Where an image lies in a store.

    Attributes:
        file: of pixels.
        offset: of its first byte.
        length: bytes.
        width: in pixels; 0: the bytes are an encoded image.
        height: in pixels.
        checksum: crc32 of the bytes.
    """

    file: str
    offset: int
    length: int
    width: int
    height: int
    checksum: int


def read_facts(path: Path | str) -> dict[str, Any]:
    """Return what a store's `store.json` says.

    Raises:
        StoreError: a file of the store is missing or has another size.
    """
    facts = json.loads(Path(path).read_text())
    for name, told in facts["files"].items():
        file = Path(path).with_name(name)
        size = file.stat().st_size if file.is_file() else None
        if size != told["bytes"]:
            found = "is missing" if size is None else f"has {size:,} bytes"
            raise StoreError(
                f"{file} {found}, {told['bytes']:,} were packed; delete {path} and run again"
            )
    return facts


def attach(index: pd.DataFrame, stores: Sequence[Path | str]) -> pd.DataFrame:
    """Return an index that says where each image lies in stores: what `decode` then reads.

    An `input` store gives a column of its own, which `replidg.data.images.still_paths` finds; the
    others replace `path`. Where their pixels are not the files', a column says so, which
    `index_hash` covers: neither checkpoints nor embeddings are then taken for those of the files.

    Args:
        index: of the data set, all rows.
        stores: `store.json` of each; none: the index is returned as it is.

    Raises:
        StoreError: a store is damaged or was made from another index.
    """
    _opened.cache_clear()  # what was mapped may have been packed anew
    of_files, columns, changed = index_hash(index), {}, []
    for path in stores:
        facts = read_facts(path)
        if facts["index"] != of_files:
            raise StoreError(f"{path} was packed from another index; delete it and run again")
        spec, kind = facts["store"], facts["store"]["kind"]
        if kind == "input":
            columns[input_column(spec)] = _places(path, READY)
        else:
            columns["path"] = _places(path, STORED)
        if kind not in SAME_PIXELS:
            changed.append(spec)
    if any(spec["kind"] == "resized" for spec in changed):
        columns[PIXELS] = stable_hash(changed)
    return index.assign(**columns)


def input_column(spec: Mapping[str, Any]) -> str:
    """Return the column of an index that has the places of a model's input."""
    return "input " + " ".join(str(spec[key]) for key in GEOMETRY)


def _places(path: Path | str, scheme: str) -> list[str]:
    """Return where each image lies, as `parse` reads it."""
    table = pd.read_parquet(Path(path).with_name(INDEX))
    numbers = [table[name].tolist() for name in Place._fields[1:]]
    folder = Path(path).parent
    return [
        f"{scheme}{folder}/{file}?{','.join(map(str, at))}"
        for file, *at in zip(table["file"], *numbers, strict=True)
    ]


def parse(place: str) -> Place:
    """Return what an entry of the column `path` says that `attach` wrote."""
    file, _, numbers = place.partition(":")[2].rpartition("?")
    return Place(file, *map(int, numbers.split(",")))


def load(place: str) -> Image.Image:
    """Return the RGB image that lies at a place.

    Raises:
        StoreError: its bytes are not what was packed.
    """
    at = parse(place)
    mapped, checked = _opened(at.file)
    stored = memoryview(mapped)[at.offset : at.offset + at.length]
    if at.offset not in checked:
        if len(stored) != at.length or crc32(stored) != at.checksum:
            raise StoreError(
                f"{at.file} is damaged at byte {at.offset:,}; delete {FACTS} and this file beside "
                "it and run again"
            )
        checked.add(at.offset)
    if at.width:
        return Image.frombuffer("RGB", (at.width, at.height), stored, "raw", "RGB", 0, 1)
    with Image.open(io.BytesIO(stored)) as image:
        return image.convert("RGB")


@cache
def _opened(file: str) -> tuple[mmap.mmap, set[int]]:
    """Return a file's bytes, whose pages all processes share, and the images checked so far."""
    try:
        with open(file, "rb") as opened:
            return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ), set()
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {file}: {error}; run again to pack it anew") from error
