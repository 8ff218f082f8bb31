"""Parts of the VLTSeg paper's configuration: data, networks, optimisation, studies."""

from __future__ import annotations

from typing import Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from replidg.config.inputs import Share
from replidg.typed import Strict, without_nulls

Kind = Literal["synthetic", "real"]
Size = tuple[PositiveInt, PositiveInt]


class Sizes(Strict):
    """Sizes of one data set that differ from the scale's."""

    train: Size | None = Field(None, description="width and height; aspect ratio is not kept")
    test: Size | None = Field(None, description="width and height that an image is fitted into")


class Scale(Strict):
    """Image sizes and budget of synthetic or of real sources."""

    train_size: Size = Field(description="width and height before the crop; squashed to it")
    test_size: Size = Field(description="width and height that a test image is fitted into")
    sizes: dict[str, Sizes] = Field(default={}, description="data set: sizes that differ")
    crop: PositiveInt = Field(description="side of a training crop, pixels")
    window: PositiveInt = Field(description="side of the sliding window, pixels")
    stride: PositiveInt = Field(description="step of the sliding window, pixels")
    iterations: PositiveInt = Field(description="optimiser steps")
    batch_size: PositiveInt = Field(description="images a step, over all GPUs")
    tta_ratios: list[PositiveFloat] = Field(
        default=[1.0], min_length=1, description="sizes of test-time augmentation, each flipped too"
    )

    @model_validator(mode="after")
    def _fits(self) -> Scale:
        if self.stride > self.window:
            raise ValueError("stride must not be above window: pixels between would have no label")
        for size in (self.train_size, *(s.train for s in self.sizes.values() if s.train)):
            if min(size) < self.crop:
                raise ValueError(f"crop {self.crop} does not fit into the training size {size}")
        return self

    def train_size_of(self, dataset: str) -> Size:
        """Return width and height of a data set's images before the crop."""
        own = self.sizes.get(dataset)
        return (own.train if own else None) or self.train_size

    def test_size_of(self, dataset: str) -> Size:
        """Return width and height that a data set's test images are fitted into."""
        own = self.sizes.get(dataset)
        return (own.test if own else None) or self.test_size


class Scales(Strict):
    """Sizes and budgets by the kind of the source."""

    synthetic: Scale = Field(description="trained on rendered images")
    real: Scale = Field(description="trained on photographs")


class Source(Strict):
    """What networks are trained on."""

    datasets: list[str] = Field(min_length=1, description="keys of `datasets`, drawn from as one")
    kind: Kind = Field(description="which of `scales`")
    held_out: NonNegativeInt = Field(
        0, description="images of each data set that are not trained on; tested as in-domain"
    )
    targets: list[str] = Field(default=[], description="data sets of the tests; all if absent")
    iterations: PositiveInt | None = Field(None, description="steps; the scale's if absent")
    starts_from: str | None = Field(
        None, description="another source whose trained networks (same arm, seed) it begins with"
    )


class Encoder(Strict):
    """An image tower and how it becomes a segmentation encoder."""

    model: str = Field(description="a key of `models`")
    layers: list[NonNegativeInt] = Field(
        min_length=1,
        description="whose outputs are the maps: blocks of a ViT from 0 (four), stages of a "
        "convolutional tower from 0 (any number, at their own strides)",
    )
    position_embedding: Literal["resized", "random"] = Field(
        "resized",
        description="a ViT's, for the crop: resized from the checkpoint; random as in the public "
        "re-implementation, where the sizes do not fit and are passed over",
    )
    inner_attention_norm: Literal["kept", "dropped"] = Field(
        "kept",
        description="EVA-02-CLIP's LayerNorm after attention; the re-implementation drops it",
    )
    drop_path: Share = Field(0.0, description="stochastic depth of the last block, linear from 0")
    normalise: Literal["imagenet", "clip", "model"] = Field(
        "imagenet", description="mean and standard deviation of the input"
    )
    frozen_layers: list[str] = Field(
        default=[], description="modules that keep their weights in every arm; shell patterns"
    )
    pretraining: Literal["vision_language", "vision", "none"] | None = Field(
        None, description="what the claims take it for; told by the model's kind and name if absent"
    )


