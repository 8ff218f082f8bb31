"""Figures and tables of arXiv 2410.08258's trainings, drawn from the paper's own points."""

from __future__ import annotations

import pytest

from replidg.artefacts import of
from replidg.metrics.tidy import tidy
from replidg.published import load
from replidg.reporting.forgotten_figures import Options, draw
from replidg.reporting.forgotten_training_tables import make
from replidg.reporting.style import PlotStyle, save_figure

FIGURES = [artefact.name for artefact in of("forgotten") if artefact.kind == "figure"]


@pytest.fixture(scope="module")
def paper():
    """The paper's numbers as if they were ours, a little higher."""
    rows = tidy(load("forgotten").assign(seed=0, n=1))
    resnets = rows["artefact"].isin(["fig11", "fig12", "fig13", "fig14"])
    rows.loc[resnets, "setting"] = rows.loc[resnets, "setting"].str.split("/").str[0]
    return rows.assign(value=rows["value"] + 0.02 * (rows["metric"] == "accuracy"))


def visible(fig):
    return [ax for ax in fig.axes if ax.get_visible() and ax.lines]


@pytest.mark.parametrize("name", FIGURES)
def test_every_listed_figure_is_drawn(name, paper, tmp_path):
    fig = draw(name, paper, Options(), PlotStyle())
    save_figure(fig, tmp_path / "a.svg", tmp_path / "a.png", PlotStyle(dpi=50))
    assert (tmp_path / "a.svg").stat().st_size > 5000
    assert visible(fig)


def test_all_of_the_papers_figures_are_listed():
    assert ["fig2", "fig3a", "fig3b", *(f"fig{n}" for n in range(7, 18))] == FIGURES


def test_published_points_stand_hollow_on_the_same_axis_if_units_are_the_same(paper):
    fig = draw("fig7", paper, Options(), PlotStyle())
    panel = visible(fig)[0]
    hollow = [line for line in panel.lines if line.get_markerfacecolor() == "none"]
    assert len(hollow) == 2 and len(panel.lines) == 4
    assert list(hollow[0].get_xdata()) == [15.7, 30.0, 45.0, 56.7]


def test_published_sizes_have_an_axis_of_their_own_in_a_demo(paper):
    """240 of our pictures and 30 of the paper's millions must not share an axis."""
    ours = paper.assign(x=paper["x"] * 5)
    fig = draw("fig7", ours, Options(unit_name=""), PlotStyle())
    twins = [ax for ax in fig.axes if ax.xaxis.get_ticks_position() == "top"]
    assert len(twins) == 5
    assert max(twins[0].lines[0].get_xdata()) == 56.7
    told = [text.get_text() for text in fig.legends[0].get_texts()]
    assert "published (sizes: axis above)" in told


def test_published_points_can_be_left_out(paper):
    fig = draw("fig7", paper, Options(published=False), PlotStyle())
    assert all(line.get_markerfacecolor() != "none" for line in visible(fig)[0].lines)


def test_ratios_have_a_line_for_each_test_set(paper):
    fig = draw("fig2", paper, Options(published=False), PlotStyle())
    named = [line for line in fig.axes[0].lines if not line.get_label().startswith("_")]
    assert len(named) == 12


def test_the_baseline_is_fitted_to_the_resnets(paper):
    without = paper[paper["method"] != "imagenet_resnet50"]
    counts = [
        len(visible(draw("fig15", rows, Options(published=False), PlotStyle()))[0].lines)
        for rows in (paper, without)
    ]
    # Their points, and the line.
    assert counts[0] - counts[1] == 2


def test_missing_numbers_are_named(paper):
    with pytest.raises(ValueError, match=r"fig3a: no run makes it; see forgotten\.training"):
        draw("fig3a", paper[paper["artefact"] != "fig3a"], Options(), PlotStyle())
    with pytest.raises(ValueError, match="no figure 'fig99'"):
        draw("fig99", paper, Options(), PlotStyle())


def test_table2_stands_beside_the_published_numbers(paper):
    table = make("table2", paper, {"laion_natural": "natural_57"}).table
    row = table[table["Training set"] == "LAION-Natural"].iloc[0]
    assert row["Our set"] == "natural_57"
    assert row["natural standard"] == pytest.approx(36.90)
    assert row["natural standard, paper"] == 36.88
    assert len(table) == 4
    with pytest.raises(ValueError, match="no run makes it"):
        make("table2", paper.iloc[:0], {})
    with pytest.raises(ValueError, match="no table 'table99'"):
        make("table99", paper, {})


def test_claims_are_a_table(paper):
    table = make("claims", paper, {}).table
    assert table["Result"].tolist() == ["holds"] * 5
