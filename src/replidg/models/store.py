"""Backbones on disk: one folder a model, in open_clip's or timm's own format.

`model.json` says which of the two, and the sha256 of the weights; that hash keys every embedding
and every checkpoint made with the model.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from replidg.config.inputs import OpenClipModel, Preprocessing, TimmModel
from replidg.data.images import InputSpec
from replidg.files import sha256_file, whole_file, write_json
from replidg.models import foreign, random_weights
from replidg.models.random_weights import Random
from replidg.seeds import seed_of, seeded

logger = logging.getLogger(__name__)
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CLIP = (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
FILES = {
    "open_clip": ("open_clip_config.json", "open_clip_model.safetensors"),
    "timm": ("config.json", "model.safetensors"),
}


@dataclass
class Backbone:
    """A loaded model.

    Attributes:
        visual: image tower, (N, 3, S, S) -> (N, D), not normalised.
        encode_text: token ids (N, L) -> (N, D), or None for a vision-only model.
        tokenize: texts -> token ids, or None.
        spec: input that the checkpoint was trained with.
        dim: D.
        weights_sha256: hash of the weights file.
        clip: the CLIP that the towers are parts of, or None for a vision-only model.
    """

    visual: nn.Module
    encode_text: Callable[[Tensor], Tensor] | None
    tokenize: Callable[[list[str]], Tensor] | None
    spec: InputSpec
    dim: int
    weights_sha256: str
    clip: nn.Module | None = None


def device() -> torch.device:
    """Return the GPU this job may use, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def save_open_clip(folder: Path, model: nn.Module, model_cfg: dict[str, Any]) -> None:
    """Write an open_clip model so that `local-dir:<folder>` loads it.

    Args:
        folder: destination.
        model: CLIP with `visual.preprocess_cfg` set, as open_clip's factory leaves it.
        model_cfg: open_clip's model configuration.
    """
    config, weights = FILES["open_clip"]
    preprocess = {k: v for k, v in model.visual.preprocess_cfg.items() if k != "size"}
    write_json(folder / config, {"model_cfg": model_cfg, "preprocess_cfg": preprocess})
    _finish(folder, "open_clip", weights, model.state_dict())


def retrieve(
    name: str, model: OpenClipModel | TimmModel, folder: Path, random: Random = "never"
) -> None:
    """Download a checkpoint by name and store it like a trained one.

    Args:
        name: key of the model in the configuration.
        model: its configuration.
        folder: destination.
        random: take random weights in its place: never, always, or where nothing can be
            downloaded. `model.json` then says so, and `load` refuses them in other runs.

    Raises:
        RuntimeError: the hub cannot be reached or has no such checkpoint; says what to do.
    """
    wanted = random_weights.wanted(model)
    if wanted and random == "always":
        return _store(name, random_weights.without(model), folder, instead_of=model)
    try:
        if wanted and random == "unreachable" and not random_weights.hub_answers():
            logger.warning("models.%s: the hub does not answer: only its cache is looked at", name)
            with random_weights.offline():
                return _store(name, model, folder)
        return _store(name, model, folder)
    except (OSError, RuntimeError) as error:
        if wanted and random == "unreachable" and random_weights.unreachable(error):
            logger.warning("models.%s: %s", name, error)
            return _store(name, random_weights.without(model), folder, instead_of=model)
        raise RuntimeError(
            f"models.{name}: {error}. On a machine without network, download the checkpoint "
            f"elsewhere and give its path as models.{name}.pretrained, or copy the hub's cache "
            "folder and set HF_HOME"
        ) from error


def _store(
    name: str,
    model: OpenClipModel | TimmModel,
    folder: Path,
    instead_of: OpenClipModel | TimmModel | None = None,
) -> None:
    # Weights that no checkpoint brings are the same on every machine.
    with seeded(seed_of(0, "initial weights", model.name)):
        if isinstance(model, TimmModel):
            _retrieve_timm(model, folder)
        else:
            quick = isinstance(instead_of, OpenClipModel) and needs_quick_gelu(
                instead_of.name, instead_of.pretrained
            )
            _retrieve_open_clip(model, folder, quick)
    if instead_of is not None:
        random_weights.mark(folder / "model.json")
        logger.warning(
            "models.%s: RANDOM WEIGHTS, not its checkpoint: no result means anything", name
        )


def _retrieve_open_clip(model: OpenClipModel, folder: Path, quick_gelu: bool = False) -> None:
    quick_gelu = quick_gelu or needs_quick_gelu(model.name, model.pretrained)
    loaded = open_clip.create_model(
        model.name,
        pretrained=model.pretrained or None,
        require_pretrained=bool(model.pretrained) or ":" in model.name,
        # Checkpoints of OpenAI and some others were trained with QuickGELU; open_clip only warns.
        force_quick_gelu=quick_gelu,
    )
    if ":" in model.name:
        from open_clip.factory import _get_hf_config

        architecture = _get_hf_config(model.name.split(":", 1)[1])["model_cfg"]
    else:
        architecture = open_clip.get_model_config(model.name)
        if quick_gelu:
            architecture["quick_gelu"] = True
    save_open_clip(folder, loaded, architecture)


