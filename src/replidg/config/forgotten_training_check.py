"""Checks of `forgotten.training`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replidg.config.forgotten_training import POOLS
from replidg.config.inputs import TimmModel
from replidg.config.names import nearest
from replidg.config.schema import Config


def problems(config: Config) -> list[str]:
    """Return what is wrong with `forgotten.training`, one line each."""
    training = config.forgotten.training if config.forgotten else None
    if training is None:
        return []
    mixes, released = training.mixes, training.zero_shot.released
    key = "forgotten.training"
    listed = [pool.dataset for pool in mixes.pools.values() if pool.dataset]
    wanted: list[tuple[str, Iterable[str], Iterable[str]]] = [
        (f"{key}.mixes.pools", listed, config.datasets),
        (f"{key}.mixes.series", mixes.series.values(), mixes.sets),
        (f"{key}.zero_shot.released", released, mixes.sets),
        (f"{key}.zero_shot.released", released.values(), config.models),
    ]
    found = [
        f"{where}: {name!r} is not defined; {nearest(name, known)}"
        for where, names, known in wanted
        for name in names
        if name not in known
    ]
    return found or [*_uses(config)]


def _uses(config: Config) -> Iterator[str]:
    paper = config.forgotten
    training = paper.training
    key = "forgotten.training"
    for name, mix in training.mixes.sets.items():
        lacking = [p for p in POOLS if getattr(mix, p) and p not in training.mixes.pools]
        for pool in lacking:
            yield f"{key}.mixes.sets.{name}.{pool}: {key}.mixes.pools has no {pool}"
    for name in training.zero_shot.released.values():
        if isinstance(config.models[name], TimmModel):
            yield f"{key}.zero_shot.released: models.{name} has no text tower"
    if training.resnets and paper.train_set is None:
        yield f"{key}.resnets: forgotten.train_set is null, so nothing can be trained on"
    if training.resnets and training.resnets.batch_size % training.resnets.accumulate:
        yield f"{key}.resnets.batch_size is not divisible by {key}.resnets.accumulate"
    if "imagenet_val" not in paper.test_sets:
        yield f"{key}: forgotten.test_sets needs imagenet_val, the x axis of Figs 15 to 17"


def labelled(config: Config) -> bool:
    """Tell whether there are labelled pictures, or a dry run plans as if there were."""
    labels = config.forgotten.domains.labels
    return config.planning or bool(labels.truth or labels.sheets or labels.files)


def provided(config: Config) -> set[str]:
    """Return what the configuration provides of what the artefacts of trainings need."""
    training = config.forgotten.training if config.forgotten else None
    if training is None:
        return set()
    found = {"forgotten:training"} | ({"forgotten:series"} if training.mixes.series else set())
    trained = [m for n, m in training.mixes.sets.items() if n not in training.zero_shot.released]
    used = [p for p in POOLS if any(getattr(mix, p) for mix in trained)]
    if labelled(config) or all(training.mixes.pools[pool].source == "list" for pool in used):
        found.add("forgotten:pools")
    return found | ({"forgotten:resnets"} if training.resnets else set())
