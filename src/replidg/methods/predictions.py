"""Predictions per image: whatever a table needs later is computed from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import softmax


def prediction_table(rows: pd.DataFrame, logits: np.ndarray, role: str) -> pd.DataFrame:
    """Return one row an image: label, prediction, confidence (docs/architecture.md).

    Args:
        rows: rows of the index.
        logits: (N, C), float32.
        role: "target" or "source_validation".
    """
    labels = rows["label"].to_numpy()
    pred = logits.argmax(axis=1)
    kept = {name: rows[name].to_numpy() for name in ("image_id", "domain", "split")}
    computed = {
        "role": role,
        "label": labels,
        "pred": pred,
        "max_softmax": softmax(logits, axis=1).max(axis=1),
        "max_logit": logits.max(axis=1),
        "correct": pred == labels,
    }
    return pd.DataFrame(kept | computed)
