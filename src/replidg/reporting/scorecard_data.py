"""Verdicts as data of the page: columns, with each text written once."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from replidg.reporting.scorecard import VERDICT_STATES

#: Columns of text: few different values, so the page holds those once and a number a row.
TEXT = (
    "paper", "artefact", "target", "dataset", "domain", "method", "setting", "metric", "split",
    "verdict", "reason", "quality", "source", "note",
)  # fmt: skip
NUMBERS = (
    "x", "ours", "sd", "n", "published", "published_stderr", "published_n", "delta", "tolerance",
    "p_adjusted",
)  # fmt: skip
_DIGITS = 6


def encode(placed: pd.DataFrame) -> dict[str, Any]:
    """Return columns for the page's script.

    Args:
        placed: what `replidg.reporting.scorecard.place` returns.

    Returns:
        `rows`: their number. `text`: by column the different `values` and a `codes` list that
        points into them. `numbers`: by column, to six significant digits, None for none.
        `states`: the state's key of each verdict.
    """
    text = {}
    for column in TEXT:
        codes, values = pd.factorize(placed[column].astype("object").fillna("").astype(str))
        text[column] = {"values": [str(value) for value in values], "codes": codes.tolist()}
    numbers = {column: [_short(value) for value in _floats(placed[column])] for column in NUMBERS}
    return {
        "rows": len(placed), "text": text, "numbers": numbers, "states": dict(VERDICT_STATES),
    }  # fmt: skip


def _floats(column: pd.Series) -> Iterable[float]:
    return column.astype("Float64").astype("float64").tolist()


def _short(value: float) -> float | int | None:
    """Return a number to six digits, whole ones as whole, or None if it is not finite."""
    if not math.isfinite(value):
        return None
    if float(value).is_integer():
        return int(value)
    return float(f"{value:.{_DIGITS}g}")


def as_json(value: Mapping[str, Any]) -> str:
    """Return JSON that cannot end the `script` element it stands in.

    Args:
        value: plain dictionaries, lists, texts and finite numbers.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escaped)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
