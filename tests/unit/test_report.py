"""The report page, taken apart again by a parser."""

import base64
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from report_pages import CSV, ENTRIES, EVIL, MARKDOWN, PROVENANCE, SVG, TEX, Page, entry
from test_verdicts import paper, runs

from replidg.artefacts import ARTEFACTS, PAPERS, Artefact, of, target
from replidg.metrics.verdicts import judge
from replidg.reporting import report
from replidg.reporting.report import Absent, Entry, render_report, write_report
from replidg.reporting.report_assets import read_template
from replidg.reporting.report_inputs import random_models


@pytest.fixture(scope="module")
def html():
    return render_report(ENTRIES, PROVENANCE, "demo", date="1 May 2025")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_nothing_is_loaded_from_elsewhere(html, page):
    for tag, attrs in page.tags:
        for name in ("src", "href", "srcset", "poster", "action", "data", "xlink:href"):
            value = attrs.get(name)
            assert value is None or re.match(r"#|data:", value), (tag, name, value[:80])
        assert tag not in ("iframe", "object", "embed", "base")
        assert not any(name.startswith("on") for name in attrs)
    # The tables' library, whose parts come first, names addresses in comments; the policy below
    # keeps it from loading anything (tests in a browser hold that it is enforced).
    library_style, own_style = page.styles
    assert not re.search(r"url\((?!data:)|@import", library_style)
    own_script = page.scripts[0] + read_template("scorecard.js")
    assert not re.search(r"url\(|@import|//[a-z]|fetch\(|XMLHttp", own_style + own_script)
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_policy_lets_exactly_the_page_s_scripts_run(html):
    scripts = re.findall(r"<script(?: type=\"module\")?>(.*?)</script>", html, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    assert len(scripts) == 2
    assert f"script-src 'sha256-{digests[0]}' 'sha256-{digests[1]}';" in html


def test_ids_are_unique_and_links_lead_somewhere(page):
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for attrs in page.all("a"):
        assert not attrs["href"].startswith("#") or attrs["href"][1:] in ids
    for _, attrs in page.tags:
        for name in ("aria-labelledby", "for"):
            assert attrs.get(name, ids[0]) in ids


def test_pictures_controls_and_language_are_accessible(page):
    images = page.all("img")
    assert all("alt" in attrs for attrs in images)
    figures = [attrs["alt"] for attrs in images if attrs["src"].startswith("data:image/svg")]
    assert "Figure 2b: Accuracy of one method against AlignmentScore. Some bold words." in figures
    assert page.all("html")[0]["lang"] == "en"
    assert page.all("a")[0] == {"class": "skip", "href": "#main"}
    labels = {attrs.get("for") for attrs in page.all("label")}
    assert "q" in labels
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))


def test_every_entry_appears_with_its_command(html, page):
    articles = {attrs["id"]: attrs for attrs in page.all("article")}
    assert list(articles) == [target(artefact) for artefact in ARTEFACTS]
    for artefact in ARTEFACTS:
        name = target(artefact)
        assert articles[name]["data-kind"] == artefact.kind
        assert articles[name]["data-paper"] == artefact.paper
        assert f"./replidg {name}" in page.text
        assert {"href": f"#{name}"} in page.all("a")
        saves = [b["data-save"] for b in page.all("button") if b.get("data-name") == name]
        assert saves == (["svg", "png"] if artefact.kind == "figure" else [])
        for suffix in () if artefact.kind == "figure" else ("csv", "md", "tex"):
            assert f'download="{name}.{suffix}"' in html
    embedded = f"data:image/svg+xml;base64,{base64.b64encode(SVG).decode()}"
    figures = sum(artefact.kind == "figure" for artefact in ARTEFACTS)
    assert html.count(embedded) == figures  # each picture once, whatever can be saved of it
    assert html.count(f'<img src="{embedded}"') == figures


def test_copy_buttons_carry_the_exact_text(page):
    copies = {
        attrs["aria-label"]: attrs["data-copy"]
        for attrs in page.all("button")
        if "data-copy" in attrs
    }
    assert copies["Copy CSV of Table 1a"] == CSV.decode()
    assert copies["Copy Markdown of Table 1a"] == MARKDOWN.decode()
    assert copies["Copy LaTeX of Table 1a"] == TEX.decode()
    assert copies["Copy the command that makes Table 1a"] == "./replidg alignment_table1a"
    assert copies["Copy YAML of the configuration"] == PROVENANCE["config"]
    downloads = {a["download"]: a["href"] for a in page.all("a") if "download" in a}
    data = downloads["alignment_table1a.csv"].partition("base64,")[2]
    assert base64.b64decode(data) == CSV


def test_provenance_is_told(page):
    for words in (
        "9,991 images", "photo 1,670", "https://example.org/pacs.zip", "50.0", "held out",
        "2 min 05 s", "1,200 MB", "torch 2.0", "not installed", "A fast one", "local changes",
        "1 May 2025", "in 3 jobs", "aaaaaaaaaa", "unreadable",
    ):  # fmt: skip
        assert words in page.text, words


def test_same_input_same_page(html):
    assert render_report(ENTRIES, PROVENANCE, "demo", date="1 May 2025") == html


