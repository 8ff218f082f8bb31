"""Typed configuration. The JSON schema and config/README.md are generated from these models.

Only what one key alone can tell is checked here; names that refer to other parts of the
configuration are checked in `replidg.config.check`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from replidg.config.forgotten import Forgotten
from replidg.config.image_stores import PREDEFINED, ImageStores, Packing, StoreUse
from replidg.config.inputs import Dataset, Embedding, Model, Preprocessing, Prompts
from replidg.config.labels import Annotation, PerceptualSplit
from replidg.config.methods import FineTuning, Method
from replidg.config.robust_ft import RobustFt
from replidg.config.scipd import Scipd
from replidg.config.similarity import (
    AlphaSize,
    Corpus,
    Mmd,
    ObjectSize,
    Perceptual,
    PretrainingCorpus,
    Search,
)
from replidg.config.vltseg import Vltseg
from replidg.typed import Strict, without_nulls


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


class Backbone(Strict):
    """Another backbone that is fine-tuned for comparison (Tables 2 and 4)."""

    methods: list[str] = Field(min_length=1, description="keys of `methods`")
    datasets: list[str] = Field(min_length=1, description="keys of `datasets`")
    training: dict[str, Any] = Field(
        default={}, description="keys of `alignment.training` that differ for this backbone"
    )


class Curve(Strict):
    """Accuracy as a function of AlignmentScore."""

    bin_width: PositiveFloat = Field(0.01, description="width of a bin, as a score")
    min_images: PositiveInt = Field(5, description="bins with fewer images are hollow or not drawn")
    similarity_width: PositiveFloat = Field(
        0.01, description="width of a bin of the PerceptualSimilarityScore (Fig 2a, 8)"
    )
    source_width: PositiveFloat = Field(
        0.05, description="width of a bin of the similarity to source images (Fig 9)"
    )
    threshold_points: PositiveInt = Field(
        26, description="thresholds from low to high at which the gap of IP and OOP is taken"
    )
    resamples: PositiveInt = Field(1000, description="bootstrap samples of a rank correlation")


class Alignment(Strict):
    """The alignment paper (arXiv 2412.02856)."""

    datasets: list[str] = Field(min_length=1, description="keys of `datasets`")
    targets: list[str] = Field(
        default=[],
        description="target domains of the trainings; all if absent, as in the paper",
    )
    model: str = Field(description="backbone that splits and is fine-tuned; a key of `models`")
    backbones: dict[str, Backbone] = Field(
        default={},
        description="key of `models`: what else is fine-tuned, for comparison; null takes away "
        "what an earlier file had",
    )
    score: str = Field(description="the variant that splits; a key of `scores`")
    scores: dict[str, ScoreVariant] = Field(description="variants of AlignmentScore")
    zero_shot: ScoreVariant = Field(description="preprocessing and prompts of the zero-shot row")
    thresholds: Thresholds = Field(description="bounds of IP and OOP")
    methods: list[str] = Field(min_length=1, description="keys of `methods`, one row each")
    figure_method: str = Field(description="method of Fig 2, 6 to 9 and Table 3; one of `methods`")
    contrast_method: str | None = Field(
        None,
        description="method beside zero-shot in Tables 5 and 6; one of `methods`, `figure_method` "
        "if absent",
    )
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
    perceptual_split: PerceptualSplit = Field(
        default=PerceptualSplit(), description="bound of Table 3"
    )
    annotation: Annotation = Field(default=Annotation(), description="checked labels (Table 7)")
    calibration_scale: PositiveFloat = Field(
        1.0,
        description="factor of the cosines in the softmax of Fig 6; the range of the paper's "
        "figure shows that it was not CLIP's 100, but about 1",
    )
    corpus: Corpus = Field(
        default=PretrainingCorpus(source="pretraining"),
        description="pretraining images whose nearest neighbours are searched (Fig 2a, 4, 5, 8, "
        "Table 3)",
    )
    perceptual: Perceptual = Field(
        default=Perceptual(), description="PerceptualSimilarityScore, to that corpus or to sources"
    )
    search: Search = Field(default=Search(), description="budget of the searches")
    mmd: Mmd = Field(default=Mmd(), description="discrepancies of Fig 5")
    object_size: ObjectSize = Field(
        default=AlphaSize(source="alpha"), description="where Fig 10 has its boxes from"
    )
    training: FineTuning = Field(default=FineTuning(), description="protocol")
    training_overrides: dict[str, dict[str, Any]] = Field(
        default={}, description="keys of `training` that differ for a data set"
    )

    _taken_away = field_validator("backbones", "corpus", mode="before")(without_nulls)


class Plots(Strict):
    """Look of the figures."""

    font_size: PositiveFloat = Field(9.0, description="points")
    dpi: PositiveInt = Field(200, description="of the PNG files")
    grid: bool = Field(True, description="draw a light grid")


class Config(Strict):
    """The whole configuration."""

    scale: str = Field(description="name of this scale, printed in the report")
    base: str | None = Field(
        None,
        description="of an overlay: another file, beside it, that is read before all overlays "
        "unless it is given itself",
    )
    data_root: dict[str, str] = Field(
        default={},
        description="data set: folder that you have; linked and checked, never changed; null "
        "takes away what an earlier file had",
    )
    data_mirrors: dict[str, list[str]] = Field(
        default={},
        description="data set: addresses or folders that have its archives, tried before the "
        "registry's sources; null takes away what an earlier file had",
    )
    random_weights: Literal["never", "unreachable", "always"] = Field(
        "never",
        description="in the place of checkpoints, for a rehearsal; unreachable: of those that "
        "cannot be downloaded. What was made with them is refused by every other run",
    )
    show_measured: bool = Field(
        False,
        description="print at the end of a run what each kind of job took and which failed, as "
        "`./replidg measured` does at any time",
    )
    keep_archives: bool = Field(False, description="keep downloaded archives after extraction")
    datasets: dict[str, Dataset] = Field(description="data sets")
    models: dict[str, Model] = Field(description="backbones")
    preprocessing: dict[str, Preprocessing] = Field(description="named preprocessings")
    prompts: dict[str, Prompts] = Field(description="named prompt sets")
    embedding: Embedding = Field(default=Embedding(), description="budget of embedding jobs")
    image_stores: ImageStores = Field(
        default=PREDEFINED,
        validate_default=True,
        description="stores of images; packed, exact, resized and input are there",
    )
    image_store: StoreUse = Field(
        default=StoreUse(), description="who reads images from a store and not from their files"
    )
    packing: Packing = Field(default=Packing(), description="budget of the jobs that fill stores")
    methods: dict[str, Method] = Field(description="DG methods")
    alignment: Alignment = Field(description="the alignment paper")
    forgotten: Forgotten | None = Field(
        None, description="the paper on forgotten domain generalization"
    )
    robust_ft: RobustFt | None = Field(None, description="the robust fine-tuning paper")
    scipd: Scipd = Field(default=Scipd(), description="the SCI-PD paper")
    vltseg: Vltseg | None = Field(None, description="the VLTSeg paper")
    plots: Plots = Field(default=Plots(), description="look of the figures")
    planning: bool = Field(
        False,
        description="for dry runs, as `./replidg budget` makes them: plan as if every data set "
        "that needs a log-in, every corpus and all labels were there; a real run stops",
    )

    @field_validator("data_root", "data_mirrors", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        """Null takes the whole table away."""
        return {} if value is None else value

    @field_validator("scipd", mode="before")
    @classmethod
    def _left_out(cls, value: Any) -> Any:
        """Null leaves this paper out, as it does the others."""
        return {} if value is None else value
