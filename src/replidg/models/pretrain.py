"""Train a CLIP with open_clip's own model factory, loss, schedule and training loop.

open_clip's `main` re-seeds at every start, so a resumed run would see other batches than an
unbroken one. Here order, captions and augmentation are a function of (seed, epoch), what the
forward pass draws one of the batch, and a checkpoint after any step holds model and optimiser:
killed anywhere, the weights end the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import open_clip
import pandas as pd
import torch
from open_clip_train.params import parse_args
from open_clip_train.scheduler import cosine_lr
from open_clip_train.train import train_one_epoch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from replidg.checkpoints import Checkpoints, keep, resume, stop_on_signal
from replidg.config.inputs import ClipTraining, TrainedModel
from replidg.data.captions import captions
from replidg.data.errors import DatasetError
from replidg.data.images import InputSpec, decode, normalise, resizer
from replidg.files import write_json
from replidg.models.clip_steps import ClipSteps
from replidg.models.layers import freeze
from replidg.models.lite import imagenet_init
from replidg.models.store import FILES
from replidg.progress import Progress, tracked
from replidg.seeds import seed_of, seeded

logger = logging.getLogger(__name__)


@dataclass
class Corpus:
    """The pretraining corpus in memory: the whole of it is decoded once.

    Attributes:
        pixels: uint8 (N, 3, S, S).
        tokens: token ids (N, K, L) of K captions an image.
    """

    pixels: Tensor
    tokens: Tensor


class ImageTextPairs(Dataset):
    """Augmented image-text pairs of one epoch; pair i depends on (seed, epoch, i) alone."""

    def __init__(self, corpus: Corpus, spec: InputSpec, seed: int, channels_last: bool) -> None:
        self.corpus, self.spec, self.channels_last = corpus, spec, channels_last
        self.seed, self.epoch = seed, 0
        self.augment = v2.Compose(
            [
                v2.RandomResizedCrop(
                    spec.size, scale=(0.6, 1.0), ratio=(0.85, 1.18), antialias=True
                ),
                v2.RandomHorizontalFlip(),
            ]
        )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.corpus.pixels)

    def __getitems__(self, positions: list[int]) -> tuple[Tensor, Tensor]:
        """Return a batch: float images (B, 3, S, S) and token ids (B, L)."""
        chosen = torch.randint(
            self.corpus.tokens.shape[1],
            (len(positions),),
            generator=torch.Generator().manual_seed(self.draw("captions", positions[0])),
        )
        images = []
        for position in positions:
            with seeded(self.draw("augmentation", position)):
                images.append(self.augment(self.corpus.pixels[position]))
        tokens = self.corpus.tokens[torch.as_tensor(positions), chosen]
        return normalise(torch.stack(images), self.spec, self.channels_last), tokens

    def draw(self, purpose: str, position: int = 0) -> int:
        """Return the seed of a random choice in this epoch."""
        return seed_of(self.seed, purpose, self.epoch, position)


class PairLoader:
    """The batches of an epoch, the incomplete last one left out."""

    def __init__(self, pairs: ImageTextPairs, batch_size: int) -> None:
        self.pairs, self.batch_size = pairs, batch_size
        self.num_samples = len(pairs) // batch_size * batch_size
        self.num_batches = len(pairs) // batch_size

    def set_epoch(self, epoch: int) -> None:
        """Choose the order and the augmentation of `epoch`."""
        self.pairs.epoch = epoch

    def batches(self, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of the epoch from the one of that number on."""
        generator = torch.Generator().manual_seed(self.pairs.draw("order"))
        order = torch.randperm(len(self.pairs), generator=generator)
        sampler = order[: self.num_samples].view(-1, self.batch_size)[first:].tolist()
        yield from DataLoader(self.pairs, batch_sampler=sampler, collate_fn=lambda batch: batch)


