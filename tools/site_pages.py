"""Pages of the documentation site that are made, not written: a hook of mkdocs (see mkdocs.yml).

README.md becomes the home page; config/README.md, CONTRIBUTING.md and CHANGELOG.md become pages.
Links between them and into docs/ are turned to where the pages lie in the site; links to other
files of the repository become plain code, since the site holds no sources. `api.md` and one page a
package are made from the docstrings.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
#: Page of the site by the file it is made from.
PAGES = {
    "README.md": "index.md",
    "config/README.md": "configuration.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
PACKAGES = ("config", "data", "models", "methods", "training", "metrics", "published", "reporting")
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")


def site_text(source: str, text: str) -> str:
    """Return a Markdown text with its links as the site needs them.

    Args:
        source: The file it comes from, relative to the repository.
        text: Its Markdown.
    """

    def turned(match: re.Match) -> str:
        path, _, anchor = match["target"].partition("#")
        if "://" in path or not path:
            return match[0]
        inside = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        page = PAGES.get(inside)
        if page is None and inside.startswith("docs/"):
            page = inside.removeprefix("docs/")
        if page is None:
            shown = match["text"].strip("`")
            return f"`{shown}`" if shown in (inside, path) else f"{match['text']} (`{inside}`)"
        return f"[{match['text']}]({page}{'#' + anchor if anchor else ''})"

    return LINK.sub(turned, text)


def api_pages() -> dict[str, str]:
    """Return the pages of the API by their path in the site: one a package, and their list."""
    pages, listed = {}, ["# API", "", "Made from the docstrings. Importable without Snakemake.", ""]
    for package in PACKAGES:
        folder = ROOT / "src" / "replidg" / package
        modules = sorted(
            ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
            for path in folder.rglob("*.py")
            if path.name != "__init__.py"
        )
        title = f"replidg.{package}"
        blocks = "\n\n".join(f"::: {module}" for module in modules)
        pages[f"api_{package}.md"] = f"# {title}\n\n{blocks}\n"
        listed.append(f"- [{title}](api_{package}.md)")
    pages["api.md"] = "\n".join(listed) + "\n"
    return pages


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are no files of docs/ (an event of mkdocs)."""
    texts = {
        page: site_text(source, (ROOT / source).read_text(encoding="utf-8"))
        for source, page in PAGES.items()
    }
    for name, text in (texts | api_pages()).items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_) -> str:
    """Turn the links of a file of docs/ (an event of mkdocs)."""
    written = page.file.generated_by is None
    return site_text(f"docs/{page.file.src_uri}", markdown) if written else markdown
