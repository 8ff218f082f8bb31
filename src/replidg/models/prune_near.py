"""Web pictures that are nearer to a test set than ImageNet's training images are.

The paper takes its pruned corpora from its predecessor (Mayilvahanan et al. 2024):
a picture goes if its similarity to some test image is above that of the test image to its nearest
training image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from replidg.models.deduplicate import BLOCK, count_rows, unit_rows
from replidg.models.store import device
from replidg.progress import Progress


def gaps(test: np.ndarray, train: Path) -> np.ndarray:
    """Return the similarity of each test image to its nearest training image (M,).

    Args:
        test: unit vectors (M, D).
        train: file of embeddings of the training images.
    """
    images = torch.from_numpy(test).to(device())
    best = torch.full((len(test),), -1.0, device=device())
    for start in range(0, count_rows(train), BLOCK):
        values = torch.from_numpy(unit_rows(train, start, start + BLOCK)).to(device())
        best = torch.maximum(best, (images @ values.T).max(dim=1).values)
    return best.cpu().numpy()


def pruned(
    files: Sequence[Path], tests: dict[str, tuple[np.ndarray, np.ndarray]]
) -> Iterator[dict[str, np.ndarray]]:
    """Yield for each file of the corpus which rows are pruned (N,), by name.

    Args:
        files: embeddings of the corpus.
        tests: name: unit vectors (M, D) of test images, and their `gaps` (M,).
    """
    ready = {
        name: (torch.from_numpy(images).to(device()), torch.from_numpy(bound).to(device()))
        for name, (images, bound) in tests.items()
    }
    with Progress(sum(map(count_rows, files)), "pruning") as progress:
        for path in files:
            found: dict[str, list[np.ndarray]] = {name: [] for name in tests}
            for start in range(0, count_rows(path), BLOCK):
                values = torch.from_numpy(unit_rows(path, start, start + BLOCK)).to(device())
                for name, (images, bound) in ready.items():
                    near = torch.zeros(len(values), dtype=torch.bool, device=device())
                    for first in range(0, len(images), BLOCK):  # a slice of the test images
                        part = slice(first, first + BLOCK)
                        near |= (values @ images[part].T > bound[part]).any(dim=1)
                    found[name].append(near.cpu().numpy())
                progress.add(len(values))
            yield {name: np.concatenate(parts) for name, parts in found.items()}
