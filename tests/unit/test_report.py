"""The report page, taken apart again by a parser."""

import base64
import hashlib
import importlib.util
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from test_verdicts import paper, runs

from replidg.artefacts import ARTEFACTS, PAPERS, Artefact, of, target
from replidg.metrics.verdict_files import write_verdicts
from replidg.metrics.verdicts import judge
from replidg.reporting import report, report_inputs
from replidg.reporting.report import Absent, Entry, render_report, write_report
from replidg.reporting.report_assets import read_template
from replidg.reporting.report_captions import caption_html, fill_caption, first_sentence
from replidg.reporting.report_cells import read_csv_grid, read_markdown_grid, words_for
from replidg.reporting.report_inputs import random_models

ROOT = Path(__file__).parents[2]
EVIL = '<script>alert("1")</script><img src=x onerror=alert(2)>'
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><g id="axes_1"/></svg>'
CSV = b"method,PACS,PACS_sd,Average\nzero_shot,61.23456,,61.23456\nerm,70.00004,1.25,70.00004\n"
MARKDOWN = (
    "A caption.\n\n| Method | PACS | Average |\n| :--- | ---: | ---: |\n"
    "| zero-shot | 61.2 | 61.2 |\n| ERM | **70.0 ± 1.2** | **70.0** |\n| a \\| b | \u2013 | 1 |\n"
).encode()
TEX = b'\\begin{tabular}{lr}\nA & "1" \\\\\n\\end{tabular}\n'
VOID = {"meta", "link", "img", "input", "br", "hr", "source", "wbr"}


class Page(HTMLParser):
    """Tags with their attributes, the text, and a check that all tags are closed in order."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.texts, self.styles, self.scripts = [], [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        inside = self.open[-1] if self.open else ""
        {"style": self.styles, "script": self.scripts}.get(inside, self.texts).append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def entry(artefact, caption="Some **bold** words. And more."):
    figure = {"svg": SVG, "png": b"\x89PNG"}
    table = {"csv": CSV, "md": MARKDOWN, "tex": TEX}
    return Entry(artefact, caption, figure if artefact.kind == "figure" else table)


ENTRIES = [entry(artefact) for artefact in ARTEFACTS]
PROVENANCE = {
    "git": {"commit": "a" * 40, "short": "a" * 10, "dirty": True, "note": "aaaaaaaaaa, changed"},
    "config": "scale: demo\nseeds:\n- 0\n",
    "versions": {"torch": "2.0", "wilds": "not installed"},
    "hardware": {"Processor": "A fast one", "GPU": "none found"},
    "stages": [
        {"rule": "train", "jobs": 2, "seconds": 125.0, "cpu_seconds": 3.0, "max_memory_mb": 1200.0},
        {"rule": "draw", "jobs": 1, "seconds": None, "cpu_seconds": None, "max_memory_mb": None},
    ],
    "datasets": [
        {"dataset": "pacs", "images": 9991, "per_domain": {"photo": 1670}, "sha256": "ab" * 32,
         "source": "https://example.org/pacs.zip", "licence": "unknown", "drift": {"was": 1}},
        {"dataset": "other", "note": "unreadable"},
    ],
    "models": [
        {"model": "tiny", "dataset": "pacs", "rows": [
            {"domain": "photo", "share": "pretraining", "n": 10, "accuracy": 0.5},
            {"domain": "sketch", "share": "held out", "n": 10, "accuracy": None}]},
    ],
}  # fmt: skip


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


def test_captions_are_rendered():
    out = caption_html("One **bold** and :math:`a^2`.\n\n- x\n- y\n", "c")
    assert "<strong>bold</strong>" in out and "<math" in out and out.count("<li>") == 2
    assert caption_html("", "c") == ""


def test_captions_load_nothing_and_include_nothing(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("do not show")
    text = (
        f".. include:: {secret}\n\n.. raw:: html\n\n   <b>no</b>\n\n"
        ".. image:: http://example.org/a.png\n   :alt: a picture\n\n"
        "`text <https://example.org/x>`_ and https://example.org/y and `bad <javascript:a()>`_\n\n"
        ".. csv-table:: t\n   :file: " + str(secret) + "\n\nfile.txt_ and [1]_\n\n.. [1] A note.\n"
    )
    out = caption_html(text, "c")
    assert "do not show" not in out and "<b>" not in out and "<img" not in out
    assert "a picture" in out and "text (https://example.org/x)" in out
    assert all(link.startswith("#c-") for link in re.findall(r'href="([^"]*)"', out))
    assert not re.findall(r"system-message|src=", out)


def test_captions_with_the_same_titles_do_not_clash():
    text = "Head\n====\n\nA [1]_.\n\n.. [1] Note.\n"
    page = Page(render_report([Entry(a, text, {}) for a in of("alignment")], {}, "demo"))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_captions_know_the_config():
    text = 'At {{ snakemake.config["scale"] }}, {{ snakemake.config.get("x", "none") }}.'
    assert fill_caption(text, {"scale": "demo"}) == "At demo, none."


def test_first_sentence_is_cut_at_a_word():
    assert first_sentence("One. Two.") == "One."
    assert first_sentence("word " * 100, 23) == "word word word word …"


def test_csv_grid_rounds_and_joins_spreads():
    grid = read_csv_grid(CSV)
    assert [column.name for column in grid.columns] == ["method", "PACS", "Average"]
    assert [column.numeric for column in grid.columns] == [False, True, True]
    assert [column.mean for column in grid.columns] == [False, False, True]
    assert grid.headed
    erm = grid.rows[1][1]
    assert (erm.text, erm.full, erm.spread) == ("70.0", "70.00004", "1.2")
    assert grid.rows[0][1].spread == ""


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"a,b\nx,1\ny\n", [["x", "1"], ["y", "\u2013"]]),
        (b"a,b\nx,0.123456\ny,0.05\n", [["x", "0.123"], ["y", "0.050"]]),
        (b"a,b\nx,1e-05\ny,nan\n", [["x", "0.000010"], ["y", "\u2013"]]),
        (b"a,b\nx,78.9 \xc2\xb1 0.3\n", [["x", "78.9 \u00b1 0.3"]]),
        (b'\xef\xbb\xbfa,b\n"x, ""y""",-1\n', [['x, "y"', "-1"]]),
        (b"a,b\n", []),
        (b"", []),
        (b"a\n\xff\n", [["\ufffd"]]),
    ],
)
def test_csv_grid_of_odd_files(data, shown):
    grid = read_csv_grid(data)
    assert [[cell.text for cell in row] for row in grid.rows] == shown


