"""Image towers of stored backbones as timm models that give feature maps of any image size.

Whatever a backbone is stored as (timm, open_clip around timm, open_clip's own ViT), it becomes a
timm model: timm gives intermediate maps of all of them, resizes position embeddings, and drops
paths. Position embeddings and rotary frequencies follow the size of the input at every call.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import replidg.models.lite  # noqa: F401 - registers the demo's tower with timm
from replidg.models import random_weights

#: open_clip's names of a ViT's parts -> timm's (as timm's own conversion has them).
RENAMED = (
    ("conv1", "patch_embed.proj"),
    ("positional_embedding", "pos_embed"),
    ("class_embedding", "cls_token"),
    ("transformer.resblocks.", "blocks."),
    ("ln_pre", "norm_pre"),
    ("ln_post", "norm"),
    ("ln_", "norm"),
    ("in_proj_", "qkv."),
    ("out_proj", "proj"),
    ("mlp.c_fc", "mlp.fc1"),
    ("mlp.c_proj", "mlp.fc2"),
)


class Tower(NamedTuple):
    """An architecture, and weights by timm's names.

    Attributes:
        name: of the timm model.
        args: for timm.create_model, beside the size.
        weights: state dict without the projection.
        projection: weight (D, C), optional bias, of the CLIP's embedding space; None without one.
    """

    name: str
    args: dict[str, Any]
    weights: dict[str, Tensor]
    projection: dict[str, Tensor] | None


def read_tower(folder: Path) -> Tower:
    """Return the image tower of a stored model.

    Raises:
        ValueError: the tower is none that feature maps can be had from; says which it is.
    """
    facts = json.loads((folder / "model.json").read_text())
    random_weights.check(folder, facts)
    if facts["kind"] == "timm":
        config = json.loads((folder / "config.json").read_text())
        return Tower(
            config["architecture"], {}, _without_head(load_file(folder / facts["weights"])), None
        )
    config = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    state = load_file(folder / facts["weights"])
    visual = {
        name.removeprefix("visual."): value
        for name, value in state.items()
        if name.startswith("visual.")
    }
    if config["vision_cfg"].get("timm_model_name"):
        return _around_timm(config["vision_cfg"], visual)
    if "class_embedding" not in visual or "layers" not in config["vision_cfg"]:
        raise ValueError(f"{folder}: its image tower is neither a ViT nor timm's; choose another")
    return _own_vit(config, visual)


def _without_head(state: dict[str, Tensor]) -> dict[str, Tensor]:
    heads = ("head.", "head_dist.", "classifier.", "fc.")
    return {name: value for name, value in state.items() if not name.startswith(heads)}


def _around_timm(vision: dict[str, Any], visual: dict[str, Tensor]) -> Tower:
    trunk = {
        name.removeprefix("trunk."): value
        for name, value in visual.items()
        if name.startswith("trunk.")
    }
    projection = None
    if "head.proj.weight" in visual:
        projection = {"weight": visual["head.proj.weight"]}
        if "head.proj.bias" in visual:
            projection["bias"] = visual["head.proj.bias"]
    elif "head.weight" in trunk:
        projection = {name: trunk[f"head.{name}"] for name in ("weight", "bias")}
    return Tower(vision["timm_model_name"], {}, _without_head(trunk), projection)


def _own_vit(config: dict[str, Any], visual: dict[str, Tensor]) -> Tower:
    vision, width = config["vision_cfg"], config["vision_cfg"]["width"]
    args = {
        "patch_size": vision["patch_size"],
        "embed_dim": width,
        "depth": vision["layers"],
        "num_heads": width // vision.get("head_width", 64),
        "mlp_ratio": vision.get("mlp_ratio", 4.0),
    }
    kind = "_quickgelu" if config.get("quick_gelu") else ""
    weights = {}
    for name, value in visual.items():
        for theirs, ours in RENAMED:
            name = name.replace(theirs, ours)
        if name == "pos_embed":
            value = value[None]
        weights[name] = value[None, None] if name == "cls_token" else value
    projection = {"weight": weights.pop("proj").T.contiguous()}
    return Tower(f"vit_base_patch16_clip{kind}_224", args, weights, projection)


def build_trunk(
    tower: dict[str, Any], image_size: int, drop_path: float, inner_norm: bool
) -> nn.Module:
    """Return an untrained timm model for feature maps.

    Args:
        tower: `name` and `args` of a `Tower`, and for SAM the `grid` of its position embedding.
        image_size: side of the training crop, pixels; a ViT's position embeddings fit it.
        drop_path: stochastic depth of the last block.
        inner_norm: keep EVA-02-CLIP's LayerNorm after attention.
    """
    name, args = tower["name"], dict(tower["args"])
    if is_convolutional(name):
        return timm.create_model(name, num_classes=0, drop_path_rate=drop_path, **args)
    args |= {"img_size": image_size, "drop_path_rate": drop_path, "num_classes": 0}
    if name.startswith("samvit"):
        # Its tables of relative positions stay as they are and are resized at every call.
        args["img_size"] = tower["grid"] * 16
    else:
        args["dynamic_img_size"] = True
    if not inner_norm and name.startswith("eva02"):
        args["scale_attn_inner"] = False
    return timm.create_model(name, **args)


def is_convolutional(name: str) -> bool:
    """Tell whether a timm model gives maps of shrinking size instead of tokens."""
    return not name.startswith(("vit", "eva", "deit", "samvit", "beit"))


def grid_of(tower: Tower) -> int | None:
    """Return the side of SAM's position embedding, in patches; None of other towers."""
    return tower.weights["pos_embed"].shape[1] if tower.name.startswith("samvit") else None


