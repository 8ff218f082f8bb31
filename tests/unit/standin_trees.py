"""Stand-ins for the tests that look at them: each is written once a session."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from replidg.data import registry, standins
from replidg.data.embedded_pictures import decoded, on_white
from replidg.data.standins.pictures import PROVENANCE, table

# Of every page but the segmentation sets', whose scenes have tests of their own.
KEYS = [key for key in registry.names() if registry.load(key).standin.writer != "scenes"]
IMAGES = {".jpg", ".jpeg", ".png"}


@cache
def _root() -> Path:
    root = Path(tempfile.mkdtemp(prefix="standins-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


@cache
def tree(key: str) -> Path:
    """The folder of a data set's stand-in; nobody may change it."""
    folder = _root() / key
    standins.write(registry.load(key), folder)
    return folder


def files(folder: Path) -> list[str]:
    """All files below a folder, as sorted relative paths."""
    return sorted(path.relative_to(folder).as_posix() for path in _files(folder))


def images(folder: Path) -> list[str]:
    return [name for name in files(folder) if Path(name).suffix.lower() in IMAGES]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)}


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def provenance(key: str) -> pd.DataFrame:
    """Path, embedded picture, its class and instance, of every image of a stand-in."""
    rows = pd.read_csv(tree(key) / PROVENANCE)
    known = table()[["class_name", "instance", "domain"]]
    return rows.join(known, on="image_id").set_index("path")


@cache
def _thumbnails() -> np.ndarray:
    shrunk = [_vector(on_white(decoded(content))) for content in table()["image"]]
    return np.stack(shrunk)


def _vector(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB").resize((16, 16)), np.float32).ravel() / 255


def nearest_classes(paths: list[Path]) -> list[set[str]]:
    """The classes of the embedded pictures that each image shows, found by its pixels alone.

    Several where pictures of different classes look the same.
    """
    known = _thumbnails()
    seen = np.stack([_vector(Image.open(path)) for path in paths])
    squares = (known**2).sum(1)[None] - 2 * seen @ known.T + (seen**2).sum(1)[:, None]
    near = squares < squares.min(1, keepdims=True) + 0.05
    classes = table()["class_name"].to_numpy()
    return [set(classes[row]) for row in near]
