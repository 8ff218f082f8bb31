"""Domains of pictures by two classifiers, one of natural pictures and one of renditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

LEVELS = ("default", "strict")


def domain_of(natural: np.ndarray, rendition: np.ndarray) -> np.ndarray:
    """Return the domain of each picture: ambiguous where neither classifier fires, or both."""
    natural, rendition = np.asarray(natural, bool), np.asarray(rendition, bool)
    names = np.full(len(natural), "ambiguous", object)
    names[natural & ~rendition] = "natural"
    names[rendition & ~natural] = "rendition"
    return names


def assigned(scores: pd.DataFrame, chosen: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return scores with `domain_default`, `domain_strict` and `natural_relaxed`.

    A picture that could not be read has no score and is ambiguous.

    Args:
        scores: `natural_score`, `rendition_score`, `natural_default`, `rendition_default`.
        chosen: `chosen.json`: thresholds of both classifiers.
    """
    natural, rendition = scores["natural_score"], scores["rendition_score"]
    bounds = {
        (level, domain): np.float32(chosen[domain][level]["threshold"])
        for level, domain in (
            ("strict", "natural"),
            ("strict", "rendition"),
            ("relaxed", "natural"),
        )
    }
    strict = domain_of(
        natural >= bounds["strict", "natural"], rendition >= bounds["strict", "rendition"]
    )
    default = domain_of(scores["natural_default"], scores["rendition_default"])
    table = scores.drop(columns=["natural_default", "rendition_default"])
    return table.assign(
        domain_default=pd.Categorical(default, ["natural", "rendition", "ambiguous"]),
        domain_strict=pd.Categorical(strict, ["natural", "rendition", "ambiguous"]),
        natural_relaxed=(natural >= bounds["relaxed", "natural"]).to_numpy(),
    )
