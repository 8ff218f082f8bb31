"""Work of every job of a plan, by rule; what cannot be said, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from replidg.artefacts import PAPERS
from replidg.budget import work_shared, work_students, work_web
from replidg.budget.plan import Job
from replidg.budget.work import Unknown, Work
from replidg.budget.work_scenes import Scenes
from replidg.config import Config

SHARED = "shared"


@dataclass(frozen=True)
class Estimate:
    """A job and what it does.

    Attributes:
        job: of the plan.
        work: None where it is not known.
        reason: why it is not known; empty for jobs on the CPU, which have no formula.
    """

    job: Job
    work: Work | None
    reason: str = ""

    @property
    def paper(self) -> str:
        """Return whose outputs it makes; `shared` for data sets, models and embeddings."""
        parts = [part for path in self.job.outputs[:1] for part in path.split("/")]
        return next((part for part in parts if part in PAPERS), SHARED)


def formulas(config: Config) -> dict[str, Callable[[Job], Work]]:
    """Return what tells the work of a job, by rule."""
    scenes = Scenes(config)
    plain: dict[str, Callable[[Config, Job], Work]] = {
        "embed_images": work_shared.embed_images,
        "retrieve_clip": work_shared.retrieve_model,
        "retrieve_timm": work_shared.retrieve_model,
        "train_classifier": work_shared.train_classifier,
        "train_robust_ft": work_students.train_robust_ft,
        "train_clip_mixes": work_web.train_clip_mixes,
        "evaluate_clip_mixes": work_web.evaluate_clip_mixes,
        "train_subset_nets": work_web.train_subset_nets,
        "train_domain_classifiers": work_web.train_domain_classifiers,
        "filter_corpus": work_web.filter_corpus,
        "classify_domains": work_web.classify_domains,
    }
    return {
        **{rule: partial(formula, config) for rule, formula in plain.items()},
        "train_students": work_students.Students(config),
        "train_segmentor": scenes.train,
        "test_segmentor": scenes.test,
    }


def estimates(config: Config, jobs: Sequence[Job]) -> list[Estimate]:
    """Return the work of each job, in order."""
    known = formulas(config)
    return [_estimate(known.get(job.rule), job) for job in jobs]


def _estimate(formula: Callable[[Job], Work] | None, job: Job) -> Estimate:
    if formula is None:
        reason = "no formula; it takes a GPU" if job.gpus else ""
        return Estimate(job, None, reason)
    try:
        return Estimate(job, formula(job))
    except Unknown as error:
        return Estimate(job, None, str(error))
