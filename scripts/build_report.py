"""Build the report page from the artefacts of a run and what is known about it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from replidg.artefacts import PAPERS
from replidg.reporting.report import write_report
from replidg.reporting.report_inputs import (
    as_paths,
    gather_absent,
    gather_entries,
    gather_verdicts,
    random_models,
    read_caption,
    today,
)
from replidg.reporting.run_costs import collect, write_record


def build_report(
    html: str | Path,
    artefacts: Iterable[str | Path],
    captions: Iterable[str | Path],
    verified: Iterable[str | Path],
    models: Iterable[str | Path],
    benchmarks: str | Path,
    scale: str,
    config: Mapping[str, Any],
    verdicts: Iterable[str | Path] = (),
    lacks: Mapping[str, Iterable[str]] | None = None,
    gpus: Mapping[str, int] | None = None,
    configfiles: Iterable[str] = (),
    record: str | Path | None = None,
    date: str | None = None,
) -> None:
    """Write the report page.

    Args:
        html: The page to write.
        artefacts: Files of the figures and tables, `<paper>/figures/<name>.svg` and the like.
        captions: `<paper>_<name>.rst` for an artefact, `<paper>.rst` for a paper's introduction.
        verified: `.verified.json` files of the data sets.
        models: `zero_shot.json` files of the models.
        benchmarks: Folder of Snakemake's benchmark files.
        scale: Name of the scale.
        config: The config of the run.
        verdicts: `verdicts.csv` of the papers.
        lacks: By target, what an artefact needs that the configuration lacks.
        gpus: GPUs that a job of each rule asks for, by folder of its benchmark files.
        configfiles: Overlays of the run.
        record: Where the provenance goes as JSON.
        date: When the page is made; now if not given.
    """
    words = {path.stem: read_caption(path, config) for path in as_paths(captions)}
    root = Path(__file__).parents[1]
    provenance = collect(root, config, Path(benchmarks), as_paths(verified), as_paths(models), gpus)
    if record is not None:
        write_record(record, provenance)
    write_report(
        html,
        gather_entries(artefacts, words),
        provenance,
        scale,
        date=today() if date is None else date,
        introductions={paper: words[paper] for paper in PAPERS if paper in words},
        verdicts=gather_verdicts(verdicts),
        absent=gather_absent(lacks or {}),
        configfiles=list(configfiles),
        random=random_models(config),
    )


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    build_report(
        html=snakemake.output.html,
        record=snakemake.output.provenance,
        artefacts=as_paths(snakemake.input.artefacts),
        captions=as_paths(snakemake.input.captions),
        verified=as_paths(snakemake.input.verified),
        models=as_paths(snakemake.input.models),
        benchmarks=snakemake.params.benchmarks,
        scale=snakemake.params.scale,
        config=snakemake.params.config,
        verdicts=as_paths(snakemake.input.verdicts),
        lacks=snakemake.params.lacks,
        gpus=snakemake.params.gpus,
        configfiles=snakemake.params.configfiles,
    )
