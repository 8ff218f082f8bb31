"""Bytes on disk and to download, and what a user has to get by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from replidg.budget.estimate import Estimate
from replidg.budget.plan import Job
from replidg.budget.times import Interval, assumption
from replidg.budget.work import LAION
from replidg.budget.work_web import POOLS
from replidg.config import Config
from replidg.config.forgotten_training_check import labelled
from replidg.config.inputs import OpenClipModel, RegisteredDataset, TimmModel
from replidg.config.similarity_check import missing_corpus
from replidg.data import availability

FLOAT, HALF = 4, 2
#: A checkpoint: the weights, both moments of Adam, and the best weights so far.
CHECKPOINT_COPIES = 4
#: The newest and the one before.
CHECKPOINTS_KEPT = 2


class Amount(NamedTuple):
    """Bytes of one kind; None where nobody knows."""

    kind: str
    item: str
    size: Interval | None
    source: str


class Missing(NamedTuple):
    """What a real run would stop for: a data set, a corpus, labels, and what to do."""

    name: str
    access: str
    steps: str


def retrieved(jobs: Iterable[Job]) -> list[str]:
    """Return the data sets that a plan retrieves."""
    return [job.wildcards["dataset"] for job in jobs if job.rule == "retrieve_dataset"]


def downloads(config: Config, found: Sequence[Estimate]) -> list[Amount]:
    """Return what is downloaded: archives of data sets, and checkpoints."""
    amounts = []
    for name in retrieved(each.job for each in found):
        dataset = config.datasets[name]
        if not isinstance(dataset, RegisteredDataset) or dataset.source != "official":
            continue
        if name in config.data_root:
            continue
        entry = availability.page(name, dataset)
        known = [file.size for file in entry.files if file.size]
        lacking = len(entry.files) - len(known)
        told = "registry" + (
            f"; {lacking} of {len(entry.files)} sizes not known" if lacking else ""
        )
        size = Interval(sum(known), sum(known)) if known else None
        amounts.append(Amount("data set", name, size, told if entry.files else "got by hand"))
    for each in found:
        if each.job.rule in ("retrieve_clip", "retrieve_timm") and _from_hub(config, each.job):
            size = None if each.work is None else Interval(2, 4) * each.work.weights
            name = each.job.wildcards["model"]
            told = "number of weights x 2 to 4 bytes (flops.csv)"
            amounts.append(Amount("checkpoint", name, size, told if each.work else each.reason))
    return amounts + _shards(found)


def disk(config: Config, found: Sequence[Estimate]) -> list[Amount]:
    """Return what lies on disk in the end, by kind."""
    amounts = [
        a._replace(
            size=_extracted(config, a), source=f"{a.source}; unpacked counted as large as packed"
        )
        for a in downloads(config, found)
        if a.kind == "data set"
    ]
    amounts += _shards(found)
    image = assumption("image_bytes")
    for each in found:
        if each.job.rule == "pack_pool" and config.forgotten.corpus.source != "standin":
            pool = each.job.wildcards["pool"]
            told = "the paper's number of pictures, of its size"
            amounts.append(Amount("web pictures", f"pool {pool}", image * POOLS[pool], told))
    return amounts + _results(found)


def _from_hub(config: Config, job: Job) -> bool:
    """Tell whether a checkpoint is downloaded: not one at random, of a file, or of a package."""
    model = config.models[job.wildcards["model"]]
    if isinstance(model, TimmModel):
        return model.pretrained and model.path is None and model.weights != "efficientnet_lite0"
    return isinstance(model, OpenClipModel) and bool(model.pretrained or ":" in model.name)


def _shards(found: Sequence[Estimate]) -> list[Amount]:
    """Return the web pictures that img2dataset downloads."""
    if not any(each.job.rule == "download_shards" for each in found):
        return []
    size = assumption("image_bytes") * LAION
    told = "400 million pictures (as if no address were dead), each of the paper's size"
    return [Amount("web pictures", "shards", size, told)]


def _extracted(config: Config, amount: Amount) -> Interval | None:
    dataset = config.datasets[amount.item]
    entry = availability.page(amount.item, dataset)  # type: ignore[arg-type]
    size = entry.extracted_size
    return amount.size if size is None else Interval(size, size)


def _results(found: Sequence[Estimate]) -> list[Amount]:
    """Sum weights, embeddings and predictions by paper, and what a running job keeps."""
    sums: dict[tuple[str, str], float] = {}
    largest = 0.0
    for each in found:
        if each.work is not None:
            kind = "models" if each.job.rule.startswith("retrieve_") else "weights"
            sizes = {
                kind: FLOAT * each.work.weights,
                "embeddings": HALF * each.work.vectors,
                "predictions": each.work.rows,
            }
            for name, size in sizes.items():
                sums[name, each.paper] = sums.get((name, each.paper), 0.0) + size
            largest = max(largest, each.work.network)
    amounts = []
    for (kind, paper), size in sorted(sums.items()):
        if size:
            a_row = assumption("prediction_bytes") if kind == "predictions" else Interval(1, 1)
            told = "rows predicted" if kind == "predictions" else "number of values (flops.csv)"
            amounts.append(Amount(kind, paper, a_row * size, told))
    if largest:
        size = FLOAT * CHECKPOINT_COPIES * CHECKPOINTS_KEPT * largest
        told = f"largest network x {CHECKPOINT_COPIES} copies x {CHECKPOINTS_KEPT} files"
        amounts.append(Amount("checkpoints", "of a running job, at most", Interval(0, size), told))
    return amounts


def missing(config: Config, jobs: Sequence[Job]) -> list[Missing]:
    """Return what a real run of the plan would stop for."""
    found = []
    for name in retrieved(jobs):
        dataset = config.datasets[name]
        root, mirrors = config.data_root.get(name), config.data_mirrors.get(name, [])
        problem = availability.problem(name, dataset, root, mirrors)
        if problem and isinstance(dataset, RegisteredDataset):
            entry = availability.page(name, dataset)
            steps = availability.steps(entry) if entry.access != "open" else problem
            found.append(Missing(name, entry.access, steps))
    rules = {job.rule for job in jobs}
    real = config.model_copy(update={"planning": False})
    if "find_neighbours" in rules and (problem := missing_corpus(config)):
        found.append(Missing("alignment.corpus", "manual", problem))
    if "label_domains" in rules and not labelled(real):
        found.append(
            Missing(
                "forgotten.domains.labels",
                "manual",
                "The domain classifiers need labelled pictures, which nobody published: "
                "./replidg forgotten_sheets makes the pages (docs/forgotten.md). Counted here as "
                "if they were there.",
            )
        )
    return found
