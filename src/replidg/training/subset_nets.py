"""ImageNet classifiers from scratch on subsets, by timm's A3 recipe.

Wightman et al. 2021 (arXiv 2110.00476): LAMB, binary cross-entropy, mixup and cutmix, RandAugment,
160 pixels in training and 224 in the test, cosine schedule. The parts are timm's.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import timm
import torch
from timm.data import Mixup, create_transform
from timm.loss import BinaryCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from replidg.checkpoints import Checkpoints, keep, resume, stop_on_signal
from replidg.config.forgotten_training import ResNets
from replidg.data.images import InputSpec, decode, normalise
from replidg.models import lite  # noqa: F401  (registers the demo's tower)
from replidg.models.store import IMAGENET, device
from replidg.progress import Progress
from replidg.seeds import seed_of
from replidg.training.clip_evaluation import Scorer
from replidg.training.suites import Suite

logger = logging.getLogger(__name__)
MIN_LR, WARMUP_LR = 1e-6, 1e-4


def subset(ids: Sequence[str], size: int, seed: int, name: str) -> np.ndarray:
    """Return the places of `size` images: those of lowest rank in a random order of the ids.

    Raises:
        ValueError: there are fewer.
    """
    if size > len(ids):
        raise ValueError(
            f"forgotten.training.resnets.sizes: {size:,} images wanted, {name} has {len(ids):,}"
        )
    ranks = np.array([seed_of(seed, "subset", name, image_id) for image_id in ids], np.int64)
    return np.sort(np.argsort(ranks, kind="stable")[:size])


class TrainingImages(Dataset):
    """Augmented images; what image i looks like depends on (seed, epoch, i) alone."""

    def __init__(self, paths: Sequence[str], labels: Sequence[int], protocol: ResNets) -> None:
        self.paths, self.labels, self.seed, self.epoch = list(paths), list(labels), 0, 0
        self.seed = protocol.seed
        self.transform = create_transform(
            protocol.train_size, is_training=True, auto_augment=protocol.augment,
            interpolation="bicubic", mean=IMAGENET[0], std=IMAGENET[1],
        )  # fmt: skip

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        """Return image (3, S, S) and label."""
        _seed_all(seed_of(self.seed, "augmentation", self.epoch, place))
        return self.transform(decode(self.paths[place])), self.labels[place]


def _seed_all(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


class SubsetRun:
    """State of one training.

    Args:
        classes: number of classes.
        protocol: the recipe.
        per_epoch: steps an epoch.
    """

    def __init__(self, classes: int, protocol: ResNets, per_epoch: int) -> None:
        self.protocol, self.per_epoch, self.step = protocol, per_epoch, 0
        torch.manual_seed(seed_of(protocol.seed, "initialisation"))
        self.net = timm.create_model(
            protocol.architecture, pretrained=protocol.pretrained, num_classes=classes
        ).to(device(), memory_format=torch.channels_last)
        self.optimizer = create_optimizer_v2(
            self.net, opt="lamb", lr=protocol.lr, weight_decay=protocol.weight_decay
        )
        self.schedule = CosineLRScheduler(
            self.optimizer, t_initial=protocol.epochs, lr_min=MIN_LR,
            warmup_t=protocol.warmup_epochs, warmup_lr_init=WARMUP_LR,
        )  # fmt: skip
        self.mixup = Mixup(
            protocol.mixup, protocol.cutmix, num_classes=classes, label_smoothing=0.0
        )
        self.loss = BinaryCrossEntropy(smoothing=0.0, target_threshold=protocol.target_threshold)

    @property
    def epoch(self) -> int:
        """Number of the epoch that the next step is in, from 0."""
        return self.step // self.per_epoch

    def train_step(self, parts: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Take an optimiser step on the parts of a batch: images (B, 3, S, S) and labels (B)."""
        protocol = self.protocol
        amp = device().type == "cuda" and protocol.precision == "bf16"
        epoch, done = divmod(self.step, self.per_epoch)
        self.net.train()
        self.schedule.step(epoch)
        for number, (pixels, labels) in enumerate(parts, done * protocol.accumulate):
            np.random.seed(seed_of(protocol.seed, "mixup", epoch, number) % 2**32)
            inputs = pixels.to(device(), memory_format=torch.channels_last)
            inputs, targets = self.mixup(inputs, labels.to(device()))
            torch.manual_seed(seed_of(protocol.seed, "dropout", epoch, number))
            with torch.autocast(device().type, torch.bfloat16, enabled=amp):
                value = self.loss(self.net(inputs), targets) / protocol.accumulate
            value.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1

    def state_dict(self) -> dict[str, Any]:
        """Return all that a resumed run needs."""
        return {
            "step": self.step,
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken."""
        self.step = state["step"]
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])


def train(
    paths: Sequence[str],
    labels: Sequence[int],
    classes: int,
    protocol: ResNets,
    checkpoints: Checkpoints,
) -> nn.Module:
    """Train a classifier, from its newest checkpoint if it was begun.

    On SIGTERM or SIGUSR1 it saves and exits with status 99: run again to go on.

    Args:
        paths: image files.
        labels: their classes.
        classes: number of classes.
        protocol: the recipe.
        checkpoints: of the run; the last one holds the trained net.

    Raises:
        ValueError: there are fewer images than a batch has.
    """
    images = TrainingImages(paths, labels, protocol)
    per_epoch = len(images) // protocol.batch_size
    if not per_epoch:
        raise ValueError(f"{len(images)} images are less than one batch of {protocol.batch_size}")
    run, name = SubsetRun(classes, protocol, per_epoch), "training"
    resume(run, checkpoints, name)
    size, steps = protocol.batch_size, per_epoch * protocol.epochs
    with (
        stop_on_signal() as stop,
        Progress(steps * size, name, "images", run.step * size) as progress,
    ):
        while run.step < steps:
            images.epoch = run.epoch
            for parts in _batches(images, protocol, run.step % per_epoch):
                run.train_step(parts)
                progress.add(size, f"epoch {images.epoch + 1}/{protocol.epochs}")
                keep(run, checkpoints, stop, name)
    checkpoints.save(run.state_dict())
    return run.net.cpu().eval()


def _batches(
    images: TrainingImages, protocol: ResNets, first: int
) -> Iterator[tuple[tuple[Tensor, Tensor], ...]]:
    """Yield an epoch's batches, in their parts, from the one of number `first` on.

    The incomplete last batch is left out.
    """
    drawn = torch.Generator().manual_seed(seed_of(protocol.seed, "order", images.epoch))
    steps = len(images) // protocol.batch_size
    order = torch.randperm(len(images), generator=drawn)[: steps * protocol.batch_size]
    parts = order.view(steps, protocol.accumulate, -1)[first:].flatten(0, 1)
    loader = DataLoader(images, batch_sampler=parts.tolist(), num_workers=protocol.workers)
    # As many at a time as a batch has parts.
    yield from zip(*[iter(loader)] * protocol.accumulate, strict=True)


class Net:
    """A trained classifier, ready to be evaluated.

    Args:
        net: gives logits (B, classes).
        protocol: test size and crop.
        groups: DomainNet's classes: for each class of a suite the classes of the net that stand
            for it; a suite that is not here has the net's own classes.
    """

    def __init__(
        self, net: nn.Module, protocol: ResNets, groups: dict[str, list[list[int]]]
    ) -> None:
        self.net, self.groups = net.eval().to(device()), groups
        self.spec = InputSpec(
            protocol.test_size, "crop", "bicubic", IMAGENET[0], IMAGENET[1], protocol.test_crop
        )

    def scorer(self, suite: Suite, templates: Sequence[str]) -> Scorer:
        """Return what gives uint8 pixels (B, 3, S, S) a score (B, C) for each class of a suite.

        The score of a class that stands for several of the net's is the highest of theirs.
        """
        groups = self.groups.get(suite.dataset)

        @torch.inference_mode()
        def score(pixels: Tensor) -> Tensor:
            logits = self.net(normalise(pixels.to(device()), self.spec, channels_last=True))
            if groups is None:
                return logits
            worst = torch.full((len(logits),), -torch.inf, device=logits.device)
            best = [logits[:, own].amax(1) if own else worst for own in groups]
            return torch.stack(best, 1)

        return score
