"""What wilds 2.0.0 needs and does not get: one function of torch_scatter, and mixed timestamps.

* FMoW's evaluation calls `torch_scatter.scatter(src, index, dim_size, reduce="mean")`. The
  package is not among wilds' dependencies and has to be compiled; this module stands in for that
  one call.
* pandas 2 and later infer one format from the first timestamp. Where FMoW's rgb_metadata.csv
  mixes timestamps with and without fractions of a second, reading it fails.
"""

import importlib.util
import sys

import torch


def scatter(src, index, dim=-1, out=None, dim_size=None, reduce="sum"):
    """Return the mean of `src` in each group of `index`; an empty group's mean is 0.

    The signature is torch_scatter's; what wilds does not use is refused.

    Args:
        src: Values, one dimension.
        index: The group of each value, 0 to `dim_size` - 1.
        dim: 0 or -1.
        out: Must be None.
        dim_size: The number of groups; by default the largest index plus 1.
        reduce: Must be "mean".
    """
    if reduce != "mean" or out is not None or src.dim() != 1 or dim not in (0, -1):
        raise NotImplementedError(
            "only scatter(src, index, reduce='mean') on vectors; install torch_scatter for more"
        )
    if dim_size is None:
        dim_size = int(index.max()) + 1 if index.numel() else 0
    total = torch.zeros(dim_size, dtype=src.dtype, device=src.device).index_add_(0, index, src)
    count = torch.bincount(index, minlength=dim_size).clamp_(min=1).to(src.dtype)
    # torch_scatter rounds means of integers down.
    return total / count if src.is_floating_point() else total.div(count, rounding_mode="floor")


class _PandasISO:
    """pandas, with to_datetime reading any mix of ISO 8601 timestamps."""

    def __init__(self, pandas):
        self._pandas = pandas

    def __getattr__(self, name):
        return getattr(self._pandas, name)

    def to_datetime(self, arg, **kwargs):
        kwargs.setdefault("format", "ISO8601")
        return self._pandas.to_datetime(arg, **kwargs)


def prepare_wilds():
    """Make wilds' image data sets load and evaluate, with torch_scatter installed or not."""
    if importlib.util.find_spec("torch_scatter") is None:
        sys.modules["torch_scatter"] = sys.modules[__name__]

    from wilds.datasets import fmow_dataset

    # Only FMoW's own module sees the change.
    if not isinstance(fmow_dataset.pd, _PandasISO):
        fmow_dataset.pd = _PandasISO(fmow_dataset.pd)
