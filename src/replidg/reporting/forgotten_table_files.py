"""Which function makes which table of arXiv 2410.08258."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from replidg.reporting import domain_tables, forgotten_training_tables
from replidg.reporting.artefact_files import Grid, Records

OF_TRAINING = ("table2", "claims")


@dataclass(frozen=True)
class Options:
    """What tables need besides the metrics.

    Attributes:
        strict: precision of the strict thresholds in percent.
        series: trained models by their part in the paper (`forgotten_training_tables`).
    """

    strict: str = "98"
    series: Mapping[str, Any] = field(default_factory=dict)


def make(name: str, metrics: pd.DataFrame, options: Options) -> Grid | Records:
    """Return a table.

    Raises:
        ValueError: there is no such table, or the metrics lack its rows.
    """
    if name in OF_TRAINING:
        return forgotten_training_tables.make(name, metrics, options.series)
    return domain_tables.make(name, metrics, options.strict)
