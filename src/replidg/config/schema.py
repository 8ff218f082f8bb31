"""Typed configuration. The JSON schema and config/README.md are generated from these models.

Only what one key alone can tell is checked here; names that refer to other parts of the
configuration are checked in `replidg.config.check`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from replidg.config.inputs import Dataset, Embedding, Model, Preprocessing, Prompts, Share, Strict


class ScoreVariant(Strict):
    """A way to compute AlignmentScore."""

    preprocessing: str = Field(description="a key of `preprocessing`")
    prompts: str = Field(description="a key of `prompts`")


class Thresholds(Strict):
    """Where AlignmentScore divides a target domain; an image exactly on a bound is kept and IP.

    dropped_low < low <= OOP < split <= IP <= high < dropped_high
    """

    kind: Literal["absolute", "quantile"] = Field(
        description="absolute: scores; quantile: shares of the pooled scores of all data sets"
    )
    low: float = Field(description="images below are dropped as mislabelled")
    split: float = Field(description="images at or above are in-pretraining (IP)")
    high: float = Field(description="images above are dropped (the label is written on them)")

    @model_validator(mode="after")
    def _order(self) -> Thresholds:
        if not self.low <= self.split <= self.high:
            raise ValueError(
                f"thresholds out of order: low {self.low} <= split {self.split} <= "
                f"high {self.high} must hold"
            )
        if self.kind == "quantile" and not (self.low >= 0 and self.high <= 1):
            raise ValueError("quantile thresholds lie between 0 and 1")
        return self


class Augmentation(Strict):
    """DomainBed's training augmentation."""

    crop_scale: tuple[float, float] = Field((0.7, 1.0), description="RandomResizedCrop area")
    flip: Share = Field(0.5, description="probability of a horizontal flip")
    jitter: float = Field(0.3, ge=0, le=0.5, description="ColorJitter, all four components")
    grayscale: Share = Field(0.1, description="probability of grey scale")


class FineTuning(Strict):
    """Budget and protocol of leave-one-domain-out fine-tuning (DomainBed, MIRO)."""

    steps: PositiveInt = Field(5001, description="optimiser steps")
    batch_per_domain: PositiveInt = Field(32, description="images a source domain a step")
    evaluate_every: PositiveInt = Field(200, description="steps between two validations")
    checkpoint_every_s: PositiveFloat = Field(300.0, description="seconds between checkpoints")
    validation_share: Share = Field(
        0.2, description="share of each source domain held out, if the data set has no own split"
    )
    validation_images: PositiveInt | None = Field(
        None, description="at most so many validation images a source domain"
    )
    preprocessing: str = Field("domainbed", description="a key of `preprocessing`")
    augmentation: Augmentation = Field(default=Augmentation(), description="of training images")
    frozen_layers: list[str] = Field(
        default=[], description="modules of the image tower that keep their weights; shell patterns"
    )
    threads: PositiveInt = Field(1, description="CPU threads of a job")
    workers: int = Field(0, ge=0, description="processes that decode; 0: the job's own")


class Method(Strict):
    """One DG method: an objective, an optimiser and an averaging of weights."""

    objective: Literal["zero_shot", "erm", "lp_ft", "miro"] = Field(description="the loss")
    averaging: Literal["none", "swad"] = Field("none", description="of weights over steps")
    lr: PositiveFloat = Field(5e-5, description="learning rate (Adam)")
    head_lr_mult: PositiveFloat = Field(
        1.0, description="learning rate of the linear head relative to the tower's"
    )
    weight_decay: float = Field(0.0, ge=0, description="weight decay")
    miro_lambda: float = Field(1.0, ge=0, description="MIRO: weight of the regulariser")
    miro_lr_mult: PositiveFloat = Field(
        10.0, description="MIRO: learning rate of the encoders relative to the backbone's"
    )
    linear_steps: int = Field(
        500, ge=0, description="LP-FT: steps that train the head alone (code 500, paper text 600)"
    )
    swad_converge: PositiveInt = Field(3, description="SWAD: N_s, validations until converged")
    swad_tolerate: PositiveInt = Field(6, description="SWAD: N_e, validations of patience")
    swad_ratio: PositiveFloat = Field(
        0.3, description="SWAD: r, tolerance of the loss (code 0.3; the paper's text prints 6)"
    )


class Curve(Strict):
    """Accuracy as a function of AlignmentScore."""

    bin_width: PositiveFloat = Field(0.01, description="width of a bin, as a score")
    min_images: PositiveInt = Field(5, description="bins with fewer images are hollow or not drawn")


class Alignment(Strict):
    """The alignment paper (arXiv 2412.02856)."""

    datasets: list[str] = Field(min_length=1, description="keys of `datasets`")
    model: str = Field(description="backbone that splits and is fine-tuned; a key of `models`")
    score: str = Field(description="the variant that splits; a key of `scores`")
    scores: dict[str, ScoreVariant] = Field(description="variants of AlignmentScore")
    zero_shot: ScoreVariant = Field(description="preprocessing and prompts of the zero-shot row")
    thresholds: Thresholds = Field(description="bounds of IP and OOP")
    methods: list[str] = Field(min_length=1, description="keys of `methods`, one row each")
    figure_method: str = Field(description="method of Fig 2b and Fig 7; one of `methods`")
    seeds: list[int] = Field(default=[0], min_length=1, description="one run each")
    runs_per_job: Literal["one", "targets", "all"] = Field(
        "one",
        description="one: a job each; targets: a job trains every target of a method and seed; "
        "all: every target and seed of a method",
    )
    target_images: Literal["all", "test"] = Field(
        "all", description="all: the whole target domain, as in the paper; test: its test split"
    )
    curve: Curve = Field(default=Curve(), description="bins of the curves")
    training: FineTuning = Field(default=FineTuning(), description="protocol")
    training_overrides: dict[str, dict[str, Any]] = Field(
        default={}, description="keys of `training` that differ for a data set"
    )


class Plots(Strict):
    """Look of the figures."""

    font_size: PositiveFloat = Field(9.0, description="points")
    dpi: PositiveInt = Field(200, description="of the PNG files")
    grid: bool = Field(True, description="draw a light grid")


class Config(Strict):
    """The whole configuration."""

    scale: str = Field(description="name of this scale, printed in the report")
    data_root: dict[str, str] = Field(
        default={}, description="data set: folder that you have; linked and checked, never changed"
    )
    datasets: dict[str, Dataset] = Field(description="data sets")
    models: dict[str, Model] = Field(description="backbones")
    preprocessing: dict[str, Preprocessing] = Field(description="named preprocessings")
    prompts: dict[str, Prompts] = Field(description="named prompt sets")
    embedding: Embedding = Field(default=Embedding(), description="budget of embedding jobs")
    methods: dict[str, Method] = Field(description="DG methods")
    alignment: Alignment = Field(description="the alignment paper")
    plots: Plots = Field(default=Plots(), description="look of the figures")
