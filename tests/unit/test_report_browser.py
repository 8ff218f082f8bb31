"""The report page in a real browser: it runs without complaint, and its filters work."""

import json
import re
import shutil
import subprocess
from html import unescape

import pandas as pd
import pytest
from test_verdicts import paper, runs

from replidg.artefacts import ARTEFACTS, Artefact, target
from replidg.metrics.verdicts import judge
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
    # Of the page's own clock, which runs ahead where nothing is to be done.
    "--virtual-time-budget=60000",
]
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300"><path d="M0 0h9v9z"/></svg>'
)
CSV = b"method,PACS\nERM,70.1\nswad,75.0\n"
OTHER = Artefact("other", "table1", "table", "Table 1", "A table of an unheard-of paper")


MANY = 6000


def verdicts():
    """Three numbers of Table 1a, thousands of Figure 7, and one of no artefact."""
    settings = (("IP", 80.2, 80.0), ("OOP", 90.0, 80.0), ('All, "x" | <b>', None, 70.5))
    ours = [runs(v, setting=s, dataset=s[:3]) for s, v, _ in settings if v is not None]
    theirs = [paper(p, setting=s, dataset=s[:3]) for s, _, p in settings]
    few = judge(
        pd.concat([*ours, runs(1, artefact="text")]), pd.concat([*theirs, paper(artefact="text")])
    )
    many = pd.concat([few.iloc[:1]] * MANY, ignore_index=True)
    many = many.assign(artefact="fig7", x=range(MANY), method=[f"m{n % 7}" for n in range(MANY)])
    return pd.concat([few, many], ignore_index=True)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    files = {"figure": {"svg": SVG}, "table": {"csv": CSV, "md": b"", "tex": b""}}
    entries = [Entry(a, f"About {a.name}.", files[a.kind]) for a in (*ARTEFACTS, OTHER)]
    write_report(path, entries, {}, "demo", date="1 May 2025", verdicts=verdicts())
    return path


