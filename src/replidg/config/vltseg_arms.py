"""What is trained and tested for the VLTSeg paper: arms, runs, jobs, and where they lie."""

from __future__ import annotations

from typing import Any, NamedTuple

from replidg.config.schema import Config
from replidg.config.vltseg_parts import Arm, Scale

RUNS = "results/runs/vltseg"
#: Keys of a scale that only tests read, and of a training that change its time alone.
TEST_ONLY = {
    "test_size": True,
    "window": True,
    "stride": True,
    "tta_ratios": True,
    "sizes": {"__all__": {"test"}},
}
BUDGET_ONLY = {"checkpoint_every_s", "workers"}
DIRECTIONS = {"early_to_deep": ("first", "frozen_first"), "deep_to_early": ("last", "frozen_last")}


class Run(NamedTuple):
    """One training."""

    source: str
    arm: str
    seed: int


def folder(run: Run) -> str:
    """Return where a run's files lie."""
    return f"{RUNS}/{run.source}/{run.arm}/seed{run.seed}"


def run_of(path: str) -> Run:
    """Return the run whose folder a path is in or is."""
    source, arm, seed = path.removeprefix(f"{RUNS}/").split("/")[:3]
    return Run(source, arm, int(seed.removeprefix("seed")))


def arms(config: Config) -> dict[str, Arm]:
    """Return every arm by name: the configured ones, and those that studies make of them."""
    paper = config.vltseg
    if paper is None:
        return {}
    found = {name: arm for name, arm in paper.arms.items() if arm is not None}
    return {**found, **_freezing(config, found), **_weights(config, found), **_texts(config, found)}


def _freezing(config: Config, found: dict[str, Arm]) -> dict[str, Arm]:
    study = config.vltseg.freezing
    if study is None or study.arm not in found:
        return {}
    base, made = found[study.arm], {}
    name = base.studies.get("f2", study.arm)
    for direction in study.directions:
        word, key = DIRECTIONS[direction]
        for number in study.steps:
            change = {key: number, "sources": [study.source], "studies": {"f2": name}}
            made[f"{study.arm}_{word}{number}"] = base.model_copy(update=change)
    return made


def _weights(config: Config, found: dict[str, Arm]) -> dict[str, Arm]:
    study = config.vltseg.loss_weights
    base = found.get(study.arm) if study else None
    if base is None or base.language is None:
        return {}
    return {
        f"{study.arm}_lambda{value:g}": base.model_copy(
            update={
                "language": base.language.model_copy(update={"loss_weight": value}),
                "sources": [study.source],
                "studies": {"lambda": f"{value:g}"},
            }
        )
        for value in study.values
        if value != base.language.loss_weight
    }


def _texts(config: Config, found: dict[str, Arm]) -> dict[str, Arm]:
    study = config.vltseg.prompt_sets
    base = found.get(study.arm) if study else None
    if base is None or base.language is None:
        return {}
    return {
        f"{study.arm}_prompts_{name}": base.model_copy(
            update={
                "language": base.language.model_copy(update={"prompts": name}),
                "sources": [study.source],
                "studies": {"prompts": name},
            }
        )
        for name in study.prompts
        if name != base.language.prompts
    }


def runs(config: Config) -> list[Run]:
    """Return every training, those that others start from first."""
    if config.vltseg is None:
        return []
    ordered = sorted(config.vltseg.sources, key=lambda name: _depth(config, name))
    return [
        Run(source, name, seed)
        for source in ordered
        for name, arm in arms(config).items()
        if source in arm.sources
        for seed in config.vltseg.seeds
    ]


def _depth(config: Config, source: str) -> int:
    depth, seen = 0, {source}
    before = config.vltseg.sources[source].starts_from
    while before in config.vltseg.sources and before not in seen:
        depth, before = depth + 1, config.vltseg.sources[before].starts_from
        seen.add(before)
    return depth


def jobs(config: Config) -> dict[str, list[Run]]:
    """Return the runs of each job by its name; nothing where every run is a job of its own."""
    if config.vltseg is None or config.vltseg.jobs is None:
        return {}
    number = min(config.vltseg.jobs, len(runs(config)))
    dealt = {str(place): runs(config)[place::number] for place in range(number)}
    return {name: part for name, part in dealt.items() if part}


def start_of(config: Config, run: Run) -> Run | None:
    """Return the run whose trained network this one begins with."""
    before = config.vltseg.sources[run.source].starts_from
    return None if before is None else Run(before, run.arm, run.seed)


def scale_of(config: Config, source: str) -> Scale:
    """Return the sizes and the budget of a source."""
    paper = config.vltseg
    scale = getattr(paper.scales, paper.sources[source].kind)
    own = paper.sources[source].iterations
    return scale if own is None else scale.model_copy(update={"iterations": own})


def tested(config: Config, source: str) -> list[str]:
    """Return the data sets that a source's networks are tested on.

    A set of the source that has images held out comes first: it is the test in the own domain.
    """
    paper = config.vltseg
    own = paper.sources[source]
    held = own.datasets if own.held_out else []
    return list(dict.fromkeys([*held, *(own.targets or paper.targets)]))


def held_out(config: Config, source: str, dataset: str) -> int:
    """Return how many training images of a data set are its test for a source; 0: its own split."""
    own = config.vltseg.sources[source]
    return own.held_out if dataset in own.datasets else 0


def datasets(config: Config) -> list[str]:
    """Return every data set that the paper's jobs read."""
    paper = config.vltseg
    if paper is None:
        return []
    used = {run.source for run in runs(config)}
    found = [d for s in paper.sources if s in used for d in paper.sources[s].datasets]
    found += [d for s in used for d in tested(config, s)]
    found += [p.dataset for p in (paper.perturbations, paper.tsne) if p]
    found += paper.panels.images if paper.panels else []
    found += paper.submissions.datasets if paper.submissions else []
    return list(dict.fromkeys(found))


def protocols(config: Config, some: list[Run]) -> list[dict[str, Any]]:
    """Return what decides the weights of runs, each with its parts of the configuration."""
    paper, known = config.vltseg, arms(config)
    found = []
    for run in some:
        arm, scale = known[run.arm], scale_of(config, run.source)
        language = config.prompts[arm.language.prompts].model_dump() if arm.language else None
        source = paper.sources[run.source]
        found.append(
            {
                "run": list(run),
                "arm": arm.model_dump(mode="json", exclude={"sources", "studies"}),
                "encoder": paper.encoders[arm.encoder].model_dump(mode="json"),
                "decoder": paper.decoders[arm.decoder].model_dump(mode="json"),
                "scale": scale.model_dump(mode="json", exclude=TEST_ONLY),
                "data": source.model_dump(mode="json", exclude={"targets"}),
                "prompts": language,
                "training": paper.training.model_dump(mode="json", exclude=BUDGET_ONLY),
            }
        )
    return found
