"""What is trained for the SCI-PD paper: arms (a method with everything it is run with) and runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from replidg.config.hybrid_methods import HybridMethod
from replidg.config.inputs import RegisteredDataset
from replidg.config.label_sets import PAPER_SPLITS
from replidg.config.merge import merge
from replidg.config.methods import FineTuning
from replidg.config.schema import Config
from replidg.config.scipd import LabelSets, Scope, Sensitivity, Views

#: Parts of a job's path where it trains more than one.
ALL_ARMS, ALL_SETS, ALL_TARGETS, ALL_SEEDS = "all_arms", "all_sets", "all_targets", "all_seeds"


@dataclass(frozen=True)
class Arm:
    """A method, the student it trains, and what part of the training images it sees.

    Attributes:
        name: unique; the method's where nothing else differs from the main tables.
        method: key of `scipd.methods`.
        settings: its hyper-parameters.
        student: key of `scipd.students`.
        share: of each source's training images.
        studies: study -> value that it stands for in it (a hyper-parameter, a share, 0).
    """

    name: str
    method: str
    settings: HybridMethod
    student: str
    share: float = 1.0
    studies: dict[str, float] = field(default_factory=dict, compare=False)


class RunKey(NamedTuple):
    """One training."""

    dataset: str
    split: str
    target: str
    arm: str
    seed: int


def page(config: Config, dataset: str) -> str:
    """Return the registry's name of a data set; its own where the registry has none."""
    entry = config.datasets[dataset]
    return (entry.registry if isinstance(entry, RegisteredDataset) else None) or dataset


def splits(config: Config, dataset: str) -> dict[str, LabelSets]:
    """Return the label sets of a data set, in order of hybridness."""
    own = config.scipd.datasets[dataset].splits
    paper = PAPER_SPLITS.get(page(config, dataset).removesuffix("_cleaned"), {})
    chosen = own or {
        name: LabelSets(sets=list(sets), hybridness=h) for name, (h, sets) in paper.items()
    }
    return dict(sorted(chosen.items(), key=lambda item: item[1].h))


def targets(config: Config, dataset: str) -> list[str]:
    """Return the target domains of a data set."""
    return config.scipd.datasets[dataset].targets or config.datasets[dataset].domains


def protocol(config: Config, dataset: str) -> FineTuning:
    """Return the training protocol of a data set."""
    override = config.scipd.overrides.get(dataset, {})
    return FineTuning.model_validate(merge(config.scipd.training.model_dump(), override))


def _planned(config: Config) -> Iterator[tuple[Arm, str, Scope, float]]:
    """Yield every arm with its study, where it runs, and its value in the study."""
    paper = config.scipd
    if not paper.main:
        return

    def arm(method: str, suffix: str = "", **other: object) -> Arm:
        student = str(other.pop("student", paper.student))
        share = float(other.pop("share", 1.0))  # type: ignore[arg-type]
        own = paper.methods[method]
        settings = HybridMethod.model_validate(own.model_dump() | other)
        changed = (settings, student, share) != (own, paper.student, 1.0)
        return Arm(method + suffix if changed else method, method, settings, student, share)

    for name in paper.main:
        yield arm(name), "main", Scope(), 0.0
    for study in ("ablation", "variants"):
        for name in getattr(paper, study).methods:
            yield arm(name), study, getattr(paper, study), 0.0
    for key in ("alpha", "tau", "beta"):
        for value in getattr(paper.sensitivity, key):
            changed = {key: value}
            name = paper.sensitivity.method
            yield arm(name, f"-{key}-{value:g}", **changed), key, paper.sensitivity, value
    for student in paper.other_students.students:
        for name in paper.other_students.methods:
            chosen = arm(name, f"-student-{student}", student=student)
            yield chosen, "students", paper.other_students, 0.0
    for share in paper.scarcity.shares:
        for name in paper.scarcity.methods:
            yield arm(name, f"-share-{share:g}", share=share), "scarcity", paper.scarcity, share
    for count in paper.views.views:
        name = paper.views.method
        yield arm(name, f"-views-{count}", views=count), "views", paper.views, float(count)
    # What a study compares with: its method as it is in the main tables.
    compared: list[tuple[str, Sensitivity | Views]] = [("views", paper.views)]
    compared += [(key, paper.sensitivity) for key in ("alpha", "tau", "beta")]
    for study, scope in compared:
        if getattr(scope, study):
            own = paper.methods[scope.method]
            yield arm(scope.method), study, scope, float(getattr(own, study) or 0.0)


def arms(config: Config) -> dict[str, Arm]:
    """Return every arm by name, with the studies that it is part of."""
    found: dict[str, Arm] = {}
    for arm, study, _, value in _planned(config):
        known = found.setdefault(arm.name, arm)
        if known != arm:
            raise ValueError(f"scipd: two different arms are called {arm.name!r}")
        known.studies.setdefault(study, value)
    return found


def _keys(config: Config, arm: Arm, scope: Scope) -> Iterator[RunKey]:
    """Yield the trainings of an arm in a scope."""
    paper = config.scipd
    for dataset in scope.datasets or paper.datasets:
        wanted = [t for t in targets(config, dataset) if not scope.targets or t in scope.targets]
        for split in splits(config, dataset):
            if not scope.splits or split in scope.splits:
                for target in wanted:
                    for seed in scope.seeds or paper.seeds:
                        yield RunKey(dataset, split, target, arm.name, seed)


def study_runs(config: Config) -> dict[str, list[RunKey]]:
    """Return the trainings that belong to each study, each once."""
    found: dict[str, dict[RunKey, None]] = {}
    for arm, study, scope, _ in _planned(config):
        found.setdefault(study, {}).update(dict.fromkeys(_keys(config, arm, scope)))
    return {study: list(keys) for study, keys in found.items()}


def runs(config: Config) -> list[RunKey]:
    """Return every training of the paper, each once, in a stable order."""
    return list(dict.fromkeys(key for keys in study_runs(config).values() for key in keys))


def job_of(config: Config, key: RunKey) -> str:
    """Return the part of a path that names the job that trains a run (`scipd.runs_per_job`)."""
    together = config.scipd.runs_per_job
    parts = [key.arm, key.split, key.target, f"seed{key.seed}"]
    if together == "seeds":
        parts = [key.arm, key.split, key.target, ALL_SEEDS]
    elif together == "arm":
        parts = [key.arm, ALL_SETS, ALL_TARGETS, ALL_SEEDS]
    elif together == "target":
        parts = [ALL_ARMS, ALL_SETS, key.target, ALL_SEEDS]
    return "/".join([key.dataset, *parts])


def jobs(config: Config) -> dict[str, list[RunKey]]:
    """Return every job with its runs."""
    found: dict[str, list[RunKey]] = {}
    for key in runs(config):
        found.setdefault(job_of(config, key), []).append(key)
    return found
