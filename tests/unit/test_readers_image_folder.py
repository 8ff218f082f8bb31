"""Readers: domain folders with HDG's class ids, and the index that is written of any reader."""

import csv
import json
import os
from pathlib import Path

import pandas as pd
import pytest
from reader_entries import entry, picture, read, records

from replidg.data import index, readers
from replidg.data.errors import DatasetError
from replidg.data.image_folder import image_names, scan

PACS_CLASSES = ["dog", "elephant", "giraffe", "guitar", "horse", "house", "person"]
FACTS = Path(readers.__file__).parents[1] / "labels" / "hdg_classes.csv"


def page(name="PACS", domains=("art_painting", "photo"), **more):
    return entry(name, {"kind": "image_folder"}, list(domains), **more)


def write(root: Path, domains, classes) -> Path:
    for domain in domains:
        for name in classes:
            picture(root / domain / name / "1.jpg")
    return root


@pytest.fixture
def pacs(tmp_path) -> Path:
    return write(tmp_path / "PACS", ["art_painting", "photo"], PACS_CLASSES)


def facts() -> list[dict]:
    with open(FACTS, newline="") as file:
        return list(csv.DictReader(file))


def test_facts_of_the_benchmark():
    sizes = {"PACS": (6, 7), "office_home": (54, 65), "domain_net": (270, 345)}
    assert {row["dataset"] for row in facts()} == set(sizes)
    for dataset, (known, count) in sizes.items():
        rows = [row for row in facts() if row["dataset"] == dataset]
        assert [int(row["hdg_label"]) for row in rows] == list(range(count))
        assert len({row["class_name"] for row in rows}) == count
        roles = ["known"] * known + ["unknown"] * (count - known)
        assert [row["hdg_role"] for row in rows] == roles


def test_pacs_person_is_unknown(pacs):
    rows = read(page(), pacs, PACS_CLASSES)
    assert list(rows.columns) == [
        *["image_id", "path", "label", "class_name", "domain", "split", "hdg_label", "hdg_role"]
    ]
    assert rows["image_id"].tolist() == sorted(rows["image_id"])
    found = records(rows, "label", "class_name", "domain", "split", "hdg_label", "hdg_role")
    assert found == {
        f"{domain}/{name}/1.jpg": (
            label,
            name,
            domain,
            "",
            label,
            "unknown" if name == "person" else "known",
        )
        for domain in ("art_painting", "photo")
        for label, name in enumerate(PACS_CLASSES)
    }
    assert rows["path"].tolist() == [str(pacs / name) for name in rows["image_id"]]


def test_office_home_has_another_order_than_the_alphabet(tmp_path):
    classes = sorted(r["class_name"] for r in facts() if r["dataset"] == "office_home")
    write(tmp_path, ["Real World"], classes)
    home = page("office_home", ["Real World"])
    rows = read(home, tmp_path, classes)
    found = records(rows, "label", "hdg_label", "hdg_role")
    assert classes.index("Drill") == 16
    assert found["Real World/Drill/1.jpg"] == (16, 0, "known")
    assert found["Real World/Candles/1.jpg"][1:] == (53, "known")
    assert found["Real World/Clipboards/1.jpg"][1:] == (54, "unknown")
    assert found["Real World/Alarm_Clock/1.jpg"] == (0, 33, "known")
    assert sorted(rows["hdg_label"]) == list(range(65))


@pytest.mark.parametrize("name", ["domain_net", "domain_net_cleaned"])
def test_domain_net_and_its_cleaned_form(tmp_path, name):
    write(tmp_path, ["real"], ["snake", "snorkel", "The_Mona_Lisa"])
    rows = read(page(name, ["real"]), tmp_path)
    found = {row.class_name: (row.hdg_label, row.hdg_role) for row in rows.itertuples()}
    assert found["snake"] == (269, "known") and found["snorkel"] == (270, "unknown")


def test_a_class_that_the_benchmark_does_not_have(tmp_path):
    write(tmp_path, ["photo"], ["cat", "dog"])
    rows = read(page(domains=["photo"]), tmp_path)
    assert records(rows, "label", "hdg_label", "hdg_role") == {
        "photo/cat/1.jpg": (0, -1, ""),
        "photo/dog/1.jpg": (1, 0, "known"),
    }
    assert rows["hdg_label"].dtype == "int64"


def test_stand_ins_have_unknown_classes_of_their_own(tmp_path):
    write(tmp_path, ["photo"], ["bird", "fruit", "bug"])
    stand = {"writer": "x", "classes": ["fruit", "bug", "bird"]}
    known = page(domains=["photo"], standin={**stand, "options": {"unknown_classes": ["bird"]}})
    rows = read(known, tmp_path, known.class_list(True), standin=True)
    assert records(rows, "label", "hdg_label", "hdg_role") == {
        "photo/bird/1.jpg": (2, 2, "unknown"),
        "photo/bug/1.jpg": (1, 1, "known"),
        "photo/fruit/1.jpg": (0, 0, "known"),
    }
    with pytest.raises(DatasetError, match=r"PACS\.yaml: standin\.options\.unknown_classes must"):
        read(page(domains=["photo"], standin=stand), tmp_path, stand["classes"], standin=True)
    wrong = page(domains=["photo"], standin={**stand, "options": {"unknown_classes": ["brid"]}})
    with pytest.raises(DatasetError, match="no class 'brid'; did you mean 'bird'"):
        read(wrong, tmp_path, stand["classes"], standin=True)


