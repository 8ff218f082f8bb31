"""What one network is: everything that it can be built, trained and tested again from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
from pydantic import Field

from replidg.config.inputs import Prompts
from replidg.config.vltseg import Decoder
from replidg.config.vltseg_arms import BUDGET_ONLY, TEST_ONLY
from replidg.config.vltseg_parts import Arm, Encoder, Scale, SegmentorTraining
from replidg.models.store import CLIP, IMAGENET
from replidg.typed import Strict


class Images(Strict):
    """Training images of one data set, as mmsegmentation's classes find them.

    Attributes:
        name: of the data set.
        dataset: class of mmsegmentation.
        root: folder of the data.
        images: folder of the images below it.
        labels: folder of the label maps below it.
        img_suffix: end of an image's name.
        seg_map_suffix: end of a label's name.
        names: images without folder and suffix.
    """

    name: str
    dataset: str
    root: str
    images: str
    labels: str
    img_suffix: str
    seg_map_suffix: str
    names: list[str]


class Plan(Strict):
    """One run: data, network, protocol. It is saved beside the weights as segmentor.json.

    Attributes:
        name: source, arm and seed, for people.
        arm: what is trained.
        encoder: its encoder.
        decoder: its decoder.
        scale: sizes and budget of its source.
        training: optimisation.
        seed: of the run.
        model: folder of the stored backbone.
        weights_sha256: of the backbone.
        tower: name, args and grid of the timm model.
        projection: shape and bias of the CLIP's projection; None without guidance by text.
        text_width: of the text encoder's tokens; 0 without learned context.
        prompts: texts of the classes; None without guidance by text.
        mean, std: of the input, 0 to 1.
        frozen_batchnorm: keep the tower's batch-norm statistics.
        start: weights of another network that it begins with.
        start_sha256: of those.
    """

    name: str
    arm: Arm
    encoder: Encoder
    decoder: Decoder = Field(discriminator="kind")
    scale: Scale
    training: SegmentorTraining
    seed: int
    model: str
    weights_sha256: str
    tower: dict[str, Any]
    projection: dict[str, Any] | None = None
    text_width: int = 0
    prompts: Prompts | None = None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    frozen_batchnorm: bool = True
    start: str | None = None
    start_sha256: str | None = None

    def key(self) -> dict[str, Any]:
        """Return what of it decides the trained weights."""
        aside = {
            "model": True,
            "start": True,
            "name": True,
            "training": BUDGET_ONLY,
            "scale": TEST_ONLY,
            "arm": {"studies", "sources"},
        }
        return self.model_dump(mode="json", exclude=aside)


def make_plan(
    name: str,
    arm: Arm,
    encoder: Encoder,
    decoder: Decoder,
    scale: Scale,
    training: SegmentorTraining,
    seed: int,
    folder: Path,
    frozen_batchnorm: bool,
    prompts: Prompts | None,
) -> Plan:
    """Return the plan of a run, with what the stored backbone says of itself filled in."""
    from replidg.segmentation import towers

    tower = towers.read_tower(folder)
    facts = json.loads((folder / "model.json").read_text())
    mean, std = _input_of(folder, facts["kind"], encoder.normalise)
    projection, width = None, 0
    if arm.language is not None:
        if tower.projection is None:
            raise ValueError(f"{folder} has no projection that pixels and texts share")
        shape = list(tower.projection["weight"].shape)
        projection = {"shape": shape, "bias": "bias" in tower.projection}
        if arm.language.context:
            config = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
            width = config["text_cfg"]["width"]
    grid = towers.grid_of(tower)
    return Plan(
        name=name,
        arm=arm,
        encoder=encoder,
        decoder=decoder,
        scale=scale,
        training=training,
        seed=seed,
        model=str(folder),
        weights_sha256=facts["weights_sha256"],
        tower={"name": tower.name, "args": tower.args, "grid": grid},
        projection=projection,
        text_width=width,
        prompts=prompts if arm.language else None,
        mean=mean,
        std=std,
        frozen_batchnorm=frozen_batchnorm,
    )


def _input_of(folder: Path, kind: str, how: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of the input, of pixels from 0 to 1."""
    if how != "model":
        return {"imagenet": IMAGENET, "clip": CLIP}[how]
    if kind == "timm":
        own = json.loads((folder / "config.json").read_text())["pretrained_cfg"]
    else:
        own = json.loads((folder / "open_clip_config.json").read_text())["preprocess_cfg"]
        own = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD} | own
    return tuple(own["mean"]), tuple(own["std"])
