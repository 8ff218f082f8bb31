"""Size of the labelled object against AlignmentScore: Fig 10 of arXiv 2412.02856."""

from __future__ import annotations

import pandas as pd

from replidg.metrics.accuracy import bin_of

#: Metric of the tidy rows, and the quantile it is; the mean has none.
QUANTILES = {"share_low": 0.25, "share_median": 0.5, "share_high": 0.75}


def size_curve(scores: pd.DataFrame, sizes: pd.DataFrame, width: float) -> pd.DataFrame:
    """Return mean and quartiles of the object's share of the image by score bin.

    Args:
        scores: `image_id` and `score` of a data set's images.
        sizes: `image_id` and `share`: area of the object's box over that of the image, NaN where
            no object was found; such images do not count.
        width: of a bin.

    Returns:
        Rows with `x` (left edge), `metric` (`share_mean`, `share_low`, `share_median`,
        `share_high`), `value`, `n`; none if no object was found in any image.
    """
    table = scores[["image_id", "score"]].merge(
        sizes[["image_id", "share"]].dropna(), on="image_id", validate="one_to_one"
    )
    if table.empty:  # no object was found in any image
        return pd.DataFrame([], columns=["x", "metric", "value", "n"])
    groups = table["share"].groupby(bin_of(table["score"].to_numpy(), width))
    wide = groups.quantile(list(QUANTILES.values())).unstack()
    wide.columns = list(QUANTILES)
    wide = wide.assign(share_mean=groups.mean()).rename_axis("x")
    long = wide.melt(ignore_index=False, var_name="metric", value_name="value").reset_index()
    return long.assign(n=long["x"].map(groups.size()))
