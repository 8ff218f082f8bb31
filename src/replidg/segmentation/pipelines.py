"""What happens to an image before the network sees it, as mmsegmentation's transforms."""

from __future__ import annotations

from typing import Any

#: `augmentation` of an arm -> its transform, registered by `replidg.segmentation.augmentations`.
AUGMENTATIONS = {"randaug": "ReplidgRandAugment", "pixmix": "ReplidgPixMix"}


def train_pipeline(
    size: tuple[int, int], crop: int, cat_max_ratio: float, augmentation: str = "none"
) -> list[dict[str, Any]]:
    """Return the training transforms (specification, section 2.4).

    Args:
        size: width and height that every image is squashed to.
        crop: side of the random crop.
        cat_max_ratio: a crop with a larger share of one class is drawn again, ten times at most.
        augmentation: "none", "randaug" or "pixmix".
    """
    own = [] if augmentation == "none" else [{"type": AUGMENTATIONS[augmentation]}]
    return [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations"},
        {"type": "Resize", "scale": tuple(size), "keep_ratio": False},
        {"type": "RandomCrop", "crop_size": (crop, crop), "cat_max_ratio": cat_max_ratio},
        {"type": "RandomFlip", "prob": 0.5},
        {"type": "PhotoMetricDistortion"},
        *own,
        {"type": "PackSegInputs"},
    ]


def test_pipeline(size: tuple[int, int]) -> list[dict[str, Any]]:
    """Return the transforms of a test image, which is fitted into width and height."""
    return [
        {"type": "LoadImageFromFile"},
        {"type": "Resize", "scale": tuple(size), "keep_ratio": True},
        {"type": "PackSegInputs"},
    ]


test_pipeline.__test__ = False