def test_markdown_grid_is_as_its_author_set_it():
    grid = read_markdown_grid(MARKDOWN)
    best = grid.rows[1][1]
    assert (best.text, best.spread, best.best) == ("70.0", "1.2", True)
    assert grid.rows[2][0].text == "a | b" and grid.rows[2][1].tone == "missing"
    assert [column.numeric for column in grid.columns] == [False, True, True]
    assert [column.spread for column in grid.columns] == [False, True, False]
    assert read_markdown_grid(b"no table") is None
    assert read_markdown_grid(b"| a |\n| b |\n") is None
    assert read_markdown_grid(b"| a | b |\n| --- | --- |\n| 1 |\n") is None


def test_verdicts_are_set_in_their_tone():
    grid = read_csv_grid(b"claim,verdict\na,holds\nb,does not hold\nc,not comparable\n")
    assert [row[1].tone for row in grid.rows] == ["good", "bad", "mute"]


def test_words_for_any_value():
    assert words_for({"a": [1, 2000], "b": True, "c": None}) == "a: 1, 2,000; b: yes; c: "


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "\u2013"), (0.04, "0.0 s"), (59.94, "59.9 s"), (59.97, "1 min 00 s"),
     (125, "2 min 05 s"), (3599.7, "1 h 00 min"), (90000, "25 h 00 min"), (2e5, "2 d 7 h")],
)  # fmt: skip
def test_durations(seconds, words):
    assert report.duration(seconds) == words


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("build_report", ROOT / "scripts/build_report.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_script_builds_the_page_from_files(script, tmp_path):
    results = tmp_path / "results" / "alignment"
    for folder, name, data in [
        ("tables", "table1a.csv", CSV), ("tables", "table1a.md", MARKDOWN),
        ("tables", "table1a.tex", TEX), ("figures", "fig2b.svg", SVG),
        ("figures", "fig2b.png", b"\x89PNG"),
    ]:  # fmt: skip
        (results / folder).mkdir(parents=True, exist_ok=True)
        (results / folder / name).write_bytes(data)
    caption = tmp_path / "alignment_table1a.rst"
    caption.write_text('At the scale *{{ snakemake.config["scale"] }}*.')
    html = tmp_path / "results" / "report.html"
    config = {"scale": "demo", "token": "tell-nobody"}
    verdicts = tmp_path / "verdicts.csv"
    write_verdicts(judge(runs(70), paper()), verdicts)
    record = tmp_path / "results" / "provenance.json"
    script.build_report(
        html, sorted(results.rglob("*.*")), str(caption), [], [], tmp_path / "none", "demo", config,
        verdicts=verdicts, lacks={"alignment_fig9": ["a corpus"]}, record=record,
        configfiles=["config/full.yaml", "my file.yaml"],
    )  # fmt: skip
    page = Page(html.read_text())
    assert [a["id"] for a in page.all("article")] == ["alignment_fig2b", "alignment_table1a"]
    assert "At the scale demo ." in page.text and "UTC" in page.text
    assert "tell-nobody" not in html.read_text() + record.read_text()
    assert "./replidg alignment_table1a --configfile config/full.yaml 'my file.yaml'" in page.text
    assert "1 artefact of this paper is not in this run" in page.text
    assert "needs a corpus" in page.text
    assert {a["id"]: a["data-state"] for a in page.all("article")} == {
        "alignment_fig2b": "unpublished", "alignment_table1a": "deviates",
    }  # fmt: skip
    found = json.loads(record.read_text())
    assert found["config"] == "scale: demo\n"
    assert {"key": "scale", "default": "demo", "here": "demo"} not in found["changes"]
    assert {"git", "versions", "hardware", "costs", "stages"} <= set(found)


def test_script_bears_the_lines_that_snakemake_puts_before_it():
    text = (ROOT / "scripts/build_report.py").read_text()
    assert "from __future__" not in text
    assert '\nif "snakemake" in globals():\n    from replidg.log import setup\n' in text


def test_files_of_no_artefact_are_named(tmp_path):
    stray = tmp_path / "alignment" / "tables" / "table99.csv"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(CSV)
    with pytest.raises(ValueError, match="alignment/table/table99"):
        report_inputs.gather_entries([stray], {})


def test_broken_caption_is_named(tmp_path):
    caption = tmp_path / "alignment_fig7.rst"
    caption.write_text("{{ snakemake.config[ }}")
    with pytest.raises(Exception) as problem:
        report_inputs.read_caption(caption, {})
    assert "in the caption alignment_fig7.rst" in problem.value.__notes__


def test_date_follows_source_date_epoch(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert report_inputs.today() == "1 January 1970, 00:00 UTC"
