"""Case h: settings of torch that may pay, each against the default, on this machine."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import open_clip
import timm
import torch
from measure import Options, Row, Work, compared, interleaved
from torch import nn
from torch.nn import functional as F

from replidg.arithmetic import switch

DEFAULT = "the default"
LAST = torch.channels_last


def settings(options: Options) -> list[Row]:
    """Case h: memory format, number format and compilation.

    A GPU has the networks of the full scale, too: a training step of ViT-B/16 and the forward pass
    of ViT-L/14, which filters web pictures. Weights are random.
    """
    torch.manual_seed(0)
    batch = 96 if options.cuda else 8 if options.quick else 32
    images = torch.randn(batch, 3, 224, 224, device=options.device)
    resnet = timm.create_model("resnet18", pretrained=False, num_classes=2).to(options.device)
    small = open_clip.create_model("ViT-B-32").visual.eval().to(options.device)
    rows = _rows(
        "a training step of ResNet-18",
        _step(resnet, images),
        {"channels_last": _step(_last(resnet), images.to(memory_format=LAST))},
        options,
    )
    forward = {
        "channels_last": _forward(_last(small), images.to(memory_format=LAST)),
        "bf16 autocast": _forward(small, images, bf16=True),
        "torch.compile": _forward(torch.compile(small), images),
    }
    rows += _rows("ViT-B/32 forward", _forward(small, images), forward, options)
    return rows + (_large(images, options) if options.cuda else [])


def _large(images: torch.Tensor, options: Options) -> list[Row]:
    """Return what formats gain with the full scale's networks."""
    base = open_clip.create_model("ViT-B-16").visual.to(options.device)
    both = torch.compile(copy.deepcopy(base))
    step = {
        "TF32": _step(base, images, tf32=True),
        "bf16 autocast": _step(base, images, bf16=True),
        "bf16 autocast and torch.compile": _step(both, images, bf16=True),
    }
    rows = _rows("a training step of ViT-B/16", _step(base, images), step, options)
    large = open_clip.create_model("ViT-L-14").visual.eval().to(options.device)
    forward = {
        "TF32": _forward(large, images, tf32=True),
        "bf16 autocast": _forward(large, images, bf16=True),
    }
    return rows + _rows("ViT-L/14 forward", _forward(large, images), forward, options)


def _rows(what: str, default: Work, ways: Mapping[str, Work], options: Options) -> list[Row]:
    """Return a row for each way of doing the same."""
    rows = []
    for name, work in ways.items():
        try:
            found = interleaved({"ours": work, DEFAULT: default}, options.rounds)
        except RuntimeError as error:  # torch.compile without a C++ compiler
            note = f"not measured: {str(error).splitlines()[0]}"
            rows.append(Row("h", f"{name}, {what}", note=note))
            continue
        shown = f"{name}, {what}"
        rows.append(compared(found, "ours", DEFAULT, case="h", what=shown, unit="image"))
    return rows


def _last(model: nn.Module) -> nn.Module:
    return copy.deepcopy(model).to(memory_format=LAST)


def _autocast(images: torch.Tensor, bf16: bool) -> torch.autocast:
    return torch.autocast(images.device.type, torch.bfloat16, enabled=bf16)


def _forward(
    model: nn.Module, images: torch.Tensor, bf16: bool = False, tf32: bool = False
) -> Work:
    def work() -> int:
        switch(tf32, deterministic=False)
        with torch.inference_mode(), _autocast(images, bf16):
            model(images)
        return len(images)

    return work


def _step(model: nn.Module, images: torch.Tensor, bf16: bool = False, tf32: bool = False) -> Work:
    labels = torch.zeros(len(images), dtype=torch.long, device=images.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)

    def work() -> int:
        switch(tf32, deterministic=False)
        optimizer.zero_grad()
        with _autocast(images, bf16):
            loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return len(images)

    return work
