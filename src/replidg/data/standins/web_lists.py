"""Parquet lists of image addresses and captions with LAION-400M's columns."""

from __future__ import annotations

import io
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pandas as pd
from pydantic import Field, PositiveInt

from replidg.data.captions import captions
from replidg.data.standins.looks import LOOKS, scene_look
from replidg.data.standins.pictures import (
    Album,
    Drawing,
    DrawingName,
    StandinError,
    digest,
    identifier,
    position,
    shuffled,
    table,
)
from replidg.typed import Strict

if TYPE_CHECKING:
    from replidg.data.registry import Entry

# Files as Spark named them; a page's glob has to fit this name.
FILE_NAME = "part-{number:05d}-{unique}-c000.snappy.parquet"
HOST = "https://images.example.org/"


class Part(Strict):
    """A domain's list: how many rows, of which styles, in how many files."""

    styles: list[DrawingName] = Field(min_length=1)
    rows: PositiveInt
    files: PositiveInt


class Options(Strict):
    """Options of the writer `web_lists`.

    Attributes:
        parts: domain -> its list; at least those of the page's reader.
    """

    parts: dict[str, Part]


def write_web_lists(entry: Entry, folder: Path) -> None:
    """Write the lists that the page's reader reads; the addresses lead nowhere.

    Raises:
        StandinError: options and reader disagree, or there are too few pictures.
    """
    options = Options.model_validate(entry.standin.options)
    globs: dict[str, str] = getattr(entry.reader, "parts", {})
    if not set(globs) <= set(options.parts) <= set(entry.domains):
        raise StandinError(
            f"{entry.name}.yaml: standin.options.parts has {sorted(options.parts)}, "
            f"reader.parts has {sorted(globs)}, domains are {entry.domains}"
        )
    album = Album(folder)
    # A domain that the reader has no part for has no place in the official layout.
    for domain in globs:
        part = options.parts[domain]
        rows = _rows(entry.name, domain, part)
        for number in range(part.files):
            path = _path(entry.name, domain, globs[domain], number)
            target = io.BytesIO()
            rows.iloc[number :: part.files].to_parquet(target, index=False, compression="snappy")
            album.put(path, target.getvalue())


def picture_of(url: str) -> tuple[str, str]:
    """Return the id of the embedded picture behind an address, and its look.

    Raises:
        StandinError: the address is none that this module wrote.
    """
    name = url.removeprefix(HOST).removesuffix(".jpg")
    look, _, rest = name.partition("/")
    image_id, look = (rest, look) if look in LOOKS else (name, "plain")
    if image_id not in table().index:
        raise StandinError(f"{url} is no address of a stand-in's list")
    return image_id, look


def _names(drawing: Drawing) -> dict[str, str]:
    """Return a drawing's pictures: name in the address, and id of the embedded picture."""
    known = table()
    kept = (known["domain"] == drawing.style) & (known["class_name"] != "")
    if scene_look(drawing.look):  # a picture without transparency would hide the background
        kept &= known["has_alpha"]
    before = "" if drawing.look == "plain" else f"{drawing.look}/"
    return {f"{before}{image_id}": image_id for image_id in known.loc[kept, "image_id"]}


def _path(key: str, domain: str, glob: str, number: int) -> str:
    name = FILE_NAME.format(number=number, unique=identifier(key, domain))
    pattern = PurePosixPath(glob)
    if "*" in str(pattern.parent) or not fnmatch(name, pattern.name):
        raise StandinError(f"{key}.yaml: reader.parts.{domain}: {glob} does not fit {name}")
    return (pattern.parent / name).as_posix()


def _rows(key: str, domain: str, part: Part) -> pd.DataFrame:
    """Return `part.rows` rows: a caption and an address of a picture each, no picture twice."""
    named = {
        name: image_id for drawing in part.styles for name, image_id in _names(drawing).items()
    }
    chosen = shuffled(named, f"{key}/{domain}")[: part.rows]
    if len(chosen) < part.rows:
        raise StandinError(
            f"{key}.yaml: standin.options.parts.{domain}.rows: {part.rows} asked, "
            f"{len(chosen)} pictures"
        )
    pictures = table().loc[[named[name] for name in chosen]]
    texts = [
        several[int(position(key, "caption", name) * len(several))]
        for name, several in zip(chosen, captions(pictures), strict=True)
    ]
    return pd.DataFrame(
        {
            "SAMPLE_ID": [int.from_bytes(digest(key, name)[:5], "big") for name in chosen],
            "URL": [f"{HOST}{name}.jpg" for name in chosen],
            "TEXT": texts,
            "HEIGHT": pd.array([256 + digest(name)[0] for name in chosen], dtype="int32"),
            "WIDTH": pd.array([256 + digest(name)[1] for name in chosen], dtype="int32"),
            "LICENSE": "?",
            "NSFW": "UNLIKELY",
            # LAION-400M kept pairs from 0.3 on.
            "similarity": [0.3 + 0.15 * position(key, "similarity", name) for name in chosen],
        }
    )
