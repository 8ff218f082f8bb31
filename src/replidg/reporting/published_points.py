"""Published series in our figures: hollow points behind ours.

A figure asks for the points of what it shows and draws them; where nothing is published, nothing is
drawn. So a figure function needs two lines and no check of its own.
"""

from __future__ import annotations

from functools import cache

import pandas as pd
from matplotlib.axes import Axes

from replidg.published import load

LABEL = "published"


@cache
def _numbers(paper: str) -> pd.DataFrame:
    return load(paper)


def published_points(
    paper: str, artefact: str, metric: str = "accuracy", **where: str
) -> pd.DataFrame:
    """Return the published series of one curve.

    Args:
        paper: its key.
        artefact: as the published table names it, e.g. `fig2b`.
        metric: of the values.
        **where: further columns and the value each must have, e.g. `method="erm"`.

    Returns:
        `x`, `value`, `stderr` (NaN where the paper gives none) and `quality`, sorted by `x`; no row
        if nothing is published. Values are in the unit of our metrics.

    Raises:
        PublishedError: there is no such paper.
        KeyError: `where` names a column that published tables do not have.
    """
    table = _numbers(paper)
    for column, value in {"artefact": artefact, "metric": metric, **where}.items():
        table = table[table[column] == value]
    found = table.loc[table["x"].notna(), ["x", "value", "stderr", "quality"]]
    return found.sort_values("x", ignore_index=True)


def draw_published(
    ax: Axes, points: pd.DataFrame, color: str, *, marker: str = "o", shift: float = 0.0
) -> bool:
    """Draw a published series hollow, behind what is drawn at the usual heights.

    The first published series of the axes is named in the legend.

    Args:
        ax: where.
        points: what `published_points` returns.
        color: that of our own curve of the same thing.
        marker: likewise.
        shift: added to `x`, e.g. half a bin where ours are drawn at the centre.

    Returns:
        Whether there was anything to draw.
    """
    if points.empty:
        return False
    look = {
        "linestyle": ":", "linewidth": 0.6, "marker": marker, "markersize": 4.2,
        "markerfacecolor": "none", "markeredgewidth": 0.7,
    }  # fmt: skip
    if LABEL not in ax.get_legend_handles_labels()[1]:
        ax.plot([], [], color="#555555", label=LABEL, **(look | {"marker": "o"}))
    x, value = points["x"] + shift, points["value"]
    spread = points["stderr"].fillna(0)
    if (spread > 0).any():
        ax.vlines(x, value - spread, value + spread, color=color, linewidth=0.6, zorder=1.4)
    ax.plot(x, value, color=color, zorder=1.5, label="_published", **look)
    return True
