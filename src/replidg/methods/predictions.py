"""Predictions per image: whatever a table needs later is computed from them."""

from __future__ import annotations

import pandas as pd
from torch import Tensor


def prediction_table(rows: pd.DataFrame, logits: Tensor, role: str) -> pd.DataFrame:
    """Return predictions in the format that every table is computed from (DESIGN section 4)."""
    top, pred = logits.max(1)
    return pd.DataFrame(
        {
            "image_id": rows["image_id"].to_numpy(),
            "domain": rows["domain"].to_numpy(),
            "split": rows["split"].to_numpy(),
            "role": role,
            "label": rows["label"].to_numpy(),
            "pred": pred.numpy(),
            "max_softmax": logits.softmax(1).amax(1).numpy(),
            "max_logit": top.numpy(),
            "correct": pred.numpy() == rows["label"].to_numpy(),
        }
    )