def test_sets_outside_the_benchmark_have_no_such_columns(tmp_path):
    write(tmp_path, ["Caltech101"], ["bird", "car"])
    rows = read(page("VLCS", ["Caltech101"]), tmp_path, ["bird", "car"])
    assert list(rows.columns) == ["image_id", "path", "label", "class_name", "domain", "split"]


def test_class_folder_with_another_name(pacs):
    (pacs / "photo" / "person").rename(pacs / "photo" / "Person")
    with pytest.raises(DatasetError, match=r"photo/Person is no class of PACS; did you mean 'per"):
        read(page(), pacs, PACS_CLASSES)
    # Also in a domain that is not read: the copy is broken all the same.
    with pytest.raises(DatasetError, match="photo/Person"):
        read(page(), pacs, PACS_CLASSES, ["art_painting"])


def test_missing_class_folder(pacs):
    for domain in ("art_painting", "photo"):
        (pacs / domain / "horse" / "1.jpg").unlink()
        (pacs / domain / "horse").rmdir()
    with pytest.raises(DatasetError, match=r"no domain has a folder for 1 of 7 .*'horse'"):
        read(page(), pacs, PACS_CLASSES)
    (pacs / "photo" / "horse").mkdir()
    assert dict(read(page(), pacs, PACS_CLASSES)[["class_name", "label"]].values)["person"] == 6
    assert readers.class_names(page(), pacs, PACS_CLASSES, None) == PACS_CLASSES


def test_domains(pacs):
    assert set(read(page(), pacs, PACS_CLASSES, ["photo"])["domain"]) == {"photo"}
    with pytest.raises(DatasetError, match="no domain 'photos'; did you mean 'photo'"):
        read(page(), pacs, PACS_CLASSES, ["photos"])
    with pytest.raises(DatasetError, match=r"no folder for the domains \['photo'\]"):
        (pacs / "photo").rename(pacs / "elsewhere")
        read(page(), pacs, PACS_CLASSES)
    with pytest.raises(DatasetError, match="there is no folder"):
        read(page(), pacs / "nowhere", PACS_CLASSES)


def test_hidden_files_and_links(pacs, tmp_path):
    folder = pacs / "photo" / "dog"
    (folder / "._1.jpg").write_bytes(b"x")
    picture(pacs / "photo" / ".thumbnails" / "1.jpg")
    picture(folder / ".cache" / "1.jpg")
    picture(folder / "deeper" / "2.JPEG")
    (folder / "link.jpg").symlink_to(folder / "1.jpg")
    (folder / "notes.txt").write_text("x")
    assert sorted(image_names(folder)) == ["1.jpg", "deeper/2.JPEG", "link.jpg"]
    rows = read(page(), pacs, PACS_CLASSES)
    assert len(rows) == 16 and "photo/dog/deeper/2.JPEG" in set(rows["image_id"])
    linked = tmp_path / "linked"
    linked.mkdir()
    for domain in ("art_painting", "photo"):
        (linked / domain).symlink_to(pacs / domain)
    assert read(page(), linked, PACS_CLASSES)["image_id"].tolist() == rows["image_id"].tolist()


def test_relative_folder(pacs, monkeypatch):
    expected = read(page(), pacs, PACS_CLASSES)["image_id"].tolist()
    monkeypatch.chdir(pacs)
    for folder in (Path("."), Path("../PACS")):
        rows = scan(folder, ["art_painting", "photo"])
        assert rows["image_id"].tolist() == expected
        assert rows["path"].tolist() == [str(folder / name) for name in expected]


# --- the index ---------------------------------------------------------------------------------


def test_index_of_a_registered_set_twice(pacs, tmp_path):
    written = []
    for number in range(2):
        out, classes = tmp_path / f"{number}.parquet", tmp_path / f"{number}.json"
        index.build(pacs, ["art_painting", "photo"], out, classes, page(classes=PACS_CLASSES))
        written.append((out.read_bytes(), classes.read_bytes()))
    assert written[0] == written[1]
    rows = pd.read_parquet(tmp_path / "0.parquet")
    expected = read(page(), pacs, PACS_CLASSES)
    expected["bytes"] = [os.path.getsize(path) for path in expected["path"]]
    pd.testing.assert_frame_equal(rows, expected)
    assert json.loads((tmp_path / "0.json").read_text()) == PACS_CLASSES
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *["0.json", "0.parquet", "1.json", "1.parquet", "PACS"]
    ]


def test_an_image_that_is_gone_is_named(pacs, tmp_path):
    lost = pacs / "photo" / "dog" / "2.jpg"
    lost.symlink_to(pacs / "nowhere.jpg")
    with pytest.raises(DatasetError, match=r"photo/dog/2\.jpg cannot be opened"):
        index.build(pacs, ["photo"], tmp_path / "i.parquet", tmp_path / "c.json")
    assert not (tmp_path / "i.parquet").exists() and not (tmp_path / "c.json").exists()


def test_metadata_of_the_pictograms(tmp_path):
    write(tmp_path, ["noto"], ["bug", "tool"])
    rows = [("noto/bug/1.jpg", "train", True), ("noto/tool/1.jpg", "test", False)]
    table = pd.DataFrame(rows, columns=["image_id", "split", "pretraining"])
    table.to_csv(tmp_path / "metadata.csv", index=False)
    found = read(page("pictograms", ["noto"]), tmp_path, ["bug", "tool"])
    assert records(found, "split", "pretraining") == {row[0]: row[1:] for row in rows}
