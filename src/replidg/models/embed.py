"""Embeddings of images and class texts, computed once and keyed by everything they depend on."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path

import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from replidg.config.inputs import Embedding, Preprocessing, Prompts
from replidg.data.embeddings import METADATA, EmbeddingError, index_hash
from replidg.data.images import ImageFiles, InputSpec, decoding, normalise, still_paths
from replidg.files import stable_hash, whole_file
from replidg.models.store import Backbone, device, input_spec
from replidg.progress import Progress

logger = logging.getLogger(__name__)


def embed_images(
    backbone: Backbone,
    index: pd.DataFrame,
    preprocessing: Preprocessing,
    budget: Embedding,
    channels_last: bool,
    out: Path,
    checkpoints: Path,
) -> None:
    """Write float16 embeddings (N, D) of an index's images, in index order, not normalised.

    Finished shards wait in a folder named by the key (weights, input, index); a killed job goes
    on behind the last whole shard, and shards of another key are never read.

    Raises:
        ImageError: an image cannot be decoded; shards before it are kept.
    """
    spec = input_spec(backbone.spec, preprocessing)
    key = {
        "weights": backbone.weights_sha256,
        "input": list(spec),
        "dtype": "float16",
        "index": index_hash(index),
    }
    # The number of images a shard holds is part of a shard's identity, not of the result's.
    folder = checkpoints / "embed" / stable_hash([key, budget.shard_size])
    model = backbone.visual.to(device())
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    size = budget.shard_size
    parts = [range(start, min(start + size, len(index))) for start in range(0, len(index), size)]
    shards = [folder / f"{part.start:09d}.safetensors" for part in parts]
    finished = [_whole(shard, len(part)) for shard, part in zip(shards, parts, strict=True)]
    todo = [
        _batches(part, budget.batch_size)
        for part, there in zip(parts, finished, strict=True)
        if not there
    ]
    # One loader for all shards: its processes do not stop and start between two.
    images = ImageFiles(still_paths(index, spec), spec)
    stream = iter(decoding(images, list(chain.from_iterable(todo)), budget.workers))
    with Progress(len(index), f"embedding {out.parent.name}") as progress:
        for shard, part, there in zip(shards, parts, finished, strict=True):
            if there:
                logger.info("shard %s is there", shard.name)
                progress.add(len(part))
                continue
            batches = islice(stream, len(_batches(part, budget.batch_size)))
            values = _forward(model, batches, spec, channels_last, progress)
            with whole_file(shard) as temporary:
                save_file({"embeddings": values}, temporary)
    _save(out, _joined(shards, len(index)), index["image_id"].tolist(), key)
    shutil.rmtree(folder)


def _batches(part: range, size: int) -> list[list[int]]:
    """Return the images of each forward pass; none has images of two shards."""
    return [list(part[start : start + size]) for start in range(0, len(part), size)]


def _joined(shards: list[Path], total: int) -> Tensor:
    """Return the rows of all shards; one shard is in memory beside them."""
    whole: Tensor | None = None
    start = 0
    for shard in shards:
        values = load_file(shard)["embeddings"]
        if whole is None:
            whole = values.new_empty((total, *values.shape[1:]))
        whole[start : start + len(values)] = values
        start += len(values)
    return whole


def _forward(
    model: nn.Module,
    batches: Iterable[Tensor],
    spec: InputSpec,
    channels_last: bool,
    progress: Progress,
) -> Tensor:
    values = []
    with torch.inference_mode():
        for pixels in batches:
            inputs = normalise(pixels.to(device(), non_blocking=True), spec, channels_last)
            # Until the shard is whole they stay on the device, which then need not wait.
            values.append(model(inputs).to(torch.float16))
            progress.add(len(pixels))
    return torch.cat(values).cpu()


def embed_texts(backbone: Backbone, class_names: list[str], prompts: Prompts, out: Path) -> None:
    """Write one embedding a class (C, D), float32, of unit length, in label order.

    With several templates, the unit vectors of the templates are averaged and normalised again
    (Radford et al. 2021, section 3.1.4).

    Raises:
        EmbeddingError: the model has no text tower.
    """
    if backbone.encode_text is None or backbone.tokenize is None:
        raise EmbeddingError("a vision-only model has no text tower; choose a CLIP for the scores")
    spoken = [n.replace("_", " ") if prompts.class_names == "spaces" else n for n in class_names]
    with torch.inference_mode():
        vectors = []
        for name in spoken:
            tokens = backbone.tokenize([template.format(name) for template in prompts.templates])
            each = torch.nn.functional.normalize(backbone.encode_text(tokens), dim=-1)
            vectors.append(torch.nn.functional.normalize(each.mean(0), dim=-1))
    key = {"weights": backbone.weights_sha256, "prompts": prompts.model_dump()}
    _save(out, torch.stack(vectors).float(), class_names, key)


def _whole(path: Path, rows: int) -> bool:
    if not path.is_file():
        return False
    try:
        with safe_open(path, framework="np") as file:
            return file.get_slice("embeddings").get_shape()[0] == rows
    except SafetensorError:
        logger.warning("%s is damaged; embedding its images again", path)
        return False


def _save(out: Path, values: Tensor, ids: list[str], key: dict) -> None:
    # One entry: safetensors writes several in no fixed order, and equal runs must be equal bytes.
    metadata = {METADATA: json.dumps({"key": key, "ids": list(ids)})}
    with whole_file(out) as temporary:
        save_file({"embeddings": values.contiguous()}, temporary, metadata=metadata)
