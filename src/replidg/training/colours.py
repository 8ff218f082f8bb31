"""Pillow's colour jitter, bit for bit: faster on one image, and on a batch on any device.

The hue is what jitter takes its time for: Pillow converts to HSV and back, pixel by pixel. Both
conversions are functions of 24 bits, so two tables of 64 MB that Pillow itself fills replace them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

#: Pixels to augment from which the tables pay: filling them takes as long as 40 million pixels.
WORTH = 2**27
#: Columns of what `drawn` returns.
ORDER, FACTORS, GREY, FLIP = slice(0, 4), slice(4, 8), 8, 9
BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)


@cache
def hue_tables() -> tuple[np.ndarray, np.ndarray]:
    """Return HSV of every RGB, and RGB of every HSV: (2^24,) uint32, first band in the low byte."""
    return _table("RGB", "HSV"), _table("HSV", "RGB")


def _table(source: str, wanted: str) -> np.ndarray:
    side = 2**12
    values = np.arange(side * side, dtype="<u4").view(np.uint8).reshape(side, side, 4)
    image = Image.frombuffer(source, (side, side), values[..., :3].tobytes(), "raw", source, 0, 1)
    table = np.zeros_like(values)
    table[..., :3] = np.asarray(image.convert(wanted))
    return table.view("<u4").reshape(-1)


def prepare(pixels: int) -> None:
    """Fill the tables now, for all processes to come, if so many pixels are worth it."""
    if pixels >= WORTH:
        hue_tables()


def shifted_hue(image: Image.Image, factor: float) -> Image.Image:
    """Return what torchvision's `adjust_hue` returns of an RGB image, by the tables."""
    to_hsv, to_rgb = hue_tables()
    packed = np.frombuffer(image.tobytes("raw", "RGBX"), "<u4") & 0xFFFFFF
    packed = to_hsv.take(packed)
    packed.view(np.uint8)[::4] += np.uint8(int(factor * 255) % 256)
    return Image.frombytes("RGB", image.size, to_rgb.take(packed), "raw", "RGBX")


class ColourJitter(v2.ColorJitter):
    """torchvision's, with the hue by tables where they are filled."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Apply the four changes to an image, in the order drawn."""
        hue = params["hue_factor"]
        if hue is None or not hue_tables.cache_info().currsize or not _is_rgb(inpt):
            return super().transform(inpt, params)
        order = params["fn_idx"].tolist()
        place = order.index(HUE)
        rest = params | {"hue_factor": None}
        before = super().transform(inpt, rest | {"fn_idx": order[:place]})
        return super().transform(shifted_hue(before, hue), rest | {"fn_idx": order[place + 1 :]})


def _is_rgb(image: Any) -> bool:
    return isinstance(image, Image.Image) and image.mode == "RGB"


def drawn(
    flip: v2.RandomHorizontalFlip, jitter: v2.ColorJitter, grey: v2.RandomGrayscale
) -> Tensor:
    """Draw what the three transforms would for one image, in this order.

    Returns:
        (10,) float64: order of the four changes, their factors (nan: none), grey, flip.
    """
    flipped = torch.rand(1) < flip.p
    params = jitter.make_params([])
    names = ("brightness", "contrast", "saturation", "hue")
    factors = [params[f"{name}_factor"] for name in names]
    values = [torch.nan if factor is None else factor for factor in factors]
    greyed = torch.rand(1) < grey.p
    return torch.cat([params["fn_idx"], torch.tensor(values, dtype=torch.float64), greyed, flipped])


def recolour(pixels: Tensor, changes: Tensor) -> Tensor:
    """Flip, jitter and grey a batch as the transforms would each image, on the pixels' device.

    Args:
        pixels: uint8 (N, 3, H, W).
        changes: (N, 10) on the CPU, a row of `drawn` each.
    """
    pixels = _where(pixels, changes[:, FLIP] == 1, lambda part, _: part.flip(-1), changes)
    kinds = (_brighter, _contrasted, _saturated, _hued)
    for place in range(4):
        for kind, change in enumerate(kinds):
            factors = changes[:, FACTORS][:, kind]
            chosen = (changes[:, ORDER][:, place] == kind) & ~factors.isnan()
            pixels = _where(pixels, chosen, change, factors)
    return _where(
        pixels, changes[:, GREY] == 1, lambda part, _: _grey(part).expand_as(part), changes
    )


def _where(pixels: Tensor, chosen: Tensor, change: Any, factors: Tensor) -> Tensor:
    """Return the batch with the chosen images changed."""
    rows = chosen.nonzero().flatten()
    if not len(rows):
        return pixels
    own = factors[rows]
    rows = rows.to(pixels.device, non_blocking=True)
    return pixels.index_copy(0, rows, change(pixels[rows], own))


def _grey(pixels: Tensor) -> Tensor:
    """Return Pillow's mode L (N, 1, H, W): ITU-R 601 in 16 bits of fraction."""
    red, green, blue = pixels.int().unbind(1)
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).to(torch.uint8)[:, None]


def _blend(other: Tensor, pixels: Tensor, factors: Tensor) -> Tensor:
    """Return Pillow's blend of other and pixels: float32, cut off and not rounded."""
    share = factors.to(pixels.device, torch.float32).view(-1, 1, 1, 1)
    start = other.float()
    return ((pixels.float() - start) * share + start).clamp(0, 255).to(torch.uint8)


def _brighter(pixels: Tensor, factors: Tensor) -> Tensor:
    return _blend(torch.zeros_like(pixels), pixels, factors)


def _contrasted(pixels: Tensor, factors: Tensor) -> Tensor:
    mean = _grey(pixels).double().mean((1, 2, 3), keepdim=True)
    return _blend((mean + 0.5).floor(), pixels, factors)


def _saturated(pixels: Tensor, factors: Tensor) -> Tensor:
    return _blend(_grey(pixels), pixels, factors)


def _hued(pixels: Tensor, factors: Tensor) -> Tensor:
    to_hsv, to_rgb = _tables_on(str(pixels.device))
    red, green, blue = pixels.int().unbind(1)
    packed = (red | green << 8 | blue << 16).flatten()
    hsv = to_hsv.index_select(0, packed).view(len(pixels), -1)
    # As in adjust_hue: cut off towards zero, and round the circle of 256.
    shift = (factors * 255).int().to(pixels.device).view(-1, 1)
    hsv = hsv & ~0xFF | (hsv + shift) & 0xFF
    rgb = to_rgb.index_select(0, hsv.flatten()).view(len(pixels), *pixels.shape[2:])
    return torch.stack([rgb & 0xFF, rgb >> 8 & 0xFF, rgb >> 16], 1).to(torch.uint8)


@cache
def _tables_on(device: str) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(table.view(np.int32)).to(device) for table in hue_tables())
