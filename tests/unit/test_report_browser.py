"""The report page in a real browser: it runs without complaint, and its filters work."""

import re
import shutil
import subprocess

import pytest

from replidg.artefacts import ARTEFACTS, Artefact, target
from replidg.reporting.report import Entry, write_report

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium found (Debian: apt-get install chromium)"
)

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--enable-logging=stderr",
    "--v=0",
    "--virtual-time-budget=3000",
]
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300"><path d="M0 0h9v9z"/></svg>'
)
CSV = b"method,PACS\nERM,70.1\nswad,75.0\n"
OTHER = Artefact("other", "table1", "table", "Table 1", "A table of an unheard-of paper")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    files = {"figure": {"svg": SVG}, "table": {"csv": CSV, "md": b"", "tex": b""}}
    entries = [Entry(a, f"About {a.name}.", files[a.kind]) for a in (*ARTEFACTS, OTHER)]
    write_report(path, entries, {}, "demo", date="1 May 2025")
    return path


@pytest.fixture
def dump(page, tmp_path):
    """Load the page with a hash; return the DOM it ends in and what it wrote to the console."""

    def load(fragment="", path=page):
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [CHROMIUM, *FLAGS, profile, "--dump-dom", f"{path.as_uri()}{fragment}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]
        assert "</html>" in done.stdout, done.stderr[-2000:]
        return done.stdout, re.findall(r".*CONSOLE.*", done.stderr)

    return load


def shown(dom):
    articles = re.findall(r"<article\b[^>]*>", dom)
    assert len(articles) == len(ARTEFACTS) + 1
    return [re.search(r'id="([^"]+)"', a).group(1) for a in articles if " hidden" not in a]


def test_loads_without_console_messages_and_shows_everything(dump):
    dom, console = dump()
    assert console == []
    assert shown(dom) == [*map(target, ARTEFACTS), "other_table1"]
    assert 'class="no-js"' not in dom
    assert re.search(rf'id="shown"[^>]*>{len(ARTEFACTS) + 1} artefacts<', dom)


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("#kind=figure", [a for a in ARTEFACTS if a.kind == "figure"]),
        (
            "#kind=table&paper=alignment",
            [a for a in ARTEFACTS if (a.kind, a.paper) == ("table", "alignment")],
        ),
        ("#paper=other", [OTHER]),
        ("#q=TABLE1A", [a for a in ARTEFACTS if a.name == "table1a"]),
        ("#q=swad+unheard&kind=table", [OTHER]),
        ("#q=no%20such%20thing", []),
        ("#alignment_fig7", [*ARTEFACTS, OTHER]),
        ("#kind=table&at=alignment_fig7", [*ARTEFACTS, OTHER]),
    ],
)
def test_filter_in_the_address(dump, fragment, expected):
    dom, console = dump(fragment)
    assert console == []
    assert shown(dom) == [target(artefact) for artefact in expected]
    listed = re.findall(r'<li data-for="([^"]+)">', dom)
    assert listed == [target(artefact) for artefact in expected]
    nothing = re.search(r'<p id="nothing"[^>]*>', dom).group()
    assert (" hidden" in nothing) == bool(expected)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_theme_in_the_address(dump, theme):
    dom, console = dump(f"#theme={theme}")
    assert console == []
    assert re.search(rf'<html[^>]* data-theme="{theme}"', dom)
    assert re.search(rf'data-set-theme="{theme}" aria-pressed="true"', dom)


def test_hostile_address_does_nothing(dump):
    dom, console = dump("#q=<script>alert(1)</script>&paper=%22%3E<img src=x onerror=alert(1)>")
    assert console == []
    assert dom.count("<script") == 1 and "<img src=x" not in dom


def test_policy_is_enforced_and_complaints_are_seen(dump, page, tmp_path):
    changed = tmp_path / "changed.html"
    changed.write_text(page.read_text().replace("</body>", "<script>document.title = 1</script>"))
    _, console = dump(path=changed)
    assert "Content Security Policy" in " ".join(console)


DRIVER = """
const steps = [];
const note = (name) => steps.push(name + " " + location.hash + " " +
  document.querySelectorAll("[data-entry]:not([hidden])").length);
const later = () => new Promise((done) => setTimeout(done, 50));
const type = (text) => {
  const box = document.getElementById("q");
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
};
const press = (selector) => document.querySelector(selector).click();
addEventListener("load", async () => {
  type("SWAD");
  note("typed");
  press("input[name=kind][value=table]");
  press("input[name=paper][value=other]");
  note("narrowed");
  press('[data-for="other_table1"] a');
  note("followed");
  history.back();
  await later();
  note("back");
  press("[type=reset]");
  await later();
  note("reset");
  press('a[href="#provenance"]');
  note("jumped");
  press('[data-set-theme="dark"]');
  note(document.documentElement.dataset.theme);
  press('[data-set-theme="auto"]');
  note(String(document.documentElement.dataset.theme));
  let copied = "";
  navigator.clipboard.writeText = async (text) => { copied = text; };
  const button = document.querySelector('[data-copy*="70.1"]');
  button.click();
  await later();
  steps.push(button.textContent + " " + JSON.stringify(copied));
  const list = document.createElement("pre");
  list.id = "steps";
  list.textContent = steps.join("\\n");
  document.body.append(list);
});
"""


def test_controls_keep_page_and_address_in_step(dump, page, tmp_path):
    tables = sum(artefact.kind == "table" for artefact in ARTEFACTS) + 1
    driven = tmp_path / "driven.html"
    html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    driven.write_text(html.replace("</body>", f"<script>{DRIVER}</script></body>"))
    dom, console = dump(path=driven)
    assert console == []
    steps = re.search(r'<pre id="steps">(.*?)</pre>', dom, re.DOTALL).group(1)
    assert steps.replace("&amp;", "&").splitlines() == [
        f"typed #q=SWAD {tables}",
        "narrowed #paper=other&kind=table&q=SWAD 1",
        "followed #paper=other&kind=table&q=SWAD&at=other_table1 1",
        "back #paper=other&kind=table&q=SWAD 1",
        f"reset  {len(ARTEFACTS) + 1}",
        f"jumped #provenance {len(ARTEFACTS) + 1}",
        f"dark #provenance {len(ARTEFACTS) + 1}",
        f"undefined #provenance {len(ARTEFACTS) + 1}",
        'Copied "method,PACS\\nERM,70.1\\nswad,75.0\\n"',
    ]
