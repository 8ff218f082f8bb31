"""Labels of test images by a trained network: sliding window, perturbations, augmented tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from mmengine.dataset import Compose
from mmseg.registry import TRANSFORMS
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from replidg.data.perturbations import perturb
from replidg.seeds import seed_of
from replidg.segmentation import registered  # noqa: F401 - fills TRANSFORMS
from replidg.segmentation.pipelines import test_pipeline

if TYPE_CHECKING:
    from mmseg.models import EncoderDecoder
    from mmseg.structures import SegDataSample


class View(NamedTuple):
    """How test images reach the network.

    Attributes:
        size: width and height that an image is fitted into.
        window: side of the sliding window, pixels.
        stride: its step, pixels.
        ratios: of test-time augmentation, to the image's own size, each also flipped; None: none.
        batch_size: images of equal size in one pass.
        workers: processes that decode; 0: the job's own.
        scale: factor on the sizes in pixels of perturbations.
        seed: of perturbations.
    """

    size: tuple[int, int]
    window: int
    stride: int
    ratios: tuple[float, ...] | None = None
    batch_size: int = 1
    workers: int = 0
    scale: float = 1.0
    seed: int = 0


def pipelines(view: View) -> list[list[dict[str, Any]]]:
    """Return the transforms of each look at an image: one, or one a ratio and direction."""
    load, resize, pack = test_pipeline(view.size)
    if view.ratios is None:
        return [[load, resize, pack]]
    return [
        [
            load,
            {"type": "Resize", "scale_factor": ratio, "keep_ratio": True},
            {"type": "RandomFlip", "prob": flipped},
            pack,
        ]
        for ratio in view.ratios
        for flipped in (0.0, 1.0)
    ]


class TestImages(Dataset):
    """Images of an index as the network takes them.

    Where the rows have `perturbation` and `severity`, images are corrupted at the size that the
    network sees, so that a severity means the same for cameras of any resolution.

    Args:
        rows: with `image_id` and `path`.
        view: how they are looked at.
    """

    __test__ = False

    def __init__(self, rows: pd.DataFrame, view: View) -> None:
        self.rows = rows.reset_index(drop=True)
        self.view = view
        self.looks = [[TRANSFORMS.build(step) for step in steps] for steps in pipelines(view)]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.rows)

    def __getitem__(self, place: int) -> list[dict[str, Any]]:
        """Return `inputs` and `data_samples` of each look at an image."""
        row = self.rows.iloc[place]
        return [
            Compose([*steps[:-1], *self._corrupted(row), steps[-1]])({"img_path": row["path"]})
            for steps in self.looks
        ]

    def _corrupted(self, row: pd.Series) -> list[Any]:
        kind = row.get("perturbation", "")
        if not kind:
            return []

        def corrupt(results: dict[str, Any]) -> dict[str, Any]:
            seed = seed_of(self.view.seed, "perturbation", kind, row["image_id"])
            rgb = results["img"][..., ::-1]
            bgr = perturb(rgb, kind, int(row["severity"]), seed, self.view.scale)[..., ::-1]
            return {**results, "img": np.ascontiguousarray(bgr)}

        return [corrupt]


def predicted(segmentor: EncoderDecoder, rows: pd.DataFrame, view: View) -> Iterator[np.ndarray]:
    """Yield the labels (H, W) uint8 of each image, at its own size, in the order of the rows."""
    segmentor.test_cfg.update(
        mode="slide", crop_size=(view.window, view.window), stride=(view.stride, view.stride)
    )
    segmentor.eval()
    images = DataLoader(
        TestImages(rows, view),
        batch_size=None,
        num_workers=view.workers,
        collate_fn=_same,
    )
    for batch in batched(images, view.batch_size):
        yield from _labels(segmentor, batch)


def _same(item: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return item


def batched(
    items: Iterator[list[dict[str, Any]]], size: int
) -> Iterator[list[list[dict[str, Any]]]]:
    """Group neighbours, `size` at most, whose looks have equal shapes."""
    batch: list[list[dict[str, Any]]] = []
    for item in items:
        if batch and (len(batch) == size or _shapes(item) != _shapes(batch[0])):
            yield batch
            batch = []
        batch.append(item)
    if batch:
        yield batch


def _shapes(item: list[dict[str, Any]]) -> list[tuple]:
    return [(look["inputs"].shape, look["data_samples"].ori_shape) for look in item]


def _labels(segmentor: EncoderDecoder, batch: list[list[dict[str, Any]]]) -> list[np.ndarray]:
    """Return the labels of images with equal shapes.

    The looks of a test-time augmentation are averaged as mmsegmentation does: softmax of each
    look's output, then the mean.
    """
    sums: list[Tensor] = []
    looks = len(batch[0])
    for look in range(looks):
        outputs = logits(segmentor, [item[look] for item in batch])
        if looks > 1:
            outputs = [output.softmax(0) for output in outputs]
        sums = [a + b for a, b in zip(sums, outputs, strict=True)] if sums else outputs
    return [total.argmax(0).to("cpu", torch.uint8).numpy() for total in sums]


@torch.inference_mode()
def logits(segmentor: EncoderDecoder, samples: list[dict[str, Any]]) -> list[Tensor]:
    """Return the network's output (K, H, W) for images of equal shape, at their own sizes."""
    data = segmentor.data_preprocessor(
        {
            "inputs": [sample["inputs"] for sample in samples],
            "data_samples": [sample["data_samples"] for sample in samples],
        },
        False,
    )
    found: list[SegDataSample] = segmentor.predict(data["inputs"], data["data_samples"])
    return [each.seg_logits.data for each in found]
