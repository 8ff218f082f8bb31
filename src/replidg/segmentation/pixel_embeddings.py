"""Embeddings of single pixels before and after training, for maps by t-SNE."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch

from replidg.config.street_classes import IGNORED
from replidg.seeds import seed_of
from replidg.segmentation.evaluation import read_labels
from replidg.segmentation.predictions import TestImages, View

if TYPE_CHECKING:
    from mmseg.models import EncoderDecoder


class PixelEmbeddings(NamedTuple):
    """The same pixels as two networks see them.

    Attributes:
        before: (P, C) float32, of the network before training.
        after: (P, C) float32, of the trained network.
        labels: (P,) int64, train ids.
    """

    before: np.ndarray
    after: np.ndarray
    labels: np.ndarray


def pixel_embeddings(
    before: EncoderDecoder,
    after: EncoderDecoder,
    rows: pd.DataFrame,
    view: View,
    pixels: int,
    seed: int,
) -> PixelEmbeddings:
    """Return cells of the encoder's last map, as even over the classes as can be.

    The encoder sees the window in the middle of each image. A cell's label is that of the pixel at
    its centre; ignored ones are left out.

    Args:
        before: network before training.
        after: the same, trained.
        rows: images with `path`, `mask_path`.
        view: how they are looked at.
        pixels: number P of cells; fewer where there are not as many.
        seed: of the choice.
    """
    images = TestImages(rows, view)
    maps: dict[str, list[np.ndarray]] = {"before": [], "after": []}
    labels = []
    for place, mask in enumerate(rows["mask_path"]):
        (look,) = images[place]
        cell_labels = None
        for name, network in (("before", before), ("after", after)):
            cells, box = _last_map(network, look, view.window)
            maps[name].append(cells.reshape(len(cells), -1).T)
            cell_labels = labels_of_cells(
                read_labels(mask), box, look["inputs"].shape[-2:], cells.shape[-2:]
            )
        labels.append(cell_labels.ravel())
    found = np.concatenate(labels)
    chosen = balanced(found, pixels, seed)
    return PixelEmbeddings(
        np.concatenate(maps["before"])[chosen],
        np.concatenate(maps["after"])[chosen],
        found[chosen].astype(np.int64),
    )


@torch.inference_mode()
def _last_map(
    network: EncoderDecoder, look: dict, window: int
) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Return the last map (C, h, w) of the middle window, and its top, left, height and width."""
    data = {"inputs": [look["inputs"]], "data_samples": [look["data_samples"]]}
    inputs = network.data_preprocessor(data, False)["inputs"]
    height, width = (min(window, side) for side in inputs.shape[-2:])
    top, left = (inputs.shape[-2] - height) // 2, (inputs.shape[-1] - width) // 2
    cut = inputs[..., top : top + height, left : left + width]
    network.eval()
    cells = network.encode_maps(cut)[-1][0].float().cpu().numpy()
    return cells, (top, left, height, width)


def labels_of_cells(
    labels: np.ndarray,
    box: tuple[int, int, int, int],
    size: tuple[int, int],
    cells: tuple[int, int],
) -> np.ndarray:
    """Return the label at the centre of each cell of a map, (h, w).

    Args:
        labels: (H, W), of the whole image at its own size.
        box: top, left, height and width of what the map covers, in the resized image.
        size: height and width of the resized image.
        cells: h and w of the map.
    """
    top, left, height, width = box
    y = (top + (np.arange(cells[0]) + 0.5) * height / cells[0]) * labels.shape[0] / size[0]
    x = (left + (np.arange(cells[1]) + 0.5) * width / cells[1]) * labels.shape[1] / size[1]
    return labels[np.floor(y).astype(int)[:, None], np.floor(x).astype(int)[None, :]]


def balanced(labels: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Return sorted places of at most `number` labels, as even over the classes as can be."""
    random = np.random.default_rng(seed_of(seed, "pixel embeddings"))
    places = {c: np.flatnonzero(labels == c) for c in np.unique(labels) if c != IGNORED}
    chosen, left = [], number
    # The rarest first: what it does not use up is shared by the others.
    for rank, c in enumerate(sorted(places, key=lambda c: len(places[c]))):
        share = min(len(places[c]), left // (len(places) - rank))
        chosen.append(random.choice(places[c], share, replace=False))
        left -= share
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)
