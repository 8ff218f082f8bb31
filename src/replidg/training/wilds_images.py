"""Training images of arXiv 2311.02236: its augmentation, and the images of every step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from torchvision.transforms import v2

from replidg.config.robust_ft import EpochTraining
from replidg.data.epoch_draws import group_weights, subset, subset_parts
from replidg.data.images import INTERPOLATION, InputSpec
from replidg.seeds import seed_of
from replidg.training.data import AugmentedImages
from replidg.training.probes import Stream


class LightlyAugmented(AugmentedImages):
    """Flip, colour jitter and a slight rotation, then the resize of evaluation (fmdg/_data.py).

    In the authors' order the full picture is augmented and then resized, which for large pictures
    is slow; `augment: after_resize` turns that round.
    """

    def __init__(self, paths: list[str], spec: InputSpec, training: EpochTraining) -> None:
        self.paths = paths
        how = INTERPOLATION[spec.interpolation]
        if spec.resize == "squash":
            resize = [v2.Resize((spec.size, spec.size), interpolation=how)]
        else:
            shorter = int(spec.size / spec.crop_share)
            resize = [v2.Resize(shorter, interpolation=how), v2.CenterCrop(spec.size)]
        change = [
            v2.RandomHorizontalFlip(training.flip),
            v2.ColorJitter(training.jitter, training.jitter, training.jitter),
            v2.RandomRotation(training.rotation),
        ]
        before = training.augment == "before_resize"
        self.augment = v2.Compose([*change, *resize] if before else [*resize, *change])


def make_stream(
    train: pd.DataFrame,
    training: EpochTraining,
    arm: str,
    fraction: float,
    rates: tuple[float, ...],
    seed: int,
) -> Stream:
    """Return subset and draws of a run, or of the runs that differ in their rate alone.

    Args:
        train: the training split, rows of the index.
        training: protocol.
        arm: name of the arm.
        fraction: share of the training split.
        rates: learning rates; several only where subsets are shared.
        seed: of the run.
    """
    which = subset_parts(training.subsets, seed, arm, fraction, rates[0])
    rows = subset(len(train), fraction, *which)
    uniform = training.sampling == "group_uniform"
    weights = group_weights(train["domain"].to_numpy()[rows]) if uniform else None
    own = () if training.subsets == "shared" else (arm, f"{rates[0]:g}")
    return Stream(rows, weights, (seed, f"{fraction:g}", *own), seed, rates)


class EpochSteps:
    """Batch sampler: (row, augmentation seed) of the images of every step from `start` on.

    Nothing needs to be saved to resume within an epoch.
    """

    def __init__(self, stream: Stream, batch: int, epochs: int, start: int) -> None:
        self.stream, self.batch, self.start = stream, batch, start
        self.stop = epochs * stream.steps(batch)

    def __len__(self) -> int:
        """Return the number of steps left."""
        return self.stop - self.start

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        """Yield the items of a step; `row` counts in the training split."""
        steps = self.stream.steps(self.batch)
        for step in range(self.start, self.stop):
            epoch, within = divmod(step, steps)
            if step == self.start or within == 0:
                batches = self.stream.batches(epoch, self.batch)
            rows = batches[within]
            random = np.random.default_rng(seed_of(self.stream.seed, "augmentation", step))
            seeds = random.integers(2**62, size=len(rows))
            yield [(int(r), int(s)) for r, s in zip(rows, seeds, strict=True) if r >= 0]
