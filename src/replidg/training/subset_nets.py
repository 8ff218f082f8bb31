"""ImageNet classifiers from scratch on subsets, by timm's A3 recipe.

Wightman et al. 2021 (arXiv 2110.00476): LAMB, binary cross-entropy, mixup and cutmix, RandAugment,
160 pixels in training and 224 in the test, cosine schedule. The parts are timm's.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import timm
import torch
from timm.data import Mixup, create_transform
from timm.loss import BinaryCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import CosineLRScheduler
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from replidg.checkpoints import Checkpoints
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


@dataclass
class _Run:
    net: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: CosineLRScheduler


def train(
    paths: Sequence[str],
    labels: Sequence[int],
    classes: int,
    protocol: ResNets,
    checkpoints: Checkpoints,
    workers: int = 0,
) -> nn.Module:
    """Train a classifier, from its last whole epoch if it was begun.

    Args:
        paths: image files.
        labels: their classes.
        classes: number of classes.
        protocol: the recipe.
        checkpoints: one an epoch.
        workers: processes that decode.

    Raises:
        ValueError: there are fewer images than a batch has parts.
    """
    run = _begin(classes, protocol)
    images = TrainingImages(paths, labels, protocol)
    mixup = Mixup(protocol.mixup, protocol.cutmix, num_classes=classes, label_smoothing=0.0)
    loss = BinaryCrossEntropy(smoothing=0.0, target_threshold=protocol.target_threshold)
    steps = len(images) // protocol.batch_size
    if not steps:
        raise ValueError(f"{len(images)} images are less than one batch of {protocol.batch_size}")
    start = _resume(run, checkpoints)
    total = steps * protocol.batch_size
    with Progress(total * protocol.epochs, "training", "images", start * total) as progress:
        for epoch in range(start, protocol.epochs):
            run.schedule.step(epoch)
            images.epoch = epoch
            _epoch(run, images, protocol, mixup, loss, workers)
            checkpoints.save(_state(run, epoch + 1))
            progress.add(total, f"epoch {epoch + 1}/{protocol.epochs}")
    return run.net.cpu().eval()


def _begin(classes: int, protocol: ResNets) -> _Run:
    torch.manual_seed(seed_of(protocol.seed, "initialisation"))
    net = timm.create_model(
        protocol.architecture, pretrained=protocol.pretrained, num_classes=classes
    ).to(device(), memory_format=torch.channels_last)
    optimizer = create_optimizer_v2(
        net, opt="lamb", lr=protocol.lr, weight_decay=protocol.weight_decay
    )
    schedule = CosineLRScheduler(
        optimizer, t_initial=protocol.epochs, lr_min=MIN_LR, warmup_t=protocol.warmup_epochs,
        warmup_lr_init=WARMUP_LR,
    )  # fmt: skip
    return _Run(net, optimizer, schedule)


def _epoch(
    run: _Run,
    images: TrainingImages,
    protocol: ResNets,
    mixup: Mixup,
    loss: Callable,
    workers: int,
) -> None:
    """Take the epoch's steps; the incomplete last batch is left out."""
    run.net.train()
    part = protocol.batch_size // protocol.accumulate
    drawn = torch.Generator().manual_seed(seed_of(protocol.seed, "order", images.epoch))
    steps = len(images) // protocol.batch_size
    order = torch.randperm(len(images), generator=drawn)[: steps * protocol.batch_size]
    loader = DataLoader(images, batch_sampler=order.view(-1, part).tolist(), num_workers=workers)
    amp = device().type == "cuda" and protocol.precision == "bf16"
    for number, (pixels, labels) in enumerate(loader):
        np.random.seed(seed_of(protocol.seed, "mixup", images.epoch, number) % 2**32)
        inputs = pixels.to(device(), memory_format=torch.channels_last)
        inputs, targets = mixup(inputs, labels.to(device()))
        torch.manual_seed(seed_of(protocol.seed, "dropout", images.epoch, number))
        with torch.autocast(device().type, torch.bfloat16, enabled=amp):
            value = loss(run.net(inputs), targets) / protocol.accumulate
        value.backward()
        if (number + 1) % protocol.accumulate == 0:
            run.optimizer.step()
            run.optimizer.zero_grad()


def _state(run: _Run, epochs: int) -> dict[str, object]:
    return {"epochs": epochs, "net": run.net.state_dict(), "optimizer": run.optimizer.state_dict()}


def _resume(run: _Run, checkpoints: Checkpoints) -> int:
    state = checkpoints.load()
    if state is None:
        return 0
    run.net.load_state_dict(state["net"])
    run.optimizer.load_state_dict(state["optimizer"])
    logger.info("resuming after %d epochs", state["epochs"])
    return state["epochs"]


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
