"""The report: one self-contained page with every artefact, how it stands, and what made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from replidg.artefacts import ARTEFACTS, PAPERS
from replidg.files import whole_file
from replidg.metrics.verdicts import COLUMNS
from replidg.reporting.report_assets import (
    TEMPLATES,
    read_template,
    script_hash,
    table_script,
    table_style,
)
from replidg.reporting.report_cells import words_for
from replidg.reporting.report_views import (
    Absent,
    Entry,
    bar,
    data_uri,
    papers_view,
    provenance_view,
)
from replidg.reporting.scorecard import STATES, count_claims, in_order, place, words_of
from replidg.reporting.scorecard_data import as_json, encode

__all__ = ["SCALES", "Absent", "Entry", "duration", "render_report", "write_report"]

#: Two rings that overlap: the paper's result and ours.
_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    b'<rect width="32" height="32" rx="8" fill="#0b5563"/><g fill="none" stroke-width="2.4">'
    b'<circle cx="12.5" cy="16" r="6.2" stroke="#fff"/>'
    b'<circle cx="19.5" cy="16" r="6.2" stroke="#8fd3dc"/></g></svg>'
)

#: What the numbers of each scale mean: a heading and a sentence or two.
SCALES: dict[str, tuple[str, str]] = {
    "demo": (
        "These numbers show that the pipeline works",
        "The demo uses small pictures and tiny models trained in this run, for few steps. "
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


def render_report(
    entries: Sequence[Entry],
    provenance: Mapping[str, Any],
    scale: str,
    *,
    date: str = "",
    introductions: Mapping[str, str] | None = None,
    verdicts: pd.DataFrame | None = None,
    absent: Sequence[Absent] = (),
    configfiles: Sequence[str] = (),
    random: Sequence[str] = (),
) -> str:
    """Return the page.

    Args:
        entries: Artefacts in the order in which the page shows them; papers are grouped.
        provenance: What `replidg.reporting.provenance.collect` returns; parts may be missing.
        scale: Name of the scale, e.g. `demo`.
        date: When the page was made, in words; left out if empty.
        introductions: reStructuredText by paper, set before the paper's artefacts.
        verdicts: Of all papers that have any, `replidg.metrics.verdicts.COLUMNS`.
        absent: Artefacts of these papers that the configuration cannot make.
        configfiles: Overlays of the run, for the commands that make one artefact again.
        random: Models whose weights are random in the place of a checkpoint.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words=words_for, duration=duration, percent=percent, hours=hours)
    heading, words = SCALES.get(scale, _OTHER_SCALE)
    if random:
        heading = SCALES["rehearsal"][0]
        words += f" Random weights stand in the place of the checkpoints of {', '.join(random)}."
    known = [*ARTEFACTS, *(entry.artefact for entry in entries)]
    table = pd.DataFrame(columns=COLUMNS) if verdicts is None else verdicts
    placed = place(table, list(dict.fromkeys(known)))
    papers = papers_view(entries, absent, placed, introductions or {}, configfiles)
    claims = [claim for paper in papers for claim in paper["claims"]]
    numbers = in_order(placed["verdict"].value_counts())
    script, tables = read_template("report.js"), table_script()
    return environment.get_template("report.html.j2").render(
        scale={"name": scale, "known": scale in SCALES, "heading": heading, "words": words},
        date=date,
        papers=papers,
        absent=[key for key in PAPERS if all(e.artefact.paper != key for e in entries)],
        states=_states_seen(papers),
        numbers={"bar": bar(numbers), "words": words_of(numbers), "rows": len(placed)},
        claims={"all": claims, "words": words_of(count_claims(claims))},
        provenance=provenance_view(provenance),
        data=as_json(encode(placed)),
        script=script,
        tables=tables,
        table_style=table_style(),
        hashes=[script_hash(script), script_hash(tables)],
        icon=data_uri("svg", _ICON),
    )


def _states_seen(papers: Sequence[Mapping[str, Any]]) -> list[tuple[Any, int]]:
    """Return the states that artefacts have, in the legend's order, and how many have each."""
    seen = [view["state"].key for paper in papers for view in paper["entries"]]
    return [(state, seen.count(key)) for key, state in STATES.items() if key in seen]


def write_report(
    path: str | Path,
    entries: Sequence[Entry],
    provenance: Mapping[str, Any],
    scale: str,
    **options: Any,
) -> None:
    """Write the page under a temporary name, then move it into place.

    Args:
        path: The html file.
        entries: As for `render_report`, as are the others.
        provenance: Where the numbers come from.
        scale: Name of the scale.
        **options: Passed on.
    """
    page = render_report(entries, provenance, scale, **options)
    with whole_file(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8", newline="\n")


def percent(share: float | None) -> str:
    """Return a share of one as a percentage, e.g. `78.9 %`."""
    return "\u2013" if share is None else f"{100 * share:.1f}\u202f%"


def hours(value: float | None) -> str:
    """Return hours with two digits, e.g. `0.34 h`, or `unknown`."""
    return "unknown" if value is None else f"{value:,.2f}\u202fh"


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
