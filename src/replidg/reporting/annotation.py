"""A page by which a person checks labels: offline, by keyboard, csv out."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd
from PIL import Image

from replidg.files import stable_hash

_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Question:
    """What a page asks of each picture.

    Attributes:
        title: heading of the page.
        text: what is asked, in a sentence or two.
        words: key on the keyboard, which is also what the csv gets: what it means; at most three.
        groups: columns that begin a new heading when they change.
        bold: column that is printed in bold below a picture, or "".
        small: columns that are printed below it.
    """

    title: str
    text: str
    words: dict[str, str]
    groups: tuple[str, ...]
    bold: str = ""
    small: tuple[str, ...] = field(default=())


#: Table 7 of the alignment paper.
LABEL_CHECK = Question(
    "Are these labels right?",
    "Does the picture show what is written in bold?",
    {"m": "mislabelled", "k": "fine", "u": "unsure"},
    ("dataset", "interval"),
    "class_name",
    ("domain",),
)


def render_sheet(
    rows: pd.DataFrame, pictures: Sequence[Path], side: int, question: Question = LABEL_CHECK
) -> str:
    """Return the page.

    Args:
        rows: the sheet, one row a picture; `dataset` and `image_id` name it, `verdict` is filled,
            and there are the columns that the question shows.
        pictures: file of each row's picture.
        side: longer side of a thumbnail in pixels; a smaller picture is enlarged by whole pixels.
        question: what is asked.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    records = json.loads(rows.drop(columns="verdict").to_json(orient="records"))
    # Inside a script element, so nothing may close it.
    data = json.dumps(records).replace("<", "\\u003c")
    return environment.get_template("annotation.html.j2").render(
        rows=data,
        options=json.dumps({"columns": list(rows.columns), **asdict(question)}),
        question=question,
        key=f"replidg-sheet-{stable_hash(records)}",
        thumbnails=[thumbnail(path, side) for path in pictures],
        script=(_TEMPLATES / "annotation.js").read_text(encoding="utf-8"),
    )


def thumbnail(path: Path, side: int) -> str:
    """Return a picture as a data URI of a JPEG, on white where it is transparent."""
    buffer = io.BytesIO()
    fitted(path, side).save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def fitted(path: Path, side: int) -> Image.Image:
    """Return a picture whose longer side is about `side` pixels, on white, as RGB."""
    with Image.open(path) as opened:
        picture = opened.convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    picture = Image.alpha_composite(white, picture).convert("RGB")
    if max(picture.size) * 2 <= side:
        times = side // max(picture.size)
        size = (picture.width * times, picture.height * times)
        return picture.resize(size, Image.Resampling.NEAREST)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture
