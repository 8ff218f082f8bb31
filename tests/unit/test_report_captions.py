"""Captions become HTML that loads nothing and includes nothing."""

import re

from report_pages import Page

from replidg.artefacts import of
from replidg.reporting.report import Entry, render_report
from replidg.reporting.report_captions import caption_html, fill_caption, first_sentence


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