class Mask2Former(Strict):
    """Mask2Former (arXiv 2112.01527) as mmdetection has it."""

    kind: Literal["mask2former"] = Field(description="queries, each with a class and a mask")
    queries: PositiveInt = Field(100, description="object queries")
    channels: PositiveInt = Field(256, description="of features, masks and queries")
    levels: PositiveInt = Field(3, description="maps that the pixel decoder attends to")
    norm_groups: PositiveInt = Field(32, description="groups of its GroupNorm")
    encoder_layers: PositiveInt = Field(6, description="layers of deformable attention")
    encoder_feedforward: PositiveInt = Field(1024, description="width of their MLP")
    decoder_layers: PositiveInt = Field(9, description="layers of masked attention")
    decoder_feedforward: PositiveInt = Field(2048, description="width of their MLP")
    heads: PositiveInt = Field(8, description="of every attention")
    points: PositiveInt = Field(12544, description="sampled pixels of a mask's loss")
    oversample: PositiveFloat = Field(3.0, description="candidates a sampled pixel")
    importance: Share = Field(0.75, description="share of pixels drawn where the mask is unsure")
    sampling_points: PositiveInt = Field(4, description="of deformable attention, a level and head")
    class_weight: PositiveFloat = Field(2.0, description="weight of the class loss and cost")
    no_object_weight: PositiveFloat = Field(0.1, description="of the class `no object`")
    mask_weight: PositiveFloat = Field(5.0, description="weight of the pixel loss and cost")
    dice_weight: PositiveFloat = Field(5.0, description="weight of the dice loss and cost")


class Fpn(Strict):
    """Semantic FPN (arXiv 1901.02446), DenseCLIP's decoder."""

    kind: Literal["fpn"] = Field(description="a feature pyramid, summed")
    channels: PositiveInt = Field(256, description="of every level")
    dropout: Share = Field(0.1, description="before the classifier")


class Language(Strict):
    """Guidance by text: pixel-text matching (PTM), of the paper's first version."""

    prompts: str = Field(description="texts of the classes; a key of `prompts`")
    loss_weight: float = Field(
        0.4, ge=0, description="lambda of the PTM loss; DenseCLIP's 0.4, the paper's is not known"
    )
    temperature: PositiveFloat = Field(0.07, description="of the cosines in the PTM loss")
    context: NonNegativeInt = Field(
        0, description="learned vectors before the class name, in the place of the templates"
    )
    score_map: bool = Field(True, description="append the cosines to a map of the decoder's input")
    score_level: NonNegativeInt = Field(2, description="which map, from 0")


class Arm(Strict):
    """A network and how it is trained."""

    encoder: str = Field(description="a key of `encoders`")
    decoder: str = Field(description="a key of `decoders`")
    frozen: Literal["none", "all"] = Field("none", description="all: the tower keeps its weights")
    frozen_first: NonNegativeInt = Field(0, description="blocks from the input that keep theirs")
    frozen_last: NonNegativeInt = Field(0, description="blocks from the output that keep theirs")
    language: Language | None = Field(None, description="guidance by text")
    augmentation: Literal["none", "randaug", "pixmix"] = Field(
        "none", description="of training images, besides crop, flip and photometric distortion"
    )
    sources: list[str] = Field(default=[], description="keys of `sources`")
    studies: dict[str, str] = Field(
        default={},
        description="table or figure: this arm's name in it; in the paper's own (t1 t2 t3 t6 f2 "
        "f3) the published method's key; null takes away what an earlier file had",
    )

    _taken_away = field_validator("studies", mode="before")(without_nulls)

    @model_validator(mode="after")
    def _one_freeze(self) -> Arm:
        given = [self.frozen == "all", self.frozen_first > 0, self.frozen_last > 0]
        if sum(given) > 1:
            raise ValueError("only one of frozen: all, frozen_first and frozen_last can be used")
        return self


class SegmentorTraining(Strict):
    """Optimisation of every network (mmengine)."""

    lr: PositiveFloat = Field(1e-4, description="AdamW, of the decoder")
    encoder_lr_mult: float = Field(0.1, ge=0, description="factor of the encoder's rate")
    weight_decay: float = Field(0.05, ge=0, description="AdamW")
    betas: tuple[float, float] = Field((0.9, 0.999), description="AdamW")
    clip_norm: PositiveFloat = Field(0.01, description="largest L2 norm of all gradients")
    power: PositiveFloat = Field(0.9, description="of the polynomial decay")
    constant_iterations: NonNegativeInt = Field(500, description="steps before the rate decays")
    cat_max_ratio: Share = Field(0.75, description="a crop with more of one class is drawn again")
    amp: bool = Field(False, description="automatic mixed precision, on a GPU")
    amp_dtype: Literal["float16", "bfloat16"] = Field(
        "float16", description="amp: number format; float16 scales the loss"
    )
    accumulate: PositiveInt = Field(
        1,
        description="parts of a step's batch on each GPU, if memory is short; Mask2Former's loss "
        "is a mean over the masks of a part",
    )
    gpus: PositiveInt = Field(1, description="of a job; more than one starts as many processes")
    tf32: bool = Field(False, description="TF32 for float32 products and convolutions on a GPU")
    deterministic: bool = Field(
        False, description="deterministic algorithms on a GPU, where torch has them; slower"
    )
    checkpoint_every_s: PositiveFloat = Field(300.0, description="seconds between checkpoints")
    threads: PositiveInt = Field(1, description="CPU threads of a job")
    workers: NonNegativeInt = Field(0, description="processes that decode; 0: the job's own")
