"""Checks of the robust fine-tuning paper's part of a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replidg.config.inputs import RegisteredDataset, TimmModel
from replidg.config.names import nearest
from replidg.config.schema import Config

#: The arms of the paper: kind, tower, averaging.
PAPER_ARMS = {
    "zero_shot": ("zero_shot", "clip", False),
    "vision_probe": ("linear_probe", "vision", False),
    "vision_e2e": ("end_to_end", "vision", False),
    "clip_probe": ("linear_probe", "clip", False),
    "clip_e2e": ("end_to_end", "clip", False),
    "clip_e2e_swa": ("end_to_end", "clip", True),
}


def problems(config: Config) -> list[str]:
    """Return what is wrong with `robust_ft`, one line each."""
    paper = config.robust_ft
    if paper is None:
        return []
    wanted: list[tuple[str, Iterable[str], Iterable[str]]] = [
        ("robust_ft.datasets", paper.datasets, config.datasets),
        ("robust_ft.clip.model", [paper.clip.model], config.models),
        ("robust_ft.vision.model", [paper.vision.model], config.models),
        ("robust_ft.clip.preprocessing", [paper.clip.preprocessing], config.preprocessing),
        ("robust_ft.vision.preprocessing", [paper.vision.preprocessing], config.preprocessing),
    ]
    found = [
        f"{key}: {name!r} is not defined; {nearest(name, known)}"
        for key, names, known in wanted
        for name in names
        if name not in known
    ]
    return found or [*_pages(config), *_arms(config), *_towers(config)]


def _pages(config: Config) -> Iterator[str]:
    for name in config.robust_ft.datasets:
        dataset = config.datasets[name]
        page = dataset.registry or name if isinstance(dataset, RegisteredDataset) else None
        if page != name:
            yield (
                f"datasets.{name} must be the registry's {name} (source: official or standin): "
                "robust_ft reads it through the wilds package"
            )


def _arms(config: Config) -> Iterator[str]:
    arms = config.robust_ft.arms
    for name, expected in PAPER_ARMS.items():
        if name not in arms:
            yield f"robust_ft.arms.{name} is missing; the curves have a line for it"
            continue
        arm = arms[name]
        if arm.datasets:
            yield f"robust_ft.arms.{name}.datasets: the paper's arms are trained on all"
        if arm.fractions:
            yield f"robust_ft.arms.{name}.fractions: the paper's arms are trained on all"
        if (arm.kind, arm.tower, arm.swa) != expected:
            kind, tower, swa = expected
            yield (
                f"robust_ft.arms.{name} must be {{kind: {kind}, tower: {tower}, "
                f"swa: {str(swa).lower()}}}; give another arm another name"
            )
    for name, arm in arms.items():
        strange = sorted(set(arm.fractions) - set(config.robust_ft.fractions))
        if strange:
            yield f"robust_ft.arms.{name}.fractions: {strange} are not among robust_ft.fractions"
    wise = config.robust_ft.interpolation
    if wise is None:
        return
    arm = arms[wise.arm]
    if (arm.kind, arm.tower) != ("end_to_end", "clip"):
        yield f"robust_ft.interpolation.arm: {wise.arm!r} is no end-to-end CLIP"
    strange = sorted(set(wise.fractions) - set(config.robust_ft.fractions))
    if strange:
        yield f"robust_ft.interpolation.fractions: {strange} are not among robust_ft.fractions"


def _towers(config: Config) -> Iterator[str]:
    paper = config.robust_ft
    if isinstance(config.models[paper.clip.model], TimmModel):
        yield f"robust_ft.clip.model: {paper.clip.model!r} is a vision-only model"
    for name, arm in paper.arms.items():
        model = (paper.clip if arm.tower == "clip" else paper.vision).model
        if arm.swa and not config.models[model].frozen_batchnorm:
            yield (
                f"robust_ft.arms.{name}: swa averages weights, not batch-norm statistics; set "
                f"models.{model}.frozen_batchnorm: true"
            )
