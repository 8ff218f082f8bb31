"""Small web corpora and a tiny CLIP for the tests of arXiv 2410.08258's trainings."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from replidg.config.forgotten_training import ClipRun
from replidg.data.domain_shards import Shard
from replidg.training.suites import Suite

ARCHITECTURE = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {
            "image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16,
        },
        "text_cfg": {
            "context_length": 8, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1,
        },
    },
    "preprocess_cfg": {},
}  # fmt: skip
RUN = ClipRun(
    architecture=ARCHITECTURE, epochs=3, batch_size=8, lr=1e-3, warmup=2, precision="fp32",
    crop_scale=(0.5, 1.0),
)  # fmt: skip


def picture(seed: int, size: int = 40) -> bytes:
    """A JPEG of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG")
    return out.getvalue()


def write_corpus(folder: Path, counts: list[int], damaged: Collection[int] = ()) -> list[Shard]:
    """Write shards as img2dataset does; image ids are 0, 1, ... through all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    shards, seen = [], 0
    for number, count in enumerate(counts):
        path = folder / f"{number:05d}.tar"
        with tarfile.open(path, "w") as file:
            for _ in range(count):
                members = {
                    "jpg": b"no picture" if seen in damaged else picture(seen),
                    "txt": f"a picture of thing {seen % 5}".encode(),
                    "json": json.dumps({"SAMPLE_ID": seen, "url": f"u{seen}"}).encode(),
                }
                for suffix, content in members.items():
                    info = tarfile.TarInfo(f"{seen:09d}.{suffix}")
                    info.size = len(content)
                    file.addfile(info, io.BytesIO(content))
                seen += 1
        shards.append(Shard(number, path, count))
    return shards


def suite(tmp_path, domains=("all",)):
    """Six pictures of three classes; the second class is not clean."""
    rows = []
    for place in range(6):
        path = tmp_path / f"{place}.jpg"
        path.write_bytes(picture(place))
        domain = domains[place % len(domains)]
        rows.append({"path": str(path), "domain": domain, "label": place % 3, "border_px": place})
    frame = pd.DataFrame(rows).assign(accepted=["0", "1;2", "2", "0", "1", "2"])
    known = {"standard": [0, 1, 2], "clean": [0, 2]}
    kept = np.array([True, False, True, True, False, True])
    classes = {("set", domain): known for domain in domains}
    return Suite("set", frame, ["a_cat", "dog", "cow"], classes, kept)
