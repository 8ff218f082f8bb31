"""Case h: settings of torch that may pay, each against the default, on this machine's processor."""

from __future__ import annotations

import copy

import open_clip
import timm
import torch
from measure import Options, Row, Work, compared, interleaved
from torch import nn
from torch.nn import functional as F

DEFAULT = "the default"


def settings(options: Options) -> list[Row]:
    """Case h: memory format, number format and compilation."""
    torch.manual_seed(0)
    batch = 8 if options.quick else 32
    resnet = timm.create_model("resnet18", pretrained=False, num_classes=2)
    vit = open_clip.create_model("ViT-B-32").visual.eval()
    images = torch.randn(batch, 3, 224, 224)
    last = torch.channels_last
    cases: dict[str, tuple[Work, Work]] = {
        "channels_last, a training step of ResNet-18": (
            _step(copy.deepcopy(resnet).to(memory_format=last), images.to(memory_format=last)),
            _step(resnet, images),
        ),
        "channels_last, ViT-B/32 forward": (
            _forward(copy.deepcopy(vit).to(memory_format=last), images.to(memory_format=last)),
            _forward(vit, images),
        ),
        "bf16 autocast, ViT-B/32 forward": (_forward(vit, images, True), _forward(vit, images)),
        "torch.compile, ViT-B/32 forward": (
            _forward(torch.compile(vit), images),
            _forward(vit, images),
        ),
    }
    return [_row(what, *sides, options.rounds) for what, sides in cases.items()]


def _row(what: str, ours: Work, default: Work, rounds: int) -> Row:
    try:
        found = interleaved({"ours": ours, DEFAULT: default}, rounds)
    except RuntimeError as error:  # torch.compile without a C++ compiler
        return Row("h", what, note=f"not measured: {str(error).splitlines()[0]}")
    return compared(found, "ours", DEFAULT, case="h", what=what, unit="image")


def _forward(model: nn.Module, images: torch.Tensor, bf16: bool = False) -> Work:
    def work() -> int:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            model(images)
        return len(images)

    return work


def _step(model: nn.Module, images: torch.Tensor) -> Work:
    labels = torch.zeros(len(images), dtype=torch.long)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)

    def work() -> int:
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
        return len(images)

    return work
