"""Reader of FMoW and iWildCam: values against the csv files that the tests write."""

import json

import pandas as pd
import pytest
from PIL import Image
from reader_entries import entry, picture, read, records

from replidg.data import index, readers
from replidg.data.errors import DatasetError

REGIONS = ["Asia", "Europe", "Africa", "Americas", "Oceania", "Other"]
# split of the csv, timestamp, category, country -> wilds' split, region, year (by hand).
FMOW = [
    ("train", "2010-01-02T03:04:05Z", "zoo", "IND", "train", "Asia", 2010),
    ("seq", "2018-01-02T03:04:05Z", "zoo", "IND", None, None, None),
    ("val", "2012-12-31T23:59:59.5Z", "airport", "FRA", "id_val", "Europe", 2012),
    ("test", "2011-06-01T00:00:00.123456Z", "dam", "XXX", "id_test", "Other", 2011),
    ("val", "2013-01-01T00:00:00Z", "dam", "USA", "val", "Americas", 2013),
    ("test", "2016-01-01T00:00:00Z", "tower", "ATA", "test", "Other", 2016),
    ("train", "2014-05-05T05:05:05Z", "tower", "FRA", None, None, None),
    ("test", "2017-02-03T04:05:06Z", "port", "FRA", "test", "Europe", 2017),
]
TIMES = {
    0: "2010-01-02T03:04:05.000000Z",
    2: "2012-12-31T23:59:59.500000Z",
    3: "2011-06-01T00:00:00.123456Z",
    4: "2013-01-01T00:00:00.000000Z",
    5: "2016-01-01T00:00:00.000000Z",
    7: "2017-02-03T04:05:06.000000Z",
}
KEPT = list(TIMES)


def page(dataset, **more):
    domains = REGIONS if dataset == "fmow" else ["camera traps"]
    reader = {"kind": "wilds", "dataset": dataset}
    return entry(dataset, reader, domains, count_by="split", **more)


@pytest.fixture
def fmow(tmp_path):
    folder = tmp_path / "fmow" / "fmow_v1.1"
    for row in range(len(FMOW)):
        picture(folder / "images" / f"rgb_img_{row}.png", value=row)
    columns = ["split", "timestamp", "category", "country_code"]
    table = pd.DataFrame([row[:4] for row in FMOW], columns=columns)
    table.to_csv(folder / "rgb_metadata.csv", index=False)
    countries = {"IND": "Asia", "FRA": "Europe", "USA": "Americas", "ATA": None}
    mapping = pd.DataFrame({"alpha-3": countries.keys(), "region": countries.values()})
    mapping.to_csv(folder / "country_code_mapping.csv", index=False)
    (folder / "RELEASE_v1.1.txt").touch()
    return folder.parent


def test_fmow_row_by_row(fmow):
    rows = read(page("fmow"), fmow)
    assert list(rows.columns) == [
        *["image_id", "path", "label", "class_name", "domain", "split"],
        *["region", "year", "timestamp", "country"],
    ]
    assert rows["image_id"].tolist() == sorted(rows["image_id"])
    columns = ["class_name", "domain", "split", "region", "year", "timestamp", "country"]
    assert records(rows, *columns) == {
        f"fmow_v1.1/images/rgb_img_{i}.png": (
            *(FMOW[i][2], FMOW[i][5], FMOW[i][4], FMOW[i][5], FMOW[i][6]),
            *(TIMES[i], FMOW[i][3]),
        )
        for i in KEPT
    }
    names = readers.class_names(page("fmow"), fmow, None, None)
    assert len(names) == 62 and names == sorted(names)
    assert [names[label] for label in rows["label"]] == rows["class_name"].tolist()
    assert dict(zip(rows["class_name"], rows["label"], strict=True))["zoo"] == 61
    for i, path in zip(KEPT, rows["path"], strict=True):
        assert Image.open(path).getpixel((0, 0)) == i


def test_fmow_agrees_with_the_package(fmow):
    from wilds import get_dataset

    rows = read(page("fmow"), fmow).set_index("image_id")
    dataset = get_dataset("fmow", root_dir=str(fmow), download=False)
    seen = 0
    for split in ("train", "id_val", "id_test", "val", "test"):
        subset = dataset.get_subset(split)
        for image, label, metadata in (subset[i] for i in range(len(subset))):
            row = rows.loc[f"fmow_v1.1/images/rgb_img_{image.getpixel((0, 0))[0]}.png"]
            region = dataset.metadata_map["region"][metadata[0]]
            assert (row["label"], row["split"]) == (int(label), split)
            assert row["region"] == (region if isinstance(region, str) else "Other")
            seen += 1
    assert seen == len(rows) == 6


