"""Trained networks from the folder of their run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import ConfigDict
from mmengine.model import revert_sync_batchnorm
from safetensors.torch import load_file
from torch import nn

from replidg.config.vltseg_parts import Size
from replidg.segmentation import registered  # noqa: F401 - before mmseg's registry is used
from replidg.segmentation.mmengine_config import model_config
from replidg.segmentation.plan import Plan

PLAN, WEIGHTS = "segmentor.json", "model.safetensors"


@dataclass(frozen=True)
class Loaded:
    """A network ready to be tested.

    Attributes:
        segmentor: mmsegmentation's `EncoderDecoder`, in evaluation mode, on the CPU.
        plan: how it was made.
    """

    segmentor: nn.Module
    plan: Plan

    @property
    def window(self) -> int:
        """Side of the sliding window, pixels."""
        return self.plan.scale.window

    @property
    def stride(self) -> int:
        """Step of the sliding window, pixels."""
        return self.plan.scale.stride

    @property
    def tta_ratios(self) -> list[float]:
        """Sizes of test-time augmentation."""
        return self.plan.scale.tta_ratios

    @property
    def mean(self) -> list[float]:
        """Mean of the input by channel (red, green, blue), 0 to 255."""
        return [255 * value for value in self.plan.mean]

    @property
    def std(self) -> list[float]:
        """Standard deviation of the input by channel, 0 to 255."""
        return [255 * value for value in self.plan.std]

    def test_size(self, dataset: str) -> Size:
        """Return width and height that a data set's images are fitted into."""
        return self.plan.scale.test_size_of(dataset)


def build(plan: Plan, load: bool) -> nn.Module:
    """Return a network.

    Args:
        plan: what it is.
        load: load the weights that its training began with; False leaves them at random.
    """
    from mmseg.registry import MODELS

    segmentor = MODELS.build(ConfigDict(model_config(plan, load)))
    if load:
        segmentor.init_weights()
    return revert_sync_batchnorm(segmentor)


def load_segmentor(folder: Path, trained: bool = True) -> Loaded:
    """Return the network of a run.

    Args:
        folder: of the run, with segmentor.json and model.safetensors.
        trained: False gives it with the weights before training; the stored backbone that it
            was made from must still be there, and the decoder's weights are others.
    """
    plan = Plan.model_validate(json.loads((folder / PLAN).read_text()))
    segmentor = build(plan, load=not trained)
    if trained:
        segmentor.load_state_dict(load_file(folder / WEIGHTS))
    return Loaded(segmentor.eval(), plan)
