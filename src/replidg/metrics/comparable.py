"""Which data sets are the ones that a paper used, by what was found on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd


def comparable_datasets(facts: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return whether each data set's images are those of the release that papers used.

    Args:
        facts: data set, as verdicts call it, and the content of its `.verified.json`: `drift`
            (counts that differ from the registry's), `release` (name of the release with these
            counts, `stand-in`, or None).

    Returns:
        `dataset`, `comparable`, `reason`, as `verdicts.judge` wants them.
    """
    rows = []
    for name, fact in facts.items():
        drift, release = fact.get("drift") or {}, fact.get("release")
        if release == "stand-in":
            reason = "a stand-in of embedded pictures"
        elif drift:
            told = ", ".join(
                f"{key} has {pair['found']:,} images, expected {pair['expected']:,}"
                for key, pair in sorted(drift.items())
            )
            reason = f"other images than expected: {told}"
        elif release is None:
            reason = "its images are those of no known release"
        else:
            reason = ""
        rows.append({"dataset": name, "comparable": not reason, "reason": reason})
    return pd.DataFrame(rows, columns=["dataset", "comparable", "reason"])
