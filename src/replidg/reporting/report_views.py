"""What the report's templates need of artefacts, papers and provenance, worked out beforehand."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from replidg.artefacts import PAPERS, Artefact, target
from replidg.metrics.comparable import comparable_datasets
from replidg.reporting.agreement import agreement_svg, both_sides
from replidg.reporting.report_captions import caption_html, first_sentence, plain_text
from replidg.reporting.report_cells import Grid, read_csv_grid, read_markdown_grid
from replidg.reporting.run_costs import rerun_command
from replidg.reporting.scorecard import (
    CLAIMS,
    STATES,
    VERDICT_STATES,
    count_claims,
    counts_by_target,
    in_order,
    read_claims,
    state_of,
    words_of,
)

MIME = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "csv": "text/csv;charset=utf-8",
    "md": "text/markdown;charset=utf-8",
    "tex": "application/x-tex;charset=utf-8",
}
_COPY_NAMES = {"csv": "CSV", "md": "Markdown", "tex": "LaTeX"}


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


@dataclass(frozen=True)
class Absent:
    """An artefact that this run has not: what it needs that the configuration lacks, in words."""

    artefact: Artefact
    lacks: tuple[str, ...] = ()


def papers_view(
    entries: Sequence[Entry],
    absent: Sequence[Absent],
    placed: pd.DataFrame,
    introductions: Mapping[str, str],
    configfiles: Sequence[str],
) -> list[dict[str, Any]]:
    """Group artefacts by paper: those of `PAPERS` in its order, then any others.

    Args:
        entries: what was run.
        absent: what was not.
        placed: verdicts with their `target`.
        introductions: reStructuredText by paper.
        configfiles: overlays of the run, for the commands.
    """
    counts = counts_by_target(placed)
    groups = {str(name): rows for name, rows in placed.groupby("target", sort=False)}
    papers = []
    for key in dict.fromkeys([*PAPERS, *(entry.artefact.paper for entry in entries)]):
        views = [
            _entry_view(entry, counts, groups, configfiles)
            for entry in entries
            if entry.artefact.paper == key
        ]
        if not views:
            continue
        title, arxiv = PAPERS.get(key, (key, ""))
        own = placed.loc[placed["paper"] == key, "verdict"].value_counts()
        numbers = in_order(own)
        claims = [claim for view in views for claim in view["claims"]]
        papers.append(
            {
                "key": key,
                "title": title,
                "arxiv": arxiv,
                "about": caption_html(introductions.get(key, ""), f"about-{key}"),
                "entries": views,
                "absent": [_absent_view(a, counts) for a in absent if a.artefact.paper == key],
                "bar": bar(numbers),
                "numbers": words_of(numbers),
                "claims": claims,
                "claim_words": words_of(count_claims(claims)),
            }
        )
    return papers


def _entry_view(
    entry: Entry,
    counts: Mapping[str, Mapping[str, int]],
    groups: Mapping[str, pd.DataFrame],
    configfiles: Sequence[str],
) -> dict[str, Any]:
    name, artefact = target(entry.artefact), entry.artefact
    caption = caption_html(entry.caption, name)
    label = f"{artefact.number}: {artefact.title}."
    picture = next((suffix for suffix in ("svg", "png") if suffix in entry.files), None)
    rows = groups.get(name)
    agreement = agreement_svg(rows) if rows is not None else None
    is_claims = artefact.name == CLAIMS and "csv" in entry.files
    claims = read_claims(entry.files["csv"]) if is_claims else []
    own = counts.get(name, {})
    return {
        "id": name,
        "paper": artefact.paper,
        "kind": artefact.kind,
        "number": artefact.number,
        "short": short_name(artefact),
        "title": artefact.title,
        "caption": caption,
        "alt": f"{label} {first_sentence(plain_text(caption))}".strip(),
        "picture": data_uri(picture, entry.files[picture]) if picture else None,
        "grid": _grid(entry.files),
        "copies": [
            (words, entry.files[suffix].decode("utf-8-sig", errors="replace"))
            for suffix, words in _COPY_NAMES.items()
            if suffix in entry.files
        ],
        # Pictures are saved from the page, which holds them once; see report.js.
        "saves": ["svg", "png"] if picture == "svg" else [],
        "downloads": [
            (suffix, f"{name}.{suffix}", data_uri(suffix, entry.files[suffix]))
            for suffix in MIME
            if suffix in entry.files and not (picture == "svg" and suffix in ("svg", "png"))
        ],
        "command": rerun_command(name, configfiles),
        "state": state_of(own, claims),
        "claims": claims,
        "bar": bar(own),
        "numbers": words_of(count_claims(claims)) if claims else words_of(own),
        "rows": 0 if rows is None else len(rows),
        "both": 0 if rows is None else len(both_sides(rows)),
        "agreement": data_uri("svg", agreement) if agreement else None,
    }


def _absent_view(absent: Absent, counts: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    name = target(absent.artefact)
    published = sum(n for verdict, n in counts.get(name, {}).items() if verdict == "not run")
    return {
        "id": name,
        "short": short_name(absent.artefact),
        "number": absent.artefact.number,
        "title": absent.artefact.title,
        "lacks": " and ".join(absent.lacks),
        "published": published,
        "state": STATES["absent"],
    }


def short_name(artefact: Artefact) -> str:
    """Return a name of a few letters: `T1a`, `F17`; its own where the paper has no number."""
    found = re.fullmatch(r"(Figure|Table) (\d\w*)", artefact.number)
    return f"{found[1][0]}{found[2]}" if found else artefact.name.replace("_", " ")


def bar(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the parts of a bar of verdicts: state, words and share of the whole in percent."""
    total = sum(counts.values())
    return [
        {"state": STATES[VERDICT_STATES[name]], "words": f"{n:,} {name}", "share": 100 * n / total}
        for name, n in counts.items()
    ]


