"""Pixel embeddings: the right labels, even over the classes, paired before and after."""

import numpy as np
import pytest
from colour_network import ColourNetwork, index

from replidg.config.street_classes import IGNORED, PALETTE
from replidg.segmentation.pixel_embeddings import balanced, labels_of_cells, pixel_embeddings
from replidg.segmentation.predictions import View


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return index(tmp_path_factory.mktemp("street"), [(48, 80), (40, 64), (64, 64)])


def test_cells_take_the_label_at_their_centre():
    labels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    # The whole image at twice its size, in cells of 4 x 4: two pixels of the labels each.
    found = labels_of_cells(labels, (0, 0, 16, 16), (16, 16), (4, 4))
    np.testing.assert_array_equal(found, labels[1::2, 1::2])
    # A window of the lower right quarter.
    found = labels_of_cells(labels, (8, 8, 8, 8), (16, 16), (2, 2))
    np.testing.assert_array_equal(found, labels[5::2, 5::2])


def test_choice_is_even_and_uses_all_of_rare_classes():
    labels = np.repeat([0, 1, 2, IGNORED], [1000, 30, 5, 500])
    chosen = balanced(labels, 95, seed=0)
    counts = np.bincount(labels[chosen], minlength=256)
    assert counts[[0, 1, 2, IGNORED]].tolist() == [60, 30, 5, 0]
    assert len(set(chosen.tolist())) == 95
    np.testing.assert_array_equal(chosen, balanced(labels, 95, seed=0))
    assert (chosen != balanced(labels, 95, seed=1)).any()
    assert len(balanced(labels, 10**6, seed=0)) == 1035
    assert len(balanced(np.full(9, IGNORED), 5, seed=0)) == 0


def test_the_same_pixels_before_and_after(rows):
    before, after = ColourNetwork(), ColourNetwork()
    after.encode_maps = lambda images: [2 * m for m in ColourNetwork.encode_maps(after, images)]
    view = View(size=(80, 64), window=48, stride=32)
    found = pixel_embeddings(before, after, rows, view, pixels=150, seed=0)
    assert found.before.shape == found.after.shape == (150, 3)
    assert found.before.dtype == np.float32 and found.labels.dtype == np.int64
    np.testing.assert_allclose(found.after, 2 * found.before, rtol=1e-6)
    assert len(set(found.labels.tolist())) == len(PALETTE)
    # A cell of 4 x 4 lies in a block of 8 x 8: most have exactly the colour of their class.
    colours = np.asarray(PALETTE)[found.labels] / 20.0
    right = np.abs(found.before - colours).max(1) < 0.1
    assert right.mean() > 0.6
