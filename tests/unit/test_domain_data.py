"""Web pictures on disk, pictures to be labelled, and their labels."""

import json
import os
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from domain_runs import make_shards
from PIL import Image

from replidg.config.forgotten import DomainLabels, Img2dataset, Truth
from replidg.config.forgotten_sets import DOMAINS, WEB
from replidg.data import domain_sources
from replidg.data.domain_labels import known_labels, read_files, read_sheets, split
from replidg.data.domain_lists import listed_ids
from replidg.data.domain_sample import drawn_positions, extract, of_sets
from replidg.data.domain_shards import Shard, count, read_shards, samples
from replidg.data.domain_sources import download, draw_shards, list_files, list_shards
from replidg.data.errors import DatasetError
from replidg.reporting.annotation import Question, render_sheet


def test_shards_as_img2dataset_writes_them(tmp_path):
    for name, sizes in (("a", (3,)), ("b", (2,))):
        (tmp_path / name).mkdir()
        make_shards(tmp_path / name, sizes=sizes)
    stats = tmp_path / "b" / "00000_stats.json"
    stats.write_text(json.dumps({"successes": 2}))
    list_shards(tmp_path, tmp_path / "shards.json")
    listed = read_shards(tmp_path / "shards.json")
    assert [(shard.number, shard.samples) for shard in listed] == [(0, 3), (1, 2)]
    found = list(samples(listed[0].path, 3))
    assert [one.position for one in found] == [0, 1, 2] and found[1].caption == "picture 1"
    assert found[2].image_id == "2" and found[2].meta["url"] == "x/0/2"
    listed[1].path.unlink()
    with pytest.raises(DatasetError, match="which is gone"):
        read_shards(tmp_path / "shards.json")


def test_pictures_are_counted_by_their_headers(tmp_path):
    """The same number as reading gives; a tar that was cut off is noticed."""
    (listed,) = make_shards(tmp_path, sizes=(6,))
    path = Path(listed["path"])
    assert count(path) == len(list(samples(path))) == 6
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 100])
    with pytest.raises(DatasetError, match="damaged shard"):
        count(path)


def test_a_folder_without_shards(tmp_path):
    with pytest.raises(DatasetError, match=r"has no \*\.tar"):
        list_shards(tmp_path, tmp_path / "shards.json")


def web_list(path: Path, rows: int) -> Path:
    names = ["photo/tool/hammer-4", "scene/photo/tool/hammer-4", "noto_mono/boat/ship"]
    urls = [f"https://images.example.org/{names[row % 3]}.jpg" for row in range(rows)]
    table = pd.DataFrame({"image_id": [str(row) for row in range(rows)], "url": urls})
    table.assign(caption=[f"c{row}" for row in range(rows)]).to_parquet(path)
    return path


def test_shards_are_drawn_by_their_addresses(tmp_path):
    index, folder = web_list(tmp_path / "i.parquet", 7), tmp_path / "shards"
    draw_shards(index, folder, 3)
    before = {path.name: path.read_bytes() for path in folder.glob("*.tar")}
    assert sorted(before) == ["00000.tar", "00001.tar", "00002.tar"]
    first = list(samples(folder / "00000.tar", 3))
    assert [one.image_id for one in first] == ["0", "1", "2"]
    assert first[0].image != first[1].image and first[1].caption == "c1"
    times = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.tar")}
    draw_shards(index, folder, 3)  # nothing changed, so nothing is drawn
    assert times == {path.name: path.stat().st_mtime_ns for path in folder.glob("*.tar")}
    draw_shards(web_list(tmp_path / "i.parquet", 5), folder, 3)
    assert sorted(path.name for path in folder.glob("*.tar")) == ["00000.tar", "00001.tar"]
    assert (folder / "00000.tar").read_bytes() == before["00000.tar"]
    assert len(list(samples(folder / "00001.tar"))) == 2


