"""A job that makes domain classifiers, and their predictions of labelled pictures."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from replidg.checkpoints import Checkpoints
from replidg.config.forgotten import DomainClassifier, Domains, DomainTraining
from replidg.config.forgotten_sets import DOMAINS
from replidg.data.images import InputSpec, normalise
from replidg.files import sha256_file, stable_hash, whole_file, write_json
from replidg.methods.passes import restore
from replidg.models import domain_nets, domain_readouts, store
from replidg.models.domain_nets import DomainNet
from replidg.models.domain_readouts import CentroidReadout, StyleReadout, calibrated, targets
from replidg.models.domain_style import style_tower
from replidg.training.domain_run import DomainRun, Plan, fit
from replidg.training.job import code_version
from replidg.training.validation import HeldOut

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What the classifiers of a job have in common.

    Attributes:
        labels: labelled pictures: `test_set`, `image_id`, `path`, `label`, `split`.
        domains: configuration.
        backbone: the CLIP.
        spec: its input.
        frozen_batchnorm: of the CLIP.
        channels_last: of the CLIP.
        checkpoints: where unfinished trainings lie.
    """

    labels: pd.DataFrame
    domains: Domains
    backbone: store.Backbone
    spec: InputSpec
    frozen_batchnorm: bool
    channels_last: bool
    checkpoints: Path

    def held_out(self, split: str | None = None, against: str | None = None) -> HeldOut:
        """Return pictures of a split, or all; their labels are a readout's classes."""
        rows = self.labels if split is None else self.labels[self.labels["split"] == split]
        return HeldOut(with_classes(rows, against), self.spec, self.domains.workers)


def with_classes(labels: pd.DataFrame, against: str | None) -> pd.DataFrame:
    """Return labelled pictures with the class of a readout as `label`."""
    numbers = torch.tensor(labels["label"].map(DOMAINS.index).to_numpy())
    return labels.assign(label=targets(numbers, against).numpy())


def make_all(job: Job, classifiers: Mapping[str, DomainClassifier], out: Path) -> None:
    """Make each classifier: `<out>/<name>/{model.safetensors,predictions.parquet,training.json}`.

    Raises:
        ImageError: a labelled picture cannot be decoded.
    """
    everything, shared = job.held_out(), {}
    folders: list[Path] = []
    for name, classifier in classifiers.items():
        if classifier.kind in ("ft", "dr"):
            net, told = _trained(job, name, classifier, folders)
        else:
            net, told = _fitted(job, classifier, everything, shared)
        scores = _scores(net, job, everything, shared)
        with whole_file(out / name / "predictions.parquet") as temporary:
            predictions(job.labels, scores).to_parquet(temporary, index=False)
        domain_nets.save(net, out / name / "model.safetensors")
        write_json(out / name / "training.json", told)
    for folder in folders:  # not before: a killed job starts again without declared outputs
        shutil.rmtree(folder, ignore_errors=True)


