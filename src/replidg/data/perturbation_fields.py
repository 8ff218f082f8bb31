"""Random fields and filters that image perturbations are made of; all of any size."""

from __future__ import annotations

import cv2
import numpy as np


def plasma(
    shape: tuple[int, int], decay: float, random: np.random.Generator, wibble: float = 1.0
) -> np.ndarray:
    """Return a plasma fractal by midpoint displacement (diamond-square), scaled to [0, 1].

    Args:
        shape: (H, W); the fractal is made on the next power of two, wraps around, and is cut.
        decay: the displacement is divided by this at each halving; 2 is rough, 3 is smooth.
        random: generator.
        wibble: displacement at the coarsest level.

    Returns:
        (H, W) float32.
    """
    side = 1 << max(1, int(np.ceil(np.log2(max(shape)))))
    field = np.zeros((side, side), np.float32)
    step = side
    while step >= 2:
        half = step // 2
        corners = field[::step, ::step]
        square = corners + np.roll(corners, -1, 0)
        square = (square + np.roll(square, -1, 1)) / 4
        field[half::step, half::step] = square + _displaced(square.shape, wibble, random)
        centres = field[half::step, half::step]
        across = corners + np.roll(corners, -1, 1) + centres + np.roll(centres, 1, 0)
        field[::step, half::step] = across / 4 + _displaced(across.shape, wibble, random)
        down = corners + np.roll(corners, -1, 0) + centres + np.roll(centres, 1, 1)
        field[half::step, ::step] = down / 4 + _displaced(down.shape, wibble, random)
        step, wibble = half, wibble / decay
    field -= field.min()
    return (field / max(float(field.max()), 1e-12))[: shape[0], : shape[1]]


def _displaced(shape: tuple[int, ...], wibble: float, random: np.random.Generator) -> np.ndarray:
    return random.uniform(-wibble, wibble, shape).astype(np.float32)


def disk(radius: float, alias_blur: float) -> np.ndarray:
    """Return the kernel of a lens out of focus: a disk of this radius in pixels, softened.

    Sums to 1; (K, K) float32 with odd K.
    """
    reach = max(1, int(np.ceil(radius)))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    # Cells at the rim count by the share of the disk in them, so that the radius may be a fraction.
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32)
    if alias_blur > 0:
        kernel = cv2.GaussianBlur(np.pad(kernel, 2), (5, 5), alias_blur)
    return kernel / kernel.sum()


def streak(radius: float, sigma: float, angle: float) -> np.ndarray:
    """Return the kernel of a motion: half a Gaussian along a line from the centre.

    Args:
        radius: half the length in pixels (ImageMagick's motion blur has 2 * radius + 1 taps).
        sigma: standard deviation in pixels.
        angle: of the line in degrees.

    Returns:
        (K, K) float32 with odd K; sums to 1.
    """
    along = np.arange(2 * radius + 1)
    weight = np.exp(-(along**2) / (2 * max(sigma, 1e-6) ** 2))
    reach = max(1, int(np.ceil(along[-1])))
    kernel = np.zeros((2 * reach + 3, 2 * reach + 3), np.float32)
    x = reach + 1 + along * np.cos(np.deg2rad(angle))
    y = reach + 1 + along * np.sin(np.deg2rad(angle))
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = np.floor(x).astype(int) + dx, np.floor(y).astype(int) + dy
            share = (1 - np.abs(x - column)) * (1 - np.abs(y - row)) * weight
            np.add.at(kernel, (row, column), share)
    return kernel / kernel.sum()


def filtered(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return `image` (H, W) or (H, W, C) float32 under a kernel, mirrored at the border."""
    return cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT_101)


def gaussian(image: np.ndarray, sigma: float, truncate: float = 4.0) -> np.ndarray:
    """Return `image` under a Gaussian of `sigma` pixels, mirrored at the border."""
    if sigma <= 0:
        return image
    size = 2 * int(np.ceil(truncate * sigma)) + 1
    return cv2.GaussianBlur(image, (size, size), sigma, borderType=cv2.BORDER_REFLECT_101)


def zoomed(image: np.ndarray, factor: float) -> np.ndarray:
    """Return `image` enlarged about its centre by `factor` >= 1, cut to its size; bilinear."""
    height, width = image.shape[:2]
    matrix = np.float32(
        [
            [factor, 0, (1 - factor) * (width - 1) / 2],
            [0, factor, (1 - factor) * (height - 1) / 2],
        ]
    )
    return cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def displaced(image: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Return `image` as seen when each pixel looks (dx, dy) pixels away; bilinear, mirrored."""
    height, width = image.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    x, y = (columns + dx).astype(np.float32), (rows + dy).astype(np.float32)
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
