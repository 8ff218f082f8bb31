"""Small pictures of random pixels."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def png(seed: int, size=(10, 10), mode="RGB") -> bytes:
    rng = np.random.default_rng(seed)
    shape = (size[1], size[0], len(mode))
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8), mode).save(buffer, "PNG")
    return buffer.getvalue()


def write_folder(root: Path) -> Path:
    """Write three domains of two classes, as a user may have them."""
    for domain in ("art", "photo", "unused"):
        for name in ("zebra", "cat"):
            (root / domain / name).mkdir(parents=True)
            for number in range(3):
                (root / domain / name / f"{number}.png").write_bytes(png(number))
    return root
