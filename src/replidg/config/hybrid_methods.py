"""Typed configuration of the methods that train a student in hybrid domain generalisation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from replidg.config.inputs import Share
from replidg.typed import Strict

#: Objectives that learn from a CLIP.
TEACHER_OBJECTIVES = ("clip_base", "scipd", "hinton", "feature_kd", "contrastive_kd")


class Decay(Strict):
    """One fall of the learning rate."""

    after: Share = Field(description="share of the epochs; epoch e has it if e > after x epochs")
    factor: PositiveFloat = Field(0.1, description="of the learning rate")


class HybridMethod(Strict):
    """One method: its loss, the student's head, its optimiser."""

    objective: Literal[
        "clip_base",
        "scipd",
        "erm",
        "coral",
        "mmd",
        "dann",
        "mixup",
        "mldg",
        "group_dro",
        "rsc",
        "and_mask",
        "vrex",
        "mixstyle",
        "arpl",
        "daml",
        "hinton",
        "feature_kd",
        "contrastive_kd",
    ] = Field(description="the loss")
    lr: PositiveFloat = Field(1e-3, description="learning rate (SGD)")
    head_lr_mult: PositiveFloat = Field(1.0, description="of the head, relative to the backbone's")
    momentum: Share = Field(0.9, description="Nesterov momentum")
    weight_decay: float = Field(5e-4, ge=0, description="weight decay")
    decays: list[Decay] = Field(
        default=[Decay(after=0.7, factor=0.1), Decay(after=0.9, factor=0.1)],
        description="falls of the learning rate. The public code multiplies by 0.01 at the second",
    )
    doubled: bool = Field(
        False,
        description="what the public code of SCI-PD does unintended: two optimisers over the same "
        "parameters, so two steps an iteration, and each decay twice",
    )
    head: Literal["linear", "text"] = Field(
        "linear",
        description="text: linear, ReLU, linear, whose last weights start at the class texts "
        "(SCI-PD); linear: one layer",
    )
    teacher_input: Literal["clip", "student"] = Field(
        "clip",
        description="normalisation of the augmented image that CLIP sees. student: the student's "
        "(the public code); clip: CLIP's own",
    )
    logit_scale: PositiveFloat = Field(
        100.0, description="factor on the teacher's cosines before the softmax"
    )
    views: PositiveInt | None = Field(
        None,
        description="the teacher scores this many fixed augmentations of each image once; absent: "
        "every augmented image when it is drawn, as in the paper",
    )
    score_perturbation: bool = Field(True, description="SCI-PD: SP")
    instance_perturbation: bool = Field(True, description="SCI-PD: IP")
    class_perturbation: bool = Field(True, description="SCI-PD: CP")
    alpha: float = Field(0.8, ge=0, description="SCI-PD: exponent of the instance weights")
    tau: PositiveFloat = Field(0.5, description="SCI-PD: temperature of the perturbed scores")
    beta: float = Field(0.1, ge=0, description="SCI-PD: weight of the class perturbation")
    class_softmax: Literal["once", "twice"] = Field(
        "once",
        description="SCI-PD: of the predicted similarities of classes; twice: the public code, "
        "which takes the log-softmax of a softmax",
    )
    coral_gamma: float = Field(1.0, ge=0, description="CORAL: weight (public code: 10)")
    mmd_gamma: float = Field(1.0, ge=0, description="MMD: weight")
    dann_weight: float = Field(1.0, ge=0, description="DANN: weight of the domain classifier")
    dann_width: PositiveInt = Field(256, description="DANN: hidden width of it")
    mixup_alpha: PositiveFloat = Field(0.2, description="Mixup: both parameters of Beta")
    mldg_beta: float = Field(1.0, ge=0, description="MLDG: weight of the meta-test loss")
    mldg_lr: PositiveFloat = Field(1e-3, description="MLDG, DAML: inner learning rate")
    dro_eta: float = Field(1e-2, ge=0, description="GroupDRO: step of the domain weights")
    rsc_features: Share = Field(1 / 3, description="RSC: share of features that are muted")
    rsc_images: Share = Field(1 / 3, description="RSC: share of images for which they are")
    and_mask_tau: Share = Field(1.0, description="ANDMask: agreement of signs that is asked for")
    vrex_lambda: float = Field(10.0, ge=0, description="VREx: weight of the variance")
    vrex_anneal: int = Field(500, ge=0, description="VREx: steps with the weight 1")
    mixstyle_layers: list[str] = Field(
        default=["layer1", "layer2"],
        description="MixStyle: modules of the student whose outputs are mixed; shell patterns",
    )
    mixstyle_alpha: PositiveFloat = Field(0.1, description="MixStyle: both parameters of Beta")
    mixstyle_p: Share = Field(0.5, description="MixStyle: probability that a layer is mixed")
    arpl_weight: float = Field(0.1, ge=0, description="ARPL: weight of the bounded space")
    daml_own: PositiveFloat = Field(0.6, description="DAML: Dirichlet parameter of the own domain")
    daml_others: PositiveFloat = Field(0.2, description="DAML: of each other domain")
    daml_distil: float = Field(1.0, ge=0, description="DAML: weight of the distillation")
    kd_temperature: PositiveFloat = Field(4.0, description="Hinton: temperature of both sides")
    kd_weight: Share = Field(0.9, description="Hinton: of distillation; the labels have the rest")
    feature_weight: float = Field(1.0, ge=0, description="feature distillation: weight")
    contrast_weight: float = Field(1.0, ge=0, description="contrastive distillation: weight")
    contrast_temperature: PositiveFloat = Field(0.1, description="contrastive: temperature")

    @model_validator(mode="after")
    def _order(self) -> HybridMethod:
        if [decay.after for decay in self.decays] != sorted(d.after for d in self.decays):
            raise ValueError("decays must come in the order of `after`")
        if self.head == "text" and self.objective in ("arpl", "daml"):
            raise ValueError(f"{self.objective} has a head of its own: leave out `head`")
        return self

    @property
    def teaches(self) -> bool:
        """Whether a teacher is asked in training."""
        return self.objective in TEACHER_OBJECTIVES

    @property
    def needs_texts(self) -> bool:
        """Whether the class texts are read."""
        return self.teaches or self.head == "text"
