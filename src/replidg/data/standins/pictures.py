"""Choose embedded pictures, draw them in a look, and put them on disk with their provenance."""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import BeforeValidator

from replidg.data.captions import STYLES
from replidg.data.embedded_pictures import PROVENANCE, load_table, object_share
from replidg.data.standins.looks import LOOKS, UNMOVED, scene_look

if TYPE_CHECKING:
    from replidg.data.registry import Entry

KEPT = ["image_id", "licence", "author", "source"]
PROVENANCE_COLUMNS = ["path", *KEPT, "object_share"]
# By the name's end, as the official archives have it.
FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}


class StandinError(ValueError):
    """A page of the registry asks for a stand-in that cannot be made; the message says why."""


class Drawing(NamedTuple):
    """A style of the embedded pictures (their domain) and what is done to them."""

    style: str
    look: str = "plain"


def _drawing(text: object) -> Drawing:
    if isinstance(text, Drawing):
        return text
    style, _, look = str(text).partition("/")
    drawing = Drawing(style, look or "plain")
    if drawing.style not in STYLES:
        raise ValueError(f"no style {style!r}; there are {', '.join(STYLES)}")
    if drawing.look not in LOOKS:
        raise ValueError(f"no look {look!r}; there are {', '.join(LOOKS)}")
    return drawing


# In a page: "<style>" or "<style>/<look>", e.g. noto_v1/pencil.
DrawingName = Annotated[Drawing, BeforeValidator(_drawing)]


def generator(*parts: object) -> np.random.Generator:
    """Return random numbers for a purpose, e.g. `generator("scene", image_id)`."""
    return np.random.default_rng(int.from_bytes(digest(*parts)[:8], "big"))


def digest(*parts: object) -> bytes:
    """Return 20 bytes that depend on the parts alone."""
    return hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=20).digest()


def position(*parts: object) -> float:
    """Return a number in [0, 1) that depends on the parts alone."""
    return int.from_bytes(digest(*parts)[:6], "big") / 2**48


def identifier(*parts: object) -> str:
    """Return a UUID that depends on the parts alone; camera trap sets name images by such."""
    return str(uuid.UUID(bytes=digest(*parts)[:16], version=4))


def shuffled(names: Iterable[str], purpose: str) -> list[str]:
    """Return the names in an order that adding or taking away others does not change."""
    return sorted(names, key=lambda name: digest(purpose, name))


@cache
def table() -> pd.DataFrame:
    """Return the embedded table, indexed by `image_id`."""
    return load_table().set_index("image_id", drop=False)


@cache
def _by_kind() -> dict[tuple[str, str], tuple[str, ...]]:
    groups = table().groupby(["domain", "class_name"])["image_id"]
    return {kind: tuple(sorted(names)) for kind, names in groups}


def pool(drawing: Drawing, class_name: str) -> list[str]:
    """Return the ids of the pictures that a drawing has of a class, sorted.

    A scene takes cut-outs only: a picture without transparency would hide the background.
    """
    names = _by_kind().get((drawing.style, class_name), ())
    if scene_look(drawing.look):
        names = tuple(name for name in names if table().at[name, "has_alpha"])
    return list(names)


def choose(drawing: Drawing, class_name: str, most: int, purpose: str) -> list[str]:
    """Return the ids of up to `most` pictures of a class, sorted.

    Raises:
        StandinError: the drawing has no picture of the class.
    """
    names = pool(drawing, class_name)
    if not names:
        raise StandinError(
            f"the style {drawing.style} has no picture of {class_name!r} for {purpose}: "
            "change standin.classes or standin.options of its page"
        )
    return sorted(shuffled(names, purpose)[:most])


@cache
def backgrounds() -> tuple[str, ...]:
    """Return the ids of the photographs that have no class, sorted."""
    return _by_kind()[("photo", "")]


@cache
def cutout(image_id: str) -> Image.Image:
    """Decode an embedded picture with its transparency; 64 x 64 pixels."""
    content = table().at[image_id, "image"]
    return Image.open(io.BytesIO(content)).convert("RGBA")


def draw(image_id: str, look: str, key: str) -> Image.Image:
    """Return the picture in a look; `key` decides everything random in it."""
    random = generator(key, image_id)
    behind = cutout(backgrounds()[int(random.integers(len(backgrounds())))])
    return LOOKS[look](cutout(image_id), random, behind.convert("RGB"))


@cache
def size_of(image_id: str, look: str) -> float | None:
    """Return the object's share of the image in a look that leaves it in its place, else None."""
    return object_share(cutout(image_id)) if look in UNMOVED else None


def encode(picture: Image.Image, suffix: str) -> bytes:
    """Return the file's bytes; the suffix (".jpg", ".JPEG", ".png" ...) decides the format."""
    kind = FORMATS[suffix.lower()]
    target = io.BytesIO()
    # Chroma at full resolution: at 64 px the usual halving would eat the drawing's lines.
    options = {"quality": 92, "subsampling": 0} if kind == "JPEG" else {"compress_level": 6}
    picture.convert("RGB").save(target, kind, **options)
    return target.getvalue()


class Album:
    """Files of a stand-in, and `.standin.csv` that says which picture each was made of.

    Images are written straight to their names: `retrieve` renames the whole folder when it is
    complete, and a flush to disk for each of 900 small files would take longer than drawing them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows: list[dict[str, object]] = []

    def add(
        self, path: str, image_id: str, picture: Image.Image, share: float | None = None
    ) -> bytes:
        """Write an image that was made of an embedded picture; returns the file's bytes.

        Args:
            path: of the image in the stand-in.
            image_id: of the embedded picture.
            picture: what is written.
            share: of the image that the box around its object takes, where it is known.
        """
        content = encode(picture, Path(path).suffix)
        self.note(path, image_id, share)
        self.put(path, content)
        return content

    def note(self, path: str, image_id: str, share: float | None = None) -> None:
        """Say that `path` was made of an embedded picture."""
        kept = table().loc[image_id, KEPT]
        self._rows.append({"path": path, **kept.astype(str), "object_share": share})

    def put(self, path: str, content: bytes | str) -> None:
        """Write any other file of the set."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def csv(self, path: str, rows: Sequence[dict[str, object]], index: bool = False) -> None:
        """Write a table of the set's own."""
        self.put(path, pd.DataFrame(rows).to_csv(index=index, lineterminator="\n"))

    def close(self) -> None:
        """Write the provenance: licences ask for it, and tests trace classes by it."""
        rows = pd.DataFrame(self._rows, columns=PROVENANCE_COLUMNS).sort_values("path")
        self.put(PROVENANCE, rows.to_csv(index=False, lineterminator="\n"))


def standin_classes(entry: Entry) -> list[str]:
    """Return the stand-in's own classes.

    Raises:
        StandinError: its page names none.
    """
    if not entry.standin.classes:
        raise StandinError(f"{entry.name}.yaml: standin.classes: this stand-in needs its own list")
    return entry.standin.classes
