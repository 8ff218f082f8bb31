"""Captions: reStructuredText with a little Jinja in, harmless HTML out."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

_SETTINGS: dict[str, Any] = {
    "_disable_config": True,
    "doctitle_xform": False,
    "embed_stylesheet": False,
    "file_insertion_enabled": False,
    "halt_level": 6,
    "initial_header_level": 4,
    "input_encoding": "unicode",
    "math_output": "MathML",
    "raw_enabled": False,
    "report_level": 5,
    "smart_quotes": False,
    "syntax_highlight": "none",
    "warning_stream": False,
}


class _Run:
    """Stands in for the `snakemake` object that captions may ask for the config."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config


def fill_caption(text: str, config: Mapping[str, Any]) -> str:
    """Fill in `{{ snakemake.config["key"] }}` as Snakemake's own report does.

    Args:
        text: The caption as written.
        config: The config of the run.
    """
    from jinja2.sandbox import SandboxedEnvironment

    template = SandboxedEnvironment(keep_trailing_newline=True).from_string(text)
    return template.render(snakemake=_Run(config))


def caption_html(text: str, prefix: str) -> str:
    """Return a caption as HTML that loads nothing, links nowhere else and includes no file.

    Args:
        text: reStructuredText.
        prefix: Begins every id, so that captions on one page cannot clash.
    """
    from docutils import core, io
    from docutils.parsers.null import Parser
    from docutils.readers.doctree import Reader

    settings = {**_SETTINGS, "id_prefix": f"{prefix}-"}
    document = core.publish_doctree(text, settings_overrides=settings)
    _make_harmless(document)
    parts = core.publish_parts(
        document,
        source_class=io.DocTreeInput,
        reader=Reader(parser=Parser()),
        writer="html5",
        settings_overrides=settings,
    )
    body = re.sub(r"^<main[^>]*>\s*|\s*</main>\s*$", "", parts["body"].strip())
    return body.strip()


def _make_harmless(document: Any) -> None:
    """Turn links into text, pictures into their description, and drop parser messages."""
    from docutils import nodes

    for node in list(document.findall(nodes.system_message)):
        node.parent.remove(node)
    for node in list(document.findall(nodes.image)):
        words = node.get("alt") or ""
        inline = nodes.inline("", words)
        block = isinstance(node.parent, nodes.TextElement)
        node.parent.replace(node, inline if block else nodes.paragraph("", "", inline))
    for node in list(document.findall(nodes.problematic)):
        node.parent.replace(node, nodes.Text(node.astext()))
    for node in list(document.findall(nodes.reference)):
        if "refuri" in node:
            node.parent.replace(node, _link_as_text(node))
    for node in list(document.findall(nodes.target)):
        node.attributes.pop("refuri", None)


def _link_as_text(node: Any) -> Any:
    from docutils import nodes

    words, address = node.astext(), node["refuri"]
    named = words and words not in (address, address.removeprefix("mailto:"))
    shown = f"{words} ({address})" if named else words or address
    return nodes.inline("", shown)


def plain_text(markup: str) -> str:
    """Return the words of a piece of HTML on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def first_sentence(text: str, limit: int = 200) -> str:
    """Return the first sentence of plain text, cut at a word where it is long."""
    sentence = re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]
    if len(sentence) <= limit:
        return sentence
    return sentence[:limit].rsplit(" ", 1)[0] + " …"
