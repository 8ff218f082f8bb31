"""Typed configuration of what arXiv 2410.08258 trains and evaluates: CLIPs on mixes, ResNets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from replidg.typed import Strict, without_nulls

#: Pools of images that a training set is mixed from.
POOLS = ("natural", "rendition", "random")
#: Series of Table 2 and Figs 15 to 17, as the published numbers call them.
Series = Literal[
    "laion_natural", "laion_mix_13m", "laion_mix_16m", "laion_random", "laion_rendition"
]
#: Keys of the protocols that change no weights, but which there are, and a job's time and place.
CLIPS_ASIDE = {"seeds", "jobs", "keep_weights", "launcher", "checkpoint_every_s"}
RESNETS_ASIDE = {"sizes", "draws", "jobs", "workers", "checkpoint_every_s"}
Amount = NonNegativeFloat | Literal["all"]


class Pool(Strict):
    """Images of one domain, packed in a random order, of which a mix takes the first ones."""

    source: Literal["corpus", "list"] = Field(
        "corpus",
        description="corpus: what the domain classifiers say (random: what de-duplication keeps); "
        "list: what a released list of ids has, which needs no classifier",
    )
    threshold: Literal["strict", "default"] = Field(
        "strict", description="corpus: 98 % precision, or no threshold"
    )
    dataset: str | None = Field(
        None,
        description="list: a key of `datasets`; its domain of the pool's name, all of it for "
        "random",
    )

    @model_validator(mode="after")
    def _listed(self) -> Pool:
        if (self.source == "list") != (self.dataset is not None):
            raise ValueError("source: list needs a dataset, and source: corpus has none")
        return self


class Mix(Strict):
    """A training set: how many images of each pool."""

    natural: Amount = Field(0.0, description="natural images, in units; all: the whole pool")
    rendition: Amount = Field(0.0, description="renditions, in units; all: the whole pool")
    random: Amount = Field(0.0, description="random images, in units; all: the whole pool")

    @model_validator(mode="after")
    def _not_empty(self) -> Mix:
        if not any(getattr(self, pool) for pool in POOLS):
            raise ValueError("a mix needs images of natural, rendition or random")
        return self


class Mixes(Strict):
    """Pools, and the training sets that are mixed from them."""

    pools: dict[Literal["natural", "rendition", "random"], Pool] = Field(
        default={"natural": Pool(), "rendition": Pool(), "random": Pool()},
        description="where the images come from",
    )
    unit: PositiveInt = Field(1_000_000, description="images that 1 in `sets` stands for")
    unit_name: str = Field("M", description="printed behind a number of units")
    shard_images: PositiveInt = Field(
        10_000, description="images a shard; mixes are whole shards, so sizes are rounded to it"
    )
    seed: int = Field(0, description="seed of the order of the pools")
    sets: dict[str, Mix] = Field(
        min_length=1,
        description="training sets by name; null takes away what an earlier file had",
    )
    only: list[str] = Field(
        default=[], description="the ones of `sets` that are used; empty: all of them"
    )
    series: dict[Series, str] = Field(
        default={}, description="which of `sets` are the models of Table 2 and Figs 15 to 17"
    )

    _taken_away = field_validator("sets", mode="before")(without_nulls)

    @model_validator(mode="before")
    @classmethod
    def _chosen(cls, value: Any) -> Any:
        """Leave out what `only` does not name."""
        if not isinstance(value, dict) or not value.get("only") or not value.get("sets"):
            return value
        unknown = sorted(set(value["only"]) - set(value["sets"]))
        if unknown:
            raise ValueError(f"only: {unknown} are not among `sets`")
        return value | {"sets": {name: value["sets"][name] for name in value["only"]}}


class ClipRun(Strict):
    """How open_clip's trainer is run."""

    architecture: str | dict[str, Any] = Field(
        description="name of one of open_clip's architectures, or open_clip_config.json's content"
    )
    image_tower_init: Literal["none", "efficientnet_lite0"] = Field(
        "none", description="ImageNet weights that the image tower starts from; the demo's"
    )
    channels_last: bool = Field(False, description="memory format; pays for CNNs")
    epochs: PositiveInt = Field(32, description="passes over the training set")
    batch_size: PositiveInt = Field(16_384, description="image-text pairs a step, on all GPUs")
    lr: PositiveFloat = Field(5.0e-4, description="peak learning rate (AdamW, cosine)")
    warmup: int = Field(10_000, ge=0, description="linear warm-up steps")
    weight_decay: float = Field(0.2, ge=0, description="AdamW weight decay")
    beta1: PositiveFloat = Field(0.9, lt=1, description="AdamW")
    beta2: PositiveFloat = Field(0.98, lt=1, description="AdamW")
    eps: PositiveFloat = Field(1.0e-6, description="AdamW")
    precision: Literal["amp", "amp_bf16", "fp32"] = Field("amp", description="number format")
    crop_scale: tuple[PositiveFloat, PositiveFloat] = Field(
        (0.9, 1.0), description="share of the image that a random crop has"
    )
    seeds: list[int] = Field(default=[0], min_length=1, description="one run each")
    nodes: PositiveInt = Field(1, description="machines that train one CLIP together")
    gpus_per_node: int = Field(0, ge=0, description="GPUs of each; 0: the CPU, or one GPU")
    launcher: list[str] = Field(
        default=[],
        description="words before torchrun that start it on every node, e.g. [srun, "
        "--ntasks-per-node=1]; needed if nodes is above 1",
    )
    accumulate: PositiveInt = Field(1, description="batches a step, if memory is short")
    gradient_checkpointing: bool = Field(False, description="less memory, more time")
    local_loss: bool = Field(
        False,
        description="several GPUs: each has the loss of its own rows of the matrix, not all of it; "
        "needs less memory and gather_with_grad",
    )
    gather_with_grad: bool = Field(
        False,
        description="several GPUs: gradients flow back through the gathered features; with "
        "local_loss they are one GPU's, without both they are those divided by the number of GPUs",
    )
    tf32: bool = Field(
        True, description="TF32 in products of float32 on a GPU, as open_clip has it"
    )
    deterministic: bool = Field(
        False, description="deterministic algorithms on a GPU, where torch has them; slower"
    )
    checkpoint_every_s: PositiveFloat = Field(300.0, description="seconds between checkpoints")
    workers: int = Field(0, ge=0, description="processes a GPU that decode; 0: the job's own")
    threads: PositiveInt = Field(1, description="CPU threads of a job")
    jobs: PositiveInt | None = Field(
        None, description="jobs that the trainings are dealt to; one each if absent"
    )
    keep_weights: bool = Field(
        True,
        description="keep the weights of every epoch in results/runs; without them another "
        "evaluation trains again",
    )

    @model_validator(mode="after")
    def _fits(self) -> ClipRun:
        processes = self.nodes * max(self.gpus_per_node, 1)
        if self.batch_size % (processes * self.accumulate):
            raise ValueError(
                f"batch_size {self.batch_size} is not divisible by {processes} processes x "
                f"accumulate {self.accumulate}"
            )
        if self.local_loss and not self.gather_with_grad:
            raise ValueError("local_loss loses gradients without gather_with_grad: true")
        if self.nodes > 1 and not (self.launcher and self.gpus_per_node):
            raise ValueError("several nodes need a launcher, e.g. [srun, ...], and gpus_per_node")
        return self


