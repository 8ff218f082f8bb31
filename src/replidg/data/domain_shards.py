"""Web pictures in webdataset shards, as img2dataset writes them: `<key>.jpg`, `.txt`, `.json`."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from replidg.data.errors import DatasetError

PICTURES = ("jpg", "jpeg", "png", "webp")


@dataclass(frozen=True)
class Shard:
    """A tar file of a corpus.

    Attributes:
        number: place in the corpus, from 0.
        path: the tar file.
        samples: pictures in it.
    """

    number: int
    path: Path
    samples: int


@dataclass(frozen=True)
class Sample:
    """A picture of a shard.

    Attributes:
        key: its name in the tar.
        position: its number in the tar, from 0; samples without a picture count.
        image: the file's bytes.
        suffix: of the file's name, without the point.
        caption: its text.
        meta: img2dataset's metadata; `SAMPLE_ID` and `url` are read of it.
    """

    key: str
    position: int
    image: bytes
    suffix: str
    caption: str
    meta: dict[str, Any]

    @property
    def image_id(self) -> str:
        """Return LAION's id, or the key where there is none."""
        return str(self.meta.get("SAMPLE_ID", self.key))


def read_shards(path: Path) -> list[Shard]:
    """Return the shards that `results/forgotten/shards.json` lists, in order.

    Raises:
        DatasetError: a shard is not where it was listed.
    """
    listed = json.loads(Path(path).read_text())["shards"]
    shards = [
        Shard(number, Path(each["path"]), each["samples"]) for number, each in enumerate(listed)
    ]
    for shard in shards:
        if not shard.path.is_file():
            raise DatasetError(
                f"{path} lists {shard.path}, which is gone; restore it, or delete {path} and run "
                "again"
            )
    return shards


def samples(path: Path, expected: int | None = None) -> Iterator[Sample]:
    """Yield the pictures of a shard in its order.

    Args:
        path: the tar file.
        expected: how many there must be; a tar that was cut off may look like a short one.

    Raises:
        DatasetError: the tar is damaged.
    """
    found = 0
    for sample in _samples(path):
        found += 1
        yield sample
    if expected is not None and found != expected:
        raise DatasetError(
            f"{path} has {found} pictures, {expected} were listed; delete results/forgotten/"
            "shards.json if the shard was changed, fetch it again if it was cut off"
        )


def _samples(path: Path) -> Iterator[Sample]:
    for position, files in enumerate(_grouped(path)):
        suffix = next((name for name in PICTURES if name in files), None)
        if suffix is None:  # img2dataset keeps no sample whose download failed; others may
            continue
        meta = json.loads(files["json"]) if "json" in files else {}
        caption = files.get("txt", b"").decode("utf-8", "replace")
        yield Sample(files["__key__"], position, files[suffix], suffix, caption, meta)


def count(path: Path) -> int:
    """Return the number of pictures of a shard, by img2dataset's `<shard>_stats.json` if there.

    Raises:
        DatasetError: the tar is damaged.
    """
    stats = path.with_name(f"{path.stem}_stats.json")
    if stats.is_file():
        return int(json.loads(stats.read_text())["successes"])
    from webdataset.tariterators import base_plus_ext

    keys = set()
    try:
        with tarfile.open(path) as tar:  # headers only: the rest is skipped over
            for member in tar:
                key, suffix = base_plus_ext(member.name)
                if member.isreg() and suffix is not None and suffix.lower() in PICTURES:
                    keys.add(key)
    except (tarfile.TarError, EOFError) as error:
        raise DatasetError(f"{path} is a damaged shard ({error}); fetch it again") from error
    return len(keys)


def _grouped(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the files of each key, as webdataset groups them."""
    # Imports torch: not where shards are only listed.
    from webdataset.tariterators import group_by_keys, tar_file_iterator

    try:
        with path.open("rb") as opened:
            files = ({**file, "__url__": str(path)} for file in tar_file_iterator(opened))
            yield from group_by_keys(files)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise DatasetError(
            f"{path} is a damaged shard ({error}); delete it, fetch it again and run again"
        ) from error
