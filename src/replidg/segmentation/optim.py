"""Parameter groups and their optimiser, as the VLTSeg re-implementation has them."""

from __future__ import annotations

from typing import Any

from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS, OPTIMIZERS
from torch import nn

NORMS = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm)
NORMS += (nn.GroupNorm, nn.LayerNorm)
#: Embeddings of the decoder that are not decayed.
EMBEDDINGS = ("query_embed", "query_feat", "level_embed")


def parameter_groups(
    model: nn.Module, lr: float, encoder_lr_mult: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Return AdamW's groups of what is trained; groups without a parameter are left out.

    - decoder: `lr`, decayed;
    - decoder, not decayed: its norms and the embeddings of queries and levels;
    - encoder: `lr * encoder_lr_mult`, decayed. The feature pyramid's new convolutions, batch norm
      and all biases are among it, as in the re-implementation;
    - encoder, not decayed: position embedding and the two norms before a block's parts.

    Args:
        model: segmentor; what is below `backbone` is the encoder.
        lr: learning rate of the decoder.
        encoder_lr_mult: factor of the encoder's.
        weight_decay: of decayed groups.
    """
    decayless = {
        f"{place}.{name}" if place else name
        for place, module in model.named_modules()
        for name, _ in module.named_parameters(recurse=False)
        if _undecayed(place, name, module)
    }
    groups: dict[str, dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        encoder, decayed = name.startswith("backbone."), name not in decayless
        key = f"{'encoder' if encoder else 'decoder'}{'' if decayed else ', not decayed'}"
        group = groups.setdefault(
            key,
            {
                "params": [],
                "name": key,
                "lr": lr * (encoder_lr_mult if encoder else 1.0),
                "weight_decay": weight_decay if decayed else 0.0,
            },
        )
        group["params"].append(parameter)
    return [groups[key] for key in sorted(groups)]


def _undecayed(place: str, name: str, module: nn.Module) -> bool:
    """Tell whether a parameter of a module at `place` is not decayed."""
    if place.startswith("backbone"):
        return name == "pos_embed" or place.rsplit(".", 1)[-1] in ("norm1", "norm2")
    return isinstance(module, NORMS) or any(each in place.split(".") for each in EMBEDDINGS)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SegmentorOptim:
    """Make the optimiser from few groups: mmengine would make one of every parameter.

    Args:
        optim_wrapper_cfg: mmengine's, with `optimizer`.
        paramwise_cfg: `encoder_lr_mult`.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        self.cfg = dict(optim_wrapper_cfg)
        self.encoder_lr_mult = (paramwise_cfg or {}).get("encoder_lr_mult", 1.0)

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Return mmengine's wrapper of the optimiser."""
        model = getattr(model, "module", model)
        settings = dict(self.cfg.pop("optimizer"))
        groups = parameter_groups(
            model, settings["lr"], self.encoder_lr_mult, settings["weight_decay"]
        )
        optimizer = OPTIMIZERS.build({**settings, "params": groups})
        self.cfg.setdefault("type", "OptimWrapper")
        return OPTIM_WRAPPERS.build(self.cfg, default_args={"optimizer": optimizer})
