"""What the trained networks of the VLTSeg paper are tested for, and where the results lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple, get_args

from replidg.config import vltseg_arms
from replidg.config.schema import Config
from replidg.config.vltseg_arms import Run

Kind = Literal["confusion", "perturbed", "panels", "embeddings", "submission"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FILES: dict[str, str] = {
    "confusion": "confusion.parquet",
    "perturbed": "perturbed.parquet",
    "panels": "panels.parquet",
    "embeddings": "embeddings.safetensors",
    "submission": "submission.zip",
}
SUBMISSIONS = "results/vltseg/submissions.csv"


class Result(NamedTuple):
    """One file of a run's tests.

    Attributes:
        run: whose network it is.
        dataset: that it is tested on.
        kind: what is in the file.
    """

    run: Run
    dataset: str
    kind: str

    @property
    def path(self) -> str:
        """Return the file."""
        return f"{vltseg_arms.folder(self.run)}/{self.dataset}/{FILES[self.kind]}"


def result_of(path: str) -> Result:
    """Return what a file is; the inverse of `Result.path`."""
    *_, dataset, file = path.split("/")
    kinds = {name: kind for kind, name in FILES.items()}
    return Result(vltseg_arms.run_of(path), dataset, kinds[file])


def results(config: Config) -> list[Result]:
    """Return every file that the tests leave, those of a run together."""
    return [result for run in vltseg_arms.runs(config) for result in _of(config, run)]


def _of(config: Config, run: Run) -> Iterator[Result]:
    paper = config.vltseg
    for dataset in vltseg_arms.tested(config, run.source):
        yield Result(run, dataset, "confusion")
    first = run.seed == paper.seeds[0]
    for kind, study in (("perturbed", paper.perturbations), ("embeddings", paper.tsne)):
        if study and run.source == study.source and run.arm in study.arms and first:
            yield Result(run, study.dataset, kind)
    panels = paper.panels
    if panels and run.source == panels.source and run.arm in panels.arms and first:
        yield from (Result(run, dataset, "panels") for dataset in panels.images)
    sent = paper.submissions
    if sent and run.arm in sent.runs.get(run.source, []) and first:
        yield from (Result(run, dataset, "submission") for dataset in sent.datasets)


def paths(config: Config, kind: Kind) -> dict[tuple[str, str, int, str], str]:
    """Return the files of one kind by source, arm, seed and data set."""
    return {
        (*result.run, result.dataset): result.path
        for result in results(config)
        if result.kind == kind
    }


def jobs(config: Config) -> dict[str, list[Result]]:
    """Return each test job's results, one a training job; nothing where each has a job."""
    found = results(config)
    return {
        name: [result for run in part for result in found if result.run == run]
        for name, part in vltseg_arms.jobs(config).items()
    }


def options(config: Config, found: Iterable[Result]) -> dict[str, Any]:
    """Return what of the configuration decides some results; a change of it tests again."""
    found, paper = list(found), config.vltseg
    kinds = {result.kind for result in found}
    scales = {result.run.source: _scale(config, result.run.source) for result in found}
    studies = {
        "perturbed": ("perturbations", {"source", "arms"}),
        "panels": ("panels", {"source", "arms"}),
        "embeddings": ("tsne", {"source", "arms", "perplexity"}),
        "submission": ("submissions", {"runs", "datasets"}),
    }
    return {
        "scales": scales,
        "tta": paper.test.tta,
        **{
            key: getattr(paper, key).model_dump(mode="json", exclude=others)
            for kind, (key, others) in studies.items()
            if kind in kinds
        },
    }


def _scale(config: Config, source: str) -> dict[str, Any]:
    scale = vltseg_arms.scale_of(config, source).model_dump(mode="json")
    sizes = {name: size["test"] for name, size in scale["sizes"].items() if size["test"]}
    kept = {key: scale[key] for key in ("test_size", "window", "stride", "tta_ratios")}
    return {**kept, "sizes": sizes, "held_out": config.vltseg.sources[source].held_out}