def build(model: TrainedModel, folder: Path) -> nn.Module:
    """Build the untrained CLIP from its open_clip configuration.

    Args:
        model: the configured model.
        folder: scratch folder for the configuration, which open_clip reads from a file.
    """
    write_json(folder / FILES["open_clip"][0], model.architecture)
    torch.manual_seed(model.training.seed)
    clip = open_clip.create_model(f"local-dir:{folder}", output_dict=True)
    if model.image_tower_init == "efficientnet_lite0":
        loaded = imagenet_init(clip.visual.trunk)
        logger.info("image tower starts from %d ImageNet tensors of EfficientNet-Lite0", loaded)
    freeze(clip, model.training.frozen_layers)
    return clip.to(memory_format=torch.channels_last) if model.channels_last else clip


def load_corpus(
    index: pd.DataFrame, spec: InputSpec, tokenizer: Callable[[list[str]], Tensor]
) -> Corpus:
    """Decode the pretraining share of an index and tokenise its captions.

    Raises:
        DatasetError: the index has no pretraining share.
    """
    if "pretraining" not in index or not index["pretraining"].any():
        raise DatasetError("the data set has no pretraining share; set datasets.<name>.pretraining")
    rows = index[index["pretraining"]]
    resize = resizer(spec)
    paths = tracked(rows["path"], len(rows), "decoding the pretraining corpus")
    pixels = torch.stack([resize(decode(path)) for path in paths])
    tokens = torch.stack([tokenizer(texts) for texts in captions(rows)])
    return Corpus(pixels, tokens)


def train(
    clip: nn.Module,
    corpus: Corpus,
    spec: InputSpec,
    budget: ClipTraining,
    checkpoints: Checkpoints,
    channels_last: bool = False,
) -> nn.Module:
    """Train `clip` in place, from the newest whole checkpoint if there is one.

    On SIGTERM or SIGUSR1 it saves and exits with status 99: run again to go on.

    Raises:
        DatasetError: the corpus is smaller than one batch.
    """
    pairs = PairLoader(ImageTextPairs(corpus, spec, budget.seed, channels_last), budget.batch_size)
    if pairs.num_batches == 0:
        raise DatasetError(f"{len(corpus.pixels)} images are less than one batch")
    args = parse_args(["--device=cpu", f"--batch-size={budget.batch_size}", "--precision=fp32"])
    args.distill, args.rank, args.world_size, args.wandb = False, 0, 1, False
    args.device = "cuda" if torch.cuda.is_available() else "cpu"
    clip = clip.to(args.device)
    optimizer = _optimizer(clip, budget)
    total = pairs.num_batches * budget.epochs
    schedule = cosine_lr(optimizer, budget.lr, budget.warmup, total)
    loss, name = open_clip.ClipLoss(), "training CLIP"
    with stop_on_signal() as stop:

        def after_step(run: ClipSteps) -> None:
            progress.add(budget.batch_size, f"epoch {run.epoch}/{budget.epochs}")
            keep(run, checkpoints, stop, name)

        steps = ClipSteps(clip, optimizer, None, pairs, 1, budget.seed, after_step)
        resume(steps, checkpoints, name)
        done = steps.step * budget.batch_size
        with Progress(total * budget.batch_size, name, "pairs", done) as progress:
            for epoch in range(steps.epoch, budget.epochs):
                train_one_epoch(
                    clip, {"train": steps}, loss, epoch, optimizer, None,
                    steps.schedule(schedule), None, args,
                )  # fmt: skip
    return clip.cpu()


def _optimizer(clip: nn.Module, budget: ClipTraining) -> torch.optim.Optimizer:
    """AdamW as open_clip sets it up: no decay for gains, biases and the logit scale."""
    named = [(n, p) for n, p in clip.named_parameters() if p.requires_grad]
    plain = [p for n, p in named if p.ndim < 2]
    decayed = [p for n, p in named if p.ndim >= 2]
    groups = [
        {"params": plain, "weight_decay": 0.0},
        {"params": decayed, "weight_decay": budget.weight_decay},
    ]
    return torch.optim.AdamW(groups, lr=budget.lr, betas=(0.9, 0.98), eps=1e-6)
