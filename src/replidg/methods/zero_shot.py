"""Zero-shot classification (Radford et al. 2021, arXiv 2103.00020, section 3.1)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from replidg.methods.predictions import prediction_table

LOGIT_SCALE = 100.0


def zero_shot(rows: pd.DataFrame, images: np.ndarray, texts: np.ndarray) -> pd.DataFrame:
    """Classify images by the nearest class text.

    Args:
        rows: rows of the index.
        images: their embeddings (N, D), any length.
        texts: class embeddings (C, D) of unit length.

    Returns:
        Predictions in the format of trained methods; the softmax is at CLIP's logit scale 100.

    Raises:
        ValueError: an embedding is zero or not a number.
    """
    lengths = np.linalg.norm(images, axis=1, keepdims=True)
    if not np.all(lengths > 0):
        raise ValueError("an image embedding is zero or not a number; it has no nearest class")
    features = images / lengths
    return prediction_table(rows, LOGIT_SCALE * features @ texts.T, "target")
