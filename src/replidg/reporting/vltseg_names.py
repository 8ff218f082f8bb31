"""What figures and tables of arXiv 2312.02021 share: options, printed names, drawn styles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from replidg.metrics.vltseg import Arm, Source
from replidg.reporting.style import MethodStyle, method_style

#: Networks of the paper and methods that it quotes, as printed; arms of ours that are like them.
METHODS: dict[str, str] = {
    "segformer": "SegFormer",
    "supervised_in21k": "supervised (IN-21k)",
    "mocov3": "MoCo v3",
    "deit3": "DeiT III",
    "sam": "SAM",
    "clip": "CLIP",
    "clip_frozen": "CLIP, frozen",
    "eva02_clip": "EVA-02-CLIP",
    "eva02_clip_frozen": "EVA-02-CLIP, frozen",
    "eva02_clip_b16": "EVA-02-CLIP B/16",
    "vltseg": "VLTSeg",
    "sam_m2f": "SAM + Mask2Former",
    "baseline": "baseline (SegFormer)",
    "revt": "ReVT",
    "shade": "SHADE",
    "ibaformer": "IBAFormer",
    "cmformer": "CMFormer",
    "hrda": "HRDA",
    "dginstyle": "DGInStyle",
    "didex": "DIDEX",
    "promptformer": "PromptFormer",
    "clouds": "CLOUDS",
    "rein": "Rein",
    "imagenet": "ImageNet",
    "scratch": "from scratch",
}
STYLES: dict[str, MethodStyle] = {
    "eva02_clip": MethodStyle("#D55E00", "o"),
    "eva02_clip_frozen": MethodStyle("#E69F00", "o", "--"),
    "clip": MethodStyle("#0072B2", "s"),
    "clip_frozen": MethodStyle("#56B4E9", "s", "--"),
    "supervised_in21k": MethodStyle("#009E73", "^"),
    "imagenet": MethodStyle("#009E73", "^"),
    "mocov3": MethodStyle("#117733", "v"),
    "deit3": MethodStyle("#44AA99", "D"),
    "sam": MethodStyle("#CC79A7", "P"),
    "segformer": MethodStyle("#882255", "X"),
    "scratch": MethodStyle("#777777", "x", ":"),
}
#: Colour and marker of each data set that is tested on.
DATASET_STYLES: dict[str, MethodStyle] = {
    "mapillary_vistas": MethodStyle("#009E73", "D"),
    "cityscapes": MethodStyle("#0072B2", "o"),
    "bdd100k": MethodStyle("#E69F00", "s"),
    "acdc": MethodStyle("#CC79A7", "^"),
}


@dataclass(frozen=True)
class Options:
    """What figures and tables need besides the metrics.

    Attributes:
        arms: fields of `Arm` by name, in the order of the rows.
        sources: fields of `Source` by name.
        level: of the intervals.
        seeds: of each training.
        texts: prompt set -> its templates.
    """

    arms: Mapping[str, Mapping[str, Any]]
    sources: Mapping[str, Mapping[str, Any]]
    level: float = 0.95
    seeds: int = 1
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def networks(self) -> dict[str, Arm]:
        """Return the arms."""
        return {name: Arm(**fields) for name, fields in self.arms.items()}

    def origins(self) -> dict[str, Source]:
        """Return the sources."""
        return {name: Source(**fields) for name, fields in self.sources.items()}


def main_arms(arms: Mapping[str, Arm]) -> dict[str, Arm]:
    """Return the arms that stand in long tables: those of more than a sweep."""
    sweeps = {"f2", "lambda", "prompts", "augmentation"}
    return {name: arm for name, arm in arms.items() if not set(arm.studies) <= sweeps}


def arm_name(name: str, arms: Mapping[str, Arm]) -> str:
    """Return an arm's printed name: that of a method, or its own with its parts told apart."""
    if name in METHODS:
        return METHODS[name]
    base = max((a for a in arms if name.startswith(f"{a}_")), key=len, default="")
    rest = name.removeprefix(f"{base}_") if base else name
    words = rest.replace("_", " ").replace("lambda", "λ = ").replace("ptm", "PTM")
    words = (
        words.replace("fpn", "FPN").replace("randaug", "RandAugment").replace("pixmix", "PixMix")
    )
    for side in ("first", "last"):
        if rest.startswith(side) and rest.removeprefix(side).isdigit():
            words = f"{side} {rest.removeprefix(side)} blocks frozen"
    return f"{arm_name(base, arms)}, {words}" if base else words


def arm_style(name: str) -> MethodStyle:
    """Return the colour and marker of an arm."""
    return STYLES.get(name) or method_style(name)
