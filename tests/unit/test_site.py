"""The documentation builds as a site, strictly, and the site asks nobody for anything."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; a broken link, a page outside the navigation or a bad docstring fails it."""
    folder = tmp_path_factory.mktemp("site")
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=quiet)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return folder


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("site_pages", ROOT / "tools" / "site_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_of_docs_is_in_the_navigation(site):
    listed = re.findall(r": (\S+\.md)", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    written = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert written <= set(listed)
    assert all((site / name.replace(".md", ".html")).is_file() for name in listed)


def test_nothing_is_loaded_from_elsewhere(site):
    for page in site.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe)[^>]* src="([^"]+)"', text)
        loaded += re.findall(r'<link[^>]* rel="stylesheet"[^>]* href="([^"]+)"', text)
        assert not [address for address in loaded if "//" in address], page.name


def test_api_pages_hold_the_docstrings(site):
    methods = (site / "api_methods.html").read_text(encoding="utf-8")
    assert "replidg.methods.erm.ERM" in methods and "Cross-entropy over the union" in methods


def test_links_of_pages_made_from_other_folders(pages):
    text = "[a](docs/data.md#x) [b](config/README.md) [c](https://x.org) [`d`](envs/d) [e](#f)"
    expected = "[a](data.md#x) [b](configuration.md) [c](https://x.org) `d` (`envs/d`) [e](#f)"
    assert pages.site_text("README.md", text) == expected
    assert pages.site_text("README.md", "![p](docs/images/p.png)") == "![p](images/p.png)"
    assert pages.site_text("docs/x.md", "[up](../README.md#status)") == "[up](index.md#status)"


def test_navigation_is_read_by_yaml():
    """The configuration stays plain YAML, which other tools can read."""
    assert yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["strict"] is True
