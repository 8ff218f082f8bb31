"""Typed configuration of what the alignment paper does with labels and with thresholds."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from replidg.config.inputs import Share
from replidg.typed import Strict


class PerceptualSplit(Strict):
    """Where the PerceptualSimilarityScore divides a target domain (Table 3)."""

    kind: Literal["absolute", "quantile"] = Field(
        "absolute", description="absolute: a score; quantile: a share of all data sets' scores"
    )
    at: float = Field(0.86, description="images at or above are in-pretraining (IP)")


class LabelNoise(Strict):
    """Known label noise, which takes the place of a person's eyes."""

    share: Share = Field(0.05, description="share of the images that get another class's label")
    seed: int = Field(0, description="of the choice of images and labels")


class Annotation(Strict):
    """Sheets of images whose labels a person checks (Table 7)."""

    intervals: list[float] = Field(
        default=[0.0, 0.05, 0.1, 0.15, 0.2],
        min_length=2,
        description="bounds of the intervals; scores, or quantiles if `thresholds.kind` says so",
    )
    images: PositiveInt = Field(100, description="images drawn from an interval of a data set")
    seed: int = Field(0, description="of the draw")
    thumbnail: PositiveInt = Field(160, description="longer side of a thumbnail in pixels")
    labels: str | None = Field(None, description="the filled sheet; Table 7 is made from it")
    noise: LabelNoise | None = Field(
        None, description="exchange labels, and fill the sheet by which were exchanged"
    )

    @model_validator(mode="after")
    def _order(self) -> Annotation:
        if any(left >= right for left, right in pairwise(self.intervals)):
            raise ValueError(f"intervals {self.intervals} must rise")
        if self.labels is not None and self.noise is not None:
            raise ValueError("either `labels` (a person's) or `noise` (known), not both")
        return self
