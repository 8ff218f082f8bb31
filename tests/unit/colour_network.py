"""A segmentation network that is right by construction: it knows each class by its colour."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from replidg.config.street_classes import IGNORED, PALETTE
from replidg.segmentation import registered  # noqa: F401 - before mmseg is used

from mmengine.config import ConfigDict  # isort: skip
from mmseg.models import EncoderDecoder  # isort: skip
from mmseg.models.segmentors.base import BaseSegmentor  # isort: skip

SCALE = 20.0


class ColourNetwork(EncoderDecoder):
    """Logits are minus the distances between a pixel and the classes' colours."""

    def __init__(self) -> None:
        preprocessor = {
            "type": "SegDataPreProcessor",
            "mean": [0.0, 0.0, 0.0],
            "std": [SCALE] * 3,
            "bgr_to_rgb": True,
        }
        BaseSegmentor.__init__(self, data_preprocessor=preprocessor)
        self.test_cfg = ConfigDict(mode="whole")
        self.out_channels = self.num_classes = len(PALETTE)
        self.align_corners = False
        self.register_buffer("colours", torch.tensor(PALETTE) / SCALE)
        self.seen: list[tuple[int, ...]] = []

    @property
    def with_decode_head(self) -> bool:
        """Whether there is a head."""
        return True

    def encode_decode(self, inputs: torch.Tensor, batch_img_metas: list[dict]) -> torch.Tensor:
        """Return logits (N, K, H, W)."""
        self.seen.append(tuple(inputs.shape))
        flat = inputs.permute(0, 2, 3, 1).reshape(-1, 3)
        distances = torch.cdist(flat, self.colours.float())
        shape = (inputs.shape[0], *inputs.shape[2:], -1)
        return -distances.reshape(shape).permute(0, 3, 1, 2)

    def encode_maps(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return one map of a quarter of the size: the mean colours."""
        return [torch.nn.functional.avg_pool2d(images, 4)]


def paint(folder: Path, name: str, labels: np.ndarray, suffix: str = ".png") -> dict[str, str]:
    """Write an image in the classes' colours and its labels; return its row of an index."""
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(PALETTE)] = PALETTE
    image, mask = folder / f"{name}{suffix}", folder / f"{name}_labels.png"
    image.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colours[labels]).save(image)
    Image.fromarray(labels).save(mask)
    return {
        "image_id": f"val/{name}{suffix}",
        "path": str(image),
        "mask_path": str(mask),
        "condition": "fog" if name < "b" else "night",
        "split": "val",
    }


def blocks(height: int, width: int, seed: int, side: int = 8) -> np.ndarray:
    """Return labels in blocks, (height, width) uint8, a few of them ignored."""
    random = np.random.default_rng(seed)
    # Motorcycle and car, or fence and pole, are near in colour but never equal.
    cells = random.integers(0, len(PALETTE), (-(-height // side), -(-width // side)))
    cells = np.where(random.random(cells.shape) < 0.1, IGNORED, cells).astype(np.uint8)
    return cells.repeat(side, 0).repeat(side, 1)[:height, :width]


def index(folder: Path, sizes: list[tuple[int, int]]) -> pd.DataFrame:
    """Return the index of painted images of (height, width) each."""
    return pd.DataFrame(
        paint(folder, f"{letter}_{number}", blocks(*size, number))
        for number, (letter, size) in enumerate(zip("abcdefghijkl", sizes, strict=False))
    )
