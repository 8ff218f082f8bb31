"""Images in an order, and with augmentations, that are functions of the step alone.

A resumed training then sees what an unbroken one would have seen, whatever the number of decoding
processes, and nothing of a generator's state has to be saved.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info
from mmengine.registry import DATA_SAMPLERS
from mmseg.registry import DATASETS
from torch.utils.data import Dataset, Sampler

from replidg.seeds import seed_of


@DATASETS.register_module()
class SteppedDataset(Dataset):
    """One or several data sets, drawn from as one, laid out along the steps of a training.

    Item p is the p-th image of the training: an epoch shows each image once, in an order of its
    own, and goes on across the ends of batches.

    Args:
        datasets: mmsegmentation's configurations.
        seed: of the run.
        images: of the whole training: steps times batch size.
    """

    def __init__(self, datasets: list[dict[str, Any]], seed: int, images: int) -> None:
        self.parts = [DATASETS.build(dict(each)) for each in datasets]
        self.seed, self.images = seed, images
        self.ends = list(accumulate(len(part) for part in self.parts))
        self._order = lru_cache(maxsize=2)(self._shuffled)

    @property
    def metainfo(self) -> dict[str, Any]:
        """Names and colours of the classes."""
        return self.parts[0].metainfo

    def __len__(self) -> int:
        """Return the number of images of the whole training."""
        return self.images

    def place(self, position: int) -> int:
        """Return which image of all data sets, in their order, stands at a position."""
        epoch, offset = divmod(position, self.ends[-1])
        return int(self._order(epoch)[offset])

    def __getitem__(self, position: int) -> dict[str, Any]:
        """Return the image at a position, augmented by draws of its own."""
        place = self.place(position)
        part = bisect_right(self.ends, place)
        seed = seed_of(self.seed, "augment", position)
        # The transforms of mmcv and mmsegmentation draw from these three.
        random.seed(seed)
        np.random.seed(seed % 2**32)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return self.parts[part][place - (self.ends[part - 1] if part else 0)]

    def _shuffled(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng(seed_of(self.seed, "order", epoch))
        return rng.permutation(self.ends[-1])


@DATA_SAMPLERS.register_module()
class StepSampler(Sampler):
    """The positions of a training in order, dealt to its processes.

    Args:
        dataset: `SteppedDataset`.
        seed: mmengine's, not used: the data set orders its images.
    """

    def __init__(self, dataset: SteppedDataset, seed: int | None = None) -> None:
        self.images = len(dataset)
        self.rank, self.world = get_dist_info()
        self.start = 0

    def skip(self, number: int) -> None:
        """Begin behind so many images of this process; mmengine calls it to resume."""
        self.start = number

    def __iter__(self) -> Iterator[int]:
        """Yield positions."""
        return iter(range(self.rank + self.start * self.world, self.images, self.world))

    def __len__(self) -> int:
        """Return the number of positions of this process."""
        return len(range(self.rank, self.images, self.world))