def needs_quick_gelu(name: str, pretrained: str) -> bool:
    """Tell whether a tag's weights were trained with QuickGELU."""
    config = open_clip.get_pretrained_cfg(name, pretrained) if pretrained else None
    return bool(config and config.get("quick_gelu", False))


def _retrieve_timm(model: TimmModel, folder: Path) -> None:
    size = _size_argument(model)
    own = model.pretrained and model.weights == "timm" and model.path is None
    loaded = timm.create_model(model.name, pretrained=own, num_classes=0, **size)
    config = dict(loaded.pretrained_cfg, num_classes=0)
    if model.path is not None:
        foreign.load_file(Path(model.path), loaded)
    elif model.pretrained and not own:
        config |= foreign.WEIGHTS[model.weights](model.name, loaded)
    if model.image_size is not None:
        config["input_size"] = (3, model.image_size, model.image_size)
    # timm's local-dir format: the architecture beside the pretrained configuration.
    content = {
        "architecture": model.name.split(".")[0],
        "num_classes": 0,
        "pretrained_cfg": config,
        "model_args": size,
    }
    write_json(folder / FILES["timm"][0], content)
    _finish(folder, "timm", FILES["timm"][1], loaded.state_dict())


def _size_argument(model: TimmModel) -> dict[str, int]:
    """Return timm's argument for the input size: ViTs are built for one, CNNs take any."""
    if model.image_size is None:
        return {}
    with torch.device("meta"):
        kind = type(timm.create_model(model.name, pretrained=False))
    takes_it = "img_size" in inspect.signature(kind.__init__).parameters
    return {"img_size": model.image_size} if takes_it else {}


def _finish(folder: Path, stored_as: str, weights: str, state: dict[str, Tensor]) -> None:
    # Shared tensors (tied weights) are not allowed in safetensors; each gets its own copy.
    own = {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}
    with whole_file(folder / weights) as temporary:
        save_file(own, temporary)
    parameters = sum(tensor.numel() for tensor in own.values())
    facts = {"kind": stored_as, "weights": weights, "values": parameters}
    write_json(folder / "model.json", facts | {"weights_sha256": sha256_file(folder / weights)})


def load(folder: Path) -> Backbone:
    """Load a stored model on the CPU in evaluation mode.

    Raises:
        RuntimeError: its weights are random in the place of a checkpoint, and this run is no
            rehearsal.
    """
    facts = json.loads((folder / "model.json").read_text())
    random_weights.check(folder, facts)
    loader = _load_timm if facts["kind"] == "timm" else _load_open_clip
    return loader(folder, facts["weights_sha256"])


def own_spec(model: nn.Module) -> InputSpec:
    """Return the input that an open_clip model was trained with."""
    cfg = model.visual.preprocess_cfg
    size = cfg["size"][0] if isinstance(cfg["size"], tuple | list) else cfg["size"]
    resize = "squash" if cfg.get("resize_mode") == "squash" else "crop"
    how = "bilinear" if cfg.get("interpolation") == "bilinear" else "bicubic"
    return InputSpec(size, resize, how, tuple(cfg["mean"]), tuple(cfg["std"]))


def _load_open_clip(folder: Path, sha256: str) -> Backbone:
    name = f"local-dir:{folder}"
    model = open_clip.create_model(name).eval()
    spec = own_spec(model)
    with torch.inference_mode():
        dim = model.visual(torch.zeros(1, 3, spec.size, spec.size)).shape[-1]
    return Backbone(
        model.visual, model.encode_text, open_clip.get_tokenizer(name), spec, dim, sha256, model
    )


def _load_timm(folder: Path, sha256: str) -> Backbone:
    model = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0).eval()
    cfg = timm.data.resolve_model_data_config(model)
    how = "bilinear" if cfg["interpolation"] == "bilinear" else "bicubic"
    spec = InputSpec(
        cfg["input_size"][1], "crop", how, tuple(cfg["mean"]), tuple(cfg["std"]), cfg["crop_pct"]
    )
    # Not `num_features`: MobileNet-V3 widens the pooled features once more.
    with torch.inference_mode():
        dim = model(torch.zeros(1, 3, spec.size, spec.size)).shape[-1]
    return Backbone(model, None, None, spec, dim, sha256)


def input_spec(own: InputSpec, preprocessing: Preprocessing) -> InputSpec:
    """Return the input that a named preprocessing gives for a model.

    `squash` uses bilinear interpolation, as torchvision's Resize((224, 224)) does in the alignment
    paper's code; the others keep the checkpoint's own.
    """
    resize = own.resize if preprocessing.resize == "model" else preprocessing.resize
    how = "bilinear" if preprocessing.resize == "squash" else own.interpolation
    mean, std = {"model": (own.mean, own.std), "imagenet": IMAGENET, "clip": CLIP}[
        preprocessing.normalise
    ]
    share = own.crop_share if preprocessing.resize == "model" else 1.0
    return InputSpec(own.size, resize, how, tuple(mean), tuple(std), share)