COLUMNS = {"image_id": "SAMPLE_ID", "url": "URL", "caption": "TEXT"}
FAKE = """#!/bin/sh
for each in "$@"; do echo "$each" >> "$(dirname "$0")/called"; done
if [ -e "$(dirname "$0")/broken" ]; then echo "no space left" >&2; exit 3; fi
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A stand-in of the program that notes how it is called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "img2dataset"
    path.write_text(FAKE)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def test_how_img2dataset_is_called(tmp_path, program):
    urls = tmp_path / "part-00003-abc.snappy.parquet"
    download([urls], tmp_path / "out", COLUMNS, 1000, Img2dataset(processes=3))
    called = (program / "called").read_text().splitlines()
    assert f"--url_list={urls}" in called and "--processes_count=3" in called
    assert "--output_format=webdataset" in called and "--number_sample_per_shard=1000" in called
    assert '--save_additional_columns=["SAMPLE_ID"]' in called and "--url_col=URL" in called
    assert f"--output_folder={tmp_path / 'out' / 'part-00003-abc'}" in called
    assert "--incremental_mode=incremental" in called
    (program / "broken").touch()
    with pytest.raises(DatasetError, match=r"ended with 3[\s\S]*no space left"):
        download([urls], tmp_path / "out", COLUMNS, 1000, Img2dataset())


def test_without_img2dataset_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(domain_sources.shutil, "which", lambda _: None)
    with pytest.raises(DatasetError, match="pip install img2dataset"):
        download([tmp_path / "x.parquet"], tmp_path, COLUMNS, 10, Img2dataset())


def test_lists_are_divided_among_jobs(tmp_path):
    for number in range(5):
        pd.DataFrame({"URL": ["u"]}).to_parquet(tmp_path / f"part-{number}.parquet")
    parts = [[path.name for path in list_files(tmp_path, part, 2)] for part in range(2)]
    assert [len(part) for part in parts] == [3, 2] and len({*parts[0], *parts[1]}) == 5
    with pytest.raises(DatasetError, match="no parquet file"):
        list(list_files(tmp_path / "none", 0, 1))


def test_drawn_pictures_are_different_and_repeatable():
    shards = [Shard(number, Path("x"), 10 * (number + 1)) for number in range(6)]
    found = drawn_positions(shards, 50, 3, seed=1)
    assert len(found) <= 3 and sum(map(len, found.values())) == 50
    for number, places in found.items():
        assert len(set(places)) == len(places) and places.max() < shards[number].samples
    again = drawn_positions(shards, 50, 3, seed=1)
    assert all((again[number] == places).all() for number, places in found.items())
    assert sum(map(len, drawn_positions(shards, 10**6, 6, 0).values())) == 210  # all there are


def test_each_picture_is_as_likely():
    """Shards of unlike size: shares of the draws are shares of the pictures."""
    shards = [Shard(0, Path("x"), 30), Shard(1, Path("x"), 90)]
    counts = np.zeros(2)
    for seed in range(200):
        for number, places in drawn_positions(shards, 12, 2, seed).items():
            counts[number] += len(places)
    assert counts[1] / counts.sum() == pytest.approx(0.75, abs=0.03)


def test_drawn_pictures_become_files(tmp_path):
    listed = make_shards(tmp_path, sizes=(4, 3))
    (tmp_path / "s.json").write_text(json.dumps({"shards": listed}))
    shards = read_shards(tmp_path / "s.json")
    rows = extract(shards, {1: np.array([0, 2])}, tmp_path / "web")
    assert rows["image_id"].tolist() == ["100", "102"] and rows["url"].tolist() == [
        "x/1/0",
        "x/1/2",
    ]
    expected = list(samples(shards[1].path))
    assert [Path(p).read_bytes() for p in rows["path"]] == [expected[0].image, expected[2].image]


def test_samples_of_sets():
    index = pd.DataFrame(
        {"image_id": [f"i{n}" for n in range(20)], "path": "p", "domain": ["real", "sketch"] * 10}
    )
    sets = {"domain_net/real": ("domain_net", "real"), "objectnet": ("objectnet", "all")}
    found = pd.concat(of_sets({"domain_net": index, "objectnet": index}, sets, 8, 0))
    assert found["test_set"].value_counts().to_dict() == {"domain_net/real": 8, "objectnet": 8}
    real = found.loc[found["test_set"] == "domain_net/real", "image_id"]
    assert set(real) <= set(index.loc[index["domain"] == "real", "image_id"])


def drawn(count=30):
    return pd.DataFrame(
        {
            "test_set": [WEB] * count + ["imagenet_r"],
            "image_id": [f"w{n}" for n in range(count)] + ["r"],
            "path": "p",
            "url": [*(f"x/{('noto', 'photo')[n % 2]}/{n}.jpg" for n in range(count)), ""],
        }
    )


def test_known_labels_by_address():
    truth = Truth(addresses={"*/photo/*": "natural", "*": "rendition"})
    table = known_labels(drawn(4), truth)
    assert table["label"].tolist() == ["rendition", "natural"] * 2 + ["rendition"]
    with pytest.raises(DatasetError, match="no pattern fits 'x/noto/0"):
        known_labels(drawn(4), Truth(addresses={"*/photo/*": "natural"}))


def labelled(count):
    table = pd.DataFrame({"image_id": [f"w{n}" for n in range(count)], "path": "p", "split": ""})
    return table.assign(test_set=WEB, label=[DOMAINS[n % 3] for n in range(count)])


@pytest.mark.parametrize(("count", "held", "expected"), [(300, 20, 20), (30, 20, 3)])
def test_val_and_test_are_balanced(count, held, expected):
    sets = drawn(1).tail(1).assign(label="natural", split="")
    table = split(pd.concat([labelled(count), sets], ignore_index=True), held, 0)
    web = table[table["test_set"] == WEB]
    counts = web.groupby(["split", "label"]).size().unstack()
    assert (counts.loc[["val", "test"]] == expected).all(axis=None)
    assert counts.to_numpy().sum() == count
    assert table.loc[table["test_set"] != WEB, "split"].tolist() == ["test"]
    shuffled = labelled(count).sample(frac=1, random_state=1)
    again = split(pd.concat([shuffled, sets], ignore_index=True), held, 0)
    pd.testing.assert_frame_equal(table, again)


def test_too_few_labels_are_told():
    with pytest.raises(DatasetError, match="web pictures are natural, none of them for test, val"):
        split(labelled(6), 5, 0)


def test_filled_sheets(tmp_path):
    sheet = pd.DataFrame(
        {"test_set": WEB, "image_id": ["w0", "w1", "w2"], "verdict": ["n", "", "A"]}
    )
    sheet.to_csv(tmp_path / "a.csv", index=False)
    sheet[:1].assign(verdict="r").to_csv(tmp_path / "b.csv", index=False)  # a correction
    table = read_sheets([tmp_path / "a.csv", tmp_path / "b.csv"], drawn(5))
    assert dict(zip(table["image_id"], table["label"], strict=True)) == {
        "w0": "rendition", "w2": "ambiguous",
    }  # fmt: skip
    with pytest.raises(DatasetError, match="were not drawn, e"):
        read_sheets([tmp_path / "a.csv"], drawn(1))
    sheet.assign(verdict="x").to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(DatasetError, match=r"c\.csv:2: label 'x'"):
        read_sheets([tmp_path / "c.csv"], drawn(5))


def test_any_csv_of_image_and_label(tmp_path):
    for name in ("a.png", "b.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    rows = pd.DataFrame({"image": ["a.png", "b.png"], "label": ["stylistic", "0"]})
    rows.to_csv(tmp_path / "l.csv", index=False)
    table = read_files([tmp_path / "l.csv"])
    assert table["label"].tolist() == ["rendition", "natural"]
    assert set(table["test_set"]) == {WEB} and Path(table["path"][0]).is_file()
    wrong = {
        "split 'half'": rows.assign(split="half"),
        "test_set 'imagenet'": rows.assign(test_set="imagenet"),
        "pictures are not there": rows.assign(image="none.png"),
        "columns label are missing": rows[["image"]],
        "label '7' is none": rows.assign(label="7"),
    }
    for message, table in wrong.items():
        table.to_csv(tmp_path / "w.csv", index=False)
        with pytest.raises(DatasetError, match=message):
            read_files([tmp_path / "w.csv"])
    with pytest.raises(DatasetError, match="there is no file"):
        read_files([tmp_path / "none.csv"])
    with pytest.raises(ValueError, match="not both"):
        DomainLabels(sheets=["a.csv"], truth=Truth(addresses={}))


def test_lists_of_pruned_ids(tmp_path):
    (tmp_path / "a.txt").write_text("12\n\n13\n")
    pd.DataFrame({"SAMPLE_ID": [14]}).to_parquet(tmp_path / "b.parquet")
    found = listed_ids([tmp_path / "a.txt", tmp_path / "b.parquet"])
    assert found.has(["14", "1", "12", "", "13", "15"]).tolist() == [
        True,
        False,
        True,
        False,
        True,
        False,
    ]
    assert listed_ids([]).has(["14"]).tolist() == [False]
    pd.DataFrame({"x": [14]}).to_parquet(tmp_path / "c.parquet")
    with pytest.raises(DatasetError, match="none of the columns"):
        listed_ids([tmp_path / "c.parquet"])
    with pytest.raises(DatasetError, match="there is no list"):
        listed_ids([tmp_path / "d.txt"])


def test_a_page_asks_what_it_is_told_to(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    rows = pd.DataFrame({"dataset": ["web"], "image_id": ["a"], "screen": ["1"], "verdict": [""]})
    asked = Question("Which domain?", "Judge by texture.", {"n": "natural"}, ("screen",))
    page = render_sheet(rows, [tmp_path / "a.png"], 16, asked)
    assert "<title>Which domain?</title>" in page and "<kbd>n</kbd> natural" in page
    assert "mislabelled" not in page and '"groups": ["screen"]' in page
