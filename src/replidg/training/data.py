"""What a leave-one-domain-out run trains, validates and is tested on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2
from torchvision.transforms.functional import pil_to_tensor

from replidg.config.methods import Augmentation, FineTuning
from replidg.data.errors import DatasetError
from replidg.data.images import InputSpec, decode, decoding
from replidg.models.store import device
from replidg.seeds import seed_of, seeded
from replidg.training import colours


@dataclass(frozen=True)
class Shares:
    """Rows of the index by their part in a run.

    Attributes:
        train: one frame a training domain.
        validation: one frame a training domain.
        target: the images of the target domain that the run is tested on.
        target_validation: images of the target domain for a choice among runs, if that is asked
            for; they are not tested on.
    """

    train: list[pd.DataFrame]
    validation: list[pd.DataFrame]
    target: pd.DataFrame
    target_validation: pd.DataFrame | None = None


def share_out(
    index: pd.DataFrame,
    domains: list[str],
    target: str,
    protocol: FineTuning,
    seed: int,
    target_images: str,
    train_on: str = "sources",
) -> Shares:
    """Divide an index for one target domain.

    Where the data set has splits of its own they are used; else each domain gives a random
    `validation_share`, drawn by (seed, domain), as DomainBed does; that is its hold-out.

    With `train_on="all"`, the alignment paper's upper bound (`--in_domain`), the target is a
    training domain like the others, and what it is tested on was not trained on: its hold-out, or
    where it has splits of its own, all that is not in its training split. As in the authors' code
    the hold-outs of all domains select the step, so selection sees images that are tested on.

    Args:
        index: of the data set.
        domains: its domains.
        target: one of them.
        protocol: shares and the way of model selection.
        seed: of the random hold-outs.
        target_images: "all", or "test": of its own splits only that one.
        train_on: "sources" or "all".

    Raises:
        DatasetError: a training domain has no training or no validation image.
    """
    train, validation, target_validation = [], [], None
    for domain in domains:
        if domain != target or train_on == "all":
            kept, held = _divided(index, protocol, seed, domain)
            if not len(kept) or not len(held):
                raise DatasetError(f"domain {domain!r} has no training or no validation image")
            train.append(kept)
            validation.append(capped(held, protocol, seed, domain))
    rows = index[index["domain"] == target]
    kept, held = _divided(index, protocol, seed, target)
    if train_on == "all":
        rows = rows[~rows["image_id"].isin(kept["image_id"])]
    elif protocol.selection == "target":
        if not len(held):
            raise DatasetError(f"target domain {target!r} has no validation image to select by")
        rows = rows[~rows["image_id"].isin(held["image_id"])]
        target_validation = capped(held, protocol, seed, target)
    if target_images == "test":
        rows = rows[rows["split"].isin(["test", ""])]
    return Shares(train, validation, rows, target_validation)


def _divided(
    index: pd.DataFrame, protocol: FineTuning, seed: int, domain: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the training rows and the hold-out of a domain."""
    rows = index[index["domain"] == domain]
    if (rows["split"] != "").any():
        return rows[rows["split"] == "train"], rows[rows["split"] == "val"]
    order = _order(len(rows), seed, domain)
    count = int(len(rows) * protocol.validation_share)
    return rows.iloc[np.sort(order[count:])], rows.iloc[np.sort(order[:count])]


def capped(rows: pd.DataFrame, protocol: FineTuning, seed: int, domain: str) -> pd.DataFrame:
    """Return at most `validation_images` rows of a domain, drawn by (seed, domain)."""
    if protocol.validation_images is None:
        return rows
    return rows.iloc[np.sort(_order(len(rows), seed, domain)[: protocol.validation_images])]


def _order(count: int, seed: int, domain: str) -> np.ndarray:
    return np.random.default_rng(seed_of(seed, "hold-out", domain)).permutation(count)


