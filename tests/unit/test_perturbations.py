"""Corruptions at five severities: harder each time, the same again, any size."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from replidg.data import perturbations
from replidg.data.perturbation_fields import disk, displaced, plasma, streak, zoomed
from replidg.data.perturbations import FAMILIES, KINDS, SEVERITIES, PerturbationError, perturb


def street(height: int = 160, width: int = 240) -> np.ndarray:
    """Return a picture with a bright sky, a dark road, edges and texture."""
    random = np.random.default_rng(0)
    image = np.empty((height, width, 3), np.float32)
    image[: height // 2] = (120, 160, 210)
    image[height // 2 :] = (80, 75, 85)
    for left in range(10, width - 20, 40):
        colour = random.integers(20, 230, 3)
        image[height // 3 : height // 3 * 2, left : left + 22] = colour
    image += cv2.GaussianBlur(random.normal(0, 60, image.shape), (0, 0), 1.5)
    return np.clip(image, 0, 255).astype(np.uint8)


IMAGE = street()


def psnr(kind: str, severity: int, seed: int = 3) -> float:
    """Return the ratio of signal to noise in dB, over the published sizes."""
    error = perturb(IMAGE, kind, severity, seed).astype(float) - IMAGE
    return 10 * np.log10(255**2 / np.mean(error**2))


def likeness(kind: str, severity: int) -> float:
    """Return the correlation with the picture."""
    return np.corrcoef(perturb(IMAGE, kind, severity, 3).ravel(), IMAGE.ravel())[0, 1]


def test_the_families_hold_each_kind_once():
    kinds = [kind for family in FAMILIES.values() for kind in family]
    assert sorted(kinds) == sorted(KINDS) and len(kinds) == 15
    assert all(len(parameters) == 5 for _, parameters in KINDS.values())


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"frost", "fog", "snow", "elastic_transform"}))
def test_severity_costs_signal(kind):
    values = [psnr(kind, severity) for severity in SEVERITIES]
    assert all(a > b for a, b in pairwise(values)), values


def test_weather_hides_more_and_more():
    # It brightens too, so the mean distance need not rise; what is left of the picture falls.
    # Fog of 3 and 4 is equally dense, and differs in the size of its clouds.
    for kind, ends in (("frost", SEVERITIES), ("fog", (1, 2, 3)), ("snow", (1, 3, 5))):
        values = [likeness(kind, severity) for severity in ends]
        assert all(a > b for a, b in pairwise(values)), (kind, values)


def test_elastic_severities_are_the_published_ones():
    # 1 and 2 move the whole picture by up to 24 and 49 px, 3 to 5 bend it by a few: the published
    # numbers do not make a rising series.
    assert max(psnr("elastic_transform", s) for s in (1, 2)) < psnr("elastic_transform", 3)
    assert psnr("elastic_transform", 3) > psnr("elastic_transform", 4)
    assert psnr("elastic_transform", 4) > psnr("elastic_transform", 5)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("shape", [(96, 171), (33, 20)])
def test_size_type_and_draws(kind, shape):
    image = street(*shape)
    before = image.copy()
    for severity, scale in ((1, 0.25), (5, 1.0)):
        once = perturb(image, kind, severity, 7, scale)
        assert once.shape == image.shape and once.dtype == np.uint8
        np.testing.assert_array_equal(once, perturb(image, kind, severity, 7, scale))
        assert (once != image).any()
    np.testing.assert_array_equal(image, before)
    drawn = kind not in {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate"}
    other = perturb(image, kind, 5, 8)
    assert (other != once).any() == (drawn and kind != "jpeg_compression")


def test_noise_has_the_published_strength():
    grey = np.full((200, 200, 3), 128, np.uint8)
    noisy = perturb(grey, "gaussian_noise", 1, 0).astype(float) / 255
    assert noisy.std() == pytest.approx(0.08, rel=0.02)
    # Poisson: variance = mean / photons.
    shot = perturb(grey, "shot_noise", 1, 0).astype(float) / 255
    assert shot.var() == pytest.approx(128 / 255 / 60, rel=0.03)
    impulse = perturb(grey, "impulse_noise", 5, 0)
    assert np.isin(impulse, [0, 255]).mean() == pytest.approx(0.27, abs=0.01)
    assert (impulse == 255).mean() == pytest.approx(0.135, abs=0.01)


def test_contrast_and_brightness_by_hand():
    image = np.zeros((2, 2, 3), np.uint8)
    image[0] = 100
    image[1] = 200
    # mean 150: 150 + 0.4 * (100 - 150) = 130, and 170.
    assert perturb(image, "contrast", 1, 0)[:, 0, 0].tolist() == [130, 170]
    # A grey pixel's value grows by 0.1 * 255 = 25.5.
    assert perturb(image, "brightness", 1, 0)[0, 0].tolist() == pytest.approx([125.5] * 3, abs=0.6)


def test_pixelate_keeps_as_many_cells_as_published():
    cells = perturb(IMAGE, "pixelate", 5, 0)
    # 160 * 0.25 rows of cells, so 4 x 4 pixels are alike.
    assert (cells[::4] == cells[1::4]).all() and (cells[:, ::4] == cells[:, 3::4]).all()


def test_scale_makes_blur_and_displacement_smaller():
    for kind in ("defocus_blur", "glass_blur", "motion_blur", "elastic_transform"):
        errors = [
            np.abs(perturb(IMAGE, kind, 3, 0, scale).astype(float) - IMAGE).mean()
            for scale in (0.2, 1.0)
        ]
        assert errors[0] < errors[1], kind


def test_kernels():
    for kernel in (disk(3, 0.1), disk(0.4, 0.5), streak(10, 3, 30), streak(0.5, 1, -100)):
        assert kernel.sum() == pytest.approx(1) and kernel.shape[0] % 2 == 1
        assert (kernel >= 0).all()
    np.testing.assert_allclose(disk(3, 0.1), disk(3, 0.1)[::-1, ::-1], atol=1e-7)
    # A motion to the right weights the centre most, and nothing to its left.
    right = streak(2, 1.5, 0)
    expected = np.exp(-(np.arange(5) ** 2) / (2 * 1.5**2))
    np.testing.assert_allclose(right[5, 5:10], expected / expected.sum(), rtol=1e-5)
    assert right[:, :5].sum() == 0 and right.shape == (11, 11)
    # A disk of radius 10 covers about pi * 100 pixels.
    assert (disk(10, 0) > 0.5 * disk(10, 0).max()).sum() == pytest.approx(np.pi * 100, rel=0.12)


def test_fields():
    random = np.random.default_rng(0)
    field = plasma((37, 90), 2, random)
    assert field.shape == (37, 90) and 0 <= field.min() < field.max() <= 1
    rough, smooth = (plasma((64, 64), decay, np.random.default_rng(1)) for decay in (1.5, 3))
    assert np.abs(np.diff(rough, axis=0)).mean() > np.abs(np.diff(smooth, axis=0)).mean()
    image = np.zeros((9, 9), np.float32)
    image[4, 4] = 1
    np.testing.assert_allclose(zoomed(image, 1.0), image)
    assert zoomed(image, 3.0).sum() == pytest.approx(9, rel=0.01)
    moved = displaced(image, np.full((9, 9), 2.0), np.full((9, 9), -1.0))
    assert moved[5, 2] == 1 and moved.sum() == 1


@pytest.mark.parametrize(
    ("kind", "severity", "image", "text"),
    [
        ("mist", 1, IMAGE, "no perturbation 'mist'"),
        ("fog", 6, IMAGE, "severity 6"),
        ("fog", 1, IMAGE[..., 0], "RGB image of bytes"),
        ("fog", 1, IMAGE / 255, "RGB image of bytes"),
    ],
)
def test_bad_requests(kind, severity, image, text):
    with pytest.raises(PerturbationError, match=text):
        perturbations.perturb(image, kind, severity, 0)
