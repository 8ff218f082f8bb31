"""Corruptions of images at five severities, for images of any size.

Families and parameters are those of ImageNet-C (Hendrycks and Dietterich 2019, arXiv 1903.12261;
the numbers are read from the authors' published generator). Written anew on numpy, OpenCV and
Pillow; where the result differs from theirs, a comment says so. Labels stay as they are, so
`elastic_transform`, `glass_blur` and `pixelate` also move the borders of objects a little.

A draw is a function of its seed. The published sizes in pixels are for images of 224 px; `scale`
multiplies them.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

import cv2
import numpy as np
from PIL import Image

from replidg.data.perturbation_fields import (
    disk,
    displaced,
    filtered,
    gaussian,
    plasma,
    streak,
    zoomed,
)

SEVERITIES = (1, 2, 3, 4, 5)


class PerturbationError(ValueError):
    """A perturbation is unknown, or the picture is not one."""


class Draw(NamedTuple):
    """What a perturbation works with: random numbers, and a factor on sizes in pixels."""

    random: np.random.Generator
    scale: float


Perturb = Callable[[np.ndarray, Any, Draw], np.ndarray]


def _gaussian_noise(x: np.ndarray, sigma: float, draw: Draw) -> np.ndarray:
    return x + sigma * draw.random.standard_normal(x.shape, dtype=np.float32)


def _shot_noise(x: np.ndarray, photons: float, draw: Draw) -> np.ndarray:
    return draw.random.poisson(x * photons).astype(np.float32) / photons


def _impulse_noise(x: np.ndarray, share: float, draw: Draw) -> np.ndarray:
    flipped = draw.random.random(x.shape, dtype=np.float32) < share
    salt = draw.random.random(x.shape, dtype=np.float32) < 0.5
    return np.where(flipped, salt.astype(np.float32), x)


def _defocus_blur(x: np.ndarray, c: tuple[float, float], draw: Draw) -> np.ndarray:
    radius, alias_blur = c
    return filtered(x, disk(radius * draw.scale, alias_blur))


def _glass_blur(x: np.ndarray, c: tuple[float, float, int], draw: Draw) -> np.ndarray:
    # ImageNet-C swaps pixels one after the other; here all look elsewhere at once.
    sigma, reach, rounds = c
    x = gaussian(x, sigma * draw.scale)
    for _ in range(rounds):
        offsets = draw.random.integers(-reach, reach + 1, (2, *x.shape[:2]))
        x = displaced(x, *(offsets * draw.scale))
    return gaussian(x, sigma * draw.scale)


def _motion_blur(x: np.ndarray, c: tuple[float, float], draw: Draw) -> np.ndarray:
    radius, sigma = (value * draw.scale for value in c)
    return filtered(x, streak(radius, sigma, draw.random.uniform(-45, 45)))


def _zoom_blur(x: np.ndarray, c: tuple[float, float], draw: Draw) -> np.ndarray:
    last, step = c
    factors = np.arange(1, last, step)
    return (x + sum(zoomed(x, factor) for factor in factors)) / (len(factors) + 1)


def _snow(x: np.ndarray, c: tuple[float, ...], draw: Draw) -> np.ndarray:
    mean, sd, zoom, threshold, radius, sigma, kept = c
    height, width = x.shape[:2]
    # The flakes are drawn at their published size, then the layer is brought to the image's.
    shape = (max(1, round(height / draw.scale)), max(1, round(width / draw.scale)))
    flakes = zoomed(mean + sd * draw.random.standard_normal(shape, dtype=np.float32), zoom)
    flakes = np.clip(np.where(flakes < threshold, 0, flakes), 0, 1)
    flakes = filtered(flakes, streak(radius, sigma, draw.random.uniform(-135, -45)))
    if shape != (height, width):
        flakes = cv2.resize(flakes, (width, height), interpolation=cv2.INTER_AREA)
    flakes = flakes[..., None]
    grey = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[..., None]
    whitened = kept * x + (1 - kept) * np.maximum(x, grey * 1.5 + 0.5)
    return whitened + flakes + flakes[::-1, ::-1]


def _frost(x: np.ndarray, c: tuple[float, float], draw: Draw) -> np.ndarray:
    # ImageNet-C lays photographs of frost over the image; these ridges need no foreign picture.
    kept, weight = c
    ridges = 1 - np.abs(2 * plasma(x.shape[:2], 1.7, draw.random) - 1)
    grain = plasma(x.shape[:2], 1.2, draw.random)
    ice = np.clip(0.75 * ridges**2 + 0.35 * grain, 0, 1)[..., None]
    return kept * x + weight * ice * np.float32([0.88, 0.95, 1.0])


def _fog(x: np.ndarray, c: tuple[float, float], draw: Draw) -> np.ndarray:
    density, decay = c
    brightest = x.max()
    mist = density * plasma(x.shape[:2], decay, draw.random)[..., None]
    return (x + mist) * brightest / (brightest + density)


def _brightness(x: np.ndarray, added: float, draw: Draw) -> np.ndarray:
    hsv = cv2.cvtColor(np.ascontiguousarray(x), cv2.COLOR_RGB2HSV)
    hsv[..., 2] = np.clip(hsv[..., 2] + added, 0, 1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def _contrast(x: np.ndarray, kept: float, draw: Draw) -> np.ndarray:
    mean = x.mean(axis=(0, 1), keepdims=True)
    return (x - mean) * kept + mean


def _elastic_transform(x: np.ndarray, c: tuple[float, ...], draw: Draw) -> np.ndarray:
    # The published lengths are multiples of 244 px.
    length, smoothness, affine = (244 * value * draw.scale for value in c)
    height, width = x.shape[:2]
    centre, arm = np.float32([width // 2, height // 2]), min(height, width) // 3
    corners = centre + np.float32([[arm, arm], [arm, -arm], [-arm, -arm]])
    moved = corners + draw.random.uniform(-affine, affine, corners.shape).astype(np.float32)
    matrix = cv2.getAffineTransform(corners, moved)
    x = cv2.warpAffine(x, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    noise = draw.random.uniform(-1, 1, (2, height, width)).astype(np.float32)
    return displaced(x, *(gaussian(field, smoothness, truncate=3) * length for field in noise))


def _pixelate(x: np.ndarray, kept: float, draw: Draw) -> np.ndarray:
    height, width = x.shape[:2]
    picture = Image.fromarray(_bytes(x))
    small = (max(1, int(width * kept)), max(1, int(height * kept)))
    coarse = picture.resize(small, Image.Resampling.BOX)
    return np.asarray(coarse.resize((width, height), Image.Resampling.BOX), np.float32) / 255


def _jpeg_compression(x: np.ndarray, quality: int, draw: Draw) -> np.ndarray:
    buffer = BytesIO()
    Image.fromarray(_bytes(x)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer), np.float32) / 255


# Name -> function on RGB in [0, 1], and its parameters at severities 1 to 5.
KINDS: dict[str, tuple[Perturb, tuple[Any, ...]]] = {
    "gaussian_noise": (_gaussian_noise, (0.08, 0.12, 0.18, 0.26, 0.38)),
    "shot_noise": (_shot_noise, (60, 25, 12, 5, 3)),
    "impulse_noise": (_impulse_noise, (0.03, 0.06, 0.09, 0.17, 0.27)),
    "defocus_blur": (_defocus_blur, ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))),
    "glass_blur": (
        _glass_blur,
        ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    ),
    "motion_blur": (_motion_blur, ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))),
    # Largest factor (not reached) and step.
    "zoom_blur": (
        _zoom_blur,
        ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
    ),
    "snow": (
        _snow,
        (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
    ),
    "frost": (_frost, ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))),
    "fog": (_fog, ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))),
    "brightness": (_brightness, (0.1, 0.2, 0.3, 0.4, 0.5)),
    "contrast": (_contrast, (0.4, 0.3, 0.2, 0.1, 0.05)),
    # Length, smoothness and size of the affine part, in 244 px.
    "elastic_transform": (
        _elastic_transform,
        ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02)),
    ),
    "pixelate": (_pixelate, (0.6, 0.5, 0.4, 0.3, 0.25)),
    "jpeg_compression": (_jpeg_compression, (25, 18, 15, 10, 7)),
}
FAMILIES = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
}


def perturb(
    image: np.ndarray, kind: str, severity: int, seed: int, scale: float = 1.0
) -> np.ndarray:
    """Return a corrupted copy of an image.

    Args:
        image: (H, W, 3) uint8, RGB.
        kind: key of `KINDS`.
        severity: 1 to 5.
        seed: of the draw; with one seed, the points of a curve differ in severity only.
        scale: factor on the published sizes in pixels (blur radii, flakes, displacements).

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        PerturbationError: there is no such kind or severity, or `image` is something else.
    """
    if kind not in KINDS or severity not in SEVERITIES:
        raise PerturbationError(
            f"no perturbation {kind!r} of severity {severity!r}; there are {', '.join(KINDS)} of "
            f"severities {SEVERITIES[0]} to {SEVERITIES[-1]}"
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise PerturbationError(
            f"an RGB image of bytes is needed, not {image.shape} of {image.dtype}"
        )
    function, parameters = KINDS[kind]
    draw = Draw(np.random.default_rng(seed), scale)
    values = np.ascontiguousarray(image).astype(np.float32) / 255
    return _bytes(function(values, parameters[severity - 1], draw))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
