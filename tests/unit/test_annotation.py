"""Sheets for checking labels: what is drawn, the page, and what a filled csv gives."""

import html
import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from replidg.config.labels import Annotation, LabelNoise
from replidg.metrics.labels import (
    COLUMNS,
    LabelError,
    draw_sheet,
    exchange_labels,
    interval_bounds,
    interval_names,
    mislabelled,
    read_sheet,
)
from replidg.reporting.annotation import fitted, render_sheet

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_exchanged_labels():
    labels = np.arange(1000) % 7
    noisy = exchange_labels(labels, 7, LabelNoise(share=0.1, seed=3))
    changed = noisy != labels
    assert changed.sum() == 100 and set(noisy) == set(range(7))  # never its own label
    assert (labels == np.arange(1000) % 7).all()
    again = exchange_labels(labels, 7, LabelNoise(share=0.1, seed=3))
    other = exchange_labels(labels, 7, LabelNoise(share=0.1, seed=4))
    assert (again == noisy).all() and (other != noisy).any()
    # Every other class is as likely: 600 / 6 each, give or take.
    many = exchange_labels(np.zeros(600, int), 7, LabelNoise(share=1.0))
    assert np.bincount(many, minlength=7)[0] == 0 and np.bincount(many)[1:].min() > 60


def images(count=50) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "image_id": [f"art/cat/{k}.png" for k in range(count)],
            "domain": "art",
            "class_name": "cat",
            "score": rng.uniform(-0.05, 0.25, count).astype(np.float32),
        }
    )


def test_a_sheet_holds_so_many_of_each_interval():
    table = images(200)
    names = interval_names([0.0, 0.05, 0.1, 0.2])
    assert names == ["0.00-0.05", "0.05-0.10", "0.10-0.20"]
    sheet = draw_sheet(table, [0.0, 0.05, 0.1, 0.2], names, 10, seed=1)
    assert sheet["interval"].value_counts().to_dict() == dict.fromkeys(names, 10)
    assert not sheet["image_id"].duplicated().any() and list(sheet) == COLUMNS[1:]
    for name, part in sheet.groupby("interval"):
        low, high = map(float, name.split("-"))
        assert ((part["score"] >= np.float32(low)) & (part["score"] < np.float32(high))).all()
    pd.testing.assert_frame_equal(
        sheet, draw_sheet(table, [0.0, 0.05, 0.1, 0.2], names, 10, seed=1)
    )
    few = draw_sheet(table[:3], [-1, 1], ["all"], 10, seed=1)
    assert len(few) == 3


def test_intervals_are_scores_or_quantiles():
    scores = {"a": np.arange(50) / 100, "b": np.arange(50, 101) / 100}
    assert interval_bounds([0, 0.1], "absolute", scores) == [0, 0.1]
    assert interval_bounds([0.0, 0.25, 0.5], "quantile", scores) == [0.0, 0.25, 0.5]
    assert interval_bounds([0.5], "quantile", {"a": np.array([-4.0, -2.0])}) == [-4.0]


def write(path: Path, verdicts: str, interval: str = "x") -> Path:
    rows = pd.DataFrame({"verdict": list(verdicts.replace(".", " "))})
    rows["verdict"] = rows["verdict"].str.strip()
    rows = rows.assign(
        dataset="PACS", interval=interval, domain="d", class_name="c", score=0.1,
        image_id=[f"i{k}" for k in range(len(rows))],
    )  # fmt: skip
    rows[COLUMNS].to_csv(path, index=False)
    return path


def test_shares_of_a_filled_sheet(tmp_path):
    sheet = read_sheet(write(tmp_path / "s.csv", "mMkku."))
    found = mislabelled(sheet)
    assert found.to_dict("records") == [
        {"dataset": "PACS", "setting": "x", "value": 50.0, "n": 4}  # unsure and empty do not count
    ]


@pytest.mark.parametrize(
    ("verdicts", "says"), [("mq", r"s.csv:3: verdict 'q'"), ("..u", "is not filled")]
)
def test_sheets_that_cannot_be_used(tmp_path, verdicts, says):
    with pytest.raises(LabelError, match=says):
        read_sheet(write(tmp_path / "s.csv", verdicts))


def test_a_sheet_with_a_hole_or_a_repeated_line(tmp_path):
    path = write(tmp_path / "s.csv", "mk")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[-1]]) + "\n")
    with pytest.raises(LabelError, match=r"s.csv:4: i1 stands there twice"):
        read_sheet(path)
    pd.read_csv(path).drop(columns="interval").to_csv(path, index=False)
    with pytest.raises(LabelError, match="the columns interval are missing"):
        read_sheet(path)


