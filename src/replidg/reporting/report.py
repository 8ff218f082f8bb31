"""The report: one self-contained page with every artefact and what made it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from replidg.artefacts import PAPERS, Artefact, target
from replidg.files import whole_file
from replidg.reporting.report_captions import caption_html, first_sentence, plain_text
from replidg.reporting.report_cells import Grid, read_csv_grid, read_markdown_grid, words_for

_TEMPLATES = Path(__file__).with_name("templates")
_MIME = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "csv": "text/csv;charset=utf-8",
    "md": "text/markdown;charset=utf-8",
    "tex": "application/x-tex;charset=utf-8",
}
#: Two rings that overlap: the paper's result and ours.
_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    b'<rect width="32" height="32" rx="8" fill="#0b5563"/><g fill="none" stroke-width="2.4">'
    b'<circle cx="12.5" cy="16" r="6.2" stroke="#fff"/>'
    b'<circle cx="19.5" cy="16" r="6.2" stroke="#8fd3dc"/></g></svg>'
)
_COPY_NAMES = {"csv": "CSV", "md": "Markdown", "tex": "LaTeX"}

#: What the numbers of each scale mean: a heading and a sentence or two.
SCALES: dict[str, tuple[str, str]] = {
    "demo": (
        "These numbers show that the pipeline works",
        "The demo uses pictures of 64 pixels and a tiny CLIP trained in this run, for few steps. "
        "Its numbers test the papers' qualitative claims; they are not comparable to the papers' "
        "numbers.",
    ),
    "rehearsal": (
        "These numbers mean nothing, by design",
        "A rehearsal walks through every job of the full run with the real architectures, two "
        "training steps a job and the demo's pictures. It shows that a machine is ready for the "
        "full run. No number here says anything about a method.",
    ),
    "full": (
        "These numbers can be held against the papers'",
        "The full run uses the papers' data sets, checkpoints and training budgets. Differences "
        "that remain, such as data sets that have changed since, are named beside the results.",
    ),
}
_OTHER_SCALE = (
    "These numbers come from a scale of its own",
    "How far they can be compared to the papers' numbers depends on the data, models and "
    "training budgets in the configuration at the end of this page.",
)


@dataclass(frozen=True)
class Entry:
    """One artefact as it stands in the report.

    Attributes:
        artefact: Which figure or table it is.
        caption: reStructuredText, with any Jinja already filled in.
        files: Contents by suffix: svg, png, csv, md, tex. Suffixes may be missing.
    """

    artefact: Artefact
    caption: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


def render_report(
    entries: Sequence[Entry],
    provenance: Mapping[str, Any],
    scale: str,
    *,
    date: str = "",
    introductions: Mapping[str, str] | None = None,
) -> str:
    """Return the page.

    Args:
        entries: Artefacts in the order in which the page shows them; papers are grouped.
        provenance: What `replidg.reporting.provenance.collect` returns; parts may be missing.
        scale: Name of the scale, e.g. `demo`.
        date: When the page was made, in words; left out if empty.
        introductions: reStructuredText by paper, set before the paper's artefacts.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words=words_for, duration=duration, percent=percent)
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    heading, words = SCALES.get(scale, _OTHER_SCALE)
    return environment.get_template("report.html.j2").render(
        scale={"name": scale, "known": scale in SCALES, "heading": heading, "words": words},
        date=date,
        papers=_papers(entries, introductions or {}),
        absent=[key for key in PAPERS if all(e.artefact.paper != key for e in entries)],
        provenance=_provenance(provenance),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        icon=_data_uri("svg", _ICON),
    )


