"""Sizes of objects by an open-vocabulary detector (OWLv2, arXiv 2306.09683; alignment Fig 10).

The package transformers is no dependency of this project: it is imported here, when it is wanted.
"""

from __future__ import annotations

import importlib
import logging
import shutil
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from replidg.config.similarity import Owlv2Size
from replidg.data.embeddings import index_hash
from replidg.data.images import decode
from replidg.files import stable_hash, whole_file
from replidg.models.store import device
from replidg.progress import Progress

logger = logging.getLogger(__name__)


class BoxesError(RuntimeError):
    """The detector cannot be had; the message says what to do."""


class Detector:
    """The highest-scoring box of a text in an image.

    Args:
        name: Hugging Face name, or a folder.

    Raises:
        BoxesError: transformers is missing, or the weights cannot be loaded.
    """

    def __init__(self, name: str) -> None:
        try:
            transformers = importlib.import_module("transformers")
        except ImportError as error:
            raise BoxesError(
                "alignment.object_size.source is 'owlv2', which needs a package that is not "
                "installed: pip install transformers in this environment, or give sizes that you "
                "have with 'source: csv'"
            ) from error
        try:
            self.processor = transformers.Owlv2Processor.from_pretrained(name)
            model = transformers.Owlv2ForObjectDetection.from_pretrained(name)
        except (OSError, ValueError) as error:
            raise BoxesError(
                f"cannot load {name}: {error}; download it where there is a network and set "
                "alignment.object_size.model to its folder"
            ) from error
        self.model = model.to(device()).eval()

    def best(
        self, pixels: Tensor, sizes: np.ndarray, texts: list[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the share of each image that the best box of its text takes, and the box's score.

        Args:
            pixels: prepared images (N, 3, S, S).
            sizes: widths and heights before the preparation (N, 2).
            texts: one a image.
        """
        tokens = self.processor(text=[[text] for text in texts], return_tensors="pt")
        inputs = {name: tokens[name].to(device()) for name in ("input_ids", "attention_mask")}
        with torch.inference_mode():
            found = self.model(pixel_values=pixels.to(device()), **inputs)
        scores, place = found.logits[..., 0].float().sigmoid().max(dim=1)
        boxes = found.pred_boxes.float()[torch.arange(len(texts), device=place.device), place]
        return shares(boxes.cpu().numpy().astype(np.float64), sizes), scores.cpu().numpy()


def shares(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the share of the image that each box takes.

    OWLv2 pads an image to a square, to the right and below, and boxes are relative to that square.
    (The library's own scaling to pixels has changed between its versions.)

    Args:
        boxes: centre x, centre y, width, height (N, 4), relative to the square.
        sizes: widths and heights of the images in pixels (N, 2).
    """
    side = sizes.max(axis=1, keepdims=True)
    low = (boxes[:, :2] - boxes[:, 2:] / 2.0) * side
    high = (boxes[:, :2] + boxes[:, 2:] / 2.0) * side
    inside = np.clip(high, 0.0, sizes) - np.clip(low, 0.0, sizes)
    return inside.prod(axis=1) / sizes.prod(axis=1)


class _Prepared(Dataset):
    """Images as the detector wants them, with their sizes before that."""

    def __init__(self, paths: list[str], processor: Any) -> None:
        self.paths, self.processor = paths, processor

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        """Return one image's pixels, width and height."""
        image = decode(self.paths[position])
        pixels = self.processor(images=image, return_tensors="pt")["pixel_values"][0]
        return pixels, torch.tensor(image.size, dtype=torch.float64)


def measure(
    rows: pd.DataFrame,
    how: Owlv2Size,
    batch_size: int,
    workers: int,
    shard_size: int,
    checkpoints: Path,
) -> np.ndarray:
    """Return the share of each image that its object's box takes; NaN where no box scores enough.

    Finished shards wait in a folder named by all that affects them, for a job that goes on.

    Args:
        rows: index rows with `image_id`, `path` and `class_name`.
        how: the configured detector.
        batch_size: images a forward pass.
        workers: processes that decode and prepare; 0: the job's own.
        shard_size: images between two resume points.
        checkpoints: root of the folders of unfinished work.
    """
    key = [how.model, how.query, index_hash(rows), rows["class_name"].tolist(), shard_size]
    folder = checkpoints / "boxes" / stable_hash(key)
    detector: Detector | None = None
    parts = []
    with Progress(len(rows), "finding objects") as progress:
        for start in range(0, len(rows), shard_size):
            part, kept = rows.iloc[start : start + shard_size], folder / f"{start:09d}.npy"
            found = _finished(kept, len(part))
            if found is None:
                detector = detector or Detector(how.model)
                found = _detect(detector, part, how.query, batch_size, workers, progress)
                with whole_file(kept) as temporary:
                    np.save(temporary, found)
            else:
                progress.add(len(part))
            parts.append(found)
    shutil.rmtree(folder)
    share, score = np.concatenate(parts, axis=1)
    return np.where(score >= how.min_score, share, np.nan)


def _detect(
    detector: Detector,
    rows: pd.DataFrame,
    query: str,
    batch_size: int,
    workers: int,
    progress: Progress,
) -> np.ndarray:
    """Return shares and scores (2, N)."""
    texts = [query.format(name.replace("_", " ")) for name in rows["class_name"]]
    images = _Prepared(rows["path"].tolist(), detector.processor)
    done, parts = 0, []
    for pixels, sizes in DataLoader(images, batch_size=batch_size, num_workers=workers):
        chosen = texts[done : done + len(pixels)]
        parts.append(np.stack(detector.best(pixels, sizes.numpy(), chosen)))
        done += len(pixels)
        progress.add(len(pixels))
    return np.concatenate(parts, axis=1)


def _finished(path: Path, rows: int) -> np.ndarray | None:
    if not path.is_file():
        return None
    try:
        found = np.load(path)
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        logger.warning("%s is damaged (%r); finding its objects again", path, error)
        return None
    return found if found.shape == (2, rows) else None
