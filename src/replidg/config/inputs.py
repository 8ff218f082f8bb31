"""Typed configuration of what a run starts from: data sets, backbones, preprocessing, prompts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from replidg.typed import Strict

Share = Annotated[float, Field(ge=0.0, le=1.0)]
IndexImages = Annotated[
    PositiveInt | None,
    Field(
        description="at most so many images of each domain and split are used, of all classes in "
        "turn; for a rehearsal"
    ),
]


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
    index_images: IndexImages = None


class FolderDataset(Strict):
    """A data set that you have, as `<data_root>/<domain>/<class>/<image>` (DomainBed's layout)."""

    source: Literal["folder"] = Field(description="a folder that you have; see data_root")
    domains: list[str] = Field(description="domains that are source and target domains in turn")
    images: dict[str, int] = Field(
        default={}, description="images each domain must have; checked, never repaired"
    )


class RegisteredDataset(Strict):
    """A data set that the registry knows (src/replidg/data/registry/<name>.yaml)."""

    source: Literal["official", "standin"] = Field(
        description="official: your folder if data_root names one, else downloaded; "
        "standin: a miniature of embedded pictures in the same layout"
    )
    registry: str | None = Field(None, description="page of the registry; the key if absent")
    domains: list[str] = Field(
        default=[], description="source and target domains in turn; the registry's if absent"
    )
    index_images: IndexImages = None


Dataset = Annotated[
    EmbeddedDataset | FolderDataset | RegisteredDataset, Field(discriminator="source")
]


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
    checkpoint_every_s: PositiveFloat = Field(300.0, description="seconds between checkpoints")


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
    weights: Literal["timm", "torchvision", "efficientnet_lite0"] = Field(
        "timm",
        description="whose pretrained weights; torchvision: its ImageNet-1k weights of "
        "vit_base_patch32_224 or vit_base_patch16_224; efficientnet_lite0: the demo's",
    )
    path: str | None = Field(
        None,
        description="a checkpoint that you have, in the place of a download: safetensors, or what "
        "torch.load reads without pickled code; timm's names, or MoCo v3's",
    )
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