def test_noise_and_a_person_exclude_each_other():
    with pytest.raises(ValueError, match="not both"):
        Annotation(labels="sheet.csv", noise=LabelNoise())
    with pytest.raises(ValueError, match="must rise"):
        Annotation(intervals=[0.1, 0.1])


def pictures(folder: Path, count: int) -> list[Path]:
    paths = []
    for place in range(count):
        paths.append(folder / f"{place}.png")
        size = (20, 10) if place % 2 else (400, 200)
        Image.new("RGBA", size, (255, 0, 0, 0)).save(paths[-1])
    return paths


def test_thumbnails_fit_and_are_white_where_transparent(tmp_path):
    large, small = pictures(tmp_path, 2)
    assert fitted(large, 160).size == (160, 80)
    assert fitted(small, 160).size == (160, 80)  # eight times as large
    assert fitted(small, 160).getpixel((0, 0)) == (255, 255, 255)


def sheet_rows(count: int) -> pd.DataFrame:
    table = images(count).assign(dataset="PACS", interval="x", verdict="")
    table.loc[0, "class_name"] = "</script><b>"
    return table[COLUMNS]


def test_the_page_is_whole_by_itself(tmp_path):
    rows = sheet_rows(3)
    page = render_sheet(rows, pictures(tmp_path, 3), 64)
    assert page.count("data:image/jpeg;base64,") == 3
    assert not re.search(r"(src|href)=\"(?!data:)", page) and "http" not in page
    data = re.search(r'id="rows">(.*?)</script>', page, re.S).group(1)
    assert json.loads(data)[0]["class_name"] == "</script><b>" and "<b>" not in data
    assert page.count("</script>") == 3
    assert page == render_sheet(rows, pictures(tmp_path, 3), 64)


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
#: Presses keys on the focused picture and leaves the csv in the page.
KEYS = """<script>
for (const key of ["m", "k", "u", "ArrowLeft", "ArrowLeft", "Backspace"]) {
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
}
const out = document.createElement("pre");
out.id = "out";
out.textContent = asCsv();
document.body.append(out);
verdicts = {};
const read = fromCsv(out.textContent);
out.dataset.read = read + " " + (asCsv() === out.textContent);
</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found (Debian: apt-get install chromium)")
def test_the_page_in_a_browser(tmp_path):
    """Keys give verdicts; the page reads back the csv that it writes, and so does `read_sheet`."""
    path = tmp_path / "sheet.html"
    page = render_sheet(sheet_rows(4), pictures(tmp_path, 4), 64)
    path.write_text(page.replace("</body>", KEYS), encoding="utf-8")
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=2000",
        "--enable-logging=stderr", "--v=0", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "CONSOLE" not in done.stderr, done.stderr[-2000:]
    found = re.search(r'<pre id="out" data-read="(.*?)">(.*?)</pre>', done.stdout, re.S)
    assert found and found.group(1) == "2 true"
    assert "2 of 4 done." in done.stdout
    (tmp_path / "sheet.csv").write_text(html.unescape(found.group(2)))
    sheet = read_sheet(tmp_path / "sheet.csv")
    assert sheet["verdict"].tolist() == ["m", "", "u", ""]
    assert sheet["class_name"].tolist()[0] == "</script><b>"


def test_the_script_fills_the_sheet_by_the_truth(tmp_path):
    module = runpy.run_path(str(SCRIPTS / "write_alignment_annotation.py"))
    table = images(40).assign(label=1, true_label=[1, 0] * 20)
    paths = pictures(tmp_path, 40)
    table.to_parquet(tmp_path / "scores.parquet")
    index = table[["image_id"]].assign(path=[str(path) for path in paths])
    index.to_parquet(tmp_path / "index.parquet")
    names = ("page", "sheet", "filled")
    made = dict(zip(names, (tmp_path / f"{n}.out" for n in names), strict=True))
    module["write_alignment_annotation"](
        {"PACS": tmp_path / "scores.parquet"}, {"PACS": tmp_path / "index.parquet"},
        Annotation(images=5, intervals=[0.0, 0.1, 0.2], noise=LabelNoise(), thumbnail=32),
        "absolute", **made,
    )  # fmt: skip
    empty = pd.read_csv(made["sheet"], keep_default_na=False)
    filled = read_sheet(made["filled"])
    assert len(filled) == 10 and (empty["verdict"] == "").all()
    wrong = dict(zip(table["image_id"], table["label"] != table["true_label"], strict=True))
    told = dict(zip(filled["image_id"], filled["verdict"] == "m", strict=True))
    assert all(wrong[image] == mislabelled for image, mislabelled in told.items())
    assert made["page"].read_text().count("data:image") == 10
