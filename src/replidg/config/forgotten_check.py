"""Checks of the part of a configuration that belongs to arXiv 2410.08258."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replidg.config import forgotten_training_check
from replidg.config.forgotten_sets import TEST_SETS, datasets_of
from replidg.config.inputs import RegisteredDataset, TimmModel
from replidg.config.names import nearest
from replidg.config.schema import Config


def problems(config: Config) -> list[str]:
    """Return what is wrong with `forgotten`, one line each."""
    paper = config.forgotten
    if paper is None:
        return []
    domains, corpus = paper.domains, paper.corpus
    wanted: list[tuple[str, Iterable[str], Iterable[str]]] = [
        ("forgotten.test_sets", paper.test_sets, TEST_SETS),
        ("forgotten.train_set", filter(None, [paper.train_set]), config.datasets),
        ("forgotten.domains.model", [domains.model], config.models),
        ("forgotten.domains.preprocessing", [domains.preprocessing], config.preprocessing),
        ("forgotten.domains.natural", filter(None, [domains.natural]), domains.classifiers),
        ("forgotten.domains.rendition", filter(None, [domains.rendition]), domains.classifiers),
    ]
    if corpus.source != "folder":
        wanted.append(("forgotten.corpus.dataset", [corpus.dataset], config.datasets))
    if domains.labels.truth:
        sets = domains.labels.truth.test_sets
        wanted.append(("forgotten.domains.labels.truth.test_sets", sets, paper.test_sets))
    for name, pruned in corpus.pruned.items():
        wanted.append((f"forgotten.corpus.pruned.{name}.near", pruned.near, paper.test_sets))
    found = [
        f"{key}: {name!r} is not defined; {nearest(name, known)}"
        for key, names, known in wanted
        for name in names
        if name not in known
    ]
    return found or [*_sets(config), *_uses(config), *forgotten_training_check.problems(config)]


def _sets(config: Config) -> Iterator[str]:
    """Data sets that test sets are made of."""
    paper = config.forgotten
    own = [paper.train_set] if paper.train_set else []
    for name in dict.fromkeys([*own, *datasets_of(paper.test_sets)]):
        if name not in config.datasets:
            yield f"forgotten.test_sets: datasets.{name} is missing; add it or leave its sets out"
            continue
        dataset = config.datasets[name]
        page = dataset.registry or name if isinstance(dataset, RegisteredDataset) else None
        if page != name and name != paper.train_set:
            yield f"datasets.{name} must be the registry's {name} (source: official or standin)"
    for name in paper.test_sets:
        dataset, domain = TEST_SETS[name].dataset, TEST_SETS[name].domain
        known = config.datasets[dataset].domains if dataset in config.datasets else [domain]
        if domain != "all" and domain not in known:
            yield f"forgotten.test_sets: {name!r}, but datasets.{dataset}.domains has no {domain!r}"


def _uses(config: Config) -> Iterator[str]:
    paper = config.forgotten
    if isinstance(config.models[paper.domains.model], TimmModel):
        yield f"forgotten.domains.model: {paper.domains.model!r} is a vision-only model"
    if not set(paper.domains.candidates) & set(paper.domains.classifiers):
        yield "forgotten.domains.candidates: none of them is among forgotten.domains.classifiers"
    if paper.train_set is None and any(each.near for each in paper.corpus.pruned.values()):
        yield "forgotten.corpus.pruned: `near` is measured against `train_set`, which is null"


def provided(config: Config) -> set[str]:
    """Return what the configuration provides of what the paper's artefacts need."""
    paper = config.forgotten
    if paper is None:
        return set()
    found = {"forgotten"} | ({"forgotten:pruned"} if paper.corpus.pruned else set())
    found |= {"forgotten:labels"} if forgotten_training_check.labelled(config) else set()
    return found | forgotten_training_check.provided(config)
