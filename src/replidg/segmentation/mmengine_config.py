"""mmengine's configuration of a run, made from its plan; a user can start it by hand, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from replidg.config.street_classes import IGNORED
from replidg.config.vltseg_parts import Mask2Former
from replidg.files import whole_file
from replidg.segmentation import decoders, towers
from replidg.segmentation.pipelines import train_pipeline
from replidg.segmentation.plan import Images, Plan

#: Modules that fill mmengine's registries; `replidg.compat.prepare_mmseg()` goes before them.
IMPORTS = ["replidg.segmentation.registered"]


def model_config(plan: Plan, load: bool) -> dict[str, Any]:
    """Return the network.

    Args:
        plan: of the run.
        load: name the stored models whose weights it begins with; False: weights follow.
    """
    arm, encoder, crop = plan.arm, plan.encoder, plan.scale.crop
    levels = _levels(plan)
    channels, strides = [level[0] for level in levels], [level[1] for level in levels]
    language = _language(plan, load)
    if language and language["score_map"]:
        channels[language["score_level"]] += decoders.K
    parts: dict[str, Any] = {}
    if isinstance(plan.decoder, Mask2Former):
        parts["decode_head"] = decoders.mask2former(plan.decoder, channels, strides)
    else:
        parts["neck"], parts["decode_head"] = decoders.fpn(plan.decoder, channels, strides)
    return {
        "type": "GuidedSegmentor",
        "data_preprocessor": {
            "type": "SegDataPreProcessor",
            "mean": [255 * value for value in plan.mean],
            "std": [255 * value for value in plan.std],
            "bgr_to_rgb": True,
            "pad_val": 0,
            "seg_pad_val": IGNORED,
            "size": (crop, crop),
        },
        "backbone": {
            "type": "TowerEncoder",
            "tower": plan.tower,
            "layers": encoder.layers,
            "image_size": crop,
            "folder": plan.model if load else None,
            "position_embedding": encoder.position_embedding,
            "inner_attention_norm": encoder.inner_attention_norm,
            "drop_path": encoder.drop_path,
            "frozen": arm.frozen,
            "frozen_first": arm.frozen_first,
            "frozen_last": arm.frozen_last,
            "frozen_layers": encoder.frozen_layers,
            "frozen_batchnorm": plan.frozen_batchnorm,
            "projection": plan.projection,
        },
        "language": language,
        **parts,
        "train_cfg": {},
        "test_cfg": {
            "mode": "slide",
            "crop_size": (plan.scale.window, plan.scale.window),
            "stride": (plan.scale.stride, plan.scale.stride),
        },
    }


def _levels(plan: Plan) -> list[tuple[int, int]]:
    """Return channels and stride of the maps that the decoder sees.

    Raises:
        ValueError: a ViT needs four layers, or the decoder more maps.
    """
    layers = plan.encoder.layers
    keep = plan.encoder.inner_attention_norm == "kept"
    if towers.is_convolutional(plan.tower["name"]):
        trunk = towers.build_trunk(plan.tower, plan.scale.crop, 0.0, keep)
        found = towers.channels(trunk, layers, plan.scale.crop)
    else:
        if len(layers) != 4:
            raise ValueError(f"the pyramid of a ViT needs four layers, not {layers}")
        with torch.device("meta"):
            trunk = towers.build_trunk(plan.tower, plan.scale.crop, 0.0, keep)
        # As the re-implementation tells the head; only the FPN's doublings depend on them.
        found = [(trunk.embed_dim, stride) for stride in (4, 8, 16, 32)]
    if isinstance(plan.decoder, Mask2Former) and len(found) < plan.decoder.levels:
        raise ValueError(
            f"decoder: levels is {plan.decoder.levels}, but the encoder has {len(found)} layers"
        )
    return found


def _language(plan: Plan, load: bool) -> dict[str, Any] | None:
    own = plan.arm.language
    if own is None:
        return None
    last = len(plan.encoder.layers) - 1
    return {
        "dim": plan.projection["shape"][0],
        "context": own.context,
        "width": plan.text_width,
        "loss_weight": own.loss_weight,
        "temperature": own.temperature,
        "score_map": own.score_map,
        # A level whose map has the size of the tokens' grid: a ViT's third, a CNN's last.
        "score_level": min(own.score_level, last),
        "folder": plan.model if load else None,
        "prompts": plan.prompts.model_dump(mode="json") if load else None,
    }


def run_config(plan: Plan, images: list[Images], folder: Path) -> dict[str, Any]:
    """Return mmengine's configuration of a training.

    Args:
        plan: of the run.
        images: what is trained on.
        folder: of unfinished work; lists of images are written there.
    """
    training, scale = plan.training, plan.scale
    # A new job overwrites the lists of an old one with the same words.
    lists = [_list(each, folder) for each in images]
    accumulate = training.accumulate
    amp = training.amp and torch.cuda.is_available()
    plain = {"type": "OptimWrapper"}
    start = [{"type": "StartHook", "weights": plan.start}] if plan.start else []
    return {
        "default_scope": "mmseg",
        "custom_imports": {"imports": IMPORTS, "allow_failed_imports": False},
        "model": model_config(plan, load=True),
        "train_dataloader": {
            "batch_size": scale.batch_size // training.gpus // accumulate,
            "num_workers": training.workers,
            "persistent_workers": training.workers > 0,
            "sampler": {"type": "StepSampler"},
            "dataset": {
                "type": "SteppedDataset",
                "seed": plan.seed,
                "images": scale.iterations * scale.batch_size,
                "datasets": [
                    _dataset(each, path, plan) for each, path in zip(images, lists, strict=True)
                ],
            },
        },
        "optim_wrapper": {
            **({"type": "AmpOptimWrapper", "dtype": training.amp_dtype} if amp else plain),
            "accumulative_counts": accumulate,
            "constructor": "SegmentorOptim",
            "optimizer": {
                "type": "AdamW",
                "lr": training.lr,
                "betas": tuple(training.betas),
                "eps": 1e-8,
                # One kernel for all parameters; the update is the same.
                "fused": True,
                "weight_decay": training.weight_decay,
            },
            "clip_grad": {"max_norm": training.clip_norm, "norm_type": 2},
            "paramwise_cfg": {"encoder_lr_mult": training.encoder_lr_mult},
        },
        "param_scheduler": [
            {
                "type": "PolyLR",
                "power": training.power,
                "eta_min": 0.0,
                "begin": min(training.constant_iterations, scale.iterations - 1),
                "end": scale.iterations,
                "by_epoch": False,
            }
        ],
        # The batches are laid out already: skipping costs nothing.
        "train_cfg": {
            "type": "IterBasedTrainLoop",
            # mmengine counts the parts of a step.
            "max_iters": scale.iterations * accumulate,
        },
        "default_hooks": {
            "logger": None,
            "checkpoint": None,
            "sampler_seed": None,
            "param_scheduler": {"type": "WholeStepsHook", "accumulate": accumulate},
        },
        "custom_hooks": [
            {"type": "StepSeedHook", "seed": plan.seed},
            *start,
            {
                "type": "ResumeHook",
                "folder": str(folder),
                "every_s": training.checkpoint_every_s,
                "accumulate": accumulate,
            },
            {
                "type": "ProgressHook",
                "what": plan.name,
                "batch_size": scale.batch_size // accumulate,
            },
        ],
        # Parts of a tower behind its last map have no gradient.
        "find_unused_parameters": training.gpus > 1,
        "randomness": {"seed": plan.seed % 2**32, "deterministic": False},
        "env_cfg": {"cudnn_benchmark": False, "dist_cfg": {"backend": _backend()}},
        "work_dir": str(folder / "mmengine"),
        "experiment_name": folder.name,
        "launcher": "pytorch" if training.gpus > 1 else "none",
        "log_level": "WARNING",
    }


def _backend() -> str:
    return "nccl" if torch.cuda.is_available() else "gloo"


def _list(images: Images, folder: Path) -> Path:
    path = (folder / f"{images.name}.txt").absolute()
    with whole_file(path) as temporary:
        temporary.write_text("".join(f"{name}\n" for name in images.names))
    return path


def _dataset(images: Images, names: Path, plan: Plan) -> dict[str, Any]:
    size = plan.scale.train_size_of(images.name)
    return {
        "type": images.dataset,
        "data_root": images.root,
        "data_prefix": {"img_path": images.images, "seg_map_path": images.labels},
        "img_suffix": images.img_suffix,
        "seg_map_suffix": images.seg_map_suffix,
        "ann_file": str(names),
        "pipeline": train_pipeline(
            size, plan.scale.crop, plan.training.cat_max_ratio, plan.arm.augmentation
        ),
    }
