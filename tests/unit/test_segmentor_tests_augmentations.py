"""RandAugment and PixMix for segmentation: labels move with geometry, and with nothing else."""

import random

import cv2
import numpy as np
import pytest
from colour_network import blocks, paint
from mmengine.dataset import Compose
from mmseg.registry import TRANSFORMS

from replidg.data.errors import DatasetError
from replidg.segmentation import augmentations
from replidg.segmentation.pipelines import AUGMENTATIONS, train_pipeline


def sample(side: int = 64) -> dict:
    """Return a grey image whose brightness tells the label."""
    labels = np.zeros((side, side), np.uint8)
    labels[: side // 3, : side // 2] = 10
    labels[side // 2 :, side // 4 :] = 5
    image = np.repeat(labels[..., None] * 10 + 60, 3, -1)
    return {"img": image, "gt_seg_map": labels, "img_shape": (side, side), "seg_fields": []}


def drawn(transform, seed: int, results: dict | None = None) -> dict:
    np.random.seed(seed)
    return transform(results or sample())


def test_randaugment_repeats_and_varies():
    transform = TRANSFORMS.build({"type": "ReplidgRandAugment"})
    once, again = drawn(transform, 3), drawn(transform, 3)
    np.testing.assert_array_equal(once["img"], again["img"])
    np.testing.assert_array_equal(once["gt_seg_map"], again["gt_seg_map"])
    pictures = {drawn(transform, seed)["img"].tobytes() for seed in range(20)}
    assert len(pictures) > 12
    assert once["img"].dtype == np.uint8 and once["gt_seg_map"].dtype == np.uint8


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", augmentations.OPERATIONS)
def test_labels_move_with_their_pixels(name, sign):
    found = sample()
    augmentations.augment(found, name, 0.5, sign)
    moved = name in augmentations.GEOMETRIC
    assert (found["gt_seg_map"] != sample()["gt_seg_map"]).any() == moved
    assert set(np.unique(found["gt_seg_map"])) <= {0, 5, 10, 255}
    assert (found["img"] != sample()["img"]).any() == (name not in ("identity", "colour"))
    if moved:
        assert (found["gt_seg_map"] == 255).any()
        # Away from borders, every pixel still has the colour of its label.
        labels, image = found["gt_seg_map"], found["img"][..., 0].astype(int)
        same = cv2.erode((labels == 5).astype(np.uint8), np.ones((5, 5))) > 0
        assert same.sum() > 100
        assert np.abs(image[same] - 110).max() <= 3


def test_strengths_by_hand():
    flat = {"img": np.full((4, 4, 3), 100, np.uint8)}
    augmentations.augment(flat, "brightness", 1.0, 1)
    assert flat["img"][0, 0, 0] == 190
    augmentations.augment(flat, "posterize", 1.0)  # four bits are left: 190 = 0b10111110
    assert flat["img"][0, 0, 0] == 0b10110000
    augmentations.augment(flat, "solarize", 0.5)  # 176 >= 128 is inverted
    assert flat["img"][0, 0, 0] == 255 - 176
    row = {"img": np.zeros((331, 331, 3), np.uint8), "gt_seg_map": np.zeros((331, 331), np.uint8)}
    augmentations.augment(row, "translate_x", 1.0)
    assert (row["gt_seg_map"][0] == 255).sum() == 150


def test_randaugment_draws_every_operation(monkeypatch):
    names = []
    monkeypatch.setattr(augmentations, "augment", lambda results, name, *_: names.append(name))
    transform = TRANSFORMS.build({"type": "ReplidgRandAugment", "operations": 3})
    for seed in range(100):
        drawn(transform, seed)
    assert set(names) == set(augmentations.OPERATIONS) and len(names) == 300


def test_pixmix_keeps_labels_and_changes_images():
    transform = TRANSFORMS.build({"type": "ReplidgPixMix"})
    changed = 0
    for seed in range(30):
        found = drawn(transform, seed)
        np.testing.assert_array_equal(found["gt_seg_map"], sample()["gt_seg_map"])
        assert found["img"].shape == (64, 64, 3) and found["img"].dtype == np.uint8
        np.testing.assert_array_equal(found["img"], drawn(transform, seed)["img"])
        changed += (found["img"] != sample()["img"]).any()
    assert changed >= 20


def test_mixes_by_hand():
    image, other = np.full((1, 1, 3), 255, np.uint8), np.full((1, 1, 3), 0, np.uint8)
    # 1 * 0.5 + (-1) * 0.25 = 0.25, back to (1.25) / 2.
    assert augmentations._add(image, other, 0.5, 0.25)[0, 0, 0] == round(0.625 * 255)
    # 2^0.5 * 2^0.25 / 2
    expected = round(255 * 2**0.75 / 2)
    assert augmentations._multiply(image, image, 0.5, 0.25)[0, 0, 0] == expected
    assert augmentations._multiply(image, other, 0.5, 0.25)[0, 0, 0] == 0


def test_weights_have_the_papers_means():
    np.random.seed(0)
    pairs = np.array([augmentations._weights(3.0) for _ in range(20000)])
    lower, upper = pairs[pairs[:, 0] < 1], pairs[pairs[:, 0] >= 1]
    assert len(lower) == pytest.approx(10000, rel=0.05)
    # Beta(3, 1) has mean 3/4, Beta(1, 3) 1/4.
    np.testing.assert_allclose(lower.mean(0), [0.75, 0.25], atol=0.01)
    np.testing.assert_allclose(upper.mean(0), [1.25, -0.25], atol=0.01)


def test_pixmix_with_a_folder_of_pictures(tmp_path):
    with pytest.raises(DatasetError, match=r"no pictures .* in .*leave the key out"):
        TRANSFORMS.build({"type": "ReplidgPixMix", "pictures": str(tmp_path)})
    cv2.imwrite(str(tmp_path / "small.png"), np.full((10, 20, 3), 200, np.uint8))
    transform = TRANSFORMS.build({"type": "ReplidgPixMix", "pictures": str(tmp_path)})
    assert transform._mixing(64, 48).shape == (64, 48, 3)
    assert (transform._mixing(64, 48) == 200).all()
    (tmp_path / "small.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"small\.png cannot be decoded"):
        transform._mixing(64, 48)


def test_fractals_differ():
    first, second = augmentations._fractal(0), augmentations._fractal(1)
    assert first.shape == (512, 512, 3) and (first != second).any() and first.std() > 10


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_in_the_training_pipeline(name, tmp_path):
    row = paint(tmp_path, "a", blocks(48, 80, 0))
    steps = Compose([TRANSFORMS.build(step) for step in train_pipeline((80, 48), 40, 0.75, name)])
    plain = Compose([TRANSFORMS.build(step) for step in train_pipeline((80, 48), 40, 0.75)])
    changed = 0
    for seed in range(8):
        found = []
        for pipeline in (steps, steps, plain):
            np.random.seed(seed)
            results = {
                "img_path": row["path"], "seg_map_path": row["mask_path"],
                "seg_fields": [], "reduce_zero_label": False,
            }  # fmt: skip
            random.seed(seed)
            found.append(pipeline(results))
        labels = [each["data_samples"].gt_sem_seg.data for each in found]
        assert found[0]["inputs"].shape == (3, 40, 40) and labels[0].shape == (1, 40, 40)
        assert (found[0]["inputs"] == found[1]["inputs"]).all() and (labels[0] == labels[1]).all()
        changed += (found[0]["inputs"] != found[2]["inputs"]).any()
        assert name == "randaug" or (labels[0] == labels[2]).all()
    assert changed >= 5
