"""Figures: what is drawn equals what is in the metrics; the files are reproducible."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from fake_metrics import FIVE, SIX, TWO, fake_metrics, frame, row
from matplotlib.container import BarContainer

from replidg.artefacts import CLASS_FIGURES, DATASET_CURVES, of
from replidg.reporting.alignment_figures import Options, draw
from replidg.reporting.figures import (
    PERCEPTUAL,
    SOURCE,
    accuracy_by_dataset,
    accuracy_by_method,
    accuracy_by_predictor,
    accuracy_by_probability,
    accuracy_vs_score,
    gap_by_method,
)
from replidg.reporting.figures_counts import class_histogram, class_shift, split_counts
from replidg.reporting.figures_similarity import discrepancies, object_sizes
from replidg.reporting.style import (
    METHOD_ORDER,
    METHOD_STYLE,
    PlotStyle,
    apply,
    label,
    save_figure,
)

SCRIPTS = Path(__file__).parents[2] / "scripts"
ONE = ("pictograms",)


def curve(metrics: pd.DataFrame, dataset: str, method: str) -> pd.DataFrame:
    """Mean, sd and n by bin, with numpy only."""
    rows = metrics[
        (metrics["artefact"] == "curves")
        & (metrics["dataset"] == dataset)
        & (metrics["method"] == method)
    ]
    bins = {}
    for edge in sorted(set(rows["x"])):
        own = rows[rows["x"] == edge]
        values = own["value"].to_numpy()
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
        bins[edge + 0.005] = (values.mean(), sd, int(own["n"].iloc[0]))
    return pd.DataFrame.from_dict(bins, orient="index", columns=["mean", "sd", "n"])


def lines_of(ax) -> dict:
    """Curves by label; threshold lines have labels with an underscore."""
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def hollow_of(ax) -> list:
    return [line for line in ax.lines if line.get_label() == "_hollow"]


def assert_same(line, expected: pd.Series) -> None:
    np.testing.assert_allclose(line.get_xdata(), expected.index)
    np.testing.assert_allclose(line.get_ydata(), expected)


@pytest.mark.parametrize(("datasets", "seeds"), [(ONE, 1), (TWO, 3), (TWO, 1), (ONE, 3)])
def test_accuracy_vs_score(datasets, seeds):
    metrics = fake_metrics(datasets, SIX, seeds)
    top, bottom = accuracy_vs_score(metrics, "miro_swad").axes
    expected = curve(metrics, "all", "miro_swad")
    enough, few = expected[expected["n"] >= 5], expected[expected["n"] < 5]
    assert len(few) > 0
    assert list(lines_of(top)) == ["MIRO + SWAD"]
    assert_same(lines_of(top)["MIRO + SWAD"], enough["mean"])
    assert_same(hollow_of(top)[0], few["mean"])
    assert len(top.collections) == (1 if seeds > 1 else 0)
    if seeds > 1:
        vertices = top.collections[0].get_paths()[0].vertices
        for x, (mean, sd, _) in enough.iterrows():
            ys = vertices[np.isclose(vertices[:, 0], x), 1]
            assert ys.min() == pytest.approx(max(mean - sd, 0))
            assert ys.max() == pytest.approx(min(mean + sd, 100))
    # Threshold lines through both axes.
    for ax in (top, bottom):
        marks = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2]
        assert sorted(marks) == [0.15, 0.21, 0.4]
    assert [text.get_text() for text in top.texts] == ["low", "OOP | IP", "high"]
    assert top.get_ylabel() == "Accuracy (%)"
    assert bottom.get_xlabel().startswith("AlignmentScore")


@pytest.mark.parametrize("datasets", [ONE, TWO, FIVE])
def test_histogram_is_stacked(datasets):
    metrics = fake_metrics(datasets, ("erm",), 1)
    _, bottom = accuracy_vs_score(metrics, "erm").axes
    bars = [c for c in bottom.containers if isinstance(c, BarContainer)]
    assert sorted(c.get_label() for c in bars) == sorted(label(d) for d in datasets)
    rows = metrics[(metrics["artefact"] == "histogram") & (metrics["value"] > 0)]
    drawn = {
        (c.get_label(), round(bar.get_x(), 6)): bar.get_height()
        for c in bars for bar in c if bar.get_height() > 0
    }  # fmt: skip
    given = {
        (label(d), round(x, 6)): v
        for d, x, v in zip(rows["dataset"], rows["x"], rows["value"], strict=True)
    }
    assert drawn == given
    tops = {round(bar.get_x(), 6): bar.get_y() + bar.get_height() for bar in bars[-1]}
    assert tops == pytest.approx(
        {round(x, 6): v for x, v in rows.groupby("x")["value"].sum().items()}
    )


@pytest.mark.parametrize(("datasets", "seeds"), [(ONE, 1), (TWO, 3), (FIVE, 3)])
def test_accuracy_by_dataset(datasets, seeds):
    metrics = fake_metrics(datasets, SIX, seeds)
    figure = accuracy_by_dataset(metrics, "erm", min_images=20)
    (ax,) = figure.axes
    lines = lines_of(ax)
    assert sorted(lines) == sorted(label(d) for d in datasets)
    for dataset in datasets:
        expected = curve(metrics, dataset, "erm")
        assert_same(lines[label(dataset)], expected.loc[expected["n"] >= 20, "mean"])
    assert len({line.get_color() for line in lines.values()}) == len(datasets)
    assert len({line.get_marker() for line in lines.values()}) == len(datasets)
    assert len(ax.collections) == (len(datasets) if seeds > 1 else 0)
    notes = [text.get_text() for text in figure.legends[0].get_texts()]
    assert notes[-1] == "fewer than 20 images"


@pytest.mark.parametrize(("methods", "seeds"), [(SIX, 1), (SIX, 3), (METHOD_ORDER, 3)])
def test_accuracy_by_method(methods, seeds):
    metrics = fake_metrics(TWO, methods, seeds)
    figure = accuracy_by_method(metrics)
    (ax,) = figure.axes
    lines = lines_of(ax)
    assert list(lines) == [*(label(m) for m in METHOD_ORDER if m in methods), "published"]
    for method in methods:
        expected = curve(metrics, "all", method)
        line = lines[label(method)]
        assert_same(line, expected.loc[expected["n"] >= 5, "mean"])
        assert line.get_color() == METHOD_STYLE[method].color
        assert line.get_marker() == METHOD_STYLE[method].marker
    assert lines["zero-shot"].get_linestyle() == "--"
    assert len(ax.collections) == 0
    assert len(figure.legends[0].get_texts()) == len(methods) + 1


@pytest.mark.parametrize("datasets", [ONE, TWO, FIVE])
def test_split_counts(datasets):
    metrics = fake_metrics(datasets)
    rows = metrics[metrics["artefact"] == "fig17"]
    panels = [ax for ax in split_counts(metrics).axes if ax.axison]
    assert sorted(ax.get_title(loc="left") for ax in panels) == sorted(map(label, datasets))
    for ax in panels:
        own = rows[rows["dataset"].map(label) == ax.get_title(loc="left")]
        names = [tick.get_text() for tick in ax.get_yticklabels()]
        printed = []
        assert [c.get_label() for c in ax.containers] == ["original", "IP", "OOP"]
        for container in ax.containers:
            part = own[own["setting"] == container.get_label()]
            given = dict(zip(part["domain"].map(label), part["value"], strict=True))
            assert [bar.get_width() for bar in container] == [given[name] for name in names]
            printed += [f"{int(given[name]):,}" for name in names]
        assert [text.get_text() for text in ax.texts] == printed


@pytest.mark.parametrize("datasets", [ONE, TWO, FIVE])
def test_printed_counts_do_not_overlap(datasets):
    style = PlotStyle()
    figure = split_counts(fake_metrics(datasets), style)
    with apply(style):
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for ax in figure.axes for text in ax.texts]
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])
        assert box.x1 <= figure.bbox.x1


@pytest.mark.parametrize("split", [0.155, 0.21, 0.39])
def test_threshold_names_do_not_overlap(split):
    metrics = fake_metrics(ONE, ("erm",), 1)
    metrics.loc[metrics["setting"] == "split", "value"] = split
    style = PlotStyle()
    figure = accuracy_vs_score(metrics, "erm", style)
    with apply(style):
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert len(boxes) == 3
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def test_split_count_that_is_missing_is_a_dash():
    metrics = fake_metrics(ONE)
    gone = (
        (metrics["artefact"] == "fig17")
        & (metrics["setting"] == "OOP")
        & (metrics["domain"] == "fluent_3d")
    )
    (ax,) = split_counts(metrics[~gone]).axes
    assert [text.get_text() for text in ax.texts].count("\N{EN DASH}") == 1


@pytest.mark.parametrize(
    ("artefact", "draw"),
    [
        ("curves", lambda m: accuracy_vs_score(m, "erm")),
        ("histogram", lambda m: accuracy_vs_score(m, "erm")),
        ("thresholds", lambda m: accuracy_vs_score(m, "erm")),
        ("curves", lambda m: accuracy_by_dataset(m, "erm")),
        ("curves", accuracy_by_method),
        ("fig17", split_counts),
    ],
)
def test_missing_rows_name_the_artefact(artefact, draw):
    metrics = fake_metrics(ONE, ("erm",), 1)
    with pytest.raises(ValueError, match=rf"artefact '{artefact}'.*columns seen: paper, art"):
        draw(metrics[metrics["artefact"] != artefact])


def test_unknown_method_and_mixed_bin_widths_are_said():
    metrics = fake_metrics(ONE, ("erm",), 1)
    with pytest.raises(ValueError, match=r"method = 'swad', only \['erm'\]"):
        accuracy_vs_score(metrics, "swad")
    first = metrics.index[metrics["artefact"] == "curves"][:4]
    metrics.loc[first, "setting"] = "0.02"
    with pytest.raises(ValueError, match="one bin width expected"):
        accuracy_by_method(metrics)


def test_two_draws_give_the_same_bytes_and_leak_nothing(tmp_path):
    before = dict(mpl.rcParams)
    files = []
    for name in ("a", "b"):
        svg, png = tmp_path / f"{name}.svg", tmp_path / f"{name}.png"
        save_figure(accuracy_vs_score(fake_metrics(), "erm"), svg, png, PlotStyle())
        files.append((svg.read_bytes(), png.read_bytes()))
    assert files[0] == files[1]
    assert files[0][0].lstrip().startswith(b"<?xml") and files[0][1].startswith(b"\x89PNG")
    assert b"<text" not in files[0][0] and b"<dc:date>" not in files[0][0]
    assert len(list(tmp_path.iterdir())) == 4
    assert dict(mpl.rcParams) == before


def test_metrics_are_not_changed():
    metrics = fake_metrics()
    copy = metrics.copy()
    split_counts(metrics), accuracy_vs_score(metrics, "erm"), accuracy_by_method(metrics)
    pd.testing.assert_frame_equal(metrics, copy)


def test_fig2a_is_about_similarity_to_pretraining():
    top, bottom = accuracy_vs_score(fake_metrics(TWO), "erm", score=PERCEPTUAL).axes
    assert bottom.get_xlabel().startswith("PerceptualSimilarityScore")
    assert lines_of(top)["ERM"].get_xdata()[0] == pytest.approx(0.65 + 0.025)  # 0.6 is hollow
    marks = [line.get_xdata()[0] for line in top.lines if len(line.get_xdata()) == 2]
    assert marks == [0.86] and [text.get_text() for text in top.texts] == ["OOP | IP"]


def test_fig9_has_no_thresholds():
    (ax,) = accuracy_by_dataset(fake_metrics(TWO), "erm", score=SOURCE).axes
    assert "source" in ax.get_xlabel() and not ax.texts


def test_curves_of_one_data_set():
    metrics = fake_metrics(TWO, SIX, 1)
    figure = accuracy_by_method(metrics, dataset="PACS")
    (ax,) = figure.axes
    expected = curve(metrics, "PACS", "erm")
    assert_same(lines_of(ax)["ERM"], expected.loc[expected["n"] >= 5, "mean"])
    assert figure.get_suptitle() == "PACS"


@pytest.mark.parametrize("datasets", [ONE, FIVE])
def test_probability_has_a_range_in_each_panel(datasets):
    metrics = fake_metrics(datasets, SIX, 2)
    panels = [ax for ax in accuracy_by_probability(metrics, "erm").axes if ax.axison]
    assert sorted(ax.get_title(loc="left") for ax in panels) == sorted(map(label, datasets))
    rows = metrics[(metrics["artefact"] == "fig6") & (metrics["method"] == "erm")]
    for ax in panels:
        own = rows[rows["dataset"].map(label) == ax.get_title(loc="left")]
        width = float(own["setting"].iloc[0])
        expected = own[own["n"] >= 5].groupby("x")["value"].mean()
        assert_same(lines_of(ax)["ERM"], expected.set_axis(expected.index + width / 2))
    assert panels[0].get_ylim()[1] >= rows["value"].max()  # no panel cuts another's points


def test_predictors_side_by_side():
    axes = accuracy_by_predictor(fake_metrics(TWO), "erm").axes
    assert [ax.get_title(loc="left") for ax in axes] == [
        "rank correlation 0.40", "rank correlation 0.10", "rank correlation 0.30",
    ]  # fmt: skip
    assert axes[0].get_ylim() == axes[2].get_ylim()


def test_gap_over_thresholds():
    (ax,) = gap_by_method(fake_metrics(ONE, ("erm", "swad"), 2)).axes
    line = lines_of(ax)["ERM"]
    # No OOP image below 0.15: this threshold is left out. IP is 70 + 50 x, OOP is 60.
    np.testing.assert_allclose(line.get_xdata(), [0.2, 0.25, 0.3])
    np.testing.assert_allclose(line.get_ydata(), [20.0, 22.5, 25.0])
    with pytest.raises(ValueError, match="99 images on both sides"):
        gap_by_method(fake_metrics(ONE, ("erm",), 1), min_images=99)


def test_discrepancies_and_sizes():
    metrics = fake_metrics(("PACS", "VLCS"))
    panels = [ax for ax in discrepancies(metrics).axes if ax.axison]
    heights = [[bar.get_height() for bar in c] for c in panels[0].containers]
    np.testing.assert_allclose(heights[0], [7e-5, 8e-5, 9e-5, 10e-5])
    np.testing.assert_allclose(heights[1], 1e-5)
    sizes = [ax for ax in object_sizes(metrics).axes if ax.axison]
    assert [ax.get_title(loc="left") for ax in sizes] == ["all data sets", "PACS", "VLCS"]
    # The first bin has one image.
    np.testing.assert_allclose(sizes[1].lines[0].get_ydata(), [45, 50, 55, 60, 65])
    assert len(object_sizes(fake_metrics(ONE)).axes) == 1


def test_class_figures():
    metrics = fake_metrics(ONE)
    (ax,) = class_histogram(metrics, "pictograms", "OOP").axes
    assert [bar.get_height() for bar in ax.containers[0]] == [10, 20, 30]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["bird", "paint can", "zebra"]
    (ax,) = class_shift(metrics, "pictograms").axes
    shares = [bar.get_width() for bar in ax.containers[1]]
    np.testing.assert_allclose(shares, [100 / 6, 100 / 3, 50])


def test_many_classes_take_several_lines():
    rows = [
        row("classes", "images", 1.0, dataset="x", setting=f"IP/c{k}", x=k, n=1) for k in range(345)
    ]
    axes = class_histogram(frame(rows), "x", "IP").axes
    assert len(axes) == 5 and sum(len(ax.containers[0]) for ax in axes) == 345


PAGES = {
    "PACS": "PACS", "domain_net": "DomainNet", "office_home": "OfficeHome",
    "terra_incognita": "TerraIncognita", "VLCS": "VLCS",
}  # fmt: skip
OF_PICTURES = {"fig3", "fig4"}


def test_every_figure_of_the_listing_is_drawn(tmp_path, monkeypatch):
    """By the script, as Snakemake runs it."""
    names = [a.name for a in of("alignment") if a.kind == "figure" and a.name not in OF_PICTURES]
    assert {*DATASET_CURVES, *CLASS_FIGURES} < set(names) and len(names) == 32
    monkeypatch.setattr("replidg.log.setup", lambda path: None)
    fake_metrics(FIVE, ("zero_shot", "erm"), 1).to_parquet(tmp_path / "m.parquet")
    files = {kind: [str(tmp_path / f"{n}.{kind}") for n in names] for kind in ("svg", "png")}
    snakemake = SimpleNamespace(
        input=SimpleNamespace(metrics=str(tmp_path / "m.parquet")),
        output=SimpleNamespace(**files),
        params=SimpleNamespace(
            paper="alignment",
            names=names,
            options={"method": "erm", "min_images": 5, "datasets": PAGES},
            style={"dpi": 30},
        ),
        log=[str(tmp_path / "log")],
    )
    path = str(SCRIPTS / "draw_figures.py")
    runpy.run_path(path, {"snakemake": snakemake}, run_name="__main__")
    for name in files["svg"] + files["png"]:
        assert Path(name).stat().st_size > 1000, name


def test_unknown_figures_are_said():
    with pytest.raises(ValueError, match="no figure 'fig99'"):
        draw("fig99", fake_metrics(ONE), Options(), PlotStyle())
