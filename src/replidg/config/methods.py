"""Typed configuration of fine-tuning: the protocol, and the DG methods."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from replidg.config.compute import Compute
from replidg.config.inputs import Share
from replidg.config.merge import merge
from replidg.typed import Strict


class Augmentation(Strict):
    """DomainBed's training augmentation."""

    crop_scale: tuple[float, float] = Field((0.7, 1.0), description="RandomResizedCrop area")
    flip: Share = Field(0.5, description="probability of a horizontal flip")
    jitter: float = Field(0.3, ge=0, le=0.5, description="ColorJitter, all four components")
    grayscale: Share = Field(0.1, description="probability of grey scale")


class FineTuning(Compute):
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
    validation_augmentation: bool = Field(
        False,
        description="validate on images augmented as in training: DomainBed does, MIRO's code and "
        "so the alignment paper's do not",
    )
    selection: Literal["training_domain", "leave_one_domain_out", "target"] = Field(
        "training_domain",
        description="which step's weights are the result of a method that averages none. "
        "training_domain: best accuracy on the sources' hold-outs (the alignment paper); "
        "leave_one_domain_out: best accuracy on sources held out of further runs, one each; "
        "target: the last step, and the target's hold-out is validated for a choice among runs",
    )
    preprocessing: str = Field("domainbed", description="a key of `preprocessing`")
    augmentation: Augmentation = Field(default=Augmentation(), description="of training images")
    augment_on: Literal["cpu", "device"] = Field(
        "cpu",
        description="where flip, jitter and grey are done; the crop is always the CPU's. device: "
        "in batches where the model is, the same bits on a CPU and, untried, on a GPU",
    )
    frozen_layers: list[str] = Field(
        default=[], description="modules of the image tower that keep their weights; shell patterns"
    )
    threads: PositiveInt = Field(1, description="CPU threads of a job")
    workers: int = Field(0, ge=0, description="processes that decode; 0: the job's own")


#: Objectives that classify by the model's texts of the classes.
TEXT_OBJECTIVES = ("vl2v_sd", "clipood")


class Method(Strict):
    """One DG method: an objective, an optimiser and an averaging of weights."""

    objective: Literal[
        "zero_shot",
        "erm",
        "lp_ft",
        "coral",
        "sagm",
        "attn_tune",
        "miro",
        "vl2v_sd",
        "clipood",
    ] = Field(description="the loss")
    averaging: Literal["none", "swad", "mpa", "beta"] = Field(
        "none", description="of weights over steps; beta: CLIPood's Beta moving average"
    )
    train_on: Literal["sources", "all"] = Field(
        "sources",
        description="all: the target domain too, tested on its hold-out (the upper bound)",
    )
    lr: PositiveFloat = Field(5e-5, description="learning rate")
    head_lr_mult: PositiveFloat = Field(
        1.0, description="learning rate of the linear head relative to the tower's"
    )
    weight_decay: float = Field(0.0, ge=0, description="weight decay")
    optimizer: Literal["adam", "adamw"] = Field(
        "adam", description="adamw: weight decay apart from the gradient (CLIPood)"
    )
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="of the learning rate; cosine: down to 0 at the end (CLIPood)"
    )
    prompts: str | None = Field(
        None, description="texts of the classes, for VL2V-SD and CLIPood; a key of `prompts`"
    )
    logit_scale: PositiveFloat = Field(
        100.0,
        description="VL2V-SD, CLIPood: factor on the cosines to the texts; the CLIP's own, which "
        "training of OpenAI's and LAION's ends at its upper bound of 100",
    )
    coral_gamma: float = Field(1.0, ge=0, description="CORAL: weight of the penalty")
    sagm_alpha: float = Field(
        0.001, ge=0, description="SAGM: length of the step towards a lower loss"
    )
    sagm_rho: float = Field(0.05, ge=0, description="SAGM: radius of the neighbourhood")
    miro_lambda: float = Field(1.0, ge=0, description="MIRO: weight of the regulariser")
    miro_lr_mult: PositiveFloat = Field(
        10.0, description="MIRO: learning rate of the encoders relative to the backbone's"
    )
    vl2v_lambda: Share = Field(
        0.5, description="VL2V-SD: weight of the image target; the text target has the rest"
    )
    clipood_margin: float = Field(0.3, ge=0, description="CLIPood: lambda, of the margins")
    linear_steps: int = Field(
        500, ge=0, description="LP-FT: steps that train the head alone (code 500, paper text 600)"
    )
    swad_converge: PositiveInt = Field(3, description="SWAD: N_s, validations until converged")
    swad_tolerate: PositiveInt = Field(6, description="SWAD: N_e, validations of patience")
    swad_ratio: PositiveFloat = Field(
        0.3, description="SWAD: r, tolerance of the loss (code 0.3; the paper's text prints 6)"
    )
    mpa_burn_in: int = Field(600, ge=0, description="MPA: steps before the averaging")
    mpa_terms: Literal["segments", "steps"] = Field(
        "segments",
        description="MPA: terms of the mean. segments: means of the steps between validations, "
        "from the one that reaches the burn-in's end (the authors' code, which made the published "
        "numbers); steps: every step after the burn-in (the paper's text)",
    )
    beta_concentration: PositiveFloat = Field(
        0.5, description="Beta moving average: both parameters of the Beta distribution"
    )
    training: dict[str, Any] = Field(
        default={}, description="keys of `alignment.training` that differ for this method"
    )
    datasets: dict[str, dict[str, Any]] = Field(
        default={},
        description="data set: keys of this method that differ for it, `training` among them",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Method:
        if self.objective in TEXT_OBJECTIVES and self.prompts is None:
            raise ValueError(f"{self.objective} needs texts of the classes: set `prompts`")
        _check_overrides("training", FineTuning, FineTuning().model_dump(), self.training)
        own = self.model_dump(exclude={"datasets"})
        for name, override in self.datasets.items():
            if "datasets" in override:
                raise ValueError(f"datasets.{name}: unknown key 'datasets'")
            _check_overrides(f"datasets.{name}", Method, own, override)
        return self

    def for_dataset(self, name: str) -> Method:
        """Return the method as a data set has it."""
        own = self.model_dump(exclude={"datasets"})
        return Method.model_validate(merge(own, self.datasets.get(name, {})))

    def fine_tuning(self, protocol: FineTuning) -> FineTuning:
        """Return a protocol with this method's own keys laid over it."""
        return FineTuning.model_validate(merge(protocol.model_dump(), self.training))


def _check_overrides(
    where: str, model: type[Strict], base: dict[str, Any], override: dict[str, Any]
) -> None:
    try:
        model.model_validate(merge(base, override))
    except ValidationError as error:
        first = error.errors()[0]
        keys = ".".join([where, *map(str, first["loc"])])
        raise ValueError(f"{keys}: {first['msg'].removeprefix('Value error, ')}") from None
