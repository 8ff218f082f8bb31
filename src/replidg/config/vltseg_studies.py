"""Typed configuration of the VLTSeg paper's tests and studies."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from replidg.config.inputs import Share
from replidg.typed import Strict

Direction = Literal["early_to_deep", "deep_to_early"]
Severity = Annotated[int, Field(ge=1, le=5)]
Corruption = Literal[
    "gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur",
    "zoom_blur", "snow", "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate",
    "jpeg_compression",
]  # fmt: skip


class Freezing(Strict):
    """Arms made from one: its first or last blocks frozen (F2)."""

    arm: str = Field(description="a key of `arms`; the dashed line, nothing frozen")
    source: str = Field(description="a key of `sources`")
    steps: list[PositiveInt] = Field(min_length=1, description="numbers of frozen blocks")
    directions: list[Direction] = Field(
        default=["early_to_deep", "deep_to_early"], min_length=1, description="where it begins"
    )


class LossWeights(Strict):
    """Arms made from one: other weights of the PTM loss."""

    arm: str = Field(description="a key of `arms`, with `language`")
    source: str = Field(description="a key of `sources`")
    values: list[float] = Field(min_length=1, description="lambda")


class PromptSets(Strict):
    """Arms made from one: other texts of the classes."""

    arm: str = Field(description="a key of `arms`, with `language`")
    source: str = Field(description="a key of `sources`")
    prompts: list[str] = Field(min_length=1, description="keys of `prompts`")


class SegmentorTest(Strict):
    """Budget of the tests."""

    tta: bool = Field(False, description="test-time augmentation for every number")
    threads: PositiveInt = Field(1, description="CPU threads of a job")
    workers: NonNegativeInt = Field(0, description="processes that decode; 0: the job's own")
    batch_size: PositiveInt = Field(1, description="images of equal size in one pass")
    shard: PositiveInt = Field(50, description="images between two resume points")


class Perturbations(Strict):
    """Corrupted test images (F3)."""

    source: str = Field(description="a key of `sources`")
    dataset: str = Field(description="data set whose images are corrupted; a key of `datasets`")
    arms: list[str] = Field(min_length=1, description="keys of `arms`")
    kinds: list[Corruption] = Field(min_length=1, description="corruptions, ImageNet-C's names")
    severities: list[Severity] = Field(
        default=[1, 2, 3, 4, 5], min_length=1, description="1 to 5, as published"
    )
    images: PositiveInt | None = Field(None, description="the first of the set; all if absent")
    scale: PositiveFloat = Field(
        1.0, description="factor on the published sizes in pixels, e.g. of blur, for small images"
    )
    seed: int = Field(0, description="of the draws")


class Panels(Strict):
    """Pictures of image, truth and predictions (F4)."""

    source: str = Field(description="a key of `sources`")
    arms: list[str] = Field(min_length=1, description="keys of `arms`")
    images: dict[str, PositiveInt] = Field(
        min_length=1, description="data set: the first images of its validation split"
    )


class PixelTsne(Strict):
    """Maps of pixel embeddings before and after training."""

    source: str = Field(description="a key of `sources`")
    arms: list[str] = Field(min_length=1, description="keys of `arms`")
    dataset: str = Field(description="a key of `datasets`")
    images: PositiveInt = Field(20, description="the first of its validation split")
    pixels: PositiveInt = Field(2000, description="sampled")
    perplexity: PositiveFloat = Field(30.0, description="of t-SNE")


class Submissions(Strict):
    """Files for the test servers (T6)."""

    runs: dict[str, list[str]] = Field(min_length=1, description="source: arms; first seed")
    datasets: list[Literal["cityscapes", "acdc"]] = Field(
        default=["cityscapes", "acdc"], min_length=1, description="keys of `datasets`"
    )
    tta: bool = Field(True, description="test-time augmentation, as the authors")


class SegmentorBootstrap(Strict):
    """Intervals over test images."""

    resamples: PositiveInt = Field(1000, description="bootstrap samples")
    level: Share = Field(0.95, description="of the intervals")
    seed: int = Field(0, description="of the resampling")
