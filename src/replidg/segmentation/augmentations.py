"""Training augmentations of the perturbation study (F3): RandAugment and PixMix.

Both draw from numpy's global generator alone, as mmsegmentation's own transforms do, so that a
pipeline that seeds it for each image gives the same picture in every process. Their strengths in
the paper are not published (UNVERIFIED); the defaults are the cited works' or the library's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from replidg.compat import prepare_mmseg
from replidg.data.errors import DatasetError
from replidg.data.perturbation_fields import plasma

prepare_mmseg()

import mmcv  # noqa: E402
from mmcv.transforms import BaseTransform  # noqa: E402
from mmseg.registry import TRANSFORMS  # noqa: E402

PICTURES = {".png", ".jpg", ".jpeg"}
GENERATED = 64
GREY, IGNORED = 128, 255
#: Operations on colours alone: BGR bytes and a strength in [0, 1] -> bytes. Ranges are those of
#: AutoAugment (arXiv 1805.09501, table 6), whose operations RandAugment takes over.
PHOTOMETRIC: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "auto_contrast": lambda image, strength: mmcv.auto_contrast(image),
    "equalize": lambda image, strength: mmcv.imequalize(image),
    "posterize": lambda image, strength: mmcv.posterize(image, 8 - round(4 * strength)),
    "solarize": lambda image, strength: mmcv.solarize(image, round(256 * (1 - strength))),
    "colour": lambda image, strength: mmcv.adjust_color(image, _factor(strength)),
    "contrast": lambda image, strength: mmcv.adjust_contrast(image, _factor(strength)),
    "brightness": lambda image, strength: mmcv.adjust_brightness(image, _factor(strength)),
    "sharpness": lambda image, strength: mmcv.adjust_sharpness(image, _factor(strength)),
}
#: Those that make less of something, or more: their strength has a sign.
SIGNED = ("colour", "contrast", "brightness", "sharpness")
#: Operations that move pixels: name -> largest angle in degrees, slope, or share of the side.
GEOMETRIC = {
    "rotate": 30.0,
    "shear_x": 0.3,
    "shear_y": 0.3,
    "translate_x": 150 / 331,
    "translate_y": 150 / 331,
}
OPERATIONS = ("identity", *PHOTOMETRIC, *GEOMETRIC)
COPIES = ("auto_contrast", "equalize", "posterize", "solarize")


@TRANSFORMS.register_module()
class ReplidgRandAugment(BaseTransform):
    """RandAugment (Cubuk et al. 2020, arXiv 1909.13719, section 3.1) for images with labels.

    Rotation, shear and translation move the labels too; what comes in from outside is grey in the
    image and ignored (255) in the labels.

    Args:
        operations: applied in a row, N in the paper.
        level: strength from 0 to 10, M in the paper; None draws one for each operation.
    """

    def __init__(self, operations: int = 2, level: float | None = None) -> None:
        self.operations, self.level = operations, level

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return `results` with `img` and `gt_seg_map` augmented."""
        for _ in range(self.operations):
            name = OPERATIONS[np.random.randint(len(OPERATIONS))]
            level = np.random.uniform(0, 10) if self.level is None else self.level
            augment(results, name, level / 10, 1 if np.random.rand() < 0.5 else -1)
        return results


def augment(results: dict[str, Any], name: str, strength: float, sign: int = 1) -> None:
    """Apply one operation to `img`, and to `gt_seg_map` if it moves pixels.

    Args:
        results: of a pipeline.
        name: one of `OPERATIONS`.
        strength: 0 to 1.
        sign: direction, 1 or -1.
    """
    image = results["img"]
    if name in PHOTOMETRIC:
        changed = PHOTOMETRIC[name](image, sign * strength if name in SIGNED else strength)
        results["img"] = np.clip(changed, 0, 255).astype(np.uint8)
    elif name in GEOMETRIC:
        matrix = _motion(name, sign * strength * GEOMETRIC[name], image.shape[:2])
        size = image.shape[1::-1]
        results["img"] = cv2.warpAffine(
            image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(GREY,) * 3
        )
        if results.get("gt_seg_map") is not None:
            results["gt_seg_map"] = cv2.warpAffine(
                results["gt_seg_map"], matrix, size, flags=cv2.INTER_NEAREST, borderValue=IGNORED
            )


def _factor(signed: float) -> float:
    """Return a factor from 0.1 to 1.9 for a strength from -1 to 1."""
    return 1 + 0.9 * signed


