"""Labelled pictures, a tiny CLIP and shards that the tests of domain classifiers share."""

import io
import json

import numpy as np
import pandas as pd
from PIL import Image
from webdataset import TarWriter
from wilds_runs import make_clip

from replidg.config.forgotten import Domains, DomainTraining
from replidg.config.forgotten_sets import DOMAINS, WEB
from replidg.data.images import InputSpec
from replidg.models import store
from replidg.training.domain_job import Job

SPEC = InputSpec(16, "crop", "bicubic", (0.5,) * 3, (0.5,) * 3)
FT = DomainTraining(
    epochs=2, batch_size=8, optimizer="sgd", lr=[0.1], weight_decay=5e-4, schedule="step",
    step_epochs=1, crop_scale=(0.9, 1.0), flip=0.5,
)  # fmt: skip
DR = DomainTraining(
    epochs=2, batch_size=8, optimizer="adamw", lr=[1e-3, 1e-4], weight_decay=0.1,
    schedule="cosine", warmup_epochs=1, clip_norm=1.0, flip=0.5,
)  # fmt: skip
CLASSIFIERS = {
    "ce": {"kind": "ce"},
    "csd_n": {"kind": "csd", "against": "natural"},
    "ft": {"kind": "ft"},
    "dr_r": {"kind": "dr", "against": "rendition", "balanced": True},
}


def domains(**changes) -> Domains:
    """Return a configuration of the classifiers."""
    whole = {
        "model": "c", "preprocessing": "p", "classifiers": CLASSIFIERS, "ft": FT.model_dump(),
        "dr": DR.model_dump(), "neighbours": 5, "checkpoint_every_s": 1e-9,
    }  # fmt: skip
    return Domains.model_validate(whole | changes)


def picture(channel: int, random: np.random.Generator) -> Image.Image:
    """Return noise with one colour: the colour is the domain."""
    pixels = random.integers(0, 90, (20, 18, 3), dtype=np.uint8)
    pixels[..., channel] += 140
    return Image.fromarray(pixels)


def make_labels(folder) -> pd.DataFrame:
    """Write labelled pictures: 12 of each domain to train, 5 for val, 5 for test, and a set."""
    random, rows = np.random.default_rng(0), []
    for split, count in (("train", 12), ("val", 5), ("test", 5)):
        for label, name in enumerate(DOMAINS):
            for number in range(count):
                path = folder / f"{split}_{name}_{number}.png"
                picture(label, random).save(path)
                rows.append((WEB, path.stem, str(path), name, split))
    path = folder / "sketch.png"
    picture(1, random).save(path)
    rows.append(("imagenet_sketch", "sketch", str(path), "rendition", "test"))
    return pd.DataFrame(rows, columns=["test_set", "image_id", "path", "label", "split"])


def make_backbone(folder) -> store.Backbone:
    """Return a CLIP with random weights, as it lies on disk."""
    make_clip(folder)
    return store.load(folder)


def make_job(labels, backbone, checkpoints, **changes) -> Job:
    """Return a job of all classifiers."""
    return Job(labels, domains(**changes), backbone, SPEC, True, False, checkpoints)


def make_shards(folder, sizes=(5, 4), broken=()) -> list[dict]:
    """Write shards in img2dataset's layout and return what `shards.json` lists.

    Args:
        folder: of the tars.
        sizes: pictures of each.
        broken: (shard, place) of pictures that are no pictures.
    """
    random, listed = np.random.default_rng(1), []
    for number, size in enumerate(sizes):
        path = folder / f"{number:05d}.tar"
        with TarWriter(str(path)) as writer:
            for place in range(size):
                buffer = io.BytesIO()
                picture(place % 3, random).save(buffer, "JPEG")
                meta = {"SAMPLE_ID": 100 * number + place, "url": f"x/{number}/{place}"}
                writer.write(
                    {
                        "__key__": f"{number:05d}{place:04d}",
                        "jpg": b"no picture" if (number, place) in broken else buffer.getvalue(),
                        "txt": f"picture {place}",
                        "json": json.dumps(meta).encode(),
                    }
                )
        listed.append({"path": str(path), "samples": size, "bytes": path.stat().st_size})
    return listed
