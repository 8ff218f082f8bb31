"""Fill a store of images (`replidg.data.image_store`), in parallel, and on after a kill."""

from __future__ import annotations

import io
import logging
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
from PIL import Image, features
from torchvision.transforms import Compose

from replidg.config.image_stores import ImageStore, InputStore, ResizedStore
from replidg.data.embeddings import index_hash
from replidg.data.fetch.disk import require_space
from replidg.data.fetch.errors import FULL
from replidg.data.image_store import FACTS, INDEX, StoreError
from replidg.data.images import InputSpec, decode, resizer
from replidg.files import sha256_file, stable_hash, whole_file, write_json
from replidg.progress import Progress

logger = logging.getLogger(__name__)
#: Images of a file, and between two resume points: a few hundred MB of decoded photos.
FILE_IMAGES = 1024
#: Images that are encoded to estimate the space for all.
SAMPLE = 64


@dataclass(frozen=True)
class Encoded:
    """An image as a store holds it; width and height are 0 where a codec has to read it."""

    content: bytes
    width: int
    height: int


def pack(
    index: pd.DataFrame,
    store: ImageStore,
    folder: Path,
    checkpoints: Path,
    processes: int = 1,
    file_images: int = FILE_IMAGES,
) -> None:
    """Write the store of an index's images into a folder, `store.json` last.

    Killed and called again, it goes on behind the files that are whole; the result is the same
    bytes.

    Args:
        index: of the data set, all rows.
        store: what is stored.
        folder: for the files.
        checkpoints: root of unfinished work: which files are whole.
        processes: that decode; each fills a file of its own.
        file_images: images of a file.

    Raises:
        StoreError: the data set cannot be stored so, or the disk became full.
        FetchError: the disk has too little room.
        ImageError: an image cannot be decoded.
    """
    _check(index, store, folder)
    spec = store.model_dump(mode="json")
    key = {"store": spec, "index": index_hash(index), "decoder": decoder()}
    begun = checkpoints / "images" / stable_hash([key, str(folder), file_images])
    begun.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(index), file_images)
    whole = [_whole(folder, begun, number) for number in range(len(starts))]
    _tidy(folder, [_name(number) for number, there in enumerate(whole) if there])
    done = sum(
        there * min(file_images, len(index) - s) for there, s in zip(whole, starts, strict=True)
    )
    _require_space(index["path"].tolist(), len(index) - done, store, folder)
    paths = [index["path"].iloc[start : start + file_images].tolist() for start in starts]
    todo = [number for number, there in enumerate(whole) if not there]
    fill = partial(_fill, store=store, folder=folder, begun=begun)
    with Progress(len(index), f"packing {folder.name}", "images", done) as progress:
        for count in _mapped(fill, [(number, paths[number]) for number in todo], processes):
            progress.add(count)
    _finish(index, key, folder, begun, len(starts))


def decoder() -> dict[str, str | None]:
    """Return what decodes: another version may give other pixels."""
    return {"pillow": Image.__version__, "jpeg": features.version("jpg")}


def encoder(store: ImageStore) -> Callable[[str], Encoded]:
    """Return the function that turns an image file into what a store holds of it."""
    if store.kind == "packed":
        return _file_bytes
    if isinstance(store, ResizedStore):
        return partial(_resized, store=store)
    if isinstance(store, InputStore):
        geometry = (store.size, store.resize, store.interpolation, (), (), store.crop_share)
        change = Compose(resizer(InputSpec(*geometry)).transforms[:-1])
        return lambda path: _raw(change(decode(path)))
    return lambda path: _raw(decode(path))


def _raw(image: Image.Image) -> Encoded:
    return Encoded(image.tobytes(), *image.size)


def _file_bytes(path: str) -> Encoded:
    decode(path)  # a damaged file stops this job, not a training
    return Encoded(Path(path).read_bytes(), 0, 0)


