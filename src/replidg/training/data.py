"""What a leave-one-domain-out run trains, validates and is tested on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2
from torchvision.transforms.functional import pil_to_tensor

from replidg.config.schema import Augmentation, FineTuning
from replidg.data.image_folder import DatasetError
from replidg.data.images import InputSpec, decode
from replidg.seeds import seed_of, seeded


@dataclass(frozen=True)
class Shares:
    """Rows of the index by their part in a run.

    Attributes:
        train: one frame a source domain.
        validation: one frame a source domain.
        target: the target domain.
    """

    train: list[pd.DataFrame]
    validation: list[pd.DataFrame]
    target: pd.DataFrame


def share_out(
    index: pd.DataFrame,
    domains: list[str],
    target: str,
    protocol: FineTuning,
    seed: int,
    target_images: str,
) -> Shares:
    """Divide an index for one target domain.

    Where the data set has splits of its own they are used; else each source domain gives a random
    `validation_share`, drawn by (seed, domain), as DomainBed does.

    Raises:
        DatasetError: a source domain has no training or no validation image.
    """
    sources = [domain for domain in domains if domain != target]
    train, validation = [], []
    for domain in sources:
        rows = index[index["domain"] == domain]
        if (rows["split"] != "").any():
            kept, held = rows[rows["split"] == "train"], rows[rows["split"] == "val"]
        else:
            order = _order(len(rows), seed, domain)
            count = int(len(rows) * protocol.validation_share)
            held, kept = rows.iloc[np.sort(order[:count])], rows.iloc[np.sort(order[count:])]
        if protocol.validation_images is not None:
            order = np.sort(_order(len(held), seed, domain)[: protocol.validation_images])
            held = held.iloc[order]
        if not len(kept) or not len(held):
            raise DatasetError(f"domain {domain!r} has no training or no validation image")
        train.append(kept)
        validation.append(held)
    rows = index[index["domain"] == target]
    if target_images == "test":
        rows = rows[rows["split"].isin(["test", ""])]
    return Shares(train, validation, rows)


def _order(count: int, seed: int, domain: str) -> np.ndarray:
    return np.random.default_rng(seed_of(seed, "hold-out", domain)).permutation(count)


class AugmentedImages(Dataset):
    """Training images; an item is asked for as (row, seed), so that a step can be repeated."""

    def __init__(self, paths: list[str], spec: InputSpec, augmentation: Augmentation) -> None:
        self.paths = paths
        amount = augmentation.jitter
        self.augment = v2.Compose(
            [
                v2.RandomResizedCrop(spec.size, scale=augmentation.crop_scale, antialias=True),
                v2.RandomHorizontalFlip(augmentation.flip),
                v2.ColorJitter(amount, amount, amount, amount),
                v2.RandomGrayscale(augmentation.grayscale),
            ]
        )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def __getitem__(self, item: tuple[int, int]) -> Tensor:
        """Return one augmented image, uint8 (3, size, size)."""
        row, seed = item
        image = decode(self.paths[row])
        with seeded(seed):
            return pil_to_tensor(self.augment(image))


class Steps:
    """Batch sampler: the images of every step from `start` on, as a function of (seed, step).

    Each source domain gives the same number of images a step, drawn with replacement, as
    DomainBed's InfiniteDataLoader does. Nothing needs to be saved to resume in mid-epoch.
    """

    def __init__(self, sizes: list[int], per_domain: int, seed: int, start: int, stop: int) -> None:
        self.sizes, self.per_domain = sizes, per_domain
        self.seed, self.start, self.stop = seed, start, stop

    def __len__(self) -> int:
        """Return the number of steps left."""
        return self.stop - self.start

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        """Yield (row, augmentation seed) of every image of a step."""
        for step in range(self.start, self.stop):
            rng = np.random.default_rng(seed_of(self.seed, "step", step))
            first, batch = 0, []
            for size in self.sizes:
                rows = first + rng.integers(size, size=self.per_domain)
                seeds = rng.integers(2**62, size=self.per_domain)
                batch += list(zip(rows.tolist(), seeds.tolist(), strict=True))
                first += size
            yield batch


@dataclass(frozen=True)
class Batch:
    """One step's images (N, 3, S, S) as uint8, labels (N,) and source domains (N,)."""

    pixels: Tensor
    labels: Tensor
    domains: Tensor


def training_batches(
    shares: Shares, spec: InputSpec, protocol: FineTuning, seed: int, start: int
) -> Iterator[Batch]:
    """Yield the batches of the steps from `start` to the end."""
    rows = pd.concat(shares.train)
    labels = torch.tensor(rows["label"].to_numpy())
    sizes = [len(part) for part in shares.train]
    steps = Steps(sizes, protocol.batch_per_domain, seed, start, protocol.steps)
    images = AugmentedImages(rows["path"].tolist(), spec, protocol.augmentation)
    loader = DataLoader(images, batch_sampler=steps, num_workers=protocol.workers)
    domains = torch.arange(len(sizes)).repeat_interleave(protocol.batch_per_domain)
    # The loader returns pixels only; the same sampler says again which rows they were.
    for pixels, items in zip(loader, steps, strict=True):
        yield Batch(pixels, labels[[row for row, _ in items]], domains)
