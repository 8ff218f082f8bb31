"""The index of a data set: one row an image, sorted by `image_id`; every other stage reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from replidg.data import image_folder, readers
from replidg.data.errors import DatasetError
from replidg.data.registry.schema import Entry
from replidg.data.verify import file_size
from replidg.files import whole_file, write_json
from replidg.progress import tracked


def build(
    folder: Path,
    domains: list[str],
    out: Path,
    classes: Path,
    entry: Entry | None = None,
    standin: bool = False,
    at_most: int | None = None,
) -> None:
    """Write the index of a data set and the names of its classes in label order.

    Args:
        folder: the retrieved data set, converted where its page says so.
        domains: domains to index.
        out: parquet file, one row an image.
        classes: JSON list of class names; also those without an image.
        entry: its page of the registry; None for a folder in DomainBed's layout.
        standin: the folder holds the miniature of embedded pictures.
        at_most: images of each domain and split that are indexed, of all classes in turn.

    Raises:
        DatasetError: the folder is not what its page says, or an image is missing.
    """
    if entry is None:
        frames = iter([image_folder.scan(folder, domains)])
        names = image_folder.class_names(folder, domains)
    else:
        known = entry.class_list(standin)
        frames = readers.chunks(entry, folder, known, domains, standin)
        names = readers.class_names(entry, folder, known, domains)
    if at_most is not None:
        frames = _some(frames, at_most)
    with whole_file(out) as temporary:
        _write((_with_sizes(frame) for frame in frames), temporary)
    write_json(classes, names)


def read_classes(path: Path) -> list[str]:
    """Return the class names in label order."""
    return json.loads(Path(path).read_text())


def _some(frames: Iterable[pd.DataFrame], at_most: int) -> Iterator[pd.DataFrame]:
    """Keep `at_most` rows of each domain and split, by a hash of their name, classes in turn.

    The whole index is in memory at once: this is for rehearsals.
    """
    whole = pd.concat(list(frames), ignore_index=True)
    group = [key for key in ("domain", "split") if key in whole]
    kinds = [key for key in ("label", "condition") if key in whole]
    names = (blake2b(str(name).encode(), digest_size=8) for name in whole["image_id"])
    ordered = whole.assign(_order=[name.hexdigest() for name in names]).sort_values("_order")
    ordered["_turn"] = ordered.groupby([*group, *kinds]).cumcount()
    ordered = ordered.sort_values(["_turn", "_order"])
    kept = ordered[ordered.groupby(group).cumcount() < at_most]
    yield kept.drop(columns=["_order", "_turn"]).sort_index()


def _with_sizes(frame: pd.DataFrame) -> pd.DataFrame:
    """Add `bytes`: size and name identify a file well enough to notice a changed data set."""
    if "path" not in frame:
        return frame
    paths = tracked(frame["path"], len(frame), "sizing images")
    return frame.assign(bytes=[file_size(path) for path in paths])


def _write(frames: Iterable[pd.DataFrame], path: Path) -> None:
    """Write frame after frame: an index of millions of rows is never in memory as a whole."""
    writer: parquet.ParquetWriter | None = None
    try:
        for frame in frames:
            schema = writer.schema if writer else None
            table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
            writer = writer or parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer:
            writer.close()
    if writer is None:
        raise DatasetError(f"{path}: the data set has no row")
