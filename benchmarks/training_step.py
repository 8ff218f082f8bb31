"""Case c: a step of domain generalization with its data, against a plain loop.

The plain loop does what DomainBed's does: an endless loader a domain that draws with replacement,
each image decoded at each step, float tensors on the host, `.item()` after each step. Both sides
train ResNet-18 (random weights, batch-norm statistics frozen) by Adam on three domains.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import timm
import torch
from measure import Options, Row, Spent, Steps, Work, compared, interleaved, now
from photos import SIZES, decoded_once, index_of, write_photos
from torch.nn import functional as F
from torch.utils.data import BatchSampler, DataLoader, RandomSampler
from torchvision import transforms as T
from torchvision.datasets import ImageFolder

from replidg.config.methods import FineTuning, Method
from replidg.data.images import normalise
from replidg.methods.network import Classifier
from replidg.models import store
from replidg.training.data import Shares, training_batches
from replidg.training.trainer import Run, Settings

SIZE, DOMAINS, CLASSES, RATE = 224, 3, 2, 5e-5
PLAIN = "plain loop as DomainBed's"


class Clock:
    """Seconds that go into the parts of a step."""

    def __init__(self) -> None:
        self.spent = {"data": 0.0, "arithmetic": 0.0}

    def add(self, part: str, start: Spent) -> None:
        """Count the CPU seconds since `start`."""
        self.spent[part] += now().cpu - start.cpu

    def share(self) -> float:
        """Return the share of data in all."""
        return self.spent["data"] / sum(self.spent.values())


def plain_batches(
    folder: Path, per_domain: int, workers: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield images (N, 3, S, S), float and normalised, and labels, as DomainBed's loaders do.

    Its loaders share the processes, so that both sides have as many.
    """
    augment = T.Compose(
        [
            T.RandomResizedCrop(SIZE, scale=(0.7, 1.0)),
            T.RandomHorizontalFlip(),
            T.ColorJitter(0.3, 0.3, 0.3, 0.3),
            T.RandomGrayscale(),
            T.ToTensor(),
            T.Normalize(*store.IMAGENET),
        ]
    )
    loaders = []
    for domain in sorted(folder.iterdir()):
        images = ImageFolder(str(domain), augment)
        draws = RandomSampler(images, replacement=True, num_samples=10**9)
        sampler = BatchSampler(draws, per_domain, drop_last=True)
        each = DataLoader(
            images, batch_sampler=sampler, num_workers=workers // DOMAINS,
            pin_memory=torch.cuda.is_available(),
        )  # fmt: skip
        loaders.append(iter(each))
    while True:
        parts = [next(each) for each in loaders]
        yield torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])


def plain(
    network: Classifier, folder: Path, per_domain: int, clock: Clock, options: Options
) -> Work:
    """Return steps of the plain loop."""
    network.to(options.device)
    batches = plain_batches(folder, per_domain, options.workers)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)

    def step() -> None:
        start = now()
        images, labels = (part.to(options.device) for part in next(batches))
        clock.add("data", start)
        start = now()
        network.train()
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        clock.add("arithmetic", start)

    return _steps(step, options)


def ours(
    backbone: store.Backbone, frames: list[pd.DataFrame], per_domain: int, clock: Clock,
    options: Options, **changed: Any,
) -> Work:  # fmt: skip
    """Return as many steps of this project's trainer; channels_last, as the demo has it for CNNs.

    Args:
        backbone: is copied.
        frames: images of each domain.
        per_domain: images that each gives a step.
        clock: counts the parts of a step.
        options: of the measurement.
        changed: keys of the protocol.
    """
    own = {"steps": 10**6, "batch_per_domain": per_domain, "workers": options.workers} | changed
    method = Method(objective="erm", lr=RATE, head_lr_mult=1.0)
    settings = Settings(method, FineTuning(**own), backbone.spec, CLASSES, 0, [], True, True)
    run = Run(copy.deepcopy(backbone), settings, torch.device(options.device))
    batches = run.batches(Shares(frames, [], pd.DataFrame()))

    def step() -> None:
        start = now()
        batch = next(batches)
        clock.add("data", start)
        start = now()
        run.train_step(batch)
        clock.add("arithmetic", start)

    return _steps(step, options)


