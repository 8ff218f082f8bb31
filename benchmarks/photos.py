"""Made photographs as JPEG files: the embedded pictures are 64 pixels wide, data sets' are not."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import TypeAdapter

from replidg.config.image_stores import ImageStore
from replidg.data.embedded_pictures import load_table
from replidg.data.image_store import FACTS, attach
from replidg.data.images import InputSpec
from replidg.data.pack_images import pack

#: Width and height: PACS has 227 x 227, ImageNet and VLCS mostly 500 x 375.
SIZES = {"227 px": (227, 227), "500 px": (500, 375)}
#: JPEG quality, and sigma of the noise, without which enlarged pictures are all too smooth: 0.24 to
#: 0.35 bytes a pixel.
QUALITY, NOISE = 90, 4.0
WHAT = (
    "Files: JPEGs made of the embedded photographs, four of them enlarged side by side, with noise "
    f"of sigma {NOISE:g}, quality {QUALITY}, seed 0; 227 x 227 and 500 x 375 pixels."
)


def write_photos(folder: Path, size: tuple[int, int], domains: int, a_class: int) -> list[str]:
    """Write `<domain>/<class>/<number>.jpg`, two classes a domain, as ImageFolder reads them.

    Args:
        folder: destination; a finished one is used again.
        size: width and height in pixels.
        domains: number of domains.
        a_class: pictures a class.

    Returns:
        The paths, sorted.
    """
    rng = np.random.default_rng(0)
    table = load_table()
    contents = table.loc[table["domain"] == "photo", "image"].tolist()
    paths = [
        folder / f"domain{domain}" / f"class{label}" / f"{number:04d}.jpg"
        for domain in range(domains)
        for label in range(2)
        for number in range(a_class)
    ]
    for path in paths:
        chosen = rng.choice(len(contents), 4, replace=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        _photo([contents[i] for i in chosen], size, rng).save(path, quality=QUALITY)
    return sorted(map(str, paths))


def index_of(paths: Sequence[str]) -> pd.DataFrame:
    """Return the index of some files, with the columns that embeddings and stores need."""
    sizes = [Path(path).stat().st_size for path in paths]
    return pd.DataFrame({"image_id": list(paths), "path": list(paths), "bytes": sizes})


def decoded_once(index: pd.DataFrame, spec: InputSpec | None, folder: Path) -> pd.DataFrame:
    """Pack the images of an index and return it with the places of their pixels.

    Args:
        index: of the files.
        spec: pack what this model takes; None: the decoded pixels at their own size.
        folder: for the store.
    """
    keys = ("size", "resize", "interpolation", "crop_share")
    kind = {"kind": "exact"}
    if spec is not None:
        kind = {"kind": "input"} | {key: getattr(spec, key) for key in keys}
    store = TypeAdapter(ImageStore).validate_python(kind)
    pack(index, store, folder, folder.with_name(f"{folder.name}-checkpoints"))
    return attach(index, [folder / FACTS])


def _photo(contents: list[bytes], size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    width, height = (-(-side // 2) for side in size)
    canvas = Image.new("RGB", (2 * width, 2 * height))
    for place, content in enumerate(contents):
        picture = Image.open(io.BytesIO(content)).convert("RGB")
        large = picture.resize((width, height), Image.Resampling.BICUBIC)
        canvas.paste(large, (place % 2 * width, place // 2 * height))
    pixels = np.asarray(canvas.crop((0, 0, *size)), np.float32)
    noisy = pixels + rng.normal(0.0, NOISE, pixels.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
