"""Every figure and table of the VLTSeg paper, made by the workflow's own scripts."""

from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import save_file
from vltseg_runs import SOURCES, arms, evaluated, script

from replidg.artefacts import NEEDS, of, target
from replidg.config.street_classes import CLASSES, IGNORED, PALETTE
from replidg.published import load
from replidg.reporting.artefact_files import draw_figures, write_tables
from replidg.reporting.vltseg_names import METHODS, Options, arm_name, main_arms
from replidg.reporting.vltseg_pictures import painted
from replidg.reporting.vltseg_submissions import submissions
from replidg.reporting.vltseg_tables import MEAN, scores

ROOT = Path(__file__).parents[2]
OWN = {"t6", "tsne"}
PANELS = "panels_"
OPTIONS = {
    "arms": {name: asdict(arm) for name, arm in arms().items()},
    "sources": {name: asdict(source) for name, source in SOURCES.items()},
    "level": 0.95,
    "seeds": 2,
    "texts": {"photo": ["a photo of a {}.", "a {}."], "plain": ["{}"]},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("vltseg")
    evaluated(place)
    return place


@pytest.fixture(scope="module")
def tables(folder):
    chosen = names("table")
    files = [[folder / f"{name}.{s}" for name in chosen] for s in ("csv", "md", "tex")]
    write_tables("vltseg", folder / "metrics.parquet", chosen, *files, OPTIONS)
    return {name: pd.read_csv(folder / f"{name}.csv") for name in chosen}


def names(kind):
    return [
        a.name
        for a in of("vltseg")
        if a.kind == kind and a.name not in OWN and not a.name.startswith(PANELS)
    ]


def test_every_artefact_has_a_caption_and_known_needs():
    for artefact in of("vltseg"):
        words = (ROOT / f"workflow/report/{target(artefact)}.rst").read_text()
        assert len(words.split()) > 5
        assert set(artefact.needs) <= set(NEEDS) and artefact.needs[0] == "vltseg"


def test_tables_are_whole(tables):
    assert all(len(table) for table in tables.values())
    assert {"claims", "t1", "lambda", "classes"} <= set(tables)


def test_first_table_has_our_numbers_and_the_paper_s(tables, folder):
    metrics = pd.read_parquet(folder / "metrics.parquet")
    row = tables["t1"].query("source == 'GTA5' and network == 'EVA-02-CLIP'").iloc[0]
    rows = metrics.query("artefact == 'runs' and domain == 'all' and method == 'eva02_clip'")
    rows = rows[(rows["setting"] == "gta5") & (rows["dataset"] != "gta5")]
    assert row[MEAN] == pytest.approx(rows["value"].mean())
    assert row["low"] < row[MEAN] < row["high"]
    assert row["sd"] == pytest.approx(rows.groupby("seed")["value"].mean().std())
    assert tables["t1"]["network"].iloc[-1] == "most frequent class everywhere"
    assert row[f"{MEAN} (paper)"] == 63.1 and row["encoder"] == "trained"
    frozen = tables["t1"].query("network == 'EVA-02-CLIP, frozen'")
    assert set(frozen["encoder"]) == {"frozen"}


def test_second_table_keeps_the_quoted_rows(tables):
    table, theirs = tables["t2"], load("vltseg").query("artefact == 't2'")
    assert (table["from"] == "this run").sum() == 1
    assert len(table) == theirs["method"].nunique() + 1
    assert table.loc[table["method"] == "VLTSeg", "Cityscapes"].tolist() == [65.3]
    assert set(theirs["method"]) <= set(METHODS)


def test_studies_are_against_the_row_without_a_gain(tables):
    for name in ("decoders", "language", "lambda", "prompts", "augmentation", "multi_source"):
        table = tables[name]
        assert len(table) == 2 and table["gain"].isna().sum() == 1
        first, other = table[table["gain"].isna()].iloc[0], table[table["gain"].notna()].iloc[0]
        assert other["gain"] == pytest.approx(other[MEAN] - first[MEAN])
        assert other["low"] < other["gain"] < other["high"]
    assert tables["lambda"]["lambda"].tolist() == [0.4, 1.0]
    assert tables["prompts"]["templates"].tolist() == ["a photo of a {}. and 1 more", "{}"]


def test_third_table_and_classes(tables):
    assert tables["t3"]["rPD (paper)"].tolist() == [84.9, 76.6]
    classes = tables["classes"]
    assert list(classes.columns[3:]) == list(CLASSES)
    assert not classes["network"].str.contains("blocks frozen|λ").any()
    assert set(tables["training"]["iterations"]) == {20}
    assert tables["freezing"]["first blocks frozen"].max() == 2


def test_a_study_that_was_not_run_is_an_error(folder):
    metrics = pd.read_parquet(folder / "metrics.parquet")
    with pytest.raises(ValueError, match="no network of the study t9"):
        scores(metrics, arms(), SOURCES, "t9")
    out = [[folder / f"nothing.{s}"] for s in ("csv", "md", "tex")]
    with pytest.raises(ValueError, match="no table 'nothing'"):
        write_tables("vltseg", folder / "metrics.parquet", ["nothing"], *out, OPTIONS)


def test_figures(folder):
    chosen = names("figure")
    files = [[folder / f"{name}.{s}" for name in chosen] for s in ("svg", "png")]
    draw_figures("vltseg", folder / "metrics.parquet", chosen, *files, OPTIONS, {"dpi": 40})
    assert set(chosen) == {"pretrainings", "f2", "f3", "lambda_curve", "class_iou"}
    assert all(path.stat().st_size for part in files for path in part)


def test_names():
    found = {**arms(), "clip": None, "clip_fpn": None, "clip_first2": None, "clip_ptm": None}
    assert arm_name("eva02_clip_frozen", found) == "EVA-02-CLIP, frozen"
    assert arm_name("clip_fpn", found) == "CLIP, FPN"
    assert arm_name("clip_first2", found) == "CLIP, first 2 blocks frozen"
    found["clip_ptm_lambda0.1"] = None
    assert arm_name("clip_ptm_lambda0.1", found) == "CLIP, PTM, λ = 0.1"
    assert set(arms()) - set(main_arms(arms())) == {
        "ptm_lambda1", "ptm_prompts_plain", "first2", "last2", "randaug",
    }  # fmt: skip
    assert Options(**OPTIONS).networks() == arms()


def test_labels_keep_their_colours():
    labels = np.full((40, 60), IGNORED, np.uint8)
    labels[:, :30] = 13
    shown = painted(labels, side=30)
    assert shown.shape == (20, 30, 3)
    assert (shown[:, :15] == PALETTE[13]).all() and (shown[:, 15:] == 0).all()
    with pytest.raises(ValueError, match=r"no train ids: \[33\]"):
        painted(np.full((2, 2), 33, np.uint8))


def pictures(folder, name, images, wrong=0):
    """Write images with masks, and a file of predictions as test jobs leave it."""
    rows = []
    for number in range(images):
        labels = np.full((12, 24), number + wrong, np.uint8)
        for stem, content in (("image", labels * 10), ("mask", labels)):
            Image.fromarray(content).save(folder / f"{stem}{number}.png")
        file = BytesIO()
        Image.fromarray(labels).save(file, "png")
        paths = [str(folder / f"{stem}{number}.png") for stem in ("image", "mask")]
        rows.append((f"i{number}", "fog", *paths, file.getvalue()))
    table = pd.DataFrame(rows, columns=["image_id", "condition", "path", "mask_path", "png"])
    table.to_parquet(folder / name)
    return folder / name


def test_panels(tmp_path):
    found = {"A": pictures(tmp_path, "a.parquet", 2), "B": pictures(tmp_path, "b.parquet", 2, 1)}
    out = tmp_path / "p.svg", tmp_path / "p.png"
    script("draw_vltseg_panels")(found, {"dpi": 60}, *out)
    assert all(path.stat().st_size for path in out)
    found["B"] = pictures(tmp_path, "c.parquet", 1)
    with pytest.raises(ValueError, match="B has other images than A"):
        script("draw_vltseg_panels")(found, {}, *out)


def test_pixel_maps(tmp_path):
    random = np.random.default_rng(0)
    values = {when: random.normal(size=(30, 8)).astype("f4") for when in ("before", "after")}
    save_file(values | {"labels": np.arange(30) % 19}, tmp_path / "e.safetensors")
    out = tmp_path / "t.svg", tmp_path / "t.png"
    script("draw_vltseg_tsne")({"CLIP": tmp_path / "e.safetensors"}, 30, {"dpi": 40}, *out)
    assert all(path.stat().st_size for path in out)


def test_submissions_stand_beside_the_paper_s_scores():
    found = pd.DataFrame(
        {"source": "cityscapes", "arm": "eva02_clip", "seed": 0, "dataset": ["cityscapes", "acdc"],
         "images": [1525, 3], "expected": [1525, 2000], "ids": "label ids", "tta": True,
         "bytes": 2_000_000, "sha256": "a" * 64, "state": ["ready", "faulty"],
         "problems": [None, "1997 images are missing"], "server": "x", "format_source": "y"}
    )  # fmt: skip
    table = submissions(found, {"eva02_clip": "EVA-02-CLIP"}).table
    assert table["the paper's score"].tolist() == [86.4, 77.91]
    assert table["images"].tolist() == ["1525 of 1525", "3 of 2000"]
    assert table["problems"].tolist() == ["", "1997 images are missing"]
