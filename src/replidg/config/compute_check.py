"""Checks of the switches of every training's arithmetic against what is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from replidg.config import scipd_arms
from replidg.config.methods import FineTuning
from replidg.config.schema import Config

Protocol = Callable[[Config, str, str, str], FineTuning]


def problems(config: Config, run_protocol: Protocol) -> list[str]:
    """Return which switches cannot be combined with what they are set for, one line each.

    Args:
        config: without other problems.
        run_protocol: returns the protocol of a model, data set and method of the alignment paper.
    """
    found = [
        *_alignment(config, run_protocol),
        *_scipd(config),
        *_robust_ft(config),
        *_domains(config),
    ]
    return list(dict.fromkeys(found))


def _alignment(config: Config, run_protocol: Protocol) -> Iterator[str]:
    paper = config.alignment
    runs = [(paper.model, d, m) for d in paper.datasets for m in paper.methods]
    for model, other in paper.backbones.items():
        runs += [(model, d, m) for d in other.datasets for m in other.methods]
    for model, dataset, method in runs:
        objective = config.methods[method].for_dataset(dataset).objective
        if objective != "zero_shot":
            protocol = run_protocol(config, model, dataset, method)
            told = f"(for it alone in methods.{method}.training)"
            yield from _fine_tuning("alignment", protocol, paper.training, objective, told)


def _scipd(config: Config) -> Iterator[str]:
    paper = config.scipd
    if not paper.main:
        return
    for dataset in paper.datasets:
        protocol = scipd_arms.protocol(config, dataset)
        for arm in scipd_arms.arms(config).values():
            told = f"({arm.name} on {dataset})"
            objective = arm.settings.objective
            yield from _fine_tuning("scipd", protocol, paper.training, objective, told)
            if arm.settings.doubled and protocol.precision == "fp16":
                yield (
                    "scipd.training.precision: `doubled` takes two steps along one gradient, which "
                    f"loss scaling cannot; set it to bf16 {told}"
                )


def _fine_tuning(
    paper: str, protocol: FineTuning, shared: FineTuning, objective: str, told: str
) -> Iterator[str]:
    for problem in protocol.problems(objective):
        yield f"{paper}.training.{problem} {told}"
    if protocol.gpus != shared.gpus:
        yield f"{paper}.training.gpus: all trainings of a paper have as many; set it there {told}"
    if protocol.batch_per_domain % protocol.gpus:
        yield (
            f"{paper}.training.gpus: {protocol.gpus} processes cannot share batch_per_domain: "
            f"{protocol.batch_per_domain} alike; set it to a divisor {told}"
        )


def _robust_ft(config: Config) -> Iterator[str]:
    if config.robust_ft is None:
        return
    for name, arm in config.robust_ft.arms.items():
        if arm.kind == "end_to_end":
            # The cross-entropy of an image does not depend on the other images.
            objective = "erm" if arm.loss == "cross_entropy" else arm.loss
            for problem in config.robust_ft.training.problems(objective):
                yield f"robust_ft.training.{problem} (arm {name})"


def _domains(config: Config) -> Iterator[str]:
    if config.forgotten is None:
        return
    for kind in ("ft", "dr"):
        if getattr(config.forgotten.domains, kind).gpus > 1:
            yield f"forgotten.domains.{kind}.gpus: a job of domain classifiers has one; set it to 1"
