"""Published series behind ours."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_metrics import TWO, fake_metrics
from matplotlib.figure import Figure

import replidg.published
from replidg.published import PublishedError
from replidg.reporting.figures import accuracy_by_method, accuracy_vs_score
from replidg.reporting.published_points import draw_published, published_points
from replidg.reporting.style import METHOD_STYLE

CSV = Path(replidg.published.__file__).with_name("alignment.csv")


def printed(**where):
    """Rows as they stand in the file, read without our reader."""
    with open(CSV, newline="") as file:
        rows = [r for r in csv.DictReader(file) if all(r[k] == v for k, v in where.items())]
    return sorted((float(r["x"]), float(r["value"])) for r in rows)


def test_points_are_those_of_the_file():
    where = {"artefact": "fig11", "method": "miro_swad"}
    points = published_points("alignment", **where, dataset="all")
    assert list(zip(points["x"], points["value"], strict=True)) == printed(**where)
    assert len(points) > 20 and list(points.columns) == ["x", "value", "stderr", "quality"]


def test_nothing_published_is_no_error():
    assert published_points("alignment", "fig99").empty
    assert published_points("scipd", "lines").empty
    assert published_points("alignment", "fig11", method="of ours").empty
    ax = Figure().subplots()
    assert not draw_published(ax, published_points("scipd", "lines"), "black")
    assert not ax.lines
    with pytest.raises(PublishedError, match="did you mean"):
        published_points("alignmnt", "fig2b")


def test_hollow_behind_ours_and_named_once():
    ax = Figure().subplots()
    points = pd.DataFrame({"x": [0.1, 0.2], "value": [50.0, 60.0], "stderr": [np.nan, 2.0]})
    assert draw_published(ax, points, "#123456", marker="s", shift=0.05)
    assert draw_published(ax, points, "#654321")
    assert ax.get_legend_handles_labels()[1] == ["published"]
    first, second = (line for line in ax.lines if line.get_label() == "_published")
    assert first.get_xdata().tolist() == pytest.approx([0.15, 0.25])
    assert (first.get_marker(), first.get_markerfacecolor()) == ("s", "none")
    assert [first.get_color(), second.get_color()] == ["#123456", "#654321"]
    assert first.get_zorder() < 2  # Matplotlib's own lines
    ((low, high), *_) = [c.get_segments()[1] for c in ax.collections]
    assert (low[1], high[1]) == (58.0, 62.0)


def published_lines(figure):
    return [line for line in figure.axes[0].lines if line.get_label() == "_published"]


def test_figures_have_them_where_the_bins_are_the_paper_s():
    metrics = fake_metrics(TWO, ("erm", "vl2v_sd"), 1)
    (line,) = published_lines(accuracy_vs_score(metrics, "vl2v_sd"))
    wanted = printed(artefact="fig2b", method="vl2v_sd")
    assert line.get_xdata() == pytest.approx([x + 0.005 for x, _ in wanted])
    assert line.get_ydata().tolist() == [value for _, value in wanted]
    assert line.get_color() == METHOD_STYLE["vl2v_sd"].color
    # ERM has no curve in Fig 2b.
    assert not published_lines(accuracy_vs_score(metrics, "erm"))
    assert len(published_lines(accuracy_by_method(metrics))) == 2
    assert not published_lines(accuracy_by_method(metrics, dataset="PACS"))
    wide = metrics.replace({"setting": {"0.01": "0.1"}})
    assert not published_lines(accuracy_by_method(wide))
