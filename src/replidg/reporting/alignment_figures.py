"""Which function draws which figure of the `alignment` paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from replidg.artefacts import CLASS_FIGURES, DATASET_CURVES
from replidg.reporting import figures, figures_counts, figures_similarity
from replidg.reporting.style import PlotStyle


@dataclass(frozen=True)
class Options:
    """What figures need besides the metrics.

    Attributes:
        method: whom the figures of one method show.
        min_images: bins with fewer images are hollow or left out.
        datasets: the paper's data sets by their page of the registry, as the metrics call them.
    """

    method: str = ""
    min_images: int = 5
    datasets: Mapping[str, str] = field(default_factory=dict)


def draw(name: str, metrics: pd.DataFrame, options: Options, style: PlotStyle) -> Figure:
    """Draw one figure.

    Args:
        name: as in `replidg.artefacts`.
        metrics: tidy metrics that hold what it shows.
        options: method, bins, data sets.
        style: sizes and fonts.

    Raises:
        ValueError: there is no such figure, or the metrics lack what it shows.
    """
    method, few = options.method, options.min_images
    one = {
        "fig2a": (figures.accuracy_vs_score, figures.PERCEPTUAL),
        "fig2b": (figures.accuracy_vs_score, figures.ALIGNMENT),
        "fig7": (figures.accuracy_by_dataset, figures.ALIGNMENT),
        "fig9": (figures.accuracy_by_dataset, figures.SOURCE),
    }
    if name in one:
        function, score = one[name]
        return function(metrics, method, style, few, score)
    if name in DATASET_CURVES:
        dataset = options.datasets[DATASET_CURVES[name]]
        return figures.accuracy_by_method(metrics, style, few, dataset)
    if name in CLASS_FIGURES:
        page, part = CLASS_FIGURES[name]
        return figures_counts.class_histogram(metrics, options.datasets[page], part, style)
    match name:
        case "fig5":
            return figures_similarity.discrepancies(metrics, style)
        case "fig6":
            return figures.accuracy_by_probability(metrics, method, style, few)
        case "fig8":
            return figures.accuracy_by_predictor(metrics, method, style, few)
        case "fig10":
            return figures_similarity.object_sizes(metrics, style, few)
        case "fig11":
            return figures.accuracy_by_method(metrics, style, few)
        case "fig17":
            return figures_counts.split_counts(metrics, style)
        case "fig18":
            return figures_counts.class_shift(metrics, options.datasets["terra_incognita"], style)
        case "thresholds":
            return figures.gap_by_method(metrics, style, few)
    raise ValueError(f"no figure {name!r} is drawn from metrics")