@pytest.fixture
def dump(page, tmp_path):
    """Load the page with a hash; return the DOM it ends in and what it wrote to the console."""

    def load(fragment="", path=page, size="1280,900"):
        own = [f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={size}"]
        command = [CHROMIUM, *FLAGS, *own, "--dump-dom", f"{path.as_uri()}{fragment}"]
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
        ("#state=deviates", [a for a in ARTEFACTS if target(a) == "alignment_table1a"]),
        ("#state=reproduced", [a for a in ARTEFACTS if target(a) == "alignment_fig7"]),
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
    assert "<script>alert" not in dom and "<img src=x" not in dom


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
  await new Promise((done) => setTimeout(done, 500));
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


@pytest.fixture
def drive(dump, page, tmp_path):
    """Run a script in the page once it is loaded, without its policy; return what it notes."""

    def run(script, head="", **options):
        driven = tmp_path / "driven.html"
        html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
        html = html.replace("</head>", f"{head}</head>", 1)
        driven.write_text(html.replace("</body>", f"<script>{script}</script></body>"))
        dom, console = dump(path=driven, **options)
        assert console == []
        steps = re.search(r'<pre id="steps">(.*?)</pre>', dom, re.DOTALL).group(1)
        return unescape(steps).splitlines()

    return run


def test_controls_keep_page_and_address_in_step(drive):
    tables = sum(artefact.kind == "table" for artefact in ARTEFACTS) + 1
    assert drive(DRIVER) == [
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


#: Tables are made when they come into sight, which a browser finds out when it draws a frame; with
#: a clock that runs ahead it may draw none. Here everything is in sight at once.
IN_SIGHT = """<script>
IntersectionObserver = class {
  constructor(seen) { this.seen = seen; }
  observe(target) { setTimeout(() => this.seen([{ isIntersecting: true, target }], this), 0); }
  unobserve() {}
  disconnect() {}
};
</script>"""

TABLES = """
const steps = [];
const later = (time = 60) => new Promise((done) => setTimeout(done, time));
// A busy machine takes longer: what is waited for decides, not the clock.
const until = async (seen) => { for (let i = 0; i < 400 && !seen(); i++) await later(50); };
addEventListener("load", async () => {
  const details = document.querySelector("#alignment_table1a details.numbers");
  details.open = true;
  await until(() => details.querySelector("thead .dt-column-title") &&
    details.querySelector("input[type=search]") && details.querySelector("tbody tr"));
  const body = () => [...details.querySelectorAll("tbody tr")];
  const heads = [...details.querySelectorAll("thead th")];
  const names = heads.map((head) => head.querySelector(".dt-column-title").textContent);
  const place = (title) => names.indexOf(title);
  const column = (title) => body().map((row) => row.children[place(title)].textContent);
  steps.push(names.join("|"));
  steps.push(column("Verdict").join("|"));
  heads[place("Published")].querySelector(".dt-column-title").click();
  await later(300);
  steps.push(column("Published").join("|"));
  const search = details.querySelector("input[type=search]");
  search.value = "deviates";
  search.dispatchEvent(new Event("input", { bubbles: true }));
  await until(() => body().length === 1);
  steps.push(column("Setting").join("|"));
  let copied = "";
  navigator.clipboard.writeText = async (text) => { copied = text; };
  const copy = async (name) => {
    const buttons = [...details.querySelectorAll("button")];
    buttons.find((button) => button.textContent.includes("Copy " + name)).click();
    await later();
    steps.push(JSON.stringify(copied));
  };
  for (const name of ["CSV", "Markdown", "LaTeX"]) await copy(name);
  search.value = "";
  search.dispatchEvent(new Event("input", { bubbles: true }));
  await until(() => body().length === 3);
  await later(1800); // until the button has its name back
  await copy("CSV");
  location.hash = "#numbers";
  document.getElementById("numbers").scrollIntoView({ behavior: "instant" });
  const info = () => document.querySelector("#numbers .dt-info")?.textContent;
  await until(() => info() && document.querySelector("#numbers input[type=search]"));
  const all = info();
  steps.push(all);
  steps.push(document.querySelectorAll("#numbers tbody tr").length + " rows in the page");
  const large = document.querySelector("#numbers input[type=search]");
  large.value = "m3";
  large.dispatchEvent(new Event("input", { bubbles: true }));
  await until(() => info() !== all);
  steps.push(info());
  const list = document.createElement("pre");
  list.id = "steps";
  list.textContent = steps.join("\\n");
  document.body.append(list);
});
"""


def test_tables_of_verdicts_sort_filter_and_copy(drive):
    steps = drive(TABLES, IN_SIGHT)
    heads = ["Data set", "Setting", "Ours", "Published", "Difference", "n", "Verdict", "Why"]
    assert steps[0].split("|") == heads
    assert steps[1] == "deviates|reproduced|not run"
    assert steps[2] == "70.5|80|80"
    assert steps[3] == "OOP"
    csv, markdown, latex, whole = (json.loads(steps[place]) for place in (4, 5, 6, 7))
    assert csv.splitlines()[0] == ",".join(heads)
    assert csv.splitlines()[1].startswith("OOP,OOP,90,80,10,1,deviates,")
    assert len(csv.splitlines()) == 2
    assert markdown.splitlines()[1] == "|" + " --- |" * len(heads)
    assert latex.startswith("% needs \\usepackage{booktabs}\n\\begin{tabular}{llllllll}")
    assert "OOP & OOP & 90 & 80 & 10 & 1 & deviates & " in latex
    # Sorted by the published number; quoted as csv is.
    assert whole.splitlines()[1].startswith('All,"All, ""x"" | <b>",,70.5,,,not run,')
    assert steps[8] == f"Showing 1 to 15 of {MANY + 4:,} rows"
    assert steps[9] == "15 rows in the page"
    found = sum(n % 7 == 3 for n in range(MANY))
    assert steps[10].startswith(f"Showing 1 to 15 of {found} rows")


PHONE = """
addEventListener("load", async () => {
  const article = document.getElementById("alignment_table1a");
  for (const details of article.querySelectorAll("details")) details.open = true;
  await new Promise((done) => setTimeout(done, 700));
  const wide = [...document.querySelectorAll("main *")].filter((node) =>
    node.getBoundingClientRect().right > innerWidth + 1 &&
    !node.closest(".scroll, .command, pre, .plate"));
  const list = document.createElement("pre");
  list.id = "steps";
  list.textContent = [innerWidth, document.documentElement.scrollWidth - innerWidth,
    wide.map((node) => node.outerHTML.slice(0, 80)).join(" ")].join("\\n");
  document.body.append(list);
});
"""


def test_nothing_is_wider_than_a_phone(drive):
    width, over, *nodes = drive(PHONE, size="500,900")  # Chromium has no narrower window
    assert int(width) == 500 and int(over) <= 0 and nodes == []


SAVES = """
const steps = [];
HTMLAnchorElement.prototype.click = function () {
  steps.push(this.download + " " + this.href.slice(0, 40));
};
addEventListener("load", async () => {
  await new Promise((done) => setTimeout(done, 100));
  for (const button of document.querySelectorAll("#alignment_fig7 [data-save]")) button.click();
  const list = document.createElement("pre");
  list.id = "steps";
  list.textContent = steps.join("\\n");
  document.body.append(list);
});
"""


def test_pictures_are_saved_from_the_page(drive):
    svg, png = drive(SAVES)
    assert svg.startswith("alignment_fig7.svg data:image/svg+xml;base64,")
    assert png.startswith("alignment_fig7.png data:image/png;base64,iVBORw0KGgo")
