"""Work of the trainings of SCI-PD and of the robust fine-tuning paper."""

from __future__ import annotations

import math
import re
from functools import lru_cache

from replidg.budget.plan import Job
from replidg.budget.work import (
    TRAINING,
    Pass,
    Work,
    architecture,
    classes,
    counts,
    gflop,
    kind,
    precision,
    tower,
    values,
)
from replidg.budget.work_shared import KEPT_BYTES, held_out, validations
from replidg.config import Config, scipd_arms
from replidg.config.scipd_arms import RunKey

#: Methods that take two gradients of the student a step.
TWICE = {"daml"}
_RUN = re.compile(r"fraction([\d.e-]+)_rate[\d.e-]+_(?:seed\d+|(all_seeds))")


class Students:
    """SCI-PD's arms, looked up once for thousands of jobs."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.arms = scipd_arms.arms(config)
        self.jobs = scipd_arms.jobs(config)
        self.protocol = lru_cache(lambda dataset: scipd_arms.protocol(config, dataset))
        self.splits = lru_cache(lambda dataset: scipd_arms.splits(config, dataset))

    def runs(self, job: Job) -> list[RunKey]:
        """Return the trainings of a job."""
        w = job.wildcards
        return self.jobs["/".join([w["dataset"], w["arm"], w["sets"], w["target"], w["seed"]])]

    def __call__(self, job: Job) -> Work:
        """Return steps, teacher, validations and the test of each run."""
        dataset = job.wildcards["dataset"]
        protocol, runs = self.protocol(dataset), self.runs(job)
        passes: list[Pass] = []
        read = stepped = weights = rows = network = 0.0
        for run in runs:
            found, steps, own, tested = self._run(run)
            passes += found
            stepped += steps
            read += own
            rows += tested
            student = self.config.scipd.students[self.arms[run.arm].student]
            network = values(architecture(self.config, student.model)[0], "image")
            weights += network
        return Work(
            passes=tuple(passes),
            read={kind(self.config, dataset): read},
            processes=max(1, protocol.workers),
            precision=precision(protocol),
            images=stepped,
            weights=weights if self.config.scipd.keep_weights else 0.0,
            network=network,
            rows=rows,
        )

    def _run(self, run: RunKey) -> tuple[list[Pass], float, float, float]:
        """Return passes, and images of the steps, decoded and tested, of one training."""
        config, arm = self.config, self.arms[run.arm]
        protocol, data = self.protocol(run.dataset), config.scipd.datasets[run.dataset]
        domains = counts(config, run.dataset, "domain")
        names = config.datasets[run.dataset].domains or list(domains)
        sources = [name for name in names if name != run.target]
        sets = self.splits(run.dataset)[run.split].sets
        # Of a source only the classes of its label set: their share, as if all were as frequent.
        whole = classes(config, run.dataset)
        known = [domains[name] * len(own) / whole for name, own in zip(sources, sets, strict=True)]
        held = [images * data.validation for images in known]
        student = config.scipd.students[arm.student]
        cost = gflop(architecture(config, student.model)[0], "image", student.size)
        seen, decoded = held_out(protocol, held, student.size, validations(protocol, first=False))
        rest = 1 - data.train - data.validation if data.target_images == "rest" else 1.0
        tested = domains[run.target] * rest + sum(held)
        steps = protocol.steps * protocol.batch_per_domain * len(sources)
        times = TRAINING * (2 if arm.settings.objective in TWICE else 1)
        passes = [Pass(cost, steps, times, trained=True), Pass(cost, seen + tested)]
        if arm.settings.teaches:
            views = arm.settings.views
            asked = steps if views is None else views * sum(known) * data.train
            passes.append(Pass(tower(config, config.scipd.teacher), asked, trained=True))
        return passes, steps, steps + decoded + tested, tested


def train_robust_ft(config: Config, job: Job) -> Work:
    """Epochs of a share of the images, a validation each, and the tests.

    The text tower reads every class's prompt at each step where it is trained.
    """
    w, paper = job.wildcards, config.robust_ft
    arm, training = paper.arms[w["arm"]], paper.training
    model = (paper.clip if arm.tower == "clip" else paper.vision).model
    name, cost = architecture(config, model)[0], tower(config, model)
    images = counts(config, w["dataset"], "split")
    size = architecture(config, model)[1] or 224
    match = _RUN.fullmatch(w["runs"])
    fractions = [float(match[1])] * (len(paper.seeds) if match[2] else 1) if match else [
        f for f in arm.fractions or paper.fractions for _ in arm.rates or paper.rates
        for _ in paper.seeds
    ]  # fmt: skip
    texts = arm.tower == "clip" and arm.trained == "all"
    prompts = classes(config, w["dataset"])
    held = sum(images[split] for split in paper.splits if split != "train")
    fits = images["val"] * 3 * size**2 <= KEPT_BYTES
    passes: list[Pass] = []
    read = stepped = rows = 0.0
    for fraction in fractions:
        subset = images["train"] * fraction
        steps = subset * training.epochs
        each = 0 if arm.swa else training.epochs * images["val"]
        wise = paper.interpolation
        blends = (
            len(wise.alphas) if wise and wise.arm == w["arm"] and fraction in wise.fractions else 0
        )
        tested = subset + held * (1 + blends)
        passes += [Pass(cost, steps, TRAINING, trained=True), Pass(cost, each + tested)]
        if texts:
            batches = math.ceil(subset / training.batch_size) * training.epochs
            seen = batches * (
                prompts if arm.loss == "cross_entropy" else min(prompts, training.batch_size)
            )
            passes.append(Pass(gflop(name, "text"), seen, TRAINING, trained=True))
        stepped += steps
        rows += tested
        read += steps + held + subset + (0 if fits else each)
    parts = ("image", "text") if arm.tower == "clip" else ("image",)
    return Work(
        passes=tuple(passes),
        read={kind(config, w["dataset"]): read},
        processes=max(1, training.workers),
        precision=precision(training),
        images=stepped,
        weights=values(name, *parts) * len(fractions) if paper.keep_weights else 0.0,
        network=values(name, *parts),
        rows=rows,
    )
