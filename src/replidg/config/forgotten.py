"""Typed configuration of arXiv 2410.08258: web pictures, domain classifiers and what they filter.

What trains on the filtered pictures is in `forgotten_training.py`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from replidg.config.compute import Compute
from replidg.config.forgotten_sets import TEST_SETS, Domain
from replidg.config.forgotten_training import ForgottenTraining
from replidg.config.inputs import Share
from replidg.typed import Named, Strict


class Img2dataset(Strict):
    """Options of the program img2dataset, which is not a part of this project."""

    processes: PositiveInt = Field(16, description="processes of a download job")
    threads: PositiveInt = Field(64, description="connections at a time")
    image_size: PositiveInt = Field(256, description="shorter side in pixels, never enlarged")
    jpeg_quality: int = Field(95, ge=1, le=100, description="of the written pictures")


class Deduplication(Strict):
    """Removal of near duplicates as in SemDeDup (arXiv 2303.09540)."""

    clusters: PositiveInt = Field(50_000, description="of k-means; duplicates are sought in each")
    similarity: float = Field(
        0.876, gt=-1, le=1, description="a picture with a cosine above it to one kept is dropped"
    )
    keep: Literal["far", "near"] = Field(
        "far", description="of duplicates, the one far from or near to its centroid"
    )
    sample_per_cluster: PositiveInt = Field(
        100, description="pictures a cluster that k-means is fitted to"
    )
    seed: int = Field(0, description="of the k-means")


class Pruned(Strict):
    """A corpus without the pictures that are like a test set's (Table 10)."""

    near: list[str] = Field(
        default=[],
        description="test sets; a picture is pruned if it is nearer to one of their images than "
        "every image of `train_set`",
    )
    files: list[str] = Field(
        default=[], description="instead: text files or parquet with the ids of pruned pictures"
    )

    @model_validator(mode="after")
    def _one(self) -> Pruned:
        if bool(self.near) == bool(self.files):
            raise ValueError("either `near` (test sets) or `files` (lists of ids)")
        return self


class WebCorpus(Strict):
    """Web pictures with captions, as webdataset shards in img2dataset's layout."""

    source: Literal["standin", "img2dataset", "folder"] = Field(
        description="standin: drawn from embedded pictures by the list's addresses; img2dataset: "
        "downloaded by that program; folder: shards that you have"
    )
    dataset: str = Field("laion400m", description="the list of addresses; a key of `datasets`")
    folder: str | None = Field(None, description="your shards, searched for *.tar at any depth")
    images_per_shard: PositiveInt = Field(10_000, description="of shards that are made here")
    download_jobs: PositiveInt = Field(32, description="jobs that the list is divided into")
    img2dataset: Img2dataset = Field(default=Img2dataset(), description="how it is called")
    jobs: PositiveInt = Field(1, description="filter jobs; each has every so manyth shard")
    deduplication: Deduplication | None = Field(None, description="null: pictures stay as they are")
    pruned: Named[Pruned] = Field(
        default={},
        description="what the published tables call it: how it is made (Table 10); null takes away "
        "what an earlier file had",
    )

    @model_validator(mode="after")
    def _folder(self) -> WebCorpus:
        if (self.source == "folder") != (self.folder is not None):
            raise ValueError("`folder` is needed for source: folder, and for that alone")
        return self


class Truth(Strict):
    """Labels that are known beforehand, in place of a person's."""

    addresses: dict[str, Domain] = Field(
        description="of web pictures: shell pattern of the address: domain; the first that fits"
    )
    test_sets: dict[str, Domain] = Field(
        default={}, description="test set: domain of all its images; its suite if absent"
    )


class DomainLabels(Strict):
    """Labelled pictures that the classifiers are trained, chosen and tested with (Table 3)."""

    sheets: list[str] = Field(
        default=[], description="filled sheets of this run's pages (target forgotten_sheets)"
    )
    files: list[str] = Field(
        default=[],
        description="csv with the columns image (path, seen from the csv), label and, if you like, "
        "test_set, split (train, val, test)",
    )
    truth: Truth | None = Field(None, description="known labels, for pictures drawn in this run")
    web_images: PositiveInt = Field(19_000, description="web pictures that are sampled")
    web_shards: PositiveInt = Field(
        500, description="shards that these are sampled from; all are too many to read"
    )
    held_out: PositiveInt = Field(
        1000, description="web pictures of each domain in validation, and as many in test"
    )
    set_images: PositiveInt = Field(1000, description="images sampled from each test set")
    seed: int = Field(0, description="of the samples")
    page_images: PositiveInt = Field(1000, description="pictures on a page for labelling")
    thumbnail: PositiveInt = Field(160, description="longer side of a thumbnail in pixels")

    @model_validator(mode="after")
    def _one(self) -> DomainLabels:
        if (self.files or self.sheets) and self.truth:
            raise ValueError("either a person's labels (`sheets`, `files`) or `truth`, not both")
        return self