class ZeroShot(Strict):
    """Zero-shot evaluation on `forgotten.test_sets`, every epoch, standard and clean."""

    templates: Literal["openai"] | list[str] = Field(
        "openai",
        description="openai: the 80 templates of CLIP's ImageNet prompts, for every set; or "
        "templates with one {} for the class name",
    )
    checkpoints_at_once: PositiveInt = Field(
        8, description="epochs evaluated in one pass over the images, which are decoded once"
    )
    batch_size: PositiveInt = Field(256, description="images a forward pass")
    workers: int = Field(0, ge=0, description="processes that decode; 0: the job's own")
    threads: PositiveInt = Field(1, description="CPU threads of a job")
    released: dict[str, str] = Field(
        default={},
        description="one of `mixes.sets`: key of `models` (source: open_clip), which is evaluated "
        "in its place and not trained, e.g. a checkpoint that its authors released",
    )


class ResNets(Strict):
    """ResNets on ImageNet-Natural and on random subsets of ImageNet (Figs 11 to 17)."""

    architecture: str = Field("resnet50", description="a timm model")
    pretrained: bool = Field(False, description="start from timm's weights; the demo does")
    unit: PositiveInt = Field(1000, description="images that 1 in `sizes` stands for")
    sizes: list[PositiveFloat] = Field(min_length=1, description="of each training set, in units")
    draws: PositiveInt = Field(2, description="random subsets of ImageNet a size")
    epochs: PositiveInt = Field(200, description="passes over the training set")
    batch_size: PositiveInt = Field(2048, description="images a step")
    accumulate: PositiveInt = Field(1, description="parts of a batch, if memory is short")
    lr: PositiveFloat = Field(8.0e-3, description="peak learning rate (LAMB, cosine)")
    warmup_epochs: int = Field(5, ge=0, description="linear warm-up")
    weight_decay: float = Field(0.02, ge=0, description="LAMB")
    mixup: float = Field(0.1, ge=0, description="alpha")
    cutmix: float = Field(1.0, ge=0, description="alpha")
    augment: str = Field("rand-m6-mstd0.5-inc1", description="timm's RandAugment policy")
    train_size: PositiveInt = Field(160, description="pixels while training")
    test_size: PositiveInt = Field(224, description="pixels of the test crop")
    test_crop: Annotated[float, Field(gt=0, le=1)] = Field(
        0.95, description="side of the test crop relative to the resized image"
    )
    target_threshold: float = Field(
        0.2, ge=0, lt=1, description="mixed labels above it count as 1 in the binary cross-entropy"
    )
    precision: Literal["bf16", "fp32"] = Field("bf16", description="number format on a GPU")
    checkpoint_every_s: PositiveFloat = Field(300.0, description="seconds between checkpoints")
    seed: int = Field(0, description="seed of subsets, initialisation, order and augmentation")
    workers: int = Field(0, ge=0, description="processes that decode; 0: the job's own")
    threads: PositiveInt = Field(1, description="CPU threads of a job")
    jobs: PositiveInt | None = Field(
        None, description="jobs that the trainings are dealt to; one each if absent"
    )
    domain_net_classes: str | None = Field(
        None,
        description="csv (class_name, wnid) of the classes of DomainNet that ImageNet has, as "
        "ImageNet-D lists them; if absent, those whose names are equal",
    )


class ForgottenTraining(Strict):
    """What is trained and evaluated."""

    mixes: Mixes = Field(description="training sets")
    clip: ClipRun = Field(description="CLIP trainings")
    zero_shot: ZeroShot = Field(default=ZeroShot(), description="evaluation")
    resnets: ResNets | None = Field(None, description="ResNets for comparison; null: none")
