"""Checks of the VLTSeg paper's part of a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replidg.config import vltseg_arms
from replidg.config.inputs import RegisteredDataset, TimmModel
from replidg.config.names import nearest
from replidg.config.schema import Config

#: Pages of the registry that mmsegmentation's classes read.
PAGES = {"gta5", "synthia", "cityscapes", "bdd100k", "mapillary_vistas", "acdc"}
STUDIES = {"t1", "t2", "t3", "t6", "f2", "f3", "f4", "r1", "v1"} | {
    "decoders", "language", "lambda", "prompts", "multi_source", "augmentation",
}  # fmt: skip


def problems(config: Config) -> list[str]:
    """Return what is wrong with `vltseg`, one line each."""
    if config.vltseg is None:
        return []
    found = [
        f"vltseg.{key}: {name!r} is not defined; {nearest(name, known)}"
        for key, names, known in _names(config)
        for name in names
        if name not in known
    ]
    found += _parts(config)
    return found or [*_pages(config), *_arms(config), *_runs(config), *_studies(config)]


def _parts(config: Config) -> Iterator[str]:
    """Yield where a batch cannot be divided among GPUs and into parts."""
    training = config.vltseg.training
    parts = training.gpus * training.accumulate
    for name, scale in (
        ("synthetic", config.vltseg.scales.synthetic),
        ("real", config.vltseg.scales.real),
    ):
        if scale.batch_size % parts:
            yield (
                f"vltseg.scales.{name}.batch_size: {scale.batch_size} images cannot be divided "
                f"among {training.gpus} GPUs and into {training.accumulate} parts; change it, "
                "training.gpus or training.accumulate"
            )


def _names(config: Config) -> Iterator[tuple[str, Iterable[str], Iterable[str]]]:
    """Yield key, names that are given there, and names that exist."""
    paper, sets = config.vltseg, config.datasets
    arms = {name: arm for name, arm in paper.arms.items() if arm is not None}
    yield "targets", paper.targets, sets
    for name, scale in (("synthetic", paper.scales.synthetic), ("real", paper.scales.real)):
        yield f"scales.{name}.sizes", scale.sizes, sets
    for name, source in paper.sources.items():
        yield f"sources.{name}.datasets", source.datasets, sets
        yield f"sources.{name}.targets", source.targets, sets
        yield f"sources.{name}.starts_from", filter(None, [source.starts_from]), paper.sources
    for name, encoder in paper.encoders.items():
        yield f"encoders.{name}.model", [encoder.model], config.models
    for name, arm in arms.items():
        yield f"arms.{name}.encoder", [arm.encoder], paper.encoders
        yield f"arms.{name}.decoder", [arm.decoder], paper.decoders
        yield f"arms.{name}.sources", arm.sources, paper.sources
        yield f"arms.{name}.studies", arm.studies, STUDIES
        if arm.language:
            yield f"arms.{name}.language.prompts", [arm.language.prompts], config.prompts
    for key in ("freezing", "loss_weights", "prompt_sets"):
        study = getattr(paper, key)
        if study:
            yield f"{key}.arm", [study.arm], arms
            yield f"{key}.source", [study.source], paper.sources
    if paper.prompt_sets:
        yield "prompt_sets.prompts", paper.prompt_sets.prompts, config.prompts
    made = vltseg_arms.arms(config)
    for key in ("perturbations", "panels", "tsne"):
        study = getattr(paper, key)
        if study:
            yield f"{key}.source", [study.source], paper.sources
            yield f"{key}.arms", study.arms, made
    for key in ("perturbations", "tsne"):
        study = getattr(paper, key)
        if study:
            yield f"{key}.dataset", [study.dataset], sets
    if paper.panels:
        yield "panels.images", paper.panels.images, sets
    if paper.submissions:
        yield "submissions.runs", paper.submissions.runs, paper.sources
        yield "submissions.datasets", paper.submissions.datasets, sets


def _pages(config: Config) -> Iterator[str]:
    for name in vltseg_arms.datasets(config):
        dataset = config.datasets[name]
        page = dataset.registry or name if isinstance(dataset, RegisteredDataset) else None
        if page not in PAGES:
            yield (
                f"datasets.{name} is no street scene data set of the registry "
                f"({', '.join(sorted(PAGES))}); vltseg reads its pixels' labels"
            )


def _arms(config: Config) -> Iterator[str]:
    paper = config.vltseg
    for name, arm in paper.arms.items():
        if arm is None or arm.language is None:
            continue
        encoder = paper.encoders[arm.encoder]
        if isinstance(config.models[encoder.model], TimmModel):
            yield (
                f"vltseg.arms.{name}.language: {encoder.model!r} is a vision-only model; guidance "
                "by text needs a CLIP"
            )
        if arm.language.score_map and arm.language.score_level > 3:
            yield f"vltseg.arms.{name}.language.score_level must be below 4"
    for key in ("loss_weights", "prompt_sets"):
        study = getattr(paper, key)
        if study and paper.arms[study.arm].language is None:
            yield f"vltseg.{key}.arm: {study.arm!r} has no language"


def _runs(config: Config) -> Iterator[str]:
    paper = config.vltseg
    runs = vltseg_arms.runs(config)
    for run in runs:
        start = vltseg_arms.start_of(config, run)
        if start is not None and start not in runs:
            yield (
                f"vltseg.sources.{run.source}.starts_from: arm {run.arm!r} is not trained on "
                f"{start.source!r}; add that to vltseg.arms.{run.arm}.sources"
            )
    for name, source in paper.sources.items():
        if source.starts_from == name:
            yield f"vltseg.sources.{name}.starts_from: a source cannot start from itself"
        if source.starts_from and paper.jobs:
            yield f"vltseg.jobs must be null while vltseg.sources.{name} starts from another source"


def _studies(config: Config) -> Iterator[str]:
    paper, runs = config.vltseg, set(vltseg_arms.runs(config))
    wanted = [
        (key, study.source, arm)
        for key in ("perturbations", "panels", "tsne")
        if (study := getattr(paper, key))
        for arm in study.arms
    ]
    if paper.submissions:
        wanted += [
            ("submissions.runs", source, arm)
            for source, arms in paper.submissions.runs.items()
            for arm in arms
        ]
    for key, source, arm in wanted:
        if not any((run.source, run.arm) == (source, arm) for run in runs):
            yield f"vltseg.{key}: arm {arm!r} is not trained on {source!r}"
