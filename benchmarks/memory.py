"""Peak memory of the steps that see data sets of DomainNet's and of LAION's size.

    python benchmarks/memory.py [--rows 1000000] [--images 586575] [--dim 512]

Each step runs in a process of its own on made rows; its growth is the peak resident memory minus
that after the imports. Web-size steps are to need the same for any number of rows, except
`order`, which keeps 8 bytes a member, and `ids`, which keeps 8 bytes an id.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

ROOT = Path(__file__).parents[1]
SHARD, JOBS, CLASSES = 10_000, 4, 345
LIMIT_GB = 4.0
CHOSEN = {
    domain: {level: {"threshold": 0.5} for level in ("default", "strict", "relaxed")}
    for domain in ("natural", "rendition")
}


def script(name: str) -> ModuleType:
    """Return a script of the workflow as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_web(folder: Path, rows: int) -> None:
    """Write what the steps of web size read: a list of addresses, scores and marks of filter jobs.

    Args:
        folder: destination.
        rows: a multiple of `SHARD`.
    """
    lists = folder / "web" / "laion400m-meta"
    lists.mkdir(parents=True)
    (folder / "chosen.json").write_text(json.dumps(CHOSEN))
    rng = np.random.default_rng(0)
    writers: dict[str, parquet.ParquetWriter] = {}
    for shard in range(rows // SHARD):
        numbers = np.arange(shard * SHARD, (shard + 1) * SHARD)
        urls = [f"https://pictures.example.org/{n % 997}/some-folder/{n:012d}.jpg" for n in numbers]
        texts = [f"a caption of about the usual length, with the number {n}" for n in numbers]
        shared = {"image_id": numbers.astype(str), "url": urls}
        scores = rng.random((2, SHARD), np.float32)
        tables = {
            # LAION's lists have 13 million rows each.
            f"web/laion400m-meta/part-{shard // 1300:05d}.parquet": {
                "SAMPLE_ID": numbers, "URL": urls, "TEXT": texts,
            },
            f"scores{shard % JOBS}.parquet": {
                "shard": np.full(SHARD, shard), "position": np.arange(SHARD),
                "key": [f"{n:012d}" for n in numbers], **shared,
                "natural_score": scores[0], "rendition_score": scores[1],
                "natural_default": scores[0] > 0.5, "rendition_default": scores[1] > 0.5,
                "readable": np.ones(SHARD, bool),
            },
            f"marks{shard % JOBS}.parquet": {
                "duplicate": scores[0] < 0.1, "pruned/near": scores[1] < 0.1,
            },
        }  # fmt: skip
        for name, columns in tables.items():
            table = pa.table(columns)
            if name not in writers:
                writers[name] = parquet.ParquetWriter(folder / name, table.schema)
            writers[name].write_table(table, row_group_size=SHARD)
    for writer in writers.values():
        writer.close()


def write_images(folder: Path, images: int, dim: int) -> None:
    """Write an index of DomainNet's kind with embeddings of images and classes."""
    from replidg.data.embeddings import write

    number = np.arange(images)
    names = [f"class_{label:03d}" for label in range(CLASSES)]
    ids = [f"real/{names[n % CLASSES]}/real_{n % CLASSES:03d}_{n:06d}.jpg" for n in number]
    index = pd.DataFrame(
        {
            "image_id": ids, "path": [f"resources/datasets/domain_net/{name}" for name in ids],
            "label": number % CLASSES, "class_name": [names[n % CLASSES] for n in number],
            "domain": np.where(number % 2, "real", "sketch"), "split": "", "bytes": number,
        }
    )  # fmt: skip
    index.to_parquet(folder / "images.parquet", index=False)
    rng = np.random.default_rng(0)
    values = np.empty((images, dim), np.float16)
    for start in range(0, images, 65_536):
        part = values[start : start + 65_536]
        part[:] = rng.standard_normal(part.shape, np.float32)
    write(folder / "images.safetensors", values, ids, {})
    texts = rng.standard_normal((CLASSES, dim), np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    write(folder / "texts.safetensors", texts, names, {})


def _index(folder: Path) -> Callable[[], None]:
    from replidg.data import index
    from replidg.data.registry import load

    out, page = folder / "index.parquet", load("laion400m")
    return lambda: index.build(folder / "web", ["web"], out, folder / "classes.json", page)


def _gather(folder: Path) -> Callable[[], None]:
    gather = script("gather_corpus").gather_corpus
    files = [
        [folder / f"{kind}{job}.parquet" for job in range(JOBS)] for kind in ("scores", "marks")
    ]
    return lambda: gather(*files, folder / "chosen.json", folder / "corpus.parquet")


def _composition(folder: Path) -> Callable[[], None]:
    count = script("evaluate_domains").web_composition
    return lambda: count(folder / "corpus.parquet")


def _order(folder: Path) -> Callable[[], None]:
    from replidg.data.pools import Order, classified

    table = folder / "corpus.parquet"
    return lambda: Order(classified(table, "random", "strict"), 0, "random")


def _ids(folder: Path) -> Callable[[], None]:
    from replidg.data.domain_lists import listed_ids

    return lambda: listed_ids([folder / "index.parquet"])


def _score(folder: Path) -> Callable[[], None]:
    score = script("score_alignment").score_alignment
    files = [
        folder / name for name in ("images.parquet", "images.safetensors", "texts.safetensors")
    ]
    return lambda: score(*files, ["real", "sketch"], 100.0, folder / "scores.parquet")


def _zero_shot(folder: Path) -> Callable[[], None]:
    classify = script("classify_zero_shot").classify_zero_shot
    files = [
        folder / name for name in ("images.parquet", "images.safetensors", "texts.safetensors")
    ]
    out = folder / "model" / "domain_net" / "predictions.parquet"
    return lambda: classify(*files, ["real", "sketch"], "all", out, folder / "facts.json")


def _neighbours(folder: Path) -> Callable[[], None]:
    from replidg.data.embeddings import read
    from replidg.metrics.neighbours import Search

    def search() -> None:  # all images are queries; a block is what one product sees of the corpus
        queries = read(folder / "images.safetensors")
        Search(queries, 4).add(np.array(queries[:256]))

    return search


WEB = {
    "index": _index, "gather": _gather, "composition": _composition, "order": _order, "ids": _ids,
}  # fmt: skip
IMAGES = {"score": _score, "zero_shot": _zero_shot, "neighbours": _neighbours}


def peak(step: str, folder: Path) -> dict[str, float]:
    """Run a step in a process of its own; returns `base` and `growth` in MB, and CPU `seconds`."""
    command = [sys.executable, __file__, "--child", step, "--folder", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _child(step: str, folder: Path) -> None:
    work = (WEB | IMAGES)[step](folder)
    base, start = _most(), time.process_time()
    work()
    found = {"base": base, "growth": _most() - base, "seconds": time.process_time() - start}
    print(json.dumps(found))


def _most() -> float:
    """Return this process' peak of resident memory in MB; `ru_maxrss` has the parent's, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    """Write the rows and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="of web size")
    parser.add_argument("--images", type=int, default=586_575, help="DomainNet's number")
    parser.add_argument("--dim", type=int, default=512, help="values an embedding")
    parser.add_argument("--folder", type=Path, help="for the files; a temporary one if absent")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        _child(args.child, args.folder)
        return
    with tempfile.TemporaryDirectory(prefix="replidg-memory-", dir=args.folder) as made:
        folder = Path(made)
        write_web(folder, args.rows // SHARD * SHARD)
        write_images(folder, args.images, args.dim)
        print("| step | rows | after imports | growth | CPU |\n|---|---|---|---|---|")
        for step in WEB | IMAGES:
            found, rows = peak(step, folder), args.rows if step in WEB else args.images
            print(
                f"| {step} | {rows:,} | {found['base']:.0f} MB | {found['growth']:.0f} MB "
                f"| {found['seconds']:.0f} s |",
                flush=True,
            )


if __name__ == "__main__":
    main()