def _steps(step: Callable[[], None], options: Options) -> Steps:
    """Return a work of one step, or of many where processes decode ahead, two batches each."""
    if not options.workers:
        return Steps(step, 1)
    return Steps(step, 40 if options.quick else 100, 2 * options.workers)


def _frames(folder: Path, packed: Path) -> list[pd.DataFrame]:
    """Return the images by domain, read from a store of their decoded pixels."""
    frames = []
    for domain in sorted(folder.iterdir()):
        paths, labels = zip(*ImageFolder(str(domain)).samples, strict=True)
        stored = decoded_once(index_of(paths), None, packed / domain.name)
        frames.append(stored.assign(label=labels))
    return frames


def training_step(options: Options) -> list[Row]:
    """Case c: whole steps, and their data alone."""
    per_domain = 8 if options.quick and not options.cuda else 32
    folder = options.folder / "photos-train"
    write_photos(folder, SIZES["227 px"], domains=DOMAINS, a_class=32)
    frames = _frames(folder, options.folder / "store-train")
    torch.manual_seed(0)
    visual = timm.create_model("resnet18", pretrained=False, num_classes=0)
    spec = store.InputSpec(SIZE, "squash", "bilinear", *store.IMAGENET)
    backbone = store.Backbone(visual, None, None, spec, visual.num_features, "none")
    network = Classifier(copy.deepcopy(visual), backbone.dim, CLASSES, frozen_batchnorm=True)
    ways: dict[str, dict[str, str]] = {"ours": {}}
    if options.cuda:
        ways["ours, augment_on: device"] = {"augment_on": "device"}
        ways["ours, augment_on: device, bf16"] = {"augment_on": "device", "precision": "bf16"}
    clocks = {name: Clock() for name in (*ways, PLAIN)}
    sides = {
        name: ours(backbone, frames, per_domain, clocks[name], options, **changed)
        for name, changed in ways.items()
    }
    sides[PLAIN] = plain(network, folder, per_domain, clocks[PLAIN], options)
    found = interleaved(sides, options.rounds)
    rows = [
        compared(
            found, name, PLAIN, case="c", unit="step", goal=">= 2 x",
            what=f"step, ResNet-18, {SIZE} px, {per_domain} x {DOMAINS}{name.removeprefix('ours')}",
            # What a GPU does while the host waits is not in these clocks.
            note="" if options.cuda else f"share of data in CPU time: {clocks[name].share():.1%} "
            f"of ours, {clocks[PLAIN].share():.1%} of the plain loop's",
        )
        for name in ways
    ]  # fmt: skip
    if options.cuda:
        return rows
    return [*rows, *_data_alone(backbone.spec, frames, folder, per_domain, options.rounds)]


def _data_alone(
    spec: store.InputSpec, frames: list[pd.DataFrame], folder: Path, per_domain: int, rounds: int
) -> list[Row]:
    """Compare the data of a step up to the network's normalised input.

    With `augment_on: device` colours are changed in batches on the device: here the CPU.
    """
    shares = Shares(frames, [], pd.DataFrame())
    other = plain_batches(folder, per_domain, 0)

    def own(augment_on: str) -> Work:
        protocol = FineTuning(steps=10**4, batch_per_domain=per_domain, augment_on=augment_on)
        batches = training_batches(shares, spec, protocol, 0, 0)

        def work() -> int:
            normalise(next(batches).pixels, spec, True)
            return 1

        return work

    def plainly() -> int:
        next(other)
        return 1

    sides = {f"augment_on: {where}": own(where) for where in ("cpu", "device")}
    found = interleaved({**sides, PLAIN: plainly}, rounds)
    return [
        compared(
            found, name, PLAIN, case="c", unit="step",
            what=f"data of a step, 227 px, {per_domain} x {DOMAINS}, {name}",
        )
        for name in sides
    ]  # fmt: skip
