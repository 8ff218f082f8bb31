"""Decode images and bring them to a model's input size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO, NamedTuple

import pandas as pd
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms as T
from torchvision.transforms import functional as F

from replidg.data import image_store

INTERPOLATION = {"bicubic": F.InterpolationMode.BICUBIC, "bilinear": F.InterpolationMode.BILINEAR}


class InputSpec(NamedTuple):
    """What a model's input must look like.

    Attributes:
        size: side of the square input in pixels.
        resize: "squash" (both sides) or "crop" (shorter side, then centre crop).
        interpolation: "bicubic" or "bilinear".
        mean: of RGB in [0, 1].
        std: of RGB in [0, 1].
        crop_share: side of the centre crop relative to the resized shorter side.
    """

    size: int
    resize: str
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    crop_share: float = 1.0


class ImageError(ValueError):
    """An image file cannot be decoded; the message names it."""


def decode(path: str | BinaryIO) -> Image.Image:
    """Decode an image file to RGB.

    Args:
        path: of the file, an open file, or a place in a store (`replidg.data.image_store`).

    Raises:
        ImageError: the file is missing, truncated or no image.
        StoreError: the store is damaged.
    """
    if isinstance(path, str) and path.startswith((image_store.STORED, image_store.READY)):
        return image_store.load(path)
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise ImageError(
            f"cannot decode {path}: {error}; restore the file and run again"
        ) from error


def resizer(spec: InputSpec) -> T.Compose:
    """Return the transform from a PIL image to a uint8 tensor of shape (3, size, size)."""
    how = INTERPOLATION[spec.interpolation]
    if spec.resize == "squash":
        steps = [T.Resize((spec.size, spec.size), interpolation=how)]
    elif spec.resize == "crop":
        shorter = int(spec.size / spec.crop_share)
        steps = [T.Resize(shorter, interpolation=how), T.CenterCrop(spec.size)]
    else:
        raise ValueError(f"unknown resize mode {spec.resize!r}")
    return T.Compose([*steps, T.PILToTensor()])


def normalise(pixels: Tensor, spec: InputSpec, channels_last: bool = False) -> Tensor:
    """Turn uint8 pixels (N, 3, H, W) into the model's float32 input of the same shape."""
    mean = torch.tensor(spec.mean, device=pixels.device).view(1, 3, 1, 1) * 255.0
    std = torch.tensor(spec.std, device=pixels.device).view(1, 3, 1, 1) * 255.0
    memory = torch.channels_last if channels_last else torch.contiguous_format
    return pixels.to(torch.float32, memory_format=memory, copy=True).sub_(mean).div_(std)


def still_paths(rows: pd.DataFrame, spec: InputSpec) -> list[str]:
    """Return the paths of images that are not augmented: of ready inputs where a store has them."""
    column = image_store.input_column(spec._asdict())
    return rows[column if column in rows else "path"].tolist()


def is_ready(path: str) -> bool:
    """Tell whether an image is resized and cropped already, as those of `still_paths` may be."""
    return path.startswith(image_store.READY)


class ImageFiles(Dataset):
    """Decoded and resized images of a list of files, as uint8 tensors (3, size, size)."""

    def __init__(self, paths: Sequence[str], spec: InputSpec) -> None:
        self.paths = list(paths)
        self.resize = resizer(spec)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def __getitem__(self, position: int) -> Tensor:
        """Return one image."""
        path = self.paths[position]
        image = decode(path)
        return F.pil_to_tensor(image) if is_ready(path) else self.resize(image)


def loader(paths: Sequence[str], spec: InputSpec, batch_size: int, workers: int) -> DataLoader:
    """Return an ordered loader of uint8 batches (N, 3, size, size)."""
    items = list(range(len(paths)))
    parts = [items[start : start + batch_size] for start in range(0, len(items), batch_size)]
    return decoding(ImageFiles(paths, spec), parts, workers)


def decoding(images: Dataset, batches: Iterable[list], workers: int) -> DataLoader:
    """Return a loader of a data set's images, ready to be sent to a device.

    Args:
        images: uint8 (3, S, S) each, alone or first of a tuple of tensors.
        batches: items of each batch.
        workers: processes that decode.
    """
    return DataLoader(
        images,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=collated,
        pin_memory=torch.cuda.is_available(),
    )


def collated(items: list[Any]) -> Any:
    """Return a batch (N, 3, S, S) of images, with the rest of each item stacked, if it has one.

    Pillow's pixels have their colours side by side. They stay so, in channels-last memory: the
    device, and not the decoding process, brings them into another order (`normalise`).
    """
    if isinstance(items[0], tuple):
        pixels, *rest = zip(*items, strict=True)
        return collated(list(pixels)), *map(torch.stack, rest)
    return torch.stack([pixels.permute(1, 2, 0) for pixels in items]).permute(0, 3, 1, 2)
