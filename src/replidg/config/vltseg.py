"""Typed configuration of the VLTSeg paper (arXiv 2312.02021)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from replidg.config.vltseg_parts import (
    Arm,
    Encoder,
    Fpn,
    Mask2Former,
    Scales,
    SegmentorTraining,
    Source,
)
from replidg.config.vltseg_studies import (
    Freezing,
    LossWeights,
    Panels,
    Perturbations,
    PixelTsne,
    PromptSets,
    SegmentorBootstrap,
    SegmentorTest,
    Submissions,
)
from replidg.typed import Strict

Decoder = Annotated[Mask2Former | Fpn, Field(discriminator="kind")]


class Vltseg(Strict):
    """The VLTSeg paper (arXiv 2312.02021), segmentation."""

    scales: Scales = Field(description="image sizes and budgets")
    sources: dict[str, Source] = Field(description="training data; names are the published ones")
    targets: list[str] = Field(
        min_length=1, description="keys of `datasets` whose validation split is tested"
    )
    encoders: dict[str, Encoder] = Field(description="image towers")
    decoders: dict[str, Decoder] = Field(description="decoders")
    arms: dict[str, Arm | None] = Field(
        description="what is trained; null takes away what an earlier file had"
    )
    freezing: Freezing | None = Field(None, description="frozen blocks (F2)")
    loss_weights: LossWeights | None = Field(None, description="sweep of the PTM loss's weight")
    prompt_sets: PromptSets | None = Field(None, description="other texts of the classes")
    seeds: list[int] = Field(default=[0], min_length=1, description="one run each")
    jobs: PositiveInt | None = Field(
        None, description="runs are dealt to so many training and test jobs; absent: a job each"
    )
    training: SegmentorTraining = Field(default=SegmentorTraining(), description="optimisation")
    test: SegmentorTest = Field(default=SegmentorTest(), description="budget of the tests")
    perturbations: Perturbations | None = Field(None, description="corrupted images (F3)")
    panels: Panels | None = Field(None, description="pictures of predictions (F4)")
    tsne: PixelTsne | None = Field(None, description="maps of pixel embeddings")
    submissions: Submissions | None = Field(None, description="files for the test servers (T6)")
    bootstrap: SegmentorBootstrap = Field(
        default=SegmentorBootstrap(), description="intervals over images"
    )
