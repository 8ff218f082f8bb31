"""Registry pages for the tests of the readers: real keys and readers, nothing else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from PIL import Image

from replidg.data import readers
from replidg.data.registry.schema import Entry


def entry(name: str, reader: dict, domains: list[str], **more) -> Entry:
    return Entry.model_validate(
        {
            "name": name,
            "title": name.upper(),
            "papers": [],
            "homepage": "https://example.org",
            "licence": {"name": "none", "verified": False},
            "access": "open",
            "layouts": [{"name": "official", "title": "as is", "members": [{"name": "x"}]}],
            "domains": domains,
            "releases": [{"name": "original", "images": {}}],
            "reader": reader,
            "standin": {"writer": "none"},
            **more,
        }
    )


def read(page: Entry, folder: Path, classes=None, domains=None, standin=False) -> pd.DataFrame:
    """Return the one frame of a reader that gives one."""
    (frame,) = readers.chunks(page, folder, classes, domains, standin)
    return frame


def picture(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if path.suffix == ".png" else "RGB", (2, 2), value).save(path)
    return path


def records(frame: pd.DataFrame, *columns: str) -> dict[str, tuple]:
    """Return image_id -> the values of some columns."""
    rows = frame[["image_id", *columns]].itertuples(index=False)
    return {row[0]: tuple(row)[1:] for row in rows}
