"""Typed configuration of the robust fine-tuning paper (arXiv 2311.02236)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from replidg.config.compute import Compute
from replidg.config.inputs import Share
from replidg.typed import Strict, without_nulls

Pages = Literal["fmow", "iwildcam"]
Kind = Literal["zero_shot", "linear_probe", "end_to_end"]
Split = Literal["train", "id_val", "id_test", "val", "test"]
#: Keys of `EpochTraining` that only arms with SWA read, and that linear probes do not.
AVERAGING = frozenset({"swa_epochs", "swa_lr", "swa_anneal_epochs"})
AUGMENTING = frozenset({"flip", "jitter", "rotation", "augment"})


class Tower(Strict):
    """A backbone and what its input looks like."""

    model: str = Field(description="a key of `models`")
    preprocessing: str = Field(description="a key of `preprocessing`")


class WildsSet(Strict):
    """A data set of WILDS and how it is scored."""

    metric: Literal["accuracy", "macro_f1"] = Field(
        description="what selects epochs and learning rates, and what the curves show"
    )
    prompts: Literal["listed", "template"] = Field(
        "listed",
        description="listed: the paper's prompts; template: its template with the class names on "
        "disk, for a stand-in with other classes",
    )


class Arm(Strict):
    """One line of the curves: a backbone and what of it is trained, on what."""

    kind: Kind = Field(description="zero-shot, linear probe of frozen features, or end-to-end")
    tower: Literal["clip", "vision"] = Field("clip", description="backbone: see `clip`, `vision`")
    loss: Literal["cross_entropy", "contrastive"] = Field(
        "cross_entropy",
        description="end-to-end CLIP; contrastive: image-text loss of the batch (FLYP)",
    )
    swa: bool = Field(False, description="average the weights at the ends of the last epochs")
    trained: Literal["all", "image"] = Field(
        "all", description="end-to-end CLIP; image: the text tower and the scale stay as they are"
    )
    frozen_layers: list[str] = Field(
        default=[], description="modules of the image tower that keep their weights; shell patterns"
    )
    rates: list[PositiveFloat] = Field(
        default=[], description="learning rates of this arm; empty: robust_ft.rates"
    )
    fractions: list[Share] = Field(
        default=[],
        description="of an arm that is not the paper's: some of robust_ft.fractions; empty: all",
    )
    datasets: list[Pages] = Field(
        default=[], description="where an arm that is not the paper's is trained; empty: everywhere"
    )

    @model_validator(mode="after")
    def _fits(self) -> Arm:
        clip_only = self.loss == "contrastive" or self.trained == "image"
        if self.kind == "zero_shot" and self.tower != "clip":
            raise ValueError("zero-shot needs a text tower: tower: clip")
        if clip_only and (self.kind, self.tower) != ("end_to_end", "clip"):
            raise ValueError("loss: contrastive and trained: image are for end-to-end CLIP")
        if (self.swa or self.frozen_layers) and self.kind != "end_to_end":
            raise ValueError("swa and frozen_layers are for end-to-end arms")
        return self


class EpochTraining(Compute):
    """Budget and optimiser of every arm."""

    epochs: PositiveInt = Field(20, description="each as many draws as the subset has images")
    batch_size: PositiveInt = Field(128, description="images a step; fewer in the last")
    weight_decay: float = Field(1e-4, ge=0, description="Adam's, added to the gradient")
    step_epochs: PositiveInt = Field(15, description="StepLR: epochs between two drops")
    gamma: PositiveFloat = Field(0.1, description="StepLR: factor of a drop")
    swa_epochs: PositiveInt = Field(10, description="SWA: the last so many epochs are averaged")
    swa_lr: PositiveFloat = Field(1e-4, description="SWALR: rate that it anneals to, cosine")
    swa_anneal_epochs: PositiveInt = Field(10, description="SWALR: epochs until it is there")
    sampling: Literal["group_uniform", "uniform"] = Field(
        "group_uniform",
        description="group_uniform: with replacement, regions or locations alike, as the authors' "
        "code; uniform: each image once an epoch",
    )
    subsets: Literal["shared", "per_job"] = Field(
        "shared",
        description="shared: nested subsets by run seed, the same for all arms and rates; per_job: "
        "a subset for each arm, fraction and rate that its runs share, as the authors' code",
    )
    flip: Share = Field(0.5, description="probability of a horizontal flip")
    jitter: float = Field(0.1, ge=0, le=1, description="brightness, contrast and saturation")
    rotation: float = Field(2.0, ge=0, description="degrees to either side")
    augment: Literal["before_resize", "after_resize"] = Field(
        "before_resize", description="the authors' code augments the full picture; after is cheaper"
    )
    checkpoint_every_s: PositiveFloat = Field(300.0, description="seconds between checkpoints")
    threads: PositiveInt = Field(1, description="CPU threads of a job")
    workers: NonNegativeInt = Field(0, description="processes that decode; 0: the job's own")


class Interpolation(Strict):
    """WiSE-FT: weights between zero-shot and fine-tuned."""

    arm: str = Field("clip_e2e", description="end-to-end CLIP arm; one of `arms`")
    fractions: list[Share] = Field(default=[1.0], min_length=1, description="of its runs")
    alphas: list[Annotated[float, Field(gt=0, lt=1)]] = Field(
        default=[0.25, 0.5, 0.75],
        min_length=1,
        description="shares of the fine-tuned weights between 0, the zero-shot arm, and 1, the arm",
    )


class Bootstrap(Strict):
    """Paired bootstrap of a gain over test images."""

    resamples: PositiveInt = Field(1000, description="bootstrap samples")
    level: Share = Field(0.95, description="of the intervals")
    seed: int = Field(0, description="of the resampling")


class RobustFt(Strict):
    """The robust fine-tuning paper (arXiv 2311.02236)."""

    datasets: dict[Pages, WildsSet] = Field(
        min_length=1,
        description="page of the registry and key of `datasets`: how it is scored; null takes away "
        "what an earlier file had",
    )
    clip: Tower = Field(description="the CLIP")
    vision: Tower = Field(description="the vision-only backbone of the same architecture")
    arms: dict[str, Arm] = Field(description="the lines of the curves; null takes one away")
    fractions: list[Share] = Field(
        default=[0.03, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0],
        min_length=1,
        description="of the training split, above 0; 0 is the zero-shot arm",
    )
    rates: list[PositiveFloat] = Field(
        default=[1e-2, 1e-3, 1e-4, 1e-5], min_length=1, description="learning rates"
    )
    seeds: list[int] = Field(default=[0, 1, 2], min_length=1, description="one run each")
    splits: list[Split] = Field(
        default=["train", "id_val", "id_test", "val", "test"],
        description="splits that runs predict; of train only their subset",
    )
    runs_per_job: Literal["one", "seeds", "all"] = Field(
        "one",
        description="end-to-end runs of a job: one, those that differ in the seed only, or all of "
        "an arm and data set",
    )
    keep_weights: bool = Field(
        False, description="keep the weights of end-to-end runs; no artefact needs them"
    )
    training: EpochTraining = Field(default=EpochTraining(), description="protocol")
    interpolation: Interpolation | None = Field(
        None, description="WiSE-FT of an end-to-end arm; not the paper's"
    )
    bootstrap: Bootstrap = Field(default=Bootstrap(), description="intervals of the gains")

    _taken_away = field_validator("datasets", "arms", mode="before")(without_nulls)

    @model_validator(mode="after")
    def _ranges(self) -> RobustFt:
        if 0.0 in self.fractions:
            raise ValueError("fractions must be above 0; 0 is the zero-shot arm")
        if not {"val", "id_test", "test"} <= set(self.splits):
            raise ValueError("splits need val, id_test and test: curves and selection read them")
        if self.training.swa_epochs > self.training.epochs:
            raise ValueError("training.swa_epochs must not be above training.epochs")
        if self.interpolation and self.interpolation.arm not in self.arms:
            raise ValueError(f"interpolation.arm: {self.interpolation.arm!r} is none of the arms")
        return self