def _motion(name: str, amount: float, shape: tuple[int, int]) -> np.ndarray:
    """Return the (2, 3) matrix that moves pixels about the centre of an image of (H, W)."""
    height, width = shape
    if name == "rotate":
        return cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), amount, 1.0)
    if name == "translate_x":
        return np.float32([[1, 0, amount * width], [0, 1, 0]])
    if name == "translate_y":
        return np.float32([[1, 0, 0], [0, 1, amount * height]])
    if name == "shear_x":
        return np.float32([[1, amount, -amount * (height - 1) / 2], [0, 1, 0]])
    return np.float32([[1, 0, 0], [amount, 1, -amount * (width - 1) / 2]])


@TRANSFORMS.register_module()
class ReplidgPixMix(BaseTransform):
    """PixMix (Hendrycks et al. 2022, arXiv 2112.05135, figure 2): mix in pictures of fractals.

    Up to `mixes` times, the image is added to or multiplied with a mixing picture or an augmented
    copy of itself, at weights drawn from Beta(beta, 1) and the like. Two differences: the copies
    are augmented photometrically only, since a shifted copy would belie the labels; and without
    `pictures` the mixing set is drawn here (plasma fractals), for the authors' fractals and
    feature visualisations are theirs to give.

    Args:
        mixes: most rounds, k in the paper.
        beta: steepness of the weights; larger changes less.
        pictures: folder of mixing pictures; None draws plasma fractals.
    """

    def __init__(self, mixes: int = 4, beta: float = 3.0, pictures: str | None = None) -> None:
        self.mixes, self.beta = mixes, beta
        self.files = None if pictures is None else _pictures(Path(pictures))

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return `results` with `img` mixed; the labels stay."""
        image = results["img"]
        mixing = self._mixing(*image.shape[:2])
        mixed = _copy(image) if np.random.rand() < 0.5 else image
        for _ in range(np.random.randint(self.mixes + 1)):
            other = _copy(image) if np.random.rand() < 0.5 else mixing
            mix = _add if np.random.rand() < 0.5 else _multiply
            mixed = mix(mixed, other, *_weights(self.beta))
        results["img"] = mixed
        return results

    def _mixing(self, height: int, width: int) -> np.ndarray:
        """Return a random crop of a mixing picture, (height, width, 3) uint8."""
        if self.files is None:
            picture = _fractal(np.random.randint(GENERATED))
        else:
            picture = _read(self.files[np.random.randint(len(self.files))])
        factor = max(height / picture.shape[0], width / picture.shape[1], 1.0)
        if factor > 1:
            picture = cv2.resize(picture, None, fx=factor, fy=factor)
        picture = cv2.copyMakeBorder(
            picture, 0, max(0, height - len(picture)), 0, max(0, width - picture.shape[1]),
            cv2.BORDER_REFLECT,
        )  # fmt: skip
        top = np.random.randint(picture.shape[0] - height + 1)
        left = np.random.randint(picture.shape[1] - width + 1)
        return picture[top : top + height, left : left + width]


def _copy(image: np.ndarray) -> np.ndarray:
    copy = {"img": image}
    augment(copy, COPIES[np.random.randint(len(COPIES))], np.random.uniform(0.1, 1))
    return copy["img"]


def _weights(beta: float) -> tuple[float, float]:
    """Return the two weights of a mix: they sum to about 1, the first below or above 1."""
    if np.random.rand() < 0.5:
        return np.random.beta(beta, 1), np.random.beta(1, beta)
    return 1 + np.random.beta(1, beta), -np.random.beta(1, beta)


def _add(image: np.ndarray, other: np.ndarray, a: float, b: float) -> np.ndarray:
    """Return a * image + b * other, with grey as 0."""
    mixed = a * (image / 127.5 - 1) + b * (other / 127.5 - 1)
    return _bytes((mixed + 1) / 2)


def _multiply(image: np.ndarray, other: np.ndarray, a: float, b: float) -> np.ndarray:
    """Return image^a * other^b, with grey as 1."""
    mixed = np.power(image / 127.5, a) * np.power(np.clip(other / 127.5, 1e-37, None), b)
    return _bytes(mixed / 2)


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def _pictures(folder: Path) -> Sequence[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if not found:
        raise DatasetError(
            f"PixMix: there are no pictures (*.png, *.jpg) in {folder}; give the folder of mixing "
            "pictures, or leave the key out to have fractals drawn"
        )
    return found


def _read(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    if picture is None:
        raise DatasetError(f"PixMix: {path} cannot be decoded; delete or replace it")
    return picture


@cache
def _fractal(number: int) -> np.ndarray:
    """Return mixing picture `number`, (512, 512, 3) uint8: a plasma fractal in random colours."""
    random = np.random.default_rng([2112, 5135, number])
    field = plasma((512, 512), random.uniform(1.5, 2.2), random)
    # A path through colour space instead of a grey ramp: contours as in pictures of fractals.
    stops = random.uniform(0, 255, (8, 3))
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(field, places, stop) for stop in stops.T], -1).astype(np.uint8)
