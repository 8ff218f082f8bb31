"""Entries of a report, and a parser that takes the page apart again."""

from html.parser import HTMLParser

from replidg.artefacts import ARTEFACTS
from replidg.reporting.report import Entry

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
