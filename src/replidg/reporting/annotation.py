"""A page by which a person checks labels: offline, by keyboard, csv out."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

from replidg.files import stable_hash

_TEMPLATES = Path(__file__).with_name("templates")


def render_sheet(rows: pd.DataFrame, pictures: Sequence[Path], side: int) -> str:
    """Return the page.

    Args:
        rows: the sheet (`metrics.labels.COLUMNS`), one row a picture.
        pictures: file of each row's picture.
        side: longer side of a thumbnail in pixels; a smaller picture is enlarged by whole pixels.
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
        columns=json.dumps(list(rows.columns)),
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