def test_random_weights_are_told_whatever_the_scale_is_called(tmp_path):
    for name, facts in (("a", '{"random_weights": true}'), ("b", "{}"), ("c", "{}")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text(facts)
    names = random_models({"models": {"a": {}, "b": {}, "missing": {}}}, tmp_path)
    assert names == ["a"]
    text = Page(render_report(ENTRIES[:1], {}, "full", random=names)).text
    assert "Random weights stand in the place of the checkpoints of a." in text
    assert "These numbers mean nothing" in text and "can be held against" not in text


def test_scales_have_words_of_their_own():
    pages = [Page(render_report(ENTRIES[:1], {}, s)).text for s in (*report.SCALES, "mine")]
    assert "tiny models trained in this run" in pages[0]
    assert "not comparable to the papers' numbers" in pages[0]
    assert [sum("tiny models" in text for text in pages), len(set(pages))] == [1, 4]
    assert "a scale of its own" in pages[3]


def test_hostile_strings_stay_words():
    hostile = Artefact("alignment", "table1a", "table", EVIL, EVIL)
    files = {
        "csv": f'method,"{EVIL.replace(chr(34), chr(34) * 2)}"\n{EVIL.split()[0]},1\n'.encode(),
        "tex": EVIL.encode(),
    }
    bad = {
        "git": {"short": EVIL, "dirty": False, "note": EVIL},
        "config": f"a: '{EVIL}'\n",
        "versions": {EVIL: EVIL},
        "hardware": {EVIL: EVIL},
        "stages": [{**PROVENANCE["stages"][0], "rule": EVIL}],
        "datasets": [{"dataset": EVIL, "per_domain": {EVIL: EVIL}, "images": EVIL, EVIL: EVIL}],
        "models": [{"model": EVIL, "rows": [{"domain": EVIL, "share": EVIL, "accuracy": EVIL}]}],
    }
    caption = EVIL + "\n\n.. raw:: html\n\n   " + EVIL
    table = judge(runs(1, setting=EVIL), paper(setting=EVIL, source=EVIL, note="</script>"))
    page = Page(
        render_report(
            [Entry(hostile, caption, files)], bad, EVIL, date=EVIL, verdicts=table,
            absent=[Absent(of("alignment")[0], (EVIL,))], configfiles=[EVIL],
        )
    )  # fmt: skip
    assert len(page.all("script")) == 3
    assert json.loads(page.scripts[1])["text"]["note"]["values"] == ["</script>"]
    assert not any("onerror" in attrs for attrs in page.all("img"))
    copies = [attrs.get("data-copy") for attrs in page.all("button")]
    assert EVIL in copies and files["csv"].decode() in copies


def test_page_of_nothing_and_of_papers_to_come():
    empty = Page(render_report([], {}, "demo")).text
    assert "0 artefacts" in empty and f"Not in this report: {', '.join(PAPERS)}." in empty
    later = [Artefact("vltseg", "t1", "table", "Table 1", "T"),
             Artefact("sixth", "fig1", "figure", "Figure 1", "F")]  # fmt: skip
    page = Page(render_report([*map(Entry, later), *map(entry, of("alignment")[:1])], {}, "full"))
    order = [attrs["data-paper"] for attrs in page.all("article")]
    assert order == ["alignment", "vltseg", "sixth"]
    values = [a["value"] for a in page.all("input") if a.get("name") == "paper"]
    assert values == ["", "alignment", "vltseg", "sixth"]
    assert "No file of this table was found." in page.text


def test_introductions_stand_before_a_paper():
    text = Page(render_report(ENTRIES, {}, "demo", introductions={"alignment": "*Hello.*"})).text
    assert text.index("Hello.") < text.index("./replidg")


def test_write_replaces_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "report.html"
    write_report(path, ENTRIES, PROVENANCE, "demo", date="1 May 2025")
    before = path.read_bytes()
    assert before.rstrip().endswith(b"</html>")
    with pytest.raises(UnicodeEncodeError):
        write_report(path, ENTRIES, PROVENANCE, "\udcff", date="")
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_contrast(theme):
    css = (Path(report.__file__).parent / "templates" / "report.css").read_text()
    block = css[css.index("set dark") :] if theme == "dark" else css[css.index(":root {") :]
    colours = {}
    for name, value in re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block):
        colours.setdefault(name, value)
    pairs = [(front, back) for front in ("ink", "muted", "accent")
             for back in ("page", "surface", "sunken")]  # fmt: skip
    pairs += [("ink", "accent-soft"), ("accent", "accent-soft"), ("on-accent", "accent")]
    pairs += [(tone, f"{tone}-soft") for tone in ("warm", "good", "bad", "violet")]
    for front, back in pairs:
        assert contrast(colours[front], colours[back]) >= 4.5, (front, back)


def contrast(front, back):
    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(front), luminance(back)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "\u2013"), (0.04, "0.0 s"), (59.94, "59.9 s"), (59.97, "1 min 00 s"),
     (125, "2 min 05 s"), (3599.7, "1 h 00 min"), (90000, "25 h 00 min"), (2e5, "2 d 7 h")],
)  # fmt: skip
def test_durations(seconds, words):
    assert report.duration(seconds) == words
