"""Tables: numbers worked out by hand, what is bold, what a missing number looks like."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from fake_metrics import SIX, TWO, fake_metrics, frame, row

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


@pytest.mark.parametrize(
    ("script", "table", "says"),
    [
        ("tabulate_alignment_accuracy", "table1a", "in-pretraining images"),
        ("tabulate_alignment_accuracy", "table1b", "out-of-pretraining images"),
        ("tabulate_alignment_accuracy", "table1c", "on all images"),
        ("tabulate_alignment_dropped", "table8", "dropped before the split"),
    ],
)
def test_scripts_as_snakemake_runs_them(tmp_path, monkeypatch, script, table, says):
    monkeypatch.setattr("replidg.log.setup", lambda path: None)
    fake_metrics().to_parquet(tmp_path / "m.parquet")
    output = SimpleNamespace(**{kind: str(tmp_path / f"t.{kind}") for kind in ("csv", "md", "tex")})
    snakemake = SimpleNamespace(
        input=SimpleNamespace(metrics=str(tmp_path / "m.parquet")),
        output=output,
        params=SimpleNamespace(table=table),
        log=[str(tmp_path / "log")],
    )
    path = str(SCRIPTS / f"{script}.py")
    runpy.run_path(path, {"snakemake": snakemake}, run_name="__main__")
    assert says in Path(output.md).read_text(encoding="utf-8")
    assert f"tab:alignment-{table}" in Path(output.tex).read_text(encoding="utf-8")