def load_trunk(trunk: nn.Module, tower: Tower, resize: bool) -> list[str]:
    """Load pretrained weights into a trunk of another image size.

    Args:
        trunk: as `build_trunk` makes it.
        tower: pretrained weights.
        resize: resize position embeddings; False leaves those that do not fit as they are.

    Returns:
        Names of pretrained tensors that the trunk has no place for, and were passed over.

    Raises:
        ValueError: a tensor of the trunk has no pretrained value.
    """
    state = dict(tower.weights)
    own = trunk.state_dict()
    if resize:
        adapt = getattr(sys.modules[type(trunk).__module__], "checkpoint_filter_fn", None)
        state = adapt(state, trunk) if adapt and "pos_embed" in state else state
    elif "pos_embed" in own and state["pos_embed"].shape != own["pos_embed"].shape:
        state["pos_embed"] = own["pos_embed"]
    # Frequencies of rotary embeddings are computed, not learned.
    spare = sorted(name for name in state if name not in own and not name.startswith("rope."))
    lost = sorted(name for name in own if name not in state and not name.startswith("rope."))
    # A tower without a final norm (global average pooling) has one that nothing reads.
    lost = [name for name in lost if not name.startswith(("norm.", "fc_norm."))]
    if lost:
        raise ValueError(f"{tower.name}: the checkpoint has no {', '.join(lost[:5])}")
    trunk.load_state_dict({name: state[name] for name in own if name in state}, strict=False)
    return spare


def reset_position_embedding(trunk: nn.Module) -> None:
    """Give a ViT the position embedding that an untrained one starts with."""
    if getattr(trunk, "pos_embed", None) is not None:
        nn.init.trunc_normal_(trunk.pos_embed, std=0.02)


def maps(trunk: nn.Module, images: Tensor, layers: list[int]) -> list[Tensor]:
    """Return the feature maps (N, C, h, w) of blocks or stages.

    What a ViT's patches leave over at the right and at the bottom (8 of 512 pixels at patches of
    14) is not looked at.

    Args:
        trunk: timm model.
        images: (N, 3, H, W), normalised.
        layers: from 0.
    """
    if hasattr(trunk, "patch_embed"):
        height, width = (
            side - side % patch
            for side, patch in zip(images.shape[2:], trunk.patch_embed.patch_size, strict=True)
        )
        images = images[..., :height, :width]
    return trunk.forward_intermediates(
        images,
        indices=layers,
        norm=False,
        stop_early=True,
        intermediates_only=True,
        output_fmt="NCHW",
    )


@torch.no_grad()
def channels(trunk: nn.Module, layers: list[int], image_size: int) -> list[tuple[int, int]]:
    """Return channels and stride of each map, by a look at a blank image."""
    was = trunk.training
    found = maps(trunk.eval(), torch.zeros(1, 3, image_size, image_size), layers)
    trunk.train(was)
    return [(each.shape[1], round(image_size / each.shape[-1])) for each in found]