def _grid(files: Mapping[str, bytes]) -> Grid | None:
    """Return the table as set for readers in Markdown, else the csv with its digits rounded."""
    grid = read_markdown_grid(files["md"]) if "md" in files else None
    if grid is None and "csv" in files:
        grid = read_csv_grid(files["csv"])
    return grid


def data_uri(suffix: str, data: bytes) -> str:
    """Return a file as an address that holds it."""
    return f"data:{MIME[suffix]};base64,{base64.b64encode(data).decode()}"


def provenance_view(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in missing parts, and add what the template would otherwise have to compute."""
    empty = {"config": "", "versions": {}, "hardware": {}, "stages": [], "datasets": []}
    parts = {**empty, "models": [], "costs": {}, "changes": None, "default": "", **provenance}
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
    known = ("dataset", "title", "images", "per_domain", "drift")
    first = ("source", "release", "licence", "license", "sha256", "fingerprint")
    others = [key for key in fact if key not in known and key not in first]
    domains = fact.get("per_domain") or {}
    drift = fact.get("drift") or {}
    return {
        "name": fact["dataset"],
        "title": fact.get("title", ""),
        "images": fact.get("images"),
        "domains": list(domains.items()) if isinstance(domains, Mapping) else [],
        "drift": [
            (place, pair.get("found"), pair.get("expected"))
            for place, pair in (drift.items() if isinstance(drift, Mapping) else ())
            if isinstance(pair, Mapping)
        ],
        "incomparable": _incomparable(fact),
        "facts": [(key, fact[key]) for key in first if fact.get(key) not in (None, "")],
        "others": [(key, fact[key]) for key in others if fact[key] not in (None, "", [], {})],
    }


def _incomparable(fact: Mapping[str, Any]) -> str | None:
    """Return why the data set is not the papers', empty if it is, None if nothing is known."""
    if "release" not in fact:
        return None
    drift = fact.get("drift")
    usable = {"release": fact["release"], "drift": drift if isinstance(drift, Mapping) else {}}
    return str(comparable_datasets({"": usable}).iloc[0]["reason"])


def _model(fact: Mapping[str, Any]) -> dict[str, Any]:
    """Bring accuracies to the unit interval, whether they came as shares or in percent."""
    given = [row.get("accuracy") for row in fact["rows"]]
    numbers = [value for value in given if isinstance(value, int | float)]
    scale = 100.0 if max(numbers, default=0.0) > 1.0 else 1.0
    shares = [value / scale if isinstance(value, int | float) else None for value in given]
    rows = [{**row, "accuracy": share} for row, share in zip(fact["rows"], shares, strict=True)]
    return {"name": fact["model"], "dataset": fact.get("dataset", ""), "rows": rows}
