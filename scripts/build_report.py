"""Build the report page from the artefacts of a run and what is known about it."""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from replidg.artefacts import ARTEFACTS, PAPERS, SUFFIXES, target
from replidg.metrics.verdict_files import read_verdicts
from replidg.reporting.report import Absent, Entry, write_report
from replidg.reporting.report_captions import fill_caption
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
    words = {path.stem: read_caption(path, config) for path in _paths(captions)}
    root = Path(__file__).parents[1]
    tables = [read_verdicts(path) for path in _paths(verdicts)]
    lacks = lacks or {}
    provenance = collect(root, config, Path(benchmarks), _paths(verified), _paths(models), gpus)
    if record is not None:
        write_record(record, provenance)
    write_report(
        html,
        gather_entries(artefacts, words),
        provenance,
        scale,
        date=today() if date is None else date,
        introductions={paper: words[paper] for paper in PAPERS if paper in words},
        verdicts=pd.concat(tables, ignore_index=True) if tables else None,
        absent=[Absent(a, tuple(lacks[target(a)])) for a in ARTEFACTS if target(a) in lacks],
        configfiles=list(configfiles),
    )


def gather_entries(artefacts: Iterable[str | Path], captions: Mapping[str, str]) -> list[Entry]:
    """Sort files to the artefacts they belong to, in the order of the listing.

    Args:
        artefacts: Files of figures and tables.
        captions: Captions by target.

    Raises:
        ValueError: If a file belongs to no artefact of the listing.
    """
    found: dict[tuple[str, str, str], dict[str, bytes]] = {}
    for path in _paths(artefacts):
        kind = path.parent.name.removesuffix("s")
        key = (path.parent.parent.name, kind, path.stem)
        found.setdefault(key, {})[path.suffix.removeprefix(".")] = path.read_bytes()
    entries = []
    for artefact in ARTEFACTS:
        files = found.pop((artefact.paper, artefact.kind, artefact.name), None)
        if files is not None:
            known = {suffix: files[suffix] for suffix in sorted(files) if suffix in _suffixes()}
            entries.append(Entry(artefact, captions.get(target(artefact), ""), known))
    if found:
        names = ", ".join("/".join(key) for key in sorted(found))
        raise ValueError(f"files of no artefact in replidg.artefacts: {names}")
    return entries


def read_caption(path: Path, config: Mapping[str, Any]) -> str:
    """Return a caption with the config filled in."""
    try:
        return fill_caption(path.read_text(encoding="utf-8"), config)
    except Exception as problem:
        problem.add_note(f"in the caption {path.name}")
        raise


def today() -> str:
    """Return the date in words, of `SOURCE_DATE_EPOCH` where that is set."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return f"{now.day} {now:%B %Y, %H:%M} UTC"


def _suffixes() -> set[str]:
    return {suffix for suffixes in SUFFIXES.values() for suffix in suffixes}


def _paths(paths: str | Path | Iterable[str | Path]) -> list[Path]:
    """Return paths as a list; Snakemake hands over a single file as a string."""
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])  # noqa: F821
    build_report(
        html=snakemake.output.html,  # noqa: F821
        record=snakemake.output.provenance,  # noqa: F821
        artefacts=_paths(snakemake.input.artefacts),  # noqa: F821
        captions=_paths(snakemake.input.captions),  # noqa: F821
        verified=_paths(snakemake.input.verified),  # noqa: F821
        models=_paths(snakemake.input.models),  # noqa: F821
        benchmarks=snakemake.params.benchmarks,  # noqa: F821
        scale=snakemake.params.scale,  # noqa: F821
        config=snakemake.params.config,  # noqa: F821
        verdicts=_paths(snakemake.input.verdicts),  # noqa: F821
        lacks=snakemake.params.lacks,  # noqa: F821
        gpus=snakemake.params.gpus,  # noqa: F821
        configfiles=snakemake.params.configfiles,  # noqa: F821
    )
