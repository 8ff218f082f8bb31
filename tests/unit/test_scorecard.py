"""States, counts and data of the scorecard, on constructed verdicts."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from test_verdicts import paper, runs

from replidg.artefacts import ARTEFACTS, Artefact, of
from replidg.metrics.verdicts import (
    DEVIATES,
    NOT_COMPARABLE,
    NOT_RUN,
    REPRODUCED,
    UNPUBLISHED,
    VERDICTS,
    judge,
)
from replidg.reporting import agreement, scorecard, scorecard_data
from replidg.reporting.report import Absent, Entry, render_report
from replidg.reporting.report_views import short_name
from replidg.reporting.scorecard import (
    FAILS,
    HOLDS,
    ClaimRow,
    place,
    read_claims,
    state_of,
    words_of,
)


@pytest.mark.parametrize(
    ("counts", "key"),
    [
        ({REPRODUCED: 3}, "reproduced"),
        ({REPRODUCED: 3, UNPUBLISHED: 9}, "reproduced"),
        ({REPRODUCED: 3, NOT_RUN: 1}, "partly"),
        ({REPRODUCED: 3, NOT_COMPARABLE: 1}, "partly"),
        ({REPRODUCED: 99, DEVIATES: 1}, "deviates"),
        ({NOT_COMPARABLE: 1, NOT_RUN: 7}, "incomparable"),
        ({NOT_RUN: 7, UNPUBLISHED: 7}, "apart"),
        ({UNPUBLISHED: 7}, "unpublished"),
        ({}, "unpublished"),
    ],
)
def test_state_of_numbers(counts, key):
    assert state_of(counts).key == key


@pytest.mark.parametrize(
    ("results", "key"),
    [(["holds"], "holds"), (["holds", "cannot be told"], "untold"),
     (["holds", "cannot be told", "does not hold"], "fails")],
)  # fmt: skip
def test_state_of_claims(results, key):
    assert state_of({}, [ClaimRow("a", result, "b") for result in results]).key == key


def test_every_verdict_has_a_state_and_every_state_a_mark_of_its_tone():
    assert set(scorecard.VERDICT_STATES) == set(VERDICTS)
    assert set(scorecard.VERDICT_STATES.values()) <= set(scorecard.STATES)
    marks = {}
    for state in scorecard.STATES.values():
        marks.setdefault(state.mark, set()).add(state.tone)
    assert all(len(tones) == 1 for tones in marks.values())  # no mark in two colours


def verdicts(*places, **columns):
    """Verdicts at places (paper, artefact, dataset), all reproduced."""
    ours = pd.concat([runs(80, paper=p, artefact=a, dataset=d) for p, a, d in places])
    theirs = pd.concat([paper(paper=p, artefact=a, dataset=d) for p, a, d in places])
    return judge(ours, theirs).assign(**columns)


def test_numbers_are_put_to_their_artefact():
    placed = place(
        verdicts(
            ("scipd", "main", "PACS"), ("alignment", "table1b", "VLCS"),
            ("alignment", "text", "all"), ("alignment", "table1a", "PACS"),
            ("scipd", "main", "somewhere"), ("alignment", "table1a", "VLCS"),
        ),
        ARTEFACTS,
    )  # fmt: skip
    # In the order of the listing; within an artefact as they came; what has no artefact last.
    assert placed[["target", "dataset"]].to_numpy().tolist() == [
        ["alignment_table1a", "PACS"], ["alignment_table1a", "VLCS"], ["alignment_table1b", "VLCS"],
        ["scipd_main_pacs", "PACS"], ["", "all"], ["", "somewhere"],
    ]  # fmt: skip
    counts = scorecard.counts_by_target(placed)
    assert counts["alignment_table1a"] == {REPRODUCED: 2} and counts[""] == {REPRODUCED: 2}


def test_an_artefact_of_the_same_name_comes_before_one_with_a_data_set():
    listed = [Artefact("scipd", name, "table", "Table", "T") for name in ("main_pacs", "main")]
    assert place(verdicts(("scipd", "main", "PACS")), listed)["target"].tolist() == ["scipd_main"]


def test_no_verdicts_at_all():
    empty = verdicts(("scipd", "main", "PACS")).iloc[:0]
    placed = place(empty, ARTEFACTS)
    assert placed.empty and scorecard.counts_by_target(placed) == {}
    assert scorecard_data.encode(placed)["rows"] == 0


def test_counts_are_told_in_one_order():
    counts = scorecard.in_order({UNPUBLISHED: 1, NOT_RUN: 0, DEVIATES: 1200, REPRODUCED: 2})
    assert scorecard.words_of(counts) == "2 reproduced, 1,200 deviate, 1 no published value"


def test_claims_are_read_from_their_table_only():
    rows = read_claims(b'Claim,Result,Why\n"A, b.",holds,"x, y"\n')
    assert rows == [ClaimRow("A, b.", "holds", "x, y")]
    assert read_claims(b"method,PACS\nerm,1\n") == [] and read_claims(b"") == []


def test_data_come_back_as_they_were():
    table = verdicts(("alignment", "table1a", "PACS"), ("alignment", "table1a", "VLCS"))
    table.loc[0, ["delta", "sd"]] = [-0.123456789, np.inf]
    table.loc[1, "reason"] = "</script><!-- & \u2028"
    text = scorecard_data.as_json(scorecard_data.encode(place(table, ARTEFACTS)))
    assert "<" not in text and "&" not in text and "\u2028" not in text
    data = json.loads(text)
    assert data["rows"] == 2
    column = data["text"]["reason"]
    assert column["values"][column["codes"][1]] == "</script><!-- & \u2028"
    assert data["numbers"]["delta"][0] == -0.123457  # six digits
    assert data["numbers"]["sd"][0] is None  # JSON has no infinity
    assert data["numbers"]["ours"] == [80, 80] and data["numbers"]["n"] == [1, 1]
    assert data["states"][REPRODUCED] == "reproduced"


def agreement_rows():
    table = pd.concat([
        judge(pd.concat([runs(v, v + 1, setting=str(v)) for v in (80, 70, 60)]),
              pd.concat([paper(80, setting="80"), paper(50, setting="70")])),
        judge(runs(44000, metric="images"), paper(44001, tolerance=0, metric="images")),
    ])  # fmt: skip
    return table


def test_agreement_shows_each_number_of_both_sides_once():
    figure = agreement.draw_agreement(agreement_rows())
    assert [ax.get_xlabel() for ax in figure.axes] == [
        "Published (accuracy)", "Published (images)",
    ]  # fmt: skip
    points = {
        line.get_label(): list(zip(*line.get_data(), strict=True))
        for line in figure.axes[0].lines
        if line.get_marker() != "None"
    }
    assert points == {REPRODUCED: [(80.0, 80.5)], DEVIATES: [(50.0, 70.5)]}
    assert figure.axes[0].get_xlim() == figure.axes[0].get_ylim()
    markers = {line.get_marker() for line in figure.axes[0].lines}
    assert len(markers) == 3  # the line and two verdicts, told apart by shape


def test_agreement_is_repeatable_valid_svg_or_nothing():
    svg = agreement.agreement_svg(agreement_rows())
    assert svg == agreement.agreement_svg(agreement_rows())
    assert ET.fromstring(svg).tag.endswith("svg") and b"Published" in svg
    alone = judge(runs(1), paper().iloc[:0])
    assert agreement.agreement_svg(alone) is None


def test_wide_ranges_are_logarithmic():
    ours = pd.concat([runs(v, metric="images", domain=str(v)) for v in (15, 175000)])
    theirs = pd.concat([paper(v, metric="images", domain=str(v)) for v in (15, 175000)])
    (ax,) = agreement.draw_agreement(judge(ours, theirs)).axes
    assert ax.get_xscale() == ax.get_yscale() == "log"


def test_short_names():
    names = {a.number: short_name(a) for a in of("alignment")}
    assert names["Table 1a"] == "T1a" and names["Figure 17"] == "F17"
    assert short_name(of("scipd")[0]) == "main pacs"


def test_page_tells_states_of_papers_with_and_without_numbers():
    first, second, claims = (
        next(a for a in ARTEFACTS if (a.paper, a.name) == key)
        for key in (("alignment", "table1a"), ("scipd", "h2cv"), ("scipd", "claims"))
    )
    text = b"Claim,Result,Why\nA rises.,does not hold,no\nB rises.,holds,yes\n"
    html = render_report(
        [Entry(first), Entry(second), Entry(claims, files={"csv": text})], {}, "full",
        verdicts=verdicts(("alignment", "table1a", "PACS"), ("vltseg", "t1", "acdc")),
        absent=[Absent(of("alignment")[0], ("a corpus",))],
    )  # fmt: skip
    for words in (
        'id="alignment_table1a" data-entry data-paper="alignment" data-kind="table" '
        'data-state="reproduced"',
        'data-state="unpublished"', 'data-state="fails"',
        "of 2 qualitative claims: 1 holds, 1 does not hold",
        "No number of this paper is published here",
        "(not run: needs a corpus)",
    ):  # fmt: skip
        assert words in html, words
    # vltseg was not run: its verdicts are in the table of all numbers, without a section.
    assert "Not in this report: forgotten, robust_ft, vltseg." in html


def test_counts_in_words():
    assert words_of({"reproduced": 3, "deviates": 1}) == "3 reproduced, 1 deviates"
    assert words_of({"deviates": 2, HOLDS: 1, FAILS: 4}) == "2 deviate, 1 holds, 4 do not hold"
