"""Tables: numbers worked out by hand, what is bold, what a missing number looks like."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from fake_metrics import FIVE, SIX, TWO, fake_metrics, frame, row

from replidg.artefacts import DOMAIN_TABLES, of
from replidg.reporting.alignment_tables import (
    backbone_table,
    contrast_table,
    cross_split_table,
    mean_over_domains,
    mislabelled_table,
    scratch_table,
    seed_table,
)
from replidg.reporting.artefact_files import write_tables
from replidg.reporting.plain_table import write_plain
from replidg.reporting.tables import AVERAGE, accuracy_table, dropped_table, write_table

SCRIPTS = Path(__file__).parents[2] / "scripts"


def acc(dataset, domain, method, seed, value, setting="IP"):
    return row(
        "table1", "accuracy", value, dataset=dataset, domain=domain, method=method,
        seed=seed, setting=setting, n=10,
    )  # fmt: skip


def by_hand() -> pd.DataFrame:
    """Two data sets of two domains and one domain, ERM with two seeds, zero-shot with one."""
    return frame(
        [
            acc("A", "d1", "erm", 0, 10.0), acc("A", "d1", "erm", 1, 20.0),
            acc("A", "d2", "erm", 0, 30.0), acc("A", "d2", "erm", 1, 44.0),
            acc("B", "e1", "erm", 0, 50.0), acc("B", "e1", "erm", 1, 50.0),
            acc("A", "d1", "zero_shot", 0, 12.0), acc("A", "d2", "zero_shot", 0, 40.0),
            acc("B", "e1", "zero_shot", 0, 61.0),
        ]
    )  # fmt: skip


def test_mean_over_domains_of_mean_over_seeds():
    mean, sd = accuracy_table(by_hand(), "IP")
    assert list(mean.index) == ["zero_shot", "erm"]
    assert list(mean.columns) == ["A", "B", AVERAGE]
    # ERM on A: ((10+20)/2 + (30+44)/2) / 2 = 26; B: 50; average 38.
    assert mean.loc["erm"].tolist() == pytest.approx([26.0, 50.0, 38.0])
    assert mean.loc["zero_shot"].tolist() == pytest.approx([26.0, 61.0, 43.5])
    # ERM's A by seed: 20 and 32, sd = 12/sqrt(2); B: 0; average by seed: 35 and 41.
    assert sd.loc["erm"].tolist() == pytest.approx([12 / math.sqrt(2), 0.0, 6 / math.sqrt(2)])
    assert sd.loc["zero_shot"].isna().all()


def test_one_dataset_has_its_domains_as_columns():
    metrics = by_hand()
    mean, sd = accuracy_table(metrics[metrics["dataset"] == "A"], "IP")
    assert list(mean.columns) == ["d1", "d2", AVERAGE]
    assert mean.loc["erm"].tolist() == pytest.approx([15.0, 37.0, 26.0])
    assert sd.loc["erm", "d1"] == pytest.approx(10 / math.sqrt(2))
    assert sd.loc["erm", AVERAGE] == pytest.approx(12 / math.sqrt(2))


def test_order_of_methods_and_datasets():
    metrics = fake_metrics(("PACS", "pictograms", "DomainNet"), (*SIX, "oracle"), 1)
    extra = acc("PACS", "photo", "my_method", 0, 1.0)
    mean, _ = accuracy_table(pd.concat([metrics, frame([extra])]), "IP")
    assert list(mean.columns) == ["DomainNet", "PACS", "pictograms", AVERAGE]
    assert list(mean.index) == [
        "zero_shot", "erm", "lp_ft", "swad", "miro", "miro_swad", "my_method", "oracle",
    ]  # fmt: skip


def test_split_without_images_is_a_dash_and_not_averaged():
    metrics = by_hand()
    metrics["setting"] = "OOP"
    metrics = metrics[metrics["dataset"] == "A"].copy()
    absent = metrics[metrics["domain"] != "d1"]
    metrics.loc[metrics["domain"] == "d1", "value"] = float("nan")
    ip = frame([acc("A", "d1", "erm", 0, 1.0, "IP")])
    for rows in (metrics, pd.concat([absent, ip])):
        mean, _ = accuracy_table(rows, "OOP")
        assert mean["d1"].isna().all()
        assert mean.loc["erm", ["d2", AVERAGE]].tolist() == pytest.approx([37.0, 37.0])


def test_method_that_lacks_a_domain_is_not_averaged_over_the_rest():
    metrics = by_hand()
    gone = (metrics["method"] == "zero_shot") & (metrics["domain"] == "d1")
    mean, _ = accuracy_table(metrics[~gone], "IP")
    assert mean.loc["zero_shot", ["A", AVERAGE]].isna().all()
    assert mean.loc["zero_shot", "B"] == 61.0
    assert mean.loc["erm", AVERAGE] == pytest.approx(38.0)


def test_incomplete_seed_counts_in_the_mean_but_not_in_the_sd():
    metrics = by_hand()
    gone = (metrics["domain"] == "d2") & (metrics["seed"] == 1)
    mean, sd = accuracy_table(metrics[~gone], "IP")
    assert mean.loc["erm", "A"] == pytest.approx((15 + 30) / 2)
    assert math.isnan(sd.loc["erm", "A"])


@pytest.mark.parametrize(("datasets", "seeds"), [(TWO, 3), (("pictograms",), 1), (TWO, 1)])
def test_agrees_with_a_plain_loop(datasets, seeds):
    metrics = fake_metrics(datasets, SIX, seeds)
    mean, _ = accuracy_table(metrics, "All")
    rows = metrics[(metrics["artefact"] == "table1") & (metrics["setting"] == "All")]
    for method in SIX:
        own = rows[rows["method"] == method]
        averages = []
        for dataset in datasets:
            domains = own[own["dataset"] == dataset].groupby("domain")["value"]
            values = [sum(v) / len(v) for _, v in domains]
            averages.append(sum(values) / len(values))
        expected = sum(averages) / len(averages)
        assert mean.loc[method, AVERAGE] == pytest.approx(expected)


@pytest.mark.parametrize("setting", ["IP", "nonsense"])
def test_missing_rows_name_artefact_and_columns(setting):
    metrics = by_hand()
    metrics = metrics[metrics["method"] == "none"] if setting == "IP" else metrics
    with pytest.raises(ValueError, match=r"(?s)'table1'.*columns seen: paper, artefact"):
        accuracy_table(metrics, setting)


def test_a_setting_without_any_image_is_a_table_of_dashes():
    mean, sd = accuracy_table(by_hand().assign(value=float("nan")), "IP")
    assert len(mean) > 0 and mean.isna().all(axis=None) and sd.isna().all(axis=None)


def test_missing_column_is_said():
    with pytest.raises(ValueError, match=r"'table8'.*lack the columns \['x'\]"):
        dropped_table(by_hand().drop(columns="x"))


def test_dropped_table():
    table = dropped_table(fake_metrics())
    assert list(table.index) == ["PACS", "pictograms"]
    assert list(table.columns) == ["mislabelled", "OCR"]
    assert table.loc["PACS"].tolist() == pytest.approx([2 + 4 / 7, 0.25])


def write(tmp_path: Path, df: pd.DataFrame, sd: pd.DataFrame | None, **options):
    paths = [tmp_path / f"t.{kind}" for kind in ("csv", "md", "tex")]
    write_table(df, sd, *paths, "Accuracy (%) ± sd_x", "tab:t", **options)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "t.md", "t.tex"]
    return [path.read_text(encoding="utf-8") for path in paths]


def test_written_numbers_bold_ties_oracle_and_dash(tmp_path):
    nan = float("nan")
    df = pd.DataFrame(
        {"PACS": [62.31, 62.34, 60.0, 99.0], "fluent_3d": [nan, 1.04, 50.05, 7.0]},
        index=["zero_shot", "erm", "my_own", "oracle"],
    )
    sd = pd.DataFrame(
        {"PACS": [nan, 1.05, 0.0, 0.5], "fluent_3d": [nan, nan, 2.0, 0.1]}, index=df.index
    )
    csv, md, tex = write(tmp_path, df, sd)
    assert csv.splitlines()[:3] == [
        "method,PACS,PACS_sd,fluent_3d,fluent_3d_sd", "zero_shot,62.31,,,",
        "erm,62.34,1.05,1.04,",
    ]  # fmt: skip
    back = pd.read_csv(tmp_path / "t.csv", index_col="method")
    pd.testing.assert_frame_equal(back[list(df)], df, check_names=False)
    assert md.splitlines() == [
        "Accuracy (%) ± sd_x",
        "",
        "| Method | PACS | Fluent 3D |",
        "| :--- | ---: | ---: |",
        "| zero-shot | **62.3** | \N{EN DASH} |",
        "| ERM | **62.3 ± 1.1** | 1.0 |",
        "| my own | 60.0 ± 0.0 | **50.0 ± 2.0** |",
        "| oracle | 99.0 ± 0.5 | 7.0 ± 0.1 |",
    ]
    assert r"\caption{Accuracy (\%) $\pm$ sd\_x}" in tex
    assert r"\label{tab:t}" in tex
    assert r"zero-shot & \textbf{62.3} & -- \\" in tex
    assert r"ERM & \textbf{62.3 $\pm$ 1.1} & 1.0 \\" in tex
    body = tex.splitlines()
    assert body[body.index(r"oracle & 99.0 $\pm$ 0.5 & 7.0 $\pm$ 0.1 \\") - 1] == r"\midrule"
    for rule in (r"\toprule", r"\bottomrule", r"\begin{tabular}{lrr}", r"\end{table}"):
        assert rule in body


def test_without_sd_or_bold(tmp_path):
    df = pd.DataFrame({"OCR": [0.25, 1.0]}, index=["PACS", "a|b&c"])
    csv, md, tex = write(tmp_path, df, None, decimals=2, bold_best=False, corner="Dataset")
    assert csv.splitlines() == ["dataset,OCR", "PACS,0.25", "a|b&c,1.0"]
    assert "**" not in md and "textbf" not in tex
    assert "| a\\|b&c | 1.00 |" in md
    assert r"a|b\&c & 1.00 \\" in tex


def test_column_without_any_number_has_no_bold(tmp_path):
    df = pd.DataFrame({"A": [float("nan")] * 2, "B": [1.0, 2.0]}, index=["erm", "miro"])
    _, md, _ = write(tmp_path, df, None)
    assert "| ERM | \N{EN DASH} | 1.0 |" in md
    assert "| MIRO | \N{EN DASH} | **2.0** |" in md


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    old = tmp_path / "t.csv"
    old.write_text("old")
    monkeypatch.setattr("os.replace", lambda *a: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_table(
            pd.DataFrame({"A": [1.0]}, index=["erm"]), None, old, tmp_path / "t.md",
            tmp_path / "t.tex", "c", "l",
        )  # fmt: skip
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]
    assert old.read_text() == "old"


def test_every_table_of_the_listing_is_written(tmp_path, monkeypatch):
    """By the script, as Snakemake runs it."""
    names = [a.name for a in of("alignment") if a.kind == "table" and a.name != "claims"]
    assert set(DOMAIN_TABLES) < set(names) and len(names) == 28
    monkeypatch.setattr("replidg.log.setup", lambda path: None)
    fake_metrics(FIVE, ("zero_shot", "clipood"), 2).to_parquet(tmp_path / "m.parquet")
    kinds = ("csv", "md", "tex")
    files = {kind: [str(tmp_path / f"{name}.{kind}") for name in names] for kind in kinds}
    snakemake = SimpleNamespace(
        input=SimpleNamespace(metrics=str(tmp_path / "m.parquet")),
        output=SimpleNamespace(**files),
        params=SimpleNamespace(
            paper="alignment",
            names=names,
            options={"datasets": PAGES, "noise": 0.05, "quantiles": True},
        ),
        log=[str(tmp_path / "log")],
    )
    path = str(SCRIPTS / "write_tables.py")
    runpy.run_path(path, {"snakemake": snakemake}, run_name="__main__")
    text = {name: (tmp_path / f"{name}.md").read_text(encoding="utf-8") for name in names}
    for name, says in {
        "table1a": "in-pretraining images", "table1b": "out-of-pretraining images",
        "table1c": "on all images", "table8": "dropped before the split",
        "table7": "5 % of the labels were exchanged", "table5": "zero-shot and CLIPood",
        "table10": "target domain of OfficeHome", "table24": "on all images",
        "seeds": "Without one", "correlations": "Spearman",
    }.items():  # fmt: skip
        assert says in text[name], name
    for name in names:
        assert f"tab:alignment-{name.replace('_', '-')}" in (tmp_path / f"{name}.tex").read_text(
            encoding="utf-8"
        )
    assert "| CLIPood | 0.305 | " not in text["correlations"]
    assert "| CLIPood | PACS | 0.305 | 0.205 | 0.405 | 500 |" in text["correlations"]


PAGES = {
    "PACS": "PACS", "domain_net": "DomainNet", "office_home": "OfficeHome",
    "terra_incognita": "TerraIncognita", "VLCS": "VLCS",
}  # fmt: skip


def test_backbones_by_hand():
    metrics = fake_metrics(TWO, ("erm",), 2)
    mean, sd = backbone_table(metrics)
    assert list(mean.columns) == ["PACS-IP", "Pictograms-IP", "PACS-OOP", "Pictograms-OOP"]
    assert mean.loc["clip_vit_b16", "PACS-IP"] == pytest.approx(88.5)  # seeds 88 and 89
    assert sd.loc["clip_vit_b16", "PACS-IP"] == pytest.approx(math.sqrt(0.5))
    mean, _ = scratch_table(metrics)
    assert mean.loc["resnet50_scratch"].tolist() == pytest.approx([28.5, 28.5, 28.5])
    mean, _ = cross_split_table(metrics)
    other = mean.loc["split by clip_vit_b16, trained openclip_vit_b16"]
    assert other.tolist() == pytest.approx([87.0, 56.0, 31.0])


def test_domains_that_a_split_leaves_empty_count_for_none():
    rows = frame(
        [
            row("x", "accuracy", value, dataset="d", domain=domain, method=method, seed=0)
            for method, domain, value in [
                ("a", "one", 10.0), ("a", "two", 50.0), ("b", "one", 20.0), ("b", "two", math.nan),
            ]
        ]
    )  # fmt: skip
    mean, _ = mean_over_domains(rows.assign(row=rows["method"], column="c"))
    assert mean["c"].to_dict() == {"a": 10.0, "b": 20.0}


def test_two_by_two_is_the_paper_s():
    mean, sd = contrast_table(fake_metrics(("PACS",), ("clipood",), 1), "table5")
    assert mean.to_numpy().tolist() == [[141, 70], [179, 8231]]
    assert list(mean.index) == ["zero-shot incorrect", "zero-shot correct"]
    assert sd.isna().all(axis=None)


def test_labels_and_seeds_by_hand():
    table = mislabelled_table(fake_metrics(("VLCS", "PACS")))
    assert list(table.index) == ["PACS", "VLCS"]
    assert table.loc["PACS"].tolist() == [65, 35, 9] and math.isnan(table.loc["VLCS"].iloc[0])
    seeds = seed_table(by_hand()).set_index(["Method", "Part"])
    # ERM on IP: seeds 35 and 41 (20 and 50; 32 and 50); without one of them: 41 or 35.
    assert seeds.loc[("ERM", "IP")].tolist() == pytest.approx([2, 38, 6 / math.sqrt(2), 35, 41, 6])
    assert math.isnan(seeds.loc[("zero-shot", "IP"), "SD"])


def test_claims_are_written_from_several_files(tmp_path):
    metrics = fake_metrics()
    metrics[:1000].to_parquet(tmp_path / "a.parquet")
    metrics[1000:].to_parquet(tmp_path / "b.parquet")
    files = [[tmp_path / f"t.{kind}"] for kind in ("csv", "md", "tex")]
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    write_tables("alignment", paths, ["claims"], *files, {"min_images": 5})
    table = pd.read_csv(files[0][0])
    assert set(table["Result"]) <= {"holds", "does not hold", "cannot be told"}
    assert "| holds |" in files[1][0].read_text() and r"\toprule" in files[2][0].read_text()


def test_an_unknown_paper_or_table_is_said(tmp_path):
    fake_metrics().to_parquet(tmp_path / "m.parquet")
    with pytest.raises(ValueError, match="no paper 'nobody'; there are alignment"):
        write_tables("nobody", tmp_path / "m.parquet", [], [], [], [], {})
    files = [[tmp_path / f"t.{kind}"] for kind in ("csv", "md", "tex")]
    with pytest.raises(ValueError, match="no table 'table99'"):
        write_tables("alignment", tmp_path / "m.parquet", ["table99"], *files, {})


def test_plain_tables(tmp_path):
    df = pd.DataFrame({"Word": ["a|b", "c_d"], "Number": [1.26, float("nan")], "n": [3, 4]})
    files = [tmp_path / f"t.{kind}" for kind in ("csv", "md", "tex")]
    write_plain(df, *files, "Words & numbers", "tab:t")
    assert files[0].read_text().splitlines()[1:] == ["a|b,1.26,3", "c_d,,4"]
    assert files[1].read_text().splitlines()[3:] == [
        "| :--- | ---: | ---: |", "| a\\|b | 1.3 | 3 |", "| c_d | \N{EN DASH} | 4 |",
    ]  # fmt: skip
    tex = files[2].read_text()
    assert r"\caption{Words \& numbers}" in tex and r"c\_d & -- & 4 \\" in tex
    assert r"\begin{tabular}{lrr}" in tex
