"""The CLIP that teaches: scores of the student's augmented images, live or of a few fixed views."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from replidg.config.methods import Augmentation
from replidg.data.images import InputSpec, decoding, normalise
from replidg.methods.hybrid.base import Taught
from replidg.models.store import Backbone
from replidg.seeds import seed_of
from replidg.training.data import AugmentedImages

BATCH = 64


class Teacher:
    """A frozen CLIP.

    Args:
        clip: the loaded model; it is moved to the device and frozen.
        texts: unit embeddings (C, D) of the known classes' texts.
        device: where it computes.
    """

    def __init__(self, clip: Backbone, texts: Tensor, device: torch.device) -> None:
        self.visual: nn.Module = clip.visual.to(device).eval().requires_grad_(False)
        self.spec, self.sha256 = clip.spec, clip.weights_sha256
        self.texts, self.device = texts.to(device), device

    def embed(self, pixels: Tensor, student: InputSpec | None) -> Tensor:
        """Return unit embeddings (N, D) of augmented images.

        They are brought to the CLIP's size bilinearly where the student's differs.

        Args:
            pixels: uint8 (N, 3, S, S).
            student: normalise as the student does (the public code); None: as CLIP does.
        """
        pixels = pixels.to(self.device, non_blocking=True)
        values = normalise(pixels, student or self.spec)
        if values.shape[-1] != self.spec.size:
            side = (self.spec.size, self.spec.size)
            values = F.interpolate(values, side, mode="bilinear", antialias=True)
        # Not inference_mode: a loss saves these for its backward pass.
        with torch.no_grad():
            return F.normalize(self.visual(values).float(), dim=-1)

    def taught(self, embeddings: Tensor, scale: float) -> Taught:
        """Return the scores of unit embeddings: softmax of `scale` times the cosines."""
        scores = F.softmax(scale * embeddings @ self.texts.T, dim=1)
        return Taught(scores, embeddings)


class Views:
    """Teacher embeddings of K fixed augmentations of each training image, made once a job.

    Args:
        teacher: who embeds.
        count: K.
    """

    def __init__(self, teacher: Teacher, count: int) -> None:
        self.teacher, self.count = teacher, count
        self.known: dict[tuple, Tensor] = {}

    def seeds(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the augmentation seeds of each image (N, K): the same in all runs."""
        return np.array(
            [
                [seed_of("view", name, k) >> 1 for k in range(self.count)]
                for name in rows["image_id"]
            ]
        )

    def embeddings(
        self,
        rows: pd.DataFrame,
        spec: InputSpec,
        augmentation: Augmentation,
        student: InputSpec | None,
        workers: int,
    ) -> Tensor:
        """Return unit embeddings (N, K, D) of one domain's training images, on the CPU.

        A domain is embedded in batches of its own, so that the last bits do not depend on what
        else a job trains.
        """
        key = (tuple(rows["image_id"]), spec, student)
        if key not in self.known:
            images = AugmentedImages(
                rows["path"].tolist(), spec, augmentation, len(rows) * self.count
            )
            items = [
                (row, int(seed)) for row, seeds in enumerate(self.seeds(rows)) for seed in seeds
            ]
            parts = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
            loader = decoding(images, parts, workers)
            found = torch.cat([self.teacher.embed(pixels, student).cpu() for pixels in loader])
            self.known[key] = found.view(len(rows), self.count, -1)
        return self.known[key]


def chosen_views(embeddings: Tensor, seeds: np.ndarray, items: Sequence[tuple[int, int]]) -> Tensor:
    """Return the embeddings (B, D) of a step's (row, seed) items, of (N, K, D) and seeds (N, K)."""
    rows = [row for row, _ in items]
    views = [int(np.flatnonzero(seeds[row] == seed)[0]) for row, seed in items]
    return embeddings[rows, views]
