"""Small segmentation runs for the tests: stored towers, street scenes, plans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from PIL import Image

from replidg.config.inputs import Prompts
from replidg.config.street_classes import CLASSES
from replidg.config.vltseg_parts import Arm, Encoder, Fpn, Mask2Former, Scale, SegmentorTraining
from replidg.models import store
from replidg.segmentation.plan import Images, Plan, make_plan

CROP = 32
PROMPTS = Prompts(templates=["a photo of a {}."])
#: CLIPs of 32 pixels: open_clip's own ViT, and one around timm's EVA-02.
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
CLIPS: dict[str, dict[str, Any]] = {
    "vit": {
        "embed_dim": 24,
        "quick_gelu": True,
        "vision_cfg": {
            "image_size": 32,
            "layers": 4,
            "width": 64,
            "head_width": 32,
            "patch_size": 8,
        },
        "text_cfg": TEXT,
    },
    "cnn": {
        "embed_dim": 24,
        "custom_text": True,
        "vision_cfg": {
            "timm_model_name": "efficientnet_lite0_stride16",
            "timm_model_pretrained": False,
            "timm_pool": "avg",
            "timm_proj": "linear",
            "image_size": 32,
        },
        "text_cfg": TEXT,
    },
}


def store_clip(folder: Path, kind: str) -> Path:
    """Store a small CLIP at random weights and return its folder."""
    import replidg.models.lite  # noqa: F401 - the tower of "cnn"

    torch.manual_seed(0)
    cfg = CLIPS[kind]
    model = (open_clip.CustomTextCLIP if cfg.get("custom_text") else open_clip.CLIP)(
        **{key: value for key, value in cfg.items() if key != "custom_text"}
    )
    model.visual.preprocess_cfg = {"size": 32, "mean": [0.5] * 3, "std": [0.5] * 3}
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                # Norms and biases that differ, so that a wrong one shows.
                parameter.add_(0.1 * torch.randn_like(parameter))
    store.save_open_clip(folder, model, cfg)
    return folder


def small_scale(**changes: Any) -> Scale:
    """Return a scale of few, small images."""
    sizes: dict[str, Any] = {"train_size": (48, 36), "test_size": (48, 32), "crop": CROP}
    sizes |= {"window": CROP, "stride": 24, "iterations": 4, "batch_size": 2}
    return Scale(**{**sizes, **changes})


def small_mask2former(**changes: Any) -> Mask2Former:
    """Return a Mask2Former of one layer."""
    small: dict[str, Any] = {"kind": "mask2former", "queries": 6, "channels": 16, "levels": 2}
    small |= {"norm_groups": 4, "encoder_layers": 1, "encoder_feedforward": 16, "heads": 2}
    small |= {"decoder_layers": 1, "decoder_feedforward": 16, "points": 32}
    return Mask2Former(**{**small, **changes})


def small_plan(
    folder: Path,
    arm: dict[str, Any] | None = None,
    encoder: dict[str, Any] | None = None,
    decoder: Mask2Former | Fpn | None = None,
    scale: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
    seed: int = 0,
) -> Plan:
    """Return the plan of a small run of a stored tower."""
    layers = [1, 2, 3] if "cnn" in folder.name else [0, 1, 2, 3]
    return make_plan(
        name="a test",
        arm=Arm(encoder="e", decoder="d", **(arm or {})),
        encoder=Encoder(**{"model": "m", "layers": layers} | (encoder or {})),
        decoder=decoder or small_mask2former(),
        scale=small_scale(**(scale or {})),
        training=SegmentorTraining(**{"constant_iterations": 1} | (training or {})),
        seed=seed,
        folder=folder,
        frozen_batchnorm=True,
        prompts=PROMPTS,
    )


def write_scenes(folder: Path, number: int = 5, size: tuple[int, int] = (60, 40)) -> Images:
    """Write pictures of a sky above a road with a car, and their train ids."""
    rng = np.random.default_rng(0)
    width, height = size
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    names = [f"{place:03d}" for place in range(number)]
    for name in names:
        labels = np.full((height, width), CLASSES.index("road"), np.uint8)
        labels[: rng.integers(10, 20)] = CLASSES.index("sky")
        left = int(rng.integers(0, width - 20))
        labels[24:32, left : left + 16] = CLASSES.index("car")
        labels[-2:] = 255
        pixels = np.stack([labels * 9] * 3, axis=2) + rng.integers(0, 30, (height, width, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"images/{name}.png")
        Image.fromarray(labels).save(folder / f"labels/{name}_labelTrainIds.png")
    return Images(
        name="scenes",
        dataset="CityscapesDataset",
        root=str(folder),
        images="images",
        labels="labels",
        img_suffix=".png",
        seg_map_suffix="_labelTrainIds.png",
        names=names,
    )
