"""The look of the figures: sizes from the config, printed names, colours that stay put."""

from __future__ import annotations

import pytest
from fake_metrics import FIVE, fake_metrics

from replidg.reporting.figures import accuracy_vs_score
from replidg.reporting.style import (
    METHOD_ORDER,
    METHOD_STYLE,
    PALETTES,
    PlotStyle,
    dataset_colors,
    label,
    method_style,
)


def test_style_from_config_and_its_errors():
    style = PlotStyle(font_size=7, column_width_in=3.0, dpi=100, palette="tol_muted", grid=False)
    figure = accuracy_vs_score(fake_metrics(), "erm", style)
    assert figure.get_figwidth() == 3.0
    assert figure.axes[0].yaxis.label.get_fontsize() == 7
    with pytest.raises(ValueError, match="palette 'jet'"):
        PlotStyle(palette="jet")
    with pytest.raises(ValueError, match="dpi must be above 0"):
        PlotStyle(dpi=0)


def test_names_and_colours():
    printed = {
        "zero_shot": "zero-shot", "lp_ft": "LP-FT", "miro_swad": "MIRO + SWAD",
        "fluent_3d": "Fluent 3D", "openclipart": "open clip art", "art_painting": "art painting",
    }  # fmt: skip
    assert {name: label(name) for name in printed} == printed
    assert set(METHOD_STYLE) == set(METHOD_ORDER)
    assert len({look.color for look in METHOD_STYLE.values()}) == len(METHOD_ORDER)
    assert len({look.marker for look in METHOD_STYLE.values()}) == len(METHOD_ORDER)
    assert method_style("something_else") == method_style("something_else")
    style = PlotStyle()
    both = dataset_colors(["PACS", "pictograms"], style)
    assert both["PACS"] == dataset_colors(FIVE, style)["PACS"]
    assert both["pictograms"] == dataset_colors(["pictograms"], style)["pictograms"]
    assert all(len(set(colors)) == len(colors) for colors in PALETTES.values())
