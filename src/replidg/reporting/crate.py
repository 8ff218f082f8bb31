"""A run as an RO-Crate: results, code, configuration, pins and provenance in one zip file.

Described by the Workflow Run RO-Crate profile (Leo et al., PLOS ONE 19(9), 2024): the Snakemake
workflow is the main entity, and one CreateAction says what it was run with and what came out.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from replidg.artefacts import PAPERS
from replidg.files import whole_file

if TYPE_CHECKING:
    from rocrate.rocrate import ROCrate

WORKFLOW = "workflow/Snakefile"
LOCK = "envs/requirements.lock"
#: Hashes of what was downloaded without a known one; a run writes it, so git need not know it.
DATA_LOCK = "config/data.lock.yaml"
#: What makes a run again; tests, docs and tools stay out.
CODE = (
    "Snakefile", "config.yaml", "replidg", "pyproject.toml", "README.md", "LICENSE",
    "CITATION.cff", "workflow", "scripts", "src", "config", "envs", "LICENSES",
)  # fmt: skip
#: The RO-Crate specification that these profiles are written for.
_SPECIFICATION = "1.1"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
#: Annotation pages hold pictures of data sets that their owners may not let anybody pass on.
_LEFT_OUT = ("annotation",)
_RESULT_SUFFIXES = frozenset({".csv", ".md", ".tex", ".svg", ".png", ".parquet", ".json"})
_MEDIA = {
    ".csv": "text/csv", ".md": "text/markdown", ".tex": "application/x-tex",
    ".svg": "image/svg+xml", ".png": "image/png", ".html": "text/html", ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet", ".tsv": "text/tab-separated-values",
    ".yaml": "application/yaml",
}  # fmt: skip


class CrateError(ValueError):
    """There is nothing to bundle, or what is there is not complete."""


@dataclass(frozen=True)
class Author:
    """Who made the run: a name and, where given, an ORCID such as 0000-0002-1825-0097."""

    name: str
    orcid: str = ""


def parse_author(text: str) -> Author:
    """Read `Name` or `Name <ORCID>`.

    Raises:
        CrateError: what stands in angle brackets is no ORCID.
    """
    found = re.fullmatch(r"\s*([^<>]+?)\s*(?:<\s*(?:https://orcid\.org/)?([^<>]*?)\s*>)?\s*", text)
    if found is None or (found[2] and not re.fullmatch(r"(\d{4}-){3}\d{3}[\dX]", found[2])):
        raise CrateError(f"author {text!r}: write 'Name' or 'Name <0000-0002-1825-0097>'")
    return Author(found[1], found[2] or "")


def code_files(root: Path) -> list[Path]:
    """Return the files that make a run again, relative to the checkout.

    Those that git tracks; without git, all but caches.

    Args:
        root: of the checkout.
    """
    try:
        command = ["git", "-C", str(root), "ls-files", "-z", "--", *CODE]
        told = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
        names = [
            Path(os.fsdecode(name)) for name in (*told.split(b"\0"), DATA_LOCK.encode()) if name
        ]
    except (OSError, subprocess.SubprocessError):
        found = [p for name in CODE for p in (root / name, *(root / name).rglob("*"))]
        names = [p.relative_to(root) for p in found if "__pycache__" not in p.parts]
    return sorted({name for name in names if (root / name).is_file()})


def result_files(results: Path, predictions: bool = False) -> list[Path]:
    """Return the files of a run that a reader wants, relative to the results.

    Args:
        results: folder of the results.
        predictions: each run's predictions and metrics, too.
    """
    found = [results / name for name in ("report.html", "provenance.json")]
    for paper in PAPERS:
        found += (results / paper).rglob("*")
    if predictions:
        for folder in ("runs", "zero_shot"):
            found += (results / folder).rglob("*")
    return sorted(
        path.relative_to(results)
        for path in found
        if path.is_file()
        and not path.name.startswith(".")  # what a job that was killed had begun to write
        and (path.suffix in _RESULT_SUFFIXES or path.name == "report.html")
        and not set(path.relative_to(results).parts) & set(_LEFT_OUT)
    )


def read_record(results: Path) -> dict[str, Any]:
    """Return what the report recorded of the run.

    Raises:
        CrateError: there is no report, or its record cannot be read.
    """
    path = results / "provenance.json"
    if not (results / "report.html").exists() or not path.exists():
        raise CrateError(f"no report in {results}: ./replidg report makes it and {path.name}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CrateError(f"{path} is damaged ({error}); ./replidg -R build_report") from None


def make_crate(
    root: Path,
    results: Path,
    benchmarks: Path,
    *,
    authors: Sequence[Author] = (),
    licence: str = "",
    predictions: bool = False,
) -> ROCrate:
    """Describe a finished run; files are read when the crate is written.

    Args:
        root: of the checkout.
        results: of the run, with its report.
        benchmarks: Snakemake's benchmark files.
        authors: of the run.
        licence: SPDX identifier of the results; that of the code is its own.
        predictions: put each run's predictions in.

    Raises:
        CrateError: there is no finished report.
    """
    from rocrate.model import ContextEntity
    from rocrate.rocrate import ROCrate

    record = read_record(results)
    git, crate = record.get("git", {}), ROCrate(version=_SPECIFICATION)
    crate.name = f"replidg run at commit {git.get('short') or 'unknown'}"
    crate.description = (
        "Results of replidg, a workflow that replicates papers on the domain generalization of "
        "vision-language models, with the code, configuration and pinned packages that made them."
    )
    crate.license = _licence(crate, licence)
    people = [_person(crate, author) for author in authors]
    if people:
        crate.root_dataset["author"] = _one_or_all(people)
    workflow, code = _add_code(crate, root, record)
    inputs = [*code, _add_text(crate, "run/configuration.yaml", record.get("config", ""))]
    outputs = [
        _add(crate, results / name, PurePosixPath("results") / name.as_posix())
        for name in result_files(results, predictions)
    ]
    times = sorted(Path(benchmarks).rglob("*.tsv"))
    outputs += [
        _add(crate, path, PurePosixPath("benchmarks") / path.relative_to(benchmarks).as_posix())
        for path in times
    ]
    properties = {
        "@type": "CreateAction",
        "name": "The run",
        "description": "Snakemake's run of the workflow with this configuration and these pins",
        **_when(times, results),
    }
    action = crate.add_action(workflow, "#run", inputs, outputs, properties)
    crate.root_dataset["mentions"] = action
    if people:
        action["agent"] = _one_or_all(people)
    for address, (name, version) in _PROFILES.items():
        entity = {"@type": "CreativeWork", "name": name, "version": version}
        crate.add(ContextEntity(crate, address, properties=entity))
    crate.root_dataset["conformsTo"] = [{"@id": address} for address in _PROFILES]
    return crate


def write_crate(crate: ROCrate, path: Path) -> None:
    """Write the zip file under a temporary name, then move it into place."""
    with whole_file(path) as unfinished:
        crate.write_zip(unfinished)


def _one_or_all(entities: list[Any]) -> Any:
    """Return the only entity by itself, as RO-Crate recommends, or all."""
    return entities[0] if len(entities) == 1 else entities


def _licence(crate: ROCrate, licence: str) -> Any:
    from rocrate.model import ContextEntity

    if not licence:
        return "not chosen for the results; the code's is in code/LICENSE"
    properties = {"@type": "CreativeWork", "name": licence}
    address = f"https://spdx.org/licenses/{licence}"
    return crate.add(ContextEntity(crate, address, properties=properties))


def _person(crate: ROCrate, author: Author) -> Any:
    from rocrate.model import Person

    name = f"https://orcid.org/{author.orcid}" if author.orcid else f"#{author.name}"
    return crate.add(Person(crate, name, properties={"name": author.name}))


def _add_code(crate: ROCrate, root: Path, record: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Add the checkout's files; return the workflow and what a run is configured by."""
    names = code_files(root)
    for needed in (WORKFLOW, LOCK):
        if Path(needed) not in names:
            raise CrateError(f"{root / needed} is missing: bundle from a checkout of replidg")
    version = record.get("versions", {}).get("snakemake")
    properties = {
        "name": "replidg",
        "license": "https://spdx.org/licenses/MIT",
        "version": record.get("git", {}).get("note", "unknown"),
        "softwareRequirements": {"@id": f"code/{LOCK}"},
    }
    workflow = crate.add_workflow(
        root / WORKFLOW, f"code/{WORKFLOW}", main=True, lang="snakemake", lang_version=version,
        properties=properties,
    )  # fmt: skip
    inputs = []
    for name in names:
        if name.as_posix() != WORKFLOW:
            entity = _add(crate, root / name, PurePosixPath("code") / name.as_posix())
            inputs += [entity] if name.as_posix() == LOCK else []
    return workflow, inputs


def _add(crate: ROCrate, path: Path, place: PurePosixPath) -> Any:
    properties = {"name": place.name}
    if path.suffix in _MEDIA:
        properties["encodingFormat"] = _MEDIA[path.suffix]
    return crate.add_file(path, str(place), properties=properties, record_size=True)


def _add_text(crate: ROCrate, place: str, text: str) -> Any:
    from io import StringIO

    properties = {"name": Path(place).name, "encodingFormat": "application/yaml"}
    return crate.add_file(StringIO(text), place, properties=properties)


def _when(benchmarks: Iterable[Path], results: Path) -> dict[str, str]:
    """Return when the first of the jobs began and the report was written, by their files' times.

    A file is written when its job ends and says how long that took.
    """
    starts = []
    for path in benchmarks:
        seconds = path.read_text(encoding="utf-8").splitlines()[-1].split("\t")[0]
        if re.fullmatch(r"\d+(\.\d+)?", seconds):
            starts.append(path.stat().st_mtime - float(seconds))
    end = (results / "report.html").stat().st_mtime
    told = {"startTime": min(starts, default=end), "endTime": end}
    return {
        key: datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
        for key, value in told.items()
    }
