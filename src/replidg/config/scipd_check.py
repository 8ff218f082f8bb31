"""Checks of the SCI-PD paper's part of the configuration."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from replidg.config import scipd_arms
from replidg.config.inputs import TimmModel
from replidg.config.label_sets import PAPER_KNOWN
from replidg.config.names import nearest
from replidg.config.schema import Config

#: What a configuration of the paper provides of `replidg.artefacts.NEEDS`.
PREFIX = "scipd"


def problems(config: Config) -> list[str]:
    """Return what is wrong, one line each."""
    paper = config.scipd
    if not paper.main:
        return []
    found = _names(config) or [*_datasets(config), *_models(config)]
    if not found:
        try:
            scipd_arms.arms(config)
        except (ValueError, ValidationError) as error:
            found.append(str(error))
    return found


def _names(config: Config) -> list[str]:
    """Names that must exist elsewhere."""
    paper = config.scipd
    studies = {
        "ablation": paper.ablation,
        "variants": paper.variants,
        "other_students": paper.other_students,
        "scarcity": paper.scarcity,
        "sensitivity": paper.sensitivity,
        "views": paper.views,
    }
    wanted: list[tuple[str, Iterable[str], Iterable[str]]] = [
        ("datasets", paper.datasets, config.datasets),
        ("teacher", [paper.teacher], config.models),
        ("prompts", [paper.prompts], config.prompts),
        ("student", [paper.student], paper.students),
        ("main", paper.main, paper.methods),
        ("overrides", paper.overrides, paper.datasets),
        ("training.preprocessing", [paper.training.preprocessing], config.preprocessing),
        ("other_students.students", paper.other_students.students, paper.students),
    ]
    for name in (paper.method, paper.base):
        wanted.append(("method and base", [name], paper.main))
    for name, student in paper.students.items():
        wanted.append((f"students.{name}.model", [student.model], config.models))
    for name, study in studies.items():
        methods = getattr(study, "methods", None)
        wanted.append((f"{name}.datasets", study.datasets, paper.datasets))
        if methods is None:
            varied = study.views if name == "views" else _varied(study)
            methods = [study.method] if varied else []
        wanted.append((f"{name}.methods", methods, paper.methods))
    if paper.tsne is not None:
        wanted.append(("tsne.dataset", [paper.tsne.dataset], paper.datasets))
        wanted.append(("tsne.methods", paper.tsne.methods, paper.main))
    return [
        f"scipd.{key}: {name!r} is not defined; {nearest(name, known)}"
        for key, names, known in wanted
        for name in names
        if name not in known
    ]


def _varied(study: object) -> list[float]:
    return [value for key in ("alpha", "tau", "beta") for value in getattr(study, key)]


def _datasets(config: Config) -> list[str]:
    found = []
    for name, data in config.scipd.datasets.items():
        where, domains = f"scipd.datasets.{name}", config.datasets[name].domains
        splits = scipd_arms.splits(config, name)
        if not splits:
            found.append(f"{where}.splits: the paper has none for this data set; define some")
        sources = len(domains) - 1
        for split, labels in splits.items():
            if len(labels.sets) != sources:
                found.append(
                    f"{where}.splits.{split}: {len(labels.sets)} label sets, but {sources} sources"
                )
            page = scipd_arms.page(config, name)
            official = config.datasets[name].source == "official" and page in PAPER_KNOWN
            union = frozenset().union(*labels.ids)
            if official and union != frozenset(range(PAPER_KNOWN[page])):
                found.append(
                    f"{where}.splits.{split}: the sources must have the classes 0 to "
                    f"{PAPER_KNOWN[page] - 1} between them"
                )
        for domain in data.targets:
            if domain not in domains:
                found.append(f"{where}.targets: no domain {domain!r}; {nearest(domain, domains)}")
        if data.train + data.validation > 1 + 1e-9:
            found.append(f"{where}: train + validation must not exceed 1")
        try:
            scipd_arms.protocol(config, name)
        except ValidationError as error:
            found.append(f"scipd.overrides.{name}: {error.errors()[0]['msg']}")
    tsne = config.scipd.tsne
    if tsne is not None and not found:
        if tsne.split not in scipd_arms.splits(config, tsne.dataset):
            found.append(f"scipd.tsne.split: {tsne.dataset} has no label sets {tsne.split!r}")
        if tsne.target not in scipd_arms.targets(config, tsne.dataset):
            found.append(f"scipd.tsne.target: {tsne.target!r} is no target of {tsne.dataset}")
    return found


def _models(config: Config) -> list[str]:
    paper, found = config.scipd, []
    if isinstance(config.models[paper.teacher], TimmModel):
        found.append(f"scipd.teacher: {paper.teacher!r} has no text tower; a CLIP must teach")
    for name, student in paper.students.items():
        if not isinstance(config.models[student.model], TimmModel):
            found.append(f"scipd.students.{name}.model: {student.model!r} is not of source timm")
    return found


def provided(config: Config) -> set[str]:
    """Return what the configuration provides of what the paper's artefacts need."""
    paper = config.scipd
    if not paper.main:
        return set()
    found = {PREFIX} | {f"scipd:{scipd_arms.page(config, name)}" for name in paper.datasets}
    studies = scipd_arms.study_runs(config)
    if {"alpha", "tau", "beta"} & set(studies):
        found.add("scipd:sensitivity")
    found |= {f"scipd:{study}" for study in studies if study != "main"}
    if paper.tsne is not None:
        found.add("scipd:tsne")
    return found
