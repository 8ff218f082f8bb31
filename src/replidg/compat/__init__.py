"""Small repairs that let wilds and mmsegmentation run from wheels alone.

Call `prepare_mmseg()` before importing mmseg, mmdet or mmcv.ops, and `prepare_wilds()` before
using wilds. Both may be called any number of times and leave alone what is properly installed:
compiled mmcv ops and a real torch_scatter are used where they exist.
"""


def prepare_mmseg():
    """See `replidg.compat.mmcv_ops.prepare_mmseg`."""
    from replidg.compat import mmcv_ops

    return mmcv_ops.prepare_mmseg()


def prepare_wilds():
    """See `replidg.compat.torch_scatter.prepare_wilds`."""
    from replidg.compat import torch_scatter

    torch_scatter.prepare_wilds()
