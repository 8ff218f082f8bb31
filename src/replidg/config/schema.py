"""Typed configuration. The JSON schema and config/README.md are generated from these models.

Only what one key alone can tell is checked here; names that refer to other parts of the
configuration are checked in `replidg.config.check`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Strict(BaseModel):
    """A table of the configuration in which every key must be known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Splits(Strict):
    """Shares of a data set's instances."""

    train: Share = Field(0.6, description="share of instances for training")
    validation: Share = Field(0.15, description="share of instances for model selection")
    test: Share = Field(0.25, description="share of instances held out from everything")

    @model_validator(mode="after")
    def _sum(self) -> Splits:
        if abs(self.train + self.validation + self.test - 1.0) > 1e-9:
            raise ValueError("train + validation + test must be 1")
        return self


class Pretraining(Strict):
    """Which of a data set's training images the CLIP of this run may see with their captions."""

    domains: list[str] = Field(description="domains in the pretraining corpus")
    held_out_classes: list[str] = Field(
        default=[], description="classes that never occur in the pretraining corpus"
    )


class EmbeddedDataset(Strict):
    """Pictures that ship with the package, written as an ImageFolder tree."""

    source: Literal["embedded"] = Field(description="pictures that ship with the package")
    tree: list[str] = Field(description="domains to write to disk")
    domains: list[str] = Field(description="domains that are source and target domains in turn")
    splits: Splits = Field(default=Splits(), description="instance-disjoint shares")
    pretraining: Pretraining | None = Field(None, description="the pretraining corpus")
    images: dict[str, int] = Field(default={}, description="images each domain must have")


class FolderDataset(Strict):
    """A data set that you have, as `<data_root>/<domain>/<class>/<image>` (DomainBed's layout)."""

    source: Literal["folder"] = Field(description="a folder that you have; see data_root")
    domains: list[str] = Field(description="domains that are source and target domains in turn")
    images: dict[str, int] = Field(
        default={}, description="images each domain must have; checked, never repaired"
    )


Dataset = Annotated[EmbeddedDataset | FolderDataset, Field(discriminator="source")]


class ClipTraining(Strict):
    """Budget of open_clip's training loop."""

    dataset: str = Field(description="data set whose pretraining corpus is used")
    epochs: PositiveInt = Field(12, description="passes over the corpus")
    batch_size: PositiveInt = Field(128, description="image-text pairs a step")
    lr: PositiveFloat = Field(1e-3, description="peak learning rate (AdamW, cosine)")
    weight_decay: float = Field(0.1, ge=0, description="AdamW weight decay")
    warmup: int = Field(20, ge=0, description="linear warm-up steps")
    seed: int = Field(0, description="seed of initialisation, order and augmentation")
    frozen_layers: list[str] = Field(
        default=[], description="modules of the CLIP that keep their weights; shell patterns"
    )


class ModelBase(Strict):
    """What every backbone has."""

    feature_layers: list[str] = Field(
        default=[],
        description="module names in the image tower whose outputs MIRO ties to their "
        "pretrained values; shell patterns allowed",
    )
    frozen_batchnorm: bool = Field(
        True, description="keep batch-norm statistics fixed while fine-tuning, as DomainBed does"
    )
    channels_last: bool = Field(False, description="memory format; pays for CNNs")


class TrainedModel(ModelBase):
    """A CLIP that this run trains."""

    source: Literal["train"] = Field(description="trained in this run")
    architecture: dict[str, Any] = Field(
        description="open_clip_config.json: model_cfg, preprocess_cfg"
    )
    image_tower_init: Literal["none", "efficientnet_lite0"] = Field(
        "none", description="ImageNet weights that the image tower starts from"
    )
    training: ClipTraining = Field(description="budget of the training")


class OpenClipModel(ModelBase):
    """A checkpoint that open_clip can load."""

    source: Literal["open_clip"] = Field(description="loaded by open_clip")
    name: str = Field(description="architecture, e.g. ViT-B-16, or hf-hub:organisation/name")
    pretrained: str = Field("", description="tag (e.g. laion400m_e32) or path of a checkpoint")


class TimmModel(ModelBase):
    """A vision-only backbone of timm (DINOv2, supervised ViT, ResNet)."""

    source: Literal["timm"] = Field(description="loaded by timm; has no text tower")
    name: str = Field(description="timm model name, e.g. vit_base_patch14_dinov2.lvd142m")
    pretrained: bool = Field(True, description="false: random weights")
    image_size: PositiveInt | None = Field(None, description="input size; timm's own if absent")


Model = Annotated[TrainedModel | OpenClipModel | TimmModel, Field(discriminator="source")]


class Preprocessing(Strict):
    """How a decoded picture becomes a model's input."""

    resize: Literal["model", "squash", "crop"] = Field(
        description="model: as the checkpoint says; squash: both sides, aspect ratio lost; "
        "crop: shorter side, then centre crop"
    )
    normalise: Literal["model", "imagenet", "clip"] = Field(
        "model", description="mean and standard deviation"
    )


class Prompts(Strict):
    """Texts that stand for a class; several templates are averaged after normalisation."""

    templates: list[str] = Field(min_length=1, description="with one {} for the class name")
    class_names: Literal["raw", "spaces"] = Field(
        "spaces", description="raw: the folder's name; spaces: underscores become spaces"
    )

    @model_validator(mode="after")
    def _placeholder(self) -> Prompts:
        for template in self.templates:
            if template.count("{}") != 1:
                raise ValueError(f"template {template!r} needs exactly one {{}}")
        return self


class Embedding(Strict):
    """Budget of the embedding jobs; has no effect on the result."""

    batch_size: PositiveInt = Field(256, description="images a forward pass")
    threads: PositiveInt = Field(1, description="CPU threads of a job")
    workers: int = Field(0, ge=0, description="processes that decode; 0: the job's own")
    shard_size: PositiveInt = Field(8192, description="images between two resume points")


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
    min_images: PositiveInt = Field(5, description="bins with fewer images are not drawn")


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
