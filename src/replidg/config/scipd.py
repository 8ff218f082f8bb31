"""Typed configuration of the SCI-PD paper (arXiv 2404.09011): benchmark, students, studies."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

from pydantic import Field, PositiveInt, field_validator, model_validator

from replidg.config.hybrid_methods import HybridMethod
from replidg.config.inputs import Share
from replidg.config.label_sets import hybridness, parse_ids
from replidg.config.methods import FineTuning
from replidg.typed import Strict, without_nulls


class LabelSets(Strict):
    """Which classes each source domain has."""

    sets: list[str] = Field(
        min_length=2,
        description='class ids such as "0-2,5", for the source domains in the order of `domains` '
        "without the target",
    )
    hybridness: str | None = Field(
        None, description='H that they must have, such as "1/6"; it is computed in any case'
    )

    @model_validator(mode="after")
    def _check(self) -> LabelSets:
        found = self.h
        if self.hybridness is not None and Fraction(self.hybridness) != found:
            raise ValueError(f"hybridness is {found}, not {self.hybridness}")
        return self

    @property
    def ids(self) -> list[frozenset[int]]:
        """The class ids of each source."""
        return [parse_ids(text) for text in self.sets]

    @property
    def h(self) -> Fraction:
        """The hybridness of the sets."""
        return hybridness(self.ids)


class HybridData(Strict):
    """One data set of the benchmark."""

    splits: dict[str, LabelSets] = Field(
        default={}, description="label sets by a name of yours; the paper's if absent"
    )
    targets: list[str] = Field(default=[], description="target domains; all if absent")
    train: Share = Field(0.9, description="share of a class's images that are trained on")
    validation: Share = Field(0.1, description="share that selects the epoch")
    target_images: Literal["all", "rest"] = Field(
        "all",
        description="of the target: all, or what neither share has (DomainNet's last tenth)",
    )
    lists: str | None = Field(
        None,
        description="official lists, one `path label` a line: a path with {domain} and {part} "
        "(train, val, test), e.g. /data/lists/{domain}_{part}.txt; shares are then not used",
    )


class Student(Strict):
    """One student network."""

    model: str = Field(description="a key of `models`, of source timm")
    size: PositiveInt | None = Field(None, description="input in pixels; the model's own if absent")


class Scope(Strict):
    """Which part of the benchmark a study runs on."""

    datasets: list[str] = Field(default=[], description="keys of `scipd.datasets`; all if absent")
    splits: list[str] = Field(default=[], description="names of splits; all if absent")
    targets: list[str] = Field(default=[], description="target domains; all if absent")
    seeds: list[int] = Field(default=[], description="seeds; those of the paper's if absent")


class Study(Scope):
    """Methods that are compared."""

    methods: list[str] = Field(default=[], description="keys of `scipd.methods`")


class Sensitivity(Scope):
    """Values of SCI-PD's three hyper-parameters, one changed at a time."""

    method: str = Field("scipd", description="a key of `scipd.methods`")
    alpha: list[float] = Field(default=[], description="exponents of the instance weights")
    tau: list[float] = Field(default=[], description="temperatures of the perturbed scores")
    beta: list[float] = Field(default=[], description="weights of the class perturbation")


class Students(Study):
    """Other students."""

    students: list[str] = Field(default=[], description="keys of `scipd.students`")


class Scarcity(Study):
    """Smaller shares of the training images."""

    shares: list[float] = Field(default=[], description="shares of each source's training images")


class Views(Scope):
    """Teacher scores of a few fixed augmentations in the place of all."""

    method: str = Field("scipd", description="a key of `scipd.methods`")
    views: list[PositiveInt] = Field(default=[], description="fixed augmentations of an image")


class TSNE(Strict):
    """The maps of target features."""

    dataset: str = Field(description="a key of `scipd.datasets`")
    split: str = Field(description="name of a split")
    target: str = Field(description="target domain")
    methods: list[str] = Field(min_length=1, description="of `scipd.main`, one panel each")
    perplexity: float = Field(30.0, gt=0, description="of t-SNE")


class Scipd(Strict):
    """The SCI-PD paper (arXiv 2404.09011)."""

    datasets: dict[str, HybridData] = Field(
        default={},
        description="keys of `datasets`; null takes away what an earlier file had, here, in "
        "`students` and in `methods`",
    )
    teacher: str = Field("tiny_clip", description="the CLIP that teaches; a key of `models`")
    prompts: str = Field("picture", description="texts of the classes; a key of `prompts`")
    students: dict[str, Student] = Field(default={}, description="student networks")
    student: str = Field("", description="the student of the main tables; a key of `students`")
    methods: dict[str, HybridMethod] = Field(default={}, description="methods by name")
    method: str = Field("scipd", description="the method that the claims are about")
    base: str = Field("clip_base", description="what it is compared with")
    main: list[str] = Field(
        default=[], description="methods of the main tables; without one nothing is run"
    )
    seeds: list[int] = Field(default=[0], min_length=1, description="one run each")
    runs_per_job: Literal["one", "seeds", "arm", "target"] = Field(
        "one",
        description="one: a job each; seeds: those that differ in the seed only; arm: all label "
        "sets, targets and seeds of a method; target: every run of a target domain",
    )
    training: FineTuning = Field(
        default=FineTuning(steps=5000, evaluate_every=100),
        description="protocol; an epoch is `evaluate_every` steps, and ends with a validation",
    )
    overrides: dict[str, dict[str, Any]] = Field(
        default={}, description="keys of `training` that differ for a data set"
    )
    keep_weights: bool = Field(True, description="keep the weights of every run")
    feature_images: int = Field(
        500, ge=0, description="target images of a run whose features are kept, for the t-SNE"
    )
    source_accept: Share = Field(
        0.95,
        description="the control threshold of the H-score accepts this share of the sources' "
        "validation images; it sees no target image",
    )
    cv_ddof: Literal[0, 1] = Field(
        0, description="of the standard deviation in H2-CV; the paper's choice is not known"
    )
    ablation: Study = Field(default=Study(), description="score, instance, class perturbation")
    variants: Study = Field(default=Study(), description="what the public code does otherwise")
    sensitivity: Sensitivity = Field(default=Sensitivity(), description="alpha, tau, beta")
    other_students: Students = Field(default=Students(), description="other students")
    scarcity: Scarcity = Field(default=Scarcity(), description="fewer training images")
    views: Views = Field(default=Views(), description="cached teacher scores")
    tsne: TSNE | None = Field(None, description="maps of target features")

    _taken_away = field_validator("datasets", "students", "methods", mode="before")(without_nulls)