def write_report(
    path: str | Path,
    entries: Sequence[Entry],
    provenance: Mapping[str, Any],
    scale: str,
    *,
    date: str = "",
    introductions: Mapping[str, str] | None = None,
) -> None:
    """Write the page under a temporary name, then move it into place.

    Args:
        path: The html file.
        entries: As for `render_report`, as are the others.
        provenance: Where the numbers come from.
        scale: Name of the scale.
        date: When the page was made.
        introductions: reStructuredText by paper.
    """
    page = render_report(entries, provenance, scale, date=date, introductions=introductions)
    with whole_file(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8", newline="\n")


def _papers(entries: Sequence[Entry], introductions: Mapping[str, str]) -> list[dict[str, Any]]:
    """Group entries by paper: those of `PAPERS` in its order, then any others."""
    keys = [*PAPERS, *(entry.artefact.paper for entry in entries)]
    papers = []
    for key in dict.fromkeys(keys):
        views = [_view(entry) for entry in entries if entry.artefact.paper == key]
        title, arxiv = PAPERS.get(key, (key, ""))
        about = caption_html(introductions.get(key, ""), f"about-{key}")
        if views:
            papers.append(
                {"key": key, "title": title, "arxiv": arxiv, "about": about, "entries": views}
            )
    return papers


def _view(entry: Entry) -> dict[str, Any]:
    """Return what the template needs of one entry."""
    name = target(entry.artefact)
    artefact = entry.artefact
    caption = caption_html(entry.caption, name)
    label = f"{artefact.number}: {artefact.title}."
    picture = next((suffix for suffix in ("svg", "png") if suffix in entry.files), None)
    return {
        "id": name,
        "paper": artefact.paper,
        "kind": artefact.kind,
        "number": artefact.number,
        "title": artefact.title,
        "caption": caption,
        "alt": f"{label} {first_sentence(plain_text(caption))}".strip(),
        "picture": _data_uri(picture, entry.files[picture]) if picture else None,
        "grid": _grid(entry.files),
        "copies": [
            (words, entry.files[suffix].decode("utf-8-sig", errors="replace"))
            for suffix, words in _COPY_NAMES.items()
            if suffix in entry.files
        ],
        "downloads": [
            (suffix, f"{name}.{suffix}", _data_uri(suffix, entry.files[suffix]))
            for suffix in _MIME
            if suffix in entry.files
        ],
        "command": f"./replidg {name}",
    }


def _grid(files: Mapping[str, bytes]) -> Grid | None:
    """Return the table as set for readers in Markdown, else the csv with its digits rounded."""
    grid = read_markdown_grid(files["md"]) if "md" in files else None
    if grid is None and "csv" in files:
        grid = read_csv_grid(files["csv"])
    return grid


def _data_uri(suffix: str, data: bytes) -> str:
    return f"data:{_MIME[suffix]};base64,{base64.b64encode(data).decode()}"


def _provenance(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in missing parts, and add what the template would otherwise have to compute."""
    empty = {"config": "", "versions": {}, "hardware": {}, "stages": [], "datasets": []}
    parts = {**empty, "models": [], **provenance}
    git = {"short": None, "dirty": False, "note": "unknown", **parts.get("git", {})}
    seconds = [stage["seconds"] or 0.0 for stage in parts["stages"]]
    return {
        **parts,
        "git": git,
        "longest": max(seconds, default=0.0),
        "total": sum(seconds),
        "jobs": sum(stage["jobs"] for stage in parts["stages"]),
        "datasets": [_dataset(fact) for fact in parts["datasets"]],
        "models": [_model(fact) for fact in parts["models"]],
    }


def _dataset(fact: Mapping[str, Any]) -> dict[str, Any]:
    """Put the known facts of a data set in order, and the others after them."""
    known = ("dataset", "title", "images", "per_domain")
    first = ("source", "licence", "license", "sha256", "fingerprint")
    others = [key for key in fact if key not in known and key not in first]
    domains = fact.get("per_domain") or {}
    return {
        "name": fact["dataset"],
        "title": fact.get("title", ""),
        "images": fact.get("images"),
        "domains": list(domains.items()) if isinstance(domains, Mapping) else [],
        "facts": [(key, fact[key]) for key in first if fact.get(key) not in (None, "")],
        "others": [(key, fact[key]) for key in others if fact[key] not in (None, "", [], {})],
    }


def _model(fact: Mapping[str, Any]) -> dict[str, Any]:
    """Bring accuracies to the unit interval, whether they came as shares or in percent."""
    given = [row.get("accuracy") for row in fact["rows"]]
    numbers = [value for value in given if isinstance(value, int | float)]
    scale = 100.0 if max(numbers, default=0.0) > 1.0 else 1.0
    shares = [value / scale if isinstance(value, int | float) else None for value in given]
    rows = [{**row, "accuracy": share} for row, share in zip(fact["rows"], shares, strict=True)]
    return {"name": fact["model"], "dataset": fact.get("dataset", ""), "rows": rows}


def percent(share: float | None) -> str:
    """Return a share of one as a percentage, e.g. `78.9 %`."""
    return "\u2013" if share is None else f"{100 * share:.1f}\u202f%"


def duration(seconds: float | None) -> str:
    """Return a time in the two units a reader would say, e.g. `3 min 05 s`."""
    if seconds is None:
        return "\u2013"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours == 0:
        return f"{minutes} min {rest:02d} s"
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"
