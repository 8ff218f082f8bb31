"""Where the shards of web pictures come from: drawn, downloaded by img2dataset, or at hand."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from pyarrow import parquet

from replidg.config.forgotten import Img2dataset
from replidg.data.domain_shards import count
from replidg.data.errors import DatasetError
from replidg.data.standins.pictures import draw, encode
from replidg.data.standins.web_lists import picture_of
from replidg.files import stable_hash, whole_file, write_json
from replidg.progress import tracked

logger = logging.getLogger(__name__)
PROGRAM = "img2dataset"
#: No times or owners in a tar: equal runs must be equal bytes.
PLAIN: dict[str, Any] = {"mtime": 0, "user": "", "group": ""}


def draw_shards(index: Path, folder: Path, images_per_shard: int) -> None:
    """Write the shards of a stand-in's list: the pictures that its addresses name.

    Args:
        index: the list (`image_id`, `url`, `caption`).
        folder: gets `00000.tar`, `00000_stats.json` and so on; shards of the same rows are kept.
        images_per_shard: pictures of a shard.
    """
    # Imports torch.
    from webdataset import TarWriter

    rows = pd.read_parquet(index, columns=["image_id", "url", "caption"])
    starts = range(0, len(rows), images_per_shard)
    for number, start in enumerate(tracked(starts, len(starts), "drawing shards", "shards")):
        tar = folder / f"{number:05d}.tar"
        stats = tar.with_name(f"{tar.stem}_stats.json")
        part = rows.iloc[start : start + images_per_shard]
        content = {"successes": len(part), "rows": stable_hash(part.to_numpy().tolist())}
        if tar.is_file() and stats.is_file() and json.loads(stats.read_text()) == content:
            continue
        stats.unlink(missing_ok=True)  # written last: it says that the shard is of these rows
        with whole_file(tar) as temporary, TarWriter(str(temporary), **PLAIN) as writer:
            for place, row in enumerate(part.itertuples()):
                writer.write({"__key__": f"{number:05d}{place:04d}", **_drawn(row)})
        write_json(stats, content)
    for tar in folder.glob("*.tar"):  # of a longer list
        if int(tar.stem) >= len(starts):
            tar.unlink()


def _drawn(row: Any) -> dict[str, Any]:
    """Return the files of a row of the list, as img2dataset writes them."""
    image_id, look = picture_of(row.url)
    meta = {"SAMPLE_ID": int(row.image_id), "url": row.url, "caption": row.caption}
    picture = encode(draw(image_id, look, row.url), ".jpg")
    return {"jpg": picture, "txt": row.caption, "json": meta | {"status": "success"}}


def download(
    lists: list[Path], folder: Path, columns: dict[str, str], images_per_shard: int,
    options: Img2dataset,
) -> None:  # fmt: skip
    """Call img2dataset for each list; its own resume is used.

    Args:
        lists: parquet files of addresses.
        folder: gets a folder a list.
        columns: `url`, `caption` and `image_id`: their names in the lists.
        images_per_shard: pictures of a shard.
        options: of the program.

    Raises:
        DatasetError: the program is not installed, or failed.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise DatasetError(
            f"{PROGRAM} is not installed: `pip install img2dataset` into an environment whose bin "
            "folder is on PATH, or set forgotten.corpus to {source: folder, folder: <your shards>}"
        )
    for path in lists:
        target = folder / path.name.partition(".")[0]
        target.mkdir(parents=True, exist_ok=True)
        command = img2dataset_command(program, path, target, columns, images_per_shard, options)
        logger.info("%s", " ".join(command))
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise DatasetError(
                f"{PROGRAM} ended with {done.returncode} on {path}; run again, it goes on where it "
                f"was. Its last words:\n{done.stderr[-2000:]}"
            )


def img2dataset_command(
    program: str, urls: Path, target: Path, columns: dict[str, str], images_per_shard: int,
    options: Img2dataset,
) -> list[str]:  # fmt: skip
    """Return the arguments of one call."""
    kept = [columns["image_id"]]
    return [
        program,
        f"--url_list={urls}",
        "--input_format=parquet",
        f"--url_col={columns['url']}",
        f"--caption_col={columns['caption']}",
        f"--save_additional_columns={json.dumps(kept)}",
        "--output_format=webdataset",
        f"--output_folder={target}",
        f"--number_sample_per_shard={images_per_shard}",
        f"--processes_count={options.processes}",
        f"--thread_count={options.threads}",
        f"--image_size={options.image_size}",
        "--resize_mode=keep_ratio",
        "--resize_only_if_bigger=True",
        f"--encode_quality={options.jpeg_quality}",
        "--incremental_mode=incremental",
        "--enable_wandb=False",
    ]


def list_shards(folder: Path, out: Path) -> None:
    """Write which shards a folder has, at any depth, and how many pictures are in each.

    Raises:
        DatasetError: there is none, or one is damaged.
    """
    found = sorted(path for path in folder.rglob("*.tar") if not path.name.startswith("."))
    if not found:
        raise DatasetError(f"{folder} has no *.tar; see forgotten.corpus")
    rows = [
        {"path": str(path), "samples": count(path), "bytes": path.stat().st_size}
        for path in tracked(found, len(found), "counting shards", "shards")
    ]
    write_json(out, {"samples": sum(row["samples"] for row in rows), "shards": rows})


def list_files(lists: Path, part: int, parts: int) -> Iterator[Path]:
    """Yield every `parts`th parquet file of a folder, at any depth, from the `part`th on.

    Raises:
        DatasetError: the folder has no parquet file.
    """
    found = sorted(path for path in lists.rglob("*.parquet") if not path.name.startswith("."))
    if not found:
        raise DatasetError(f"{lists} has no parquet file of addresses")
    for path in found[part::parts]:
        parquet.read_schema(path)  # a damaged list is noticed here, before any download
        yield path