def _resized(path: str, store: ResizedStore) -> Encoded:
    image = decode(path)
    scale = store.shorter / min(image.size)
    if scale < 1:
        width, height = (max(1, round(side * scale)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    if store.format == "raw":
        return _raw(image)
    content = io.BytesIO()
    image.save(content, "JPEG", quality=store.quality, subsampling=0)
    return Encoded(content.getvalue(), 0, 0)


def _check(index: pd.DataFrame, store: ImageStore, folder: Path) -> None:
    remedy = f"take data set {folder.name!r} out of `image_store`, or choose another store"
    if "path" not in index:
        raise StoreError(f"the index lists no image files: nothing to pack; {remedy}")
    if store.kind == "resized" and "border_px" in index and (index["border_px"] > 0).any():
        raise StoreError(
            f"images have borders to be cut off, which resized copies do not fit; {remedy}"
        )


def _require_space(paths: list[str], count: int, store: ImageStore, folder: Path) -> None:
    """Stop if the disk has no room for `count` images, estimated from some of them."""
    if not count:
        return
    encode = encoder(store)
    chosen = np.linspace(0, len(paths) - 1, min(SAMPLE, len(paths))).astype(int)
    mean = np.mean([len(encode(paths[row]).content) for row in chosen])
    require_space(folder, int(mean * count), f"{folder.name}, {count:,} images in a store,")


def _name(number: int) -> str:
    return f"pixels-{number:05d}.bin"


def _fill(work: tuple[int, list[str]], store: ImageStore, folder: Path, begun: Path) -> int:
    """Write one file of pixels, then the record that says so; returns the number of images."""
    number, paths = work
    encode, offset, rows = encoder(store), 0, []
    try:
        with whole_file(folder / _name(number)) as temporary, open(temporary, "wb") as file:
            for path in paths:
                one = encode(path)
                file.write(one.content)
                size = len(one.content)
                rows.append((offset, size, one.width, one.height, crc32(one.content)))
                offset += size
    except OSError as error:
        if error.errno in FULL:
            raise StoreError(
                f"{folder} is on a full disk; free some space and run again: whole files are kept"
            ) from error
        raise
    columns = ["offset", "length", "width", "height", "checksum"]
    table = pd.DataFrame(rows, columns=columns).assign(file=_name(number))
    table.attrs = {"sha256": sha256_file(folder / _name(number))}
    with whole_file(begun / f"{number:05d}.parquet") as temporary:
        table.to_parquet(temporary, index=False)
    return len(paths)


def _mapped(function: Callable[[Any], int], work: list[Any], processes: int) -> Iterator[int]:
    if processes == 1 or len(work) < 2:
        yield from map(function, work)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(function, work)


def _whole(folder: Path, begun: Path, number: int) -> bool:
    """Tell whether a file was finished by an earlier job and is as it was."""
    record, file = begun / f"{number:05d}.parquet", folder / _name(number)
    if not record.is_file() or not file.is_file():
        return False
    if sha256_file(file) == pd.read_parquet(record).attrs["sha256"]:
        logger.info("%s is there", file)
        return True
    logger.warning("%s is damaged; packing its images again", file)
    return False


def _tidy(folder: Path, keep: list[str]) -> None:
    """Delete what other stores and killed jobs left."""
    for file in [*folder.glob("pixels-*.bin"), *folder.glob(".pixels-*.bin")]:
        if file.name not in keep:
            file.unlink()


def _finish(
    index: pd.DataFrame, key: dict[str, Any], folder: Path, begun: Path, files: int
) -> None:
    tables = [pd.read_parquet(begun / f"{number:05d}.parquet") for number in range(files)]
    known = {
        _name(number): {
            "bytes": (folder / _name(number)).stat().st_size,
            "sha256": table.attrs["sha256"],
        }
        for number, table in enumerate(tables)
    }
    for table in tables:
        table.attrs = {}
    places = pd.concat(tables, ignore_index=True).assign(image_id=index["image_id"].tolist())
    with whole_file(folder / INDEX) as temporary:
        places.to_parquet(temporary, index=False)
    facts = folder / INDEX
    known[INDEX] = {"bytes": facts.stat().st_size, "sha256": sha256_file(facts)}
    write_json(folder / FACTS, key | {"images": len(index), "files": known})
    shutil.rmtree(begun)
