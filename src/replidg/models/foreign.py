"""Weights that timm does not have, for architectures that it has.

torchvision's ViT-B/32 and ViT-B/16 were trained on ImageNet-1k alone; timm's checkpoints of these
names mostly saw ImageNet-21k before. The architecture is the same, and so are the outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from replidg.models.lite import imagenet_init

TORCHVISION = {"vit_base_patch32_224": "vit_b_32", "vit_base_patch16_224": "vit_b_16"}
#: torchvision's name of a part of a block -> timm's.
PARTS = {
    "ln_1": "norm1",
    "self_attention.in_proj_": "attn.qkv.",
    "self_attention.out_proj": "attn.proj",
    "ln_2": "norm2",
    "mlp.0": "mlp.fc1",
    "mlp.3": "mlp.fc2",
}
OUTER = {
    "class_token": "cls_token",
    "conv_proj.": "patch_embed.proj.",
    "encoder.pos_embedding": "pos_embed",
    "encoder.ln.": "norm.",
}
BLOCK = "encoder.layers.encoder_layer_"


def from_torchvision(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return torchvision's ViT weights by timm's names, without the classification head."""
    return {_timm_name(name): t for name, t in state.items() if not name.startswith("heads.")}


def _timm_name(name: str) -> str:
    if name.startswith(BLOCK):
        number, rest = name.removeprefix(BLOCK).split(".", 1)
        for theirs, ours in PARTS.items():
            if rest.startswith(theirs):
                return f"blocks.{number}.{ours}{rest.removeprefix(theirs)}"
    for theirs, ours in OUTER.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    raise ValueError(f"torchvision's ViT has no parameter {name!r} that timm knows")


def _torchvision(name: str, model: nn.Module) -> dict[str, Any]:
    from torchvision.models import get_model

    if name not in TORCHVISION:
        raise RuntimeError(f"weights: torchvision has {', '.join(TORCHVISION)}, not {name!r}")
    loaded = get_model(TORCHVISION[name], weights="IMAGENET1K_V1")
    model.load_state_dict(from_torchvision(loaded.state_dict()))
    # Resize and centre crop to 224 pixels without a margin, as arXiv 2311.02236's code does.
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return {"mean": mean, "std": std, "crop_pct": 1.0, "interpolation": "bicubic"}


def _efficientnet_lite0(name: str, model: nn.Module) -> dict[str, Any]:
    if not name.startswith("efficientnet_lite0"):
        raise RuntimeError(f"weights: efficientnet_lite0 does not fit {name!r}")
    imagenet_init(model)
    # The TensorFlow weights were trained on (pixel - 127) / 128.
    half = (0.5, 0.5, 0.5)
    return {"mean": half, "std": half, "crop_pct": 1.0, "interpolation": "bicubic"}


#: What self-supervised trainings (MoCo v3, for one) put before the names of their encoder.
WRAPPERS = ("module.", "base_encoder.", "backbone.")


def load_file(path: Path, model: nn.Module) -> None:
    """Load a checkpoint that the user has into a timm model without a head.

    Args:
        path: safetensors, or a file of torch.save without pickled code; its table of tensors may
            lie under `state_dict` or `model`, and their names begin with `WRAPPERS`.
        model: its names are the checkpoint's.

    Raises:
        RuntimeError: there is no such file, or it lacks parameters of the model; says which.
    """
    if not path.is_file():
        raise RuntimeError(f"path: there is no file {path}")
    if path.suffix == ".safetensors":
        state = safetensors.torch.load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    state = state.get("state_dict", state.get("model", state))
    own, found = model.state_dict(), {}
    for name, value in state.items():
        for wrapper in WRAPPERS:
            name = name.removeprefix(wrapper)
        found[name] = value
    lost = sorted(own.keys() - found.keys())
    if lost:
        raise RuntimeError(f"path: {path} has no {', '.join(lost[:5])}; are these timm's names?")
    model.load_state_dict({name: found[name] for name in own})


#: Source -> function that loads a model's weights and returns its input.
WEIGHTS: dict[str, Callable[[str, nn.Module], dict[str, Any]]] = {
    "torchvision": _torchvision,
    "efficientnet_lite0": _efficientnet_lite0,
}
