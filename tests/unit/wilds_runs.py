"""A tiny data set in WILDS' splits, a tiny CLIP and a tiny tower, for tests of arXiv 2311.02236."""

import numpy as np
import open_clip
import pandas as pd
from PIL import Image

from replidg.config.inputs import Preprocessing
from replidg.config.robust_ft import Arm, EpochTraining
from replidg.models import store
from replidg.training.wilds_job import WildsJob

PROMPTS = ["this is a photo of red", "this is a photo of green", "this is a photo of blue"]
CLIP = {
    "embed_dim": 8,
    "vision_cfg": {"image_size": 16, "layers": 1, "width": 16, "head_width": 8, "patch_size": 8},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
INPUT = Preprocessing(resize="model", normalise="model")


def make_index(folder, per_split=None):
    """Coloured squares; the colour is the class, the group a shade."""
    random, rows = np.random.default_rng(0), []
    for split, count in (
        per_split or {"train": 30, "id_val": 6, "id_test": 6, "val": 9, "test": 9}
    ).items():
        for number in range(count):
            label, group = number % 3, str(number % 4 // 2)
            pixels = random.integers(0, 90, (20, 18, 3), dtype=np.uint8)
            pixels[..., label] += 140
            path = folder / f"{split}_{number:03d}.png"
            Image.fromarray(pixels).save(path)
            rows.append(
                [path.stem, str(path), label, "rgb"[label], group, split, path.stat().st_size]
            )
    columns = ["image_id", "path", "label", "class_name", "domain", "split", "bytes"]
    return pd.DataFrame(rows, columns=columns).sort_values("image_id", ignore_index=True)


def make_clip(folder):
    """Write a CLIP with random weights."""
    import torch

    torch.manual_seed(3)
    model = open_clip.CLIP(**CLIP)
    model.visual.preprocess_cfg = {
        "size": 16, "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic",
        "resize_mode": "shortest",
    }  # fmt: skip
    store.save_open_clip(folder, model, CLIP)
    return folder


def make_job(index, arm, name="arm", **training):
    """A job of 3 epochs."""
    protocol = {"epochs": 3, "batch_size": 8, "step_epochs": 2, "swa_epochs": 2}
    return WildsJob(
        "colours", name, Arm.model_validate(arm), EpochTraining.model_validate(protocol | training),
        "accuracy", ["train", "id_val", "id_test", "val", "test"], 3, index,
    )  # fmt: skip
