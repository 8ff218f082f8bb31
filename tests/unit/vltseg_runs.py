"""Made-up confusions of the VLTSeg paper, in the format that test jobs leave."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from replidg.config.street_classes import CLASSES
from replidg.metrics.vltseg import PAGES, Arm, Source

ROOT = Path(__file__).parents[2]
CONDITIONS = ("fog", "night", "rain", "snow")
SOURCES = {
    "gta5": Source(["gta5"], "synthetic"),
    "gta5_synthia": Source(["gta5", "synthia"], "synthetic"),
    "cityscapes": Source(["cityscapes"], "real"),
}
#: Share of pixels that an arm gets right.
QUALITY = {
    "eva02_clip": 0.85, "eva02_clip_frozen": 0.75, "supervised_in21k": 0.7, "segformer": 0.65,
    "fpn": 0.8, "ptm": 0.84, "ptm_lambda1": 0.86, "ptm_prompts_plain": 0.82, "first2": 0.8,
    "last2": 0.83, "randaug": 0.83,
}  # fmt: skip


def script(name: str) -> Callable[..., Any]:
    """Return the function of a script that has its name."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def confusions(
    truth: np.ndarray, pred: np.ndarray, conditions: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the confusions by image of maps (N, H, W)."""
    tables = []
    for number, (true, found) in enumerate(zip(truth, pred, strict=True)):
        pairs, pixels = np.unique(
            np.stack([true.ravel(), found.ravel()]), axis=1, return_counts=True
        )
        table = pd.DataFrame({"truth": pairs[0], "pred": pairs[1], "pixels": pixels})
        table.insert(0, "condition", conditions[number] if conditions else "")
        table.insert(0, "image_id", f"image{number}")
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def drawn(right: float, seed: int, images: int = 12, conditions: bool = False) -> pd.DataFrame:
    """Return confusions of predictions that are right in a share of the pixels.

    The images depend on nothing, the mistakes on the seed.
    """
    random = np.random.default_rng(5)
    weights = np.linspace(2, 0.3, len(CLASSES))
    truth = random.choice(len(CLASSES), (images, 30, 30), p=weights / weights.sum())
    mistakes = np.random.default_rng(seed)
    share = np.clip(right + mistakes.normal(0, 0.03, (images, 1, 1)), 0, 1)
    other = mistakes.choice(len(CLASSES), truth.shape, p=weights / weights.sum())
    pred = np.where(mistakes.random(truth.shape) < share, truth, other)
    names = [CONDITIONS[place % 4] for place in range(images)] if conditions else None
    return confusions(truth, pred, names)


def arms() -> dict[str, Arm]:
    """Return one arm of each kind."""
    tables = {"t1": "eva02_clip", "t2": "vltseg", "t3": "vltseg", "f2": "eva02_clip_b16"}
    tables |= {"f3": "eva02", "decoders": "Mask2Former", "language": "without"}
    tables |= {"multi_source": "EVA-02-CLIP", "augmentation": "none"}
    plain = {"decoder": "mask2former", "prompts": None, "loss_weight": None, "augmentation": "none"}
    with_text = plain | {"prompts": "photo", "loss_weight": 0.4}
    eva = {"pretraining": "vision_language", "encoder": "eva"}
    sets = {"language": "with", "lambda": "0.4", "prompts": "photo"}
    return {
        "eva02_clip": Arm(**eva, studies=tables, extra=plain),
        "eva02_clip_frozen": Arm(
            **eva, frozen=True, studies={"t1": "eva02_clip_frozen"}, extra=plain
        ),
        "supervised_in21k": Arm(
            "vision", "vit", studies={"t1": "supervised_in21k", "f3": "in21k"}, extra=plain
        ),
        "segformer": Arm("vision", "mit", studies={"t3": "segformer"}, extra=plain),
        "fpn": Arm(**eva, studies={"decoders": "FPN"}, extra=plain | {"decoder": "fpn"}),
        "ptm": Arm(**eva, studies=sets, extra=with_text),
        "ptm_lambda1": Arm(
            **eva, studies={"lambda": "1"}, extra=with_text | {"loss_weight": 1.0}
        ),
        "ptm_prompts_plain": Arm(
            **eva, studies={"prompts": "plain"}, extra=with_text | {"prompts": "plain"}
        ),
        "first2": Arm(**eva, frozen_first=2, studies={"f2": "eva02_clip_b16"}, extra=plain),
        "last2": Arm(**eva, frozen_last=2, studies={"f2": "eva02_clip_b16"}, extra=plain),
        "randaug": Arm(
            **eva, studies={"augmentation": "RandAugment"},
            extra=plain | {"augmentation": "randaug"},
        ),
    }  # fmt: skip


def evaluated(folder: Path, pages: Sequence[str] = PAGES) -> pd.DataFrame:
    """Write runs of every arm and return their tidy metrics, made by the workflow's own script."""
    networks, confused, trained, corrupted = arms(), {}, {}, {}
    for source, arm, seed in runs():
        own = folder / source / arm / f"seed{seed}"
        own.mkdir(parents=True)
        said = {"iterations": 20, "seconds": 30.0, "parameters": 3.2e8, "loss": [3.0, 2.0]}
        (own / "metrics.json").write_text(json.dumps(said))
        trained[source, arm, seed] = own / "metrics.json"
        held = ["gta5"] if source == "gta5" else []
        for dataset in (*pages, *held):
            place = 1000 + (list(PAGES).index(dataset) if dataset in PAGES else 9) + 100 * seed
            table = drawn(QUALITY[arm] - (source != "gta5") * 0.1, place, 12, dataset == "acdc")
            confused[source, arm, seed, dataset] = _written(table, own / dataset / "confusion")
        if "f3" in networks[arm].studies and source == "gta5":
            parts = [
                drawn(QUALITY[arm] - severity / 10, 7, 6).assign(
                    perturbation=kind, severity=severity
                )
                for kind in ("fog", "gaussian_noise")
                for severity in (1, 3, 5)
            ]
            key = (source, arm, seed, "cityscapes")
            corrupted[key] = _written(pd.concat(parts), own / "cityscapes" / "perturbed")
    script("evaluate_vltseg")(
        confused, corrupted, trained,
        {name: asdict(arm) for name, arm in networks.items()},
        {name: asdict(source) for name, source in SOURCES.items()},
        {"resamples": 200, "level": 0.95, "seed": 0}, folder / "metrics.parquet",
    )  # fmt: skip
    return pd.read_parquet(folder / "metrics.parquet")


def runs() -> list[tuple[str, str, int]]:
    """Return source, arm and seed of every made-up training."""
    elsewhere = ("eva02_clip", "eva02_clip_frozen", "segformer")
    found = [("gta5", arm, seed) for arm in QUALITY if arm != "segformer" for seed in (0, 1)]
    found += [("cityscapes", arm, 0) for arm in elsewhere]
    return [*found, ("gta5_synthia", "eva02_clip", 0)]


def _written(table: pd.DataFrame, stem: Path) -> Path:
    stem.parent.mkdir(exist_ok=True)
    table.to_parquet(stem.with_suffix(".parquet"), index=False)
    return stem.with_suffix(".parquet")
