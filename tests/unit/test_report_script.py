"""The script that builds the report from files."""

import importlib.util
import json
from pathlib import Path

import pytest
from report_pages import CSV, MARKDOWN, SVG, TEX, Page
from test_verdicts import paper, runs

from replidg.metrics.verdict_files import write_verdicts
from replidg.metrics.verdicts import judge
from replidg.reporting import report_inputs

ROOT = Path(__file__).parents[2]


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