def predictions(labels: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """Return labelled pictures with the scores (N, 3) of a classifier."""
    table = labels.drop(columns="path").assign(
        natural_score=scores[:, 0].astype(np.float32),
        rendition_score=scores[:, 1].astype(np.float32),
    )
    return table.assign(default=np.array(DOMAINS)[scores[:, 2].astype(int)])


def _trained(
    job: Job, name: str, classifier: DomainClassifier, folders: list[Path]
) -> tuple[DomainNet, dict]:
    """Return the network of the learning rate with the lowest validation loss.

    Its folders of checkpoints are added to `folders`.
    """
    training: DomainTraining = getattr(job.domains, classifier.kind)
    train = with_classes(job.labels[job.labels["split"] == "train"], classifier.against)
    validation = job.held_out("val", classifier.against)
    best: tuple[float, DomainRun] | None = None
    told = []
    for lr in training.lr:
        plan = Plan(
            training, lr, classifier.balanced, job.spec, job.frozen_batchnorm, job.channels_last,
            job.domains.workers,
        )  # fmt: skip
        net = domain_nets.trainable(
            job.backbone.visual, job.backbone.dim, job.spec.size, classifier,
            job.domains.density_ratio,
        )  # fmt: skip
        run = DomainRun(net, train, plan, store.device())
        folder = job.checkpoints / "domains" / run_hash(job, classifier, plan)
        checkpoints = Checkpoints(folder, job.domains.checkpoint_every_s)
        fit(run, validation, checkpoints, f"{name}, rate {lr:g}")
        checkpoints.save(run.state_dict())  # a killed job goes on with the run that it was at
        told.append({"lr": lr, "epoch": run.best["epoch"], "validations": run.history})
        folders.append(folder)
        if best is None or run.best["loss"] < best[0]:
            best = run.best["loss"], run
    run = best[1]
    run.net.load_state_dict(run.best["weights"])
    if classifier.kind == "dr":
        temperature = calibrated(run.logits(validation), validation.labels)
        run.net.readout.temperature.fill_(temperature)
    restore(run.net.tower)  # what classifies pictures later computes as it always does
    lr, temperature = run.plan.lr, float(run.net.readout.temperature)
    return run.net.eval(), {"lr": lr, "temperature": temperature, "runs": told}


def run_hash(job: Job, classifier: DomainClassifier, plan: Plan) -> str:
    """Return a hash of all that affects a run, the source of the training code included."""
    sources = [domain_nets.__file__, domain_readouts.__file__]
    return stable_hash(
        {
            "classifier": classifier.model_dump(),
            "training": plan.training.model_dump(),
            "lr": plan.lr,
            "input": list(plan.spec),
            "flags": [plan.frozen_batchnorm, plan.channels_last],
            "labels": job.labels[["image_id", "label", "split"]].to_numpy().tolist(),
            "weights": job.backbone.weights_sha256,
            "code": [code_version(), *map(sha256_file, sources)],
        }
    )


def _fitted(
    job: Job, classifier: DomainClassifier, images: HeldOut, shared: dict[str, Tensor]
) -> tuple[DomainNet, dict]:
    """Return a classifier that reads embeddings; nothing is trained."""
    weights = job.domains.style_weights
    own = classifier.kind == "csd" and weights is not None
    tower = style_tower(Path(weights)) if own else None
    features = _features(job, images, shared, tower)
    train = torch.tensor((job.labels["split"] == "train").to_numpy())
    numbers = torch.tensor(job.labels["label"].map(DOMAINS.index).to_numpy())
    facts = classifier.model_dump() | {"own_tower": own}
    if classifier.kind == "ce":
        readout: nn.Module = CentroidReadout.fitted(features[train], numbers[train])
    else:
        readout = StyleReadout.fitted(
            features[train], numbers[train], classifier.against, job.domains.neighbours
        )
        facts["neighbours"] = readout.neighbours
    return DomainNet(tower, readout, facts).eval(), {"images": int(train.sum())}


@torch.inference_mode()
def _features(
    job: Job, images: HeldOut, shared: dict[str, Tensor], tower: nn.Module | None
) -> Tensor:
    """Return features (N, D) by a tower, or by the CLIP's; each is computed once a job."""
    key = "clip" if tower is None else "style"
    if key not in shared:
        net = (job.backbone.visual if tower is None else tower).to(store.device()).eval()
        parts = [net(_input(job, pixels)).float().cpu() for pixels in images.batches(0)]
        shared[key] = torch.cat(parts)
    return shared[key]


@torch.inference_mode()
def _scores(net: DomainNet, job: Job, images: HeldOut, shared: dict[str, Tensor]) -> np.ndarray:
    """Return scores and default domain (N, 3) of all labelled pictures."""
    if net.facts["kind"] in ("ce", "csd"):
        return net.readout(_features(job, images, shared, net.tower)).numpy()
    net = net.to(store.device()).eval()
    parts = [net(_input(job, pixels)).float().cpu() for pixels in images.batches(0)]
    return torch.cat(parts).numpy()


def _input(job: Job, pixels: Tensor) -> Tensor:
    return normalise(pixels.to(store.device()), job.spec, job.channels_last)