def test_fmow_domains(fmow):
    rows = read(page("fmow"), fmow, domains=["Europe", "Asia"])
    assert rows["region"].value_counts().to_dict() == {"Europe": 2, "Asia": 1}
    mapping = fmow / "fmow_v1.1" / "country_code_mapping.csv"
    mapping.write_text(mapping.read_text().replace("Asia", "Atlantis"))
    with pytest.raises(DatasetError, match=r"regions \['Atlantis'\]"):
        read(page("fmow"), fmow)


def test_missing_image(fmow):
    (fmow / "fmow_v1.1" / "images" / "rgb_img_1.png").unlink()  # of a sequestered row
    assert len(read(page("fmow"), fmow)) == 6
    (fmow / "fmow_v1.1" / "images" / "rgb_img_4.png").unlink()
    with pytest.raises(DatasetError, match=r"1 of 6 images of FMOW .*fmow_v1\.1/images/rgb_img_4"):
        read(page("fmow"), fmow)


def test_what_wilds_cannot_read(fmow):
    metadata = fmow / "fmow_v1.1" / "rgb_metadata.csv"
    metadata.write_text(metadata.read_text().replace("airport", "castle"))
    with pytest.raises(
        DatasetError, match=r"cannot read the csv files of fmow: KeyError\('castle'"
    ):
        read(page("fmow"), fmow)
    (fmow / "fmow_v1.1" / "RELEASE_v1.1.txt").unlink()
    with pytest.raises(DatasetError, match="RELEASE_v<version>"):
        read(page("fmow"), fmow)


def test_fmow_index_twice(fmow, tmp_path):
    outs = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    for out in outs:
        index.build(fmow, REGIONS, out, tmp_path / "c.json", page("fmow"))
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert json.loads((tmp_path / "c.json").read_text())[-1] == "zoo"
    assert pd.read_parquet(outs[0])["bytes"].min() > 0


# split, location, sequence, time, file, label; by hand.
IWILDCAM = [
    ("train", 2, 0, "2013-06-05 05:44:19.000", "b.jpg", 1),
    ("val", 0, 1, "2014-01-01 00:00:00.000", "a.jpg", 0),
    ("test", 1, 2, "2012-12-31 23:59:59.000", "d.jpg", 2),
    ("id_val", 2, 3, "2013-01-01 10:00:00.000", "c.jpg", 0),
    ("id_test", 2, 3, "2013-01-01 10:00:01.000", "e.jpg", 2),
]
ANIMALS = ["empty", "tayassu pecari", "puma concolor"]


@pytest.fixture
def iwildcam(tmp_path):
    folder = tmp_path / "iwildcam" / "iwildcam_v2.0"
    for row in IWILDCAM:
        picture(folder / "train" / row[4])
    columns = ["split", "location_remapped", "sequence_remapped", "datetime", "filename", "y"]
    pd.DataFrame(IWILDCAM, columns=columns).to_csv(folder / "metadata.csv", index=False)
    table = pd.DataFrame({"y": [2, 0, 1, 99999], "name": [ANIMALS[2], *ANIMALS[:2], "elk"]})
    table.to_csv(folder / "categories.csv", index=False)
    (folder / "RELEASE_v2.0.txt").touch()
    return folder.parent


def test_iwildcam_row_by_row(iwildcam):
    rows = read(page("iwildcam"), iwildcam, domains=["camera traps"])
    columns = ["label", "class_name", "domain", "split", "location", "sequence", "timestamp"]
    assert list(rows.columns) == ["image_id", "path", *columns]
    assert records(rows, *columns) == {
        f"iwildcam_v2.0/train/{name}": (
            *(label, ANIMALS[label], str(location), split, location, sequence),
            time.replace(" ", "T").removesuffix(".000"),
        )
        for split, location, sequence, time, name, label in IWILDCAM
    }
    assert [path[-5:] for path in rows["path"]] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"]
    assert readers.class_names(page("iwildcam"), iwildcam, None, None) == ANIMALS


def test_iwildcam_names_in_row_order(iwildcam):
    path = iwildcam / "iwildcam_v2.0" / "categories.csv"
    pd.DataFrame({"name": [*ANIMALS, "elk"]}).to_csv(path, index=False)
    assert readers.class_names(page("iwildcam"), iwildcam, None, None) == ANIMALS
    pd.DataFrame({"name": ANIMALS[:2]}).to_csv(path, index=False)
    with pytest.raises(DatasetError, match=r"categories\.csv has no row for the labels \[2\]"):
        read(page("iwildcam"), iwildcam)
    path.unlink()
    with pytest.raises(DatasetError, match=r"categories\.csv is missing"):
        read(page("iwildcam"), iwildcam)


def test_iwildcam_numbers_with_gaps(iwildcam):
    path = iwildcam / "iwildcam_v2.0" / "metadata.csv"
    table = pd.read_csv(path)
    table.assign(location_remapped=table["location_remapped"] * 2).to_csv(path, index=False)
    with pytest.raises(DatasetError, match=r"location_remapped .* without a gap"):
        read(page("iwildcam"), iwildcam)