class DomainTraining(Compute):
    """Training of an encoder and its readout (kinds `ft` and `dr`)."""

    epochs: PositiveInt = Field(description="passes over the labelled pictures")
    batch_size: PositiveInt = Field(description="pictures a step")
    optimizer: Literal["sgd", "adamw"] = Field(description="sgd: with momentum 0.9")
    lr: list[PositiveFloat] = Field(
        min_length=1, description="learning rates; the lowest validation loss decides"
    )
    weight_decay: float = Field(ge=0, description="of the optimiser")
    schedule: Literal["step", "cosine"] = Field(description="step: falls after `step_epochs`")
    step_epochs: PositiveInt = Field(20, description="epochs between two drops (step)")
    gamma: PositiveFloat = Field(0.1, description="factor of a drop (step)")
    warmup_epochs: float = Field(0, ge=0, description="linear warm-up (cosine)")
    clip_norm: PositiveFloat | None = Field(None, description="of the gradient")
    crop_scale: tuple[float, float] | None = Field(
        None, description="area of a random crop, as open_clip trains; null: resized and centred"
    )
    flip: Share = Field(0.0, description="probability of a horizontal flip")
    frozen_layers: list[str] = Field(
        default=[], description="modules of the image tower that keep their weights"
    )
    seed: int = Field(1111, description="of readout, order and augmentation")


#: Section "Classifiers" of the paper; momentum and crops are those of its code.
FT = DomainTraining(
    epochs=50, batch_size=256, optimizer="sgd", lr=[0.1], weight_decay=5e-4, schedule="step",
    step_epochs=20, crop_scale=(0.9, 1.0),
)  # fmt: skip
#: Cohen-Wang et al. 2024, whose grid ends at these rates; what lies between is our choice.
DR = DomainTraining(
    epochs=8, batch_size=64, optimizer="adamw", lr=[2e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6],
    weight_decay=0.1, schedule="cosine", warmup_epochs=1, clip_norm=1.0, flip=0.5,
)  # fmt: skip


class DomainClassifier(Strict):
    """A row of Tables 4 to 6."""

    kind: Literal["ce", "csd", "dr", "ft"] = Field(
        description="nearest centroid, style neighbours, density ratio, fine-tuned readout"
    )
    against: Literal["natural", "rendition"] | None = Field(
        None, description="this domain against the rest; null: all three domains"
    )
    balanced: bool = Field(False, description="domains are drawn alike in training (ft, dr)")

    @model_validator(mode="after")
    def _fits(self) -> DomainClassifier:
        if self.kind in ("csd", "dr") and self.against is None:
            raise ValueError(f"kind {self.kind}: against must be natural or rendition")
        if self.kind == "ce" and self.against is not None:
            raise ValueError("kind ce: the nearest of three centroids; against must be absent")
        if self.balanced and self.kind in ("ce", "csd"):
            raise ValueError(f"kind {self.kind} is not trained, so balanced has no meaning")
        return self


class Domains(Strict):
    """Natural, rendition or ambiguous: labels, classifiers and their thresholds."""

    model: str = Field(description="CLIP whose tower classifies; a key of `models`")
    preprocessing: str = Field(description="a key of `preprocessing`")
    labels: DomainLabels = Field(default=DomainLabels(), description="labelled pictures")
    classifiers: Named[DomainClassifier] = Field(
        min_length=1,
        description="as the published tables call them: what they are; null takes away",
    )
    candidates: list[str] = Field(
        default=["csd_n", "csd_r", "dr_n", "dr_r", "ce", "ft"],
        description="of these the one with the highest recall on validation filters each domain",
    )
    natural: str | None = Field(None, description="classifier that filters; null: chosen")
    rendition: str | None = Field(None, description="classifier that filters; null: chosen")
    precision: Share = Field(0.98, description="on validation; strict thresholds have it")
    relaxed_precision: Share = Field(
        0.9, description="of the natural pictures of `train_set` (ImageNet-N)"
    )
    ft: DomainTraining = Field(default=FT, description="training of kind ft")
    dr: DomainTraining = Field(default=DR, description="training of kind dr")
    density_ratio: PositiveFloat = Field(
        0.2, description="dr: below this ratio of reference to shifted an image is shifted"
    )
    neighbours: PositiveInt = Field(50, description="csd: largest number of neighbours tried")
    style_weights: str | None = Field(
        None,
        description="csd: checkpoint of CSD (ViT-L/14); null: the CLIP's own embeddings stand for "
        "style descriptors",
    )
    runs_per_job: Literal["one", "all"] = Field(
        "one", description="classifiers a job: one, or all of them"
    )
    datasets_per_job: Literal["one", "all"] = Field(
        "one", description="data sets that a job classifies: one, or all of them"
    )
    batch_size: PositiveInt = Field(256, description="pictures a forward pass when filtering")
    filter_precision: Literal["float32", "bf16"] = Field(
        "float32",
        description="of the towers when filtering and classifying data sets; bf16 (autocast) is "
        "several times as fast on a GPU and moves pictures that lie at a threshold, which is "
        "found in float32",
    )
    workers: NonNegativeInt = Field(0, description="processes that decode; 0: the job's own")
    threads: PositiveInt = Field(1, description="CPU threads of a job")
    checkpoint_every_s: PositiveFloat = Field(300.0, description="seconds between checkpoints")


class Forgotten(Strict):
    """The paper on forgotten domain generalization (arXiv 2410.08258)."""

    corpus: WebCorpus = Field(description="the web pictures")
    train_set: str | None = Field(
        "imagenet_train", description="ImageNet's training images; a key of `datasets`, or null"
    )
    test_sets: list[str] = Field(
        default=list(TEST_SETS), min_length=1, description="of the paper's twelve"
    )
    domains: Domains = Field(description="domain classifiers")
    training: ForgottenTraining | None = Field(
        None, description="what is trained on the filtered pictures; null: nothing"
    )
