"""Colour jitter by tables and in batches gives the bits of torchvision's on Pillow images."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.functional import pil_to_tensor
from torchvision.transforms.v2 import functional as F
from training_runs import PROTOCOL, SPEC, result, settings, shares_of, train

from replidg.config.methods import Augmentation
from replidg.seeds import seeded
from replidg.training import colours
from replidg.training.data import training_batches

pytestmark = pytest.mark.usefixtures("restored")
FLIP, GREY = v2.RandomHorizontalFlip(0.5), v2.RandomGrayscale(0.4)


@pytest.fixture(scope="module")
def images() -> list[Image.Image]:
    """Pictures with all hues, greys, black and white."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (40, 12, 12, 3), dtype=np.uint8)
    small[:4] = small[:4, ..., :1]
    small[4:6] = small[4:6] // 255 * 255
    small[6], small[7] = 0, 255
    return [Image.fromarray(one) for one in small]


@pytest.fixture(scope="module")
def tables():
    """The filled tables, for the tests that want them."""
    yield colours.hue_tables()
    colours.hue_tables.cache_clear()
    colours._tables_on.cache_clear()


def test_tables_are_filled_only_for_many_pixels(monkeypatch):
    filled = []
    monkeypatch.setattr(colours, "hue_tables", lambda: filled.append(1))
    colours.prepare(colours.WORTH - 1)
    assert not filled
    colours.prepare(colours.WORTH)
    assert filled


def test_the_tables_are_pillows_conversions(tables):
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, 256, (500, 400, 3), dtype=np.uint8)
    for table, (source, wanted) in zip(tables, (("RGB", "HSV"), ("HSV", "RGB")), strict=True):
        raw = Image.frombytes(source, (400, 500), drawn.tobytes())
        packed = drawn.astype(np.uint32) @ np.array([1, 2**8, 2**16], np.uint32)
        found = table[packed].view(np.uint8).reshape(500, 400, 4)[..., :3]
        assert np.array_equal(found, np.asarray(raw.convert(wanted)))


@pytest.mark.parametrize("factor", [-0.5, -0.3, -1 / 255, 0.0, 0.13, 0.5])
def test_hue(tables, images, factor):
    for image in images:
        wanted = np.asarray(F.adjust_hue(image, factor))
        assert np.array_equal(np.asarray(colours.shifted_hue(image, factor)), wanted)


@pytest.mark.parametrize(
    "amounts", [(0.3,) * 4, (0.5, 0.0, 0.0, 0.5), (0.0,) * 4, (0, 0.4, 0.2, 0)]
)
def test_jitter_of_one_and_of_a_batch(tables, images, amounts):
    """No value of any image differs, whatever the order of the changes."""
    theirs, ours = v2.ColorJitter(*amounts), colours.ColourJitter(*amounts)
    wanted, single, changes = [], [], []
    for seed, image in enumerate(images):
        with seeded(seed):
            wanted.append(pil_to_tensor(v2.Compose([FLIP, theirs, GREY])(image)))
        with seeded(seed):
            single.append(pil_to_tensor(v2.Compose([FLIP, ours, GREY])(image)))
        with seeded(seed):
            changes.append(colours.drawn(FLIP, ours, GREY))
    assert torch.equal(torch.stack(single), torch.stack(wanted))
    pixels = torch.stack([pil_to_tensor(image) for image in images])
    before = pixels.clone()
    assert torch.equal(colours.recolour(pixels, torch.stack(changes)), torch.stack(wanted))
    assert torch.equal(pixels, before)
    drawn = torch.stack(changes)
    assert 0 < drawn[:, colours.GREY].mean() < 1 and 0 < drawn[:, colours.FLIP].mean() < 1


@pytest.mark.parametrize("workers", [0, 2])
def test_training_augmented_on_the_device_gives_the_same_bits(index, tmp_path, workers):
    """On a CPU; the arithmetic of a GPU was not tried."""
    strong = Augmentation(jitter=0.4, grayscale=0.3)
    update = {"augmentation": strong, "steps": 4, "workers": workers}
    runs = {}
    for where in ("cpu", "device"):
        protocol = PROTOCOL.model_copy(update=update | {"augment_on": where})
        batches = list(training_batches(shares_of(index), SPEC, protocol, 3, 0))
        run = train(index, tmp_path / where, "erm", settings("erm", protocol))
        runs[where] = (batches, result(run, index))
    for one, other in zip(runs["cpu"][0], runs["device"][0], strict=True):
        assert torch.equal(one.pixels, other.pixels) and one.items == other.items
    one, other = runs["cpu"][1][0], runs["device"][1][0]
    assert all(torch.equal(value, other[name]) for name, value in one.items())
