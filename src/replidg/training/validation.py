"""Images that a run is evaluated on again and again."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from replidg.config.methods import Augmentation
from replidg.data.images import InputSpec, decoding, loader, still_paths
from replidg.seeds import seed_of
from replidg.training.data import AugmentedImages

BATCH = 256


class HeldOut:
    """Images of one domain: decoded once if they fit, else every time.

    Args:
        rows: rows of the index.
        spec: the model's input.
        workers: processes that decode.
        augmentation: of the images, drawn anew at every validation; None: none.
        seed: of the augmentation.
    """

    MEMORY = 2 * 2**30

    def __init__(
        self,
        rows: pd.DataFrame,
        spec: InputSpec,
        workers: int,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self.labels = torch.tensor(rows["label"].to_numpy())
        self.workers, self.seed = workers, seed
        self.augmented = None
        if augmentation:
            self.augmented = AugmentedImages(rows["path"].tolist(), spec, augmentation)
        self.still: Iterable[Tensor] = []
        if self.augmented is None:
            batches = loader(still_paths(rows, spec), spec, BATCH, workers)
            fits = len(rows) * 3 * spec.size**2 <= self.MEMORY
            self.still = list(batches) if fits else batches

    def batches(self, step: int) -> Iterable[Tensor]:
        """Return the images as uint8 (N, 3, S, S) batches, in the order of the labels.

        Args:
            step: optimiser steps taken; what the augmentation is drawn by.
        """
        if self.augmented is None:
            return self.still
        rng = np.random.default_rng(seed_of(self.seed, "validation", step))
        seeds = rng.integers(2**62, size=len(self.labels)).tolist()
        items = list(enumerate(seeds))
        parts = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
        return decoding(self.augmented, parts, self.workers)
