"""Work of VLTSeg's trainings and tests."""

from __future__ import annotations

import math

from replidg.budget.plan import Job
from replidg.budget.work import (
    TRAINING,
    Pass,
    Work,
    architecture,
    counts,
    gflop,
    precision,
    values,
)
from replidg.config import Config, vltseg_arms, vltseg_tests
from replidg.config.vltseg_arms import Run
from replidg.config.vltseg_parts import Arm


class Scenes:
    """VLTSeg's arms, looked up once."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.arms = vltseg_arms.arms(config)

    def network(self, run: Run) -> tuple[Arm, str, int]:
        """Return the arm of a run, its encoder's architecture and the side of its input."""
        arm = self.arms[run.arm]
        model = self.config.vltseg.encoders[arm.encoder].model
        crop = vltseg_arms.scale_of(self.config, run.source).crop
        return arm, architecture(self.config, model)[0], crop

    def train(self, job: Job) -> Work:
        """Return the crops of every step; a tower that is frozen as a whole goes forward only."""
        paths = [path for path in job.outputs if path.endswith("/model.safetensors")]
        passes, crops, weights, network = [], 0.0, 0.0, 0.0
        for run in map(vltseg_arms.run_of, paths):
            arm, name, crop = self.network(run)
            scale = vltseg_arms.scale_of(self.config, run.source)
            seen = scale.iterations * scale.batch_size
            encoder, whole = gflop(name, "encoder", crop), gflop(name, arm.decoder, crop)
            passes.append(Pass(encoder, seen, 1 if arm.frozen == "all" else TRAINING, trained=True))
            passes.append(Pass(whole - encoder, seen, TRAINING, trained=True))
            crops += seen
            network = values(name, arm.decoder)
            weights += network
        training = self.config.vltseg.training
        fast = "fp16" if training.amp else precision(training)
        workers = max(1, training.workers) * training.gpus
        read = {"street": crops}
        return Work(tuple(passes), read, workers, fast, crops, weights, network)

    def test(self, job: Job) -> Work:
        """Return the sliding windows over all images of the results of a job."""
        passes, read = [], 0.0
        for result in map(vltseg_tests.result_of, job.outputs):
            arm, name, _ = self.network(result.run)
            window = vltseg_arms.scale_of(self.config, result.run.source).window
            images = self._images(result)
            windows = images * self._windows(result)
            passes.append(Pass(gflop(name, arm.decoder, window), windows))
            read += images
        workers = max(1, self.config.vltseg.test.workers)
        return Work(tuple(passes), {"street": read}, workers, images=sum(p.images for p in passes))

    def _images(self, result: vltseg_tests.Result) -> float:
        paper = self.config.vltseg
        held = vltseg_arms.held_out(self.config, result.run.source, result.dataset)
        splits = counts(self.config, result.dataset, "split")
        if result.kind == "submission":
            return splits["test"]
        images = held or splits["val"]
        if result.kind == "panels":
            return paper.panels.images[result.dataset]
        if result.kind == "embeddings":
            return 2 * min(paper.tsne.images or images, images)
        if result.kind == "perturbed":
            study = paper.perturbations
            asked = min(study.images or images, images)
            return asked * len(study.kinds) * len(study.severities)
        return images

    def _windows(self, result: vltseg_tests.Result) -> float:
        """Return windows an image; with test-time augmentation those of every size, twice."""
        paper = self.config.vltseg
        scale = vltseg_arms.scale_of(self.config, result.run.source)
        width, height = scale.test_size_of(result.dataset)

        def at(ratio: float) -> int:
            sides = (math.ceil(side * ratio) for side in (width, height))
            return math.prod(
                math.ceil(max(0, side - scale.window) / scale.stride) + 1 for side in sides
            )

        sent = paper.submissions
        augmented = (result.kind == "submission" and sent and sent.tta) or paper.test.tta
        if result.kind == "embeddings":
            return 1
        return 2 * sum(map(at, scale.tta_ratios)) if augmented else at(1.0)