class AugmentedImages(Dataset):
    """Training images; an item is asked for as (row, seed), so that a step can be repeated.

    Args:
        paths: of the images.
        spec: input of the model.
        augmentation: of each image.
        expected: items that will be asked for, as far as is known: many are worth preparations.
    """

    def __init__(
        self, paths: list[str], spec: InputSpec, augmentation: Augmentation, expected: int = 0
    ) -> None:
        self.paths = paths
        self.augment = v2.Compose(_changes(spec, augmentation))
        if augmentation.jitter:
            colours.prepare(expected * spec.size**2)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def __getitem__(self, item: tuple[int, int]) -> Tensor:
        """Return one augmented image, uint8 (3, size, size)."""
        row, seed = item
        image = decode(self.paths[row])
        with seeded(seed):
            return pil_to_tensor(self.augment(image))


class CroppedImages(AugmentedImages):
    """Training images of which only the crop is made here, with what is drawn for the rest.

    `colours.recolour` does the rest for a batch; the result is that of `AugmentedImages`.
    """

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Return one image, uint8 (3, size, size), and the changes that are left (10,)."""
        row, seed = item
        image = decode(self.paths[row])
        crop, *rest = self.augment.transforms
        with seeded(seed):
            return pil_to_tensor(crop(image)), colours.drawn(*rest)


def _changes(spec: InputSpec, augmentation: Augmentation) -> list[v2.Transform]:
    amount = augmentation.jitter
    return [
        v2.RandomResizedCrop(spec.size, scale=augmentation.crop_scale, antialias=True),
        v2.RandomHorizontalFlip(augmentation.flip),
        colours.ColourJitter(amount, amount, amount, amount),
        v2.RandomGrayscale(augmentation.grayscale),
    ]


class Steps:
    """Batch sampler: the images of every step from `start` on, as a function of (seed, step).

    Each source domain gives the same number of images a step, drawn with replacement, as
    DomainBed's InfiniteDataLoader does. Nothing needs to be saved to resume in mid-epoch.

    Args:
        sizes: images of each source domain.
        per_domain: images that each gives a step.
        seed: of the draws.
        start: first step.
        stop: step behind the last.
        views: augmentation seeds that each image has (N, K); any seed if None.
    """

    def __init__(
        self,
        sizes: list[int],
        per_domain: int,
        seed: int,
        start: int,
        stop: int,
        views: np.ndarray | None = None,
    ) -> None:
        self.sizes, self.per_domain = sizes, per_domain
        self.seed, self.start, self.stop = seed, start, stop
        self.views = views

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
                if self.views is None:
                    seeds = rng.integers(2**62, size=self.per_domain)
                else:
                    chosen = rng.integers(self.views.shape[1], size=self.per_domain)
                    seeds = self.views[rows, chosen]
                batch += list(zip(rows.tolist(), seeds.tolist(), strict=True))
                first += size
            yield batch


@dataclass(frozen=True)
class Batch:
    """One step's images (N, 3, S, S) as uint8, labels (N,) and source domains (N,).

    `items` says which they are: row among the training images, and seed of the augmentation. The
    pixels are on the device already if they are augmented there.
    """

    pixels: Tensor
    labels: Tensor
    domains: Tensor
    items: list[tuple[int, int]]


def training_batches(
    shares: Shares,
    spec: InputSpec,
    protocol: FineTuning,
    seed: int,
    start: int,
    views: np.ndarray | None = None,
) -> Iterator[Batch]:
    """Yield the batches of the steps from `start` to the end; `views` as for `Steps`."""
    rows = pd.concat(shares.train)
    labels = torch.tensor(rows["label"].to_numpy())
    sizes = [len(part) for part in shares.train]
    steps = Steps(sizes, protocol.batch_per_domain, seed, start, protocol.steps, views)
    on_device = protocol.augment_on == "device"
    images = (CroppedImages if on_device else AugmentedImages)(
        rows["path"].tolist(),
        spec,
        protocol.augmentation,
        len(steps) * len(sizes) * protocol.batch_per_domain,
    )
    domains = torch.arange(len(sizes)).repeat_interleave(protocol.batch_per_domain)
    # The loader returns pixels only; the same sampler says again which rows they were.
    for loaded, items in zip(decoding(images, steps, protocol.workers), steps, strict=True):
        if on_device:
            pixels, changes = loaded
            loaded = colours.recolour(pixels.to(device(), non_blocking=True), changes)
        yield Batch(loaded, labels[[row for row, _ in items]], domains, items)
