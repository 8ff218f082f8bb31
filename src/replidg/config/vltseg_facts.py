"""What the VLTSeg paper's numbers, figures and tables need to know of its configuration."""

from __future__ import annotations

from typing import Any

from replidg.config import vltseg_arms
from replidg.config.inputs import RegisteredDataset, TimmModel
from replidg.config.schema import Config
from replidg.config.vltseg_parts import Arm


def page(config: Config, dataset: str) -> str:
    """Return the data set's page of the registry: what the paper's numbers call it."""
    own = config.datasets[dataset]
    return (own.registry if isinstance(own, RegisteredDataset) else None) or dataset


def pretraining(config: Config, encoder: str) -> str:
    """Return `vision_language`, `vision` or `none` of an encoder.

    timm has the image towers of CLIPs, too; all their names say so (`eva02_large_patch14_clip_224`,
    `vit_base_patch16_siglip_224`). What is told wrongly is set by `pretraining`.
    """
    own = config.vltseg.encoders[encoder]
    if own.pretraining is not None:
        return own.pretraining
    model = config.models[own.model]
    if not isinstance(model, TimmModel):
        return "vision_language"
    if not model.pretrained:
        return "none"
    clip = any(word in model.name.lower() for word in ("clip", "siglip"))
    return "vision_language" if clip else "vision"


def arms(config: Config) -> dict[str, dict[str, Any]]:
    """Return the fields of `replidg.metrics.vltseg.Arm` of every arm, generated ones among them."""
    return {
        name: {
            "pretraining": pretraining(config, arm.encoder),
            "encoder": arm.encoder,
            "frozen": arm.frozen == "all",
            "frozen_first": arm.frozen_first,
            "frozen_last": arm.frozen_last,
            "studies": dict(arm.studies),
            "extra": {
                "encoder": config.vltseg.encoders[arm.encoder].model,
                "decoder": arm.decoder,
                "trained": _trained(arm),
                "language": _language(arm),
                "augmentation": arm.augmentation,
                "prompts": arm.language.prompts if arm.language else None,
            },
        }
        for name, arm in vltseg_arms.arms(config).items()
    }


def _trained(arm: Arm) -> str:
    if arm.frozen == "all":
        return "none"
    if arm.frozen_first:
        return f"all but the first {arm.frozen_first}"
    return f"all but the last {arm.frozen_last}" if arm.frozen_last else "all"


def _language(arm: Arm) -> str:
    if arm.language is None:
        return "none"
    return f"λ = {arm.language.loss_weight:g}, {arm.language.prompts}"


def sources(config: Config) -> dict[str, dict[str, Any]]:
    """Return the fields of `replidg.metrics.vltseg.Source` of every source."""
    return {
        name: {"datasets": [page(config, each) for each in source.datasets], "kind": source.kind}
        for name, source in config.vltseg.sources.items()
    }


def options(config: Config) -> dict[str, Any]:
    """Return the fields of `replidg.reporting.vltseg_names.Options`."""
    study = config.vltseg.prompt_sets
    texts = [arm["extra"]["prompts"] for arm in arms(config).values()] if study else []
    return {
        "arms": arms(config),
        "sources": sources(config),
        "level": config.vltseg.bootstrap.level,
        "seeds": len(config.vltseg.seeds),
        "texts": {name: config.prompts[name].templates for name in texts if name},
    }
