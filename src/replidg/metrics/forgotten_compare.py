"""Name our numbers of arXiv 2410.08258 as the published ones are named, so that they can be joined.

Sizes and shares of the paper were read from figures: ours of nearly the same size is meant.
"""

from __future__ import annotations

import pandas as pd

KEYS = ["artefact", "dataset", "domain", "method", "setting", "metric"]
#: How far x may be off: sizes in the paper's units, shares of renditions.
NEAR = {"fig2": 0.06, "fig3a": 0.011, "fig3b": 0.3}
NEAR |= dict.fromkeys(("fig7", "fig8", "fig9", "fig10"), 0.06)
NEAR |= dict.fromkeys(("fig11", "fig12", "fig13", "fig14"), 0.06)
#: Here x is an accuracy of our own; the setting (the epoch) names the point.
BY_SETTING = ("fig15", "fig16", "fig17")
DRAWS = "ab"


def aligned(ours: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Return our rows with `x`, and `setting` of the ResNets, as the published rows have them.

    Args:
        ours: tidy rows.
        published: of `replidg.published.load`.
    """
    rows = _drawn(ours, published)
    known = {key: group["x"].dropna() for key, group in published.groupby(KEYS, dropna=False)}
    keys = rows[KEYS].itertuples(index=False, name=None)
    return rows.assign(
        x=[_nearest(key, x, known.get(key)) for key, x in zip(keys, rows["x"], strict=True)]
    )


def _nearest(key: tuple[str, ...], x: float, there: pd.Series | None) -> float:
    if there is None or there.empty:
        return x
    if key[0] in BY_SETTING:
        return float(there.iloc[0])
    best = float(there.loc[(there - x).abs().idxmin()]) if x == x else x
    return best if abs(best - x) <= NEAR.get(key[0], 0.0) else x


def _drawn(ours: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Give ResNets of one size the settings `standard/a` and `/b`, where the paper has two.

    In its figures two models of a size are two numbers; ours are draws, which are seeds.
    """
    several = published[published["setting"].str.endswith(("/a", "/b"))]
    twice = set(zip(several["artefact"], several["method"], several["x"], strict=True))
    settings = []
    for row in ours.itertuples():
        near = NEAR.get(row.artefact, 0.0)
        found = any(
            (row.artefact, row.method) == (artefact, method) and abs(row.x - x) <= near
            for artefact, method, x in twice
        )
        draw = 0 if pd.isna(row.seed) else int(row.seed)
        named = found and draw < len(DRAWS)
        settings.append(f"{row.setting}/{DRAWS[draw]}" if named else row.setting)
    return ours.assign(setting=settings)
