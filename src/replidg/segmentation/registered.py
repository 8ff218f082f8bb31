"""Fill mmengine's registries with mmsegmentation, mmdetection and our modules.

Importing this module is slow (about ten seconds) and needs no compiled mmcv.
"""

from __future__ import annotations

import importlib.util

from replidg.compat import prepare_mmseg

#: "compiled" where mmcv's ops are, otherwise "pytorch": how deformable attention is computed.
DEFORMABLE_ATTENTION = prepare_mmseg()

import mmdet.models  # noqa: E402, F401
import mmseg.datasets  # noqa: E402
import mmseg.models  # noqa: E402, F401
from mmengine.registry import DefaultScope  # noqa: E402

from replidg.segmentation import (  # noqa: E402, F401
    hooks,
    optim,
    segmentor,
    stepped,
)

if importlib.util.find_spec("replidg.segmentation.augmentations"):
    from replidg.segmentation import augmentations  # noqa: F401

# Names without a scope ("Mask2FormerHead") are mmsegmentation's.
if DefaultScope.get_current_instance() is None:
    DefaultScope.get_instance("replidg", scope_name="mmseg")
