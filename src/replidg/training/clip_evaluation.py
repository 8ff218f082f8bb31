"""Evaluation of many checkpoints in one pass over a data set's images; zero-shot for CLIPs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import open_clip
import pandas as pd
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from replidg.data.images import InputSpec, normalise
from replidg.files import sha256_file, stable_hash, whole_file
from replidg.models import lite  # noqa: F401  (registers the demo's tower)
from replidg.models.store import device, own_spec
from replidg.progress import Progress
from replidg.training.suites import Suite, TestImages

logger = logging.getLogger(__name__)
STANDARD, CLEAN = "standard", "clean"
TEXTS_AT_ONCE = 512
Scorer = Callable[[Tensor], Tensor]


class Scoring(Protocol):
    """A model that can be evaluated; `spec` is the input that it wants."""

    spec: InputSpec

    def scorer(self, suite: Suite, templates: Sequence[str]) -> Scorer:
        """Return what gives uint8 pixels (B, 3, S, S) a score (B, C) for each class of a suite."""
        ...


class Checkpoint:
    """One epoch of one run, ready to classify.

    Args:
        model: folder of open_clip_config.json.
        weights: safetensors file.
        channels_last: memory format.
    """

    def __init__(self, model: Path, weights: Path | None, channels_last: bool = False) -> None:
        self.clip = open_clip.create_model(f"local-dir:{model}", load_weights=weights is None)
        if weights is not None:
            self.clip.load_state_dict(load_file(weights))
        self.clip.eval().to(device())
        self.spec, self.channels_last = own_spec(self.clip), channels_last
        if channels_last:
            self.clip.to(memory_format=torch.channels_last)
        self.model = model
        self.known: dict[tuple[tuple[str, ...], ...], Tensor] = {}

    @torch.inference_mode()
    def texts(self, class_names: Sequence[str], templates: Sequence[str]) -> Tensor:
        """Return unit vectors (C, D): of unit vectors of all templates the mean, normalised.

        They are kept: all of ImageNet's test sets have the same classes.
        """
        key = (tuple(class_names), tuple(templates))
        if key not in self.known:
            self.known[key] = self._texts(*key)
        return self.known[key]

    def _texts(self, class_names: tuple[str, ...], templates: tuple[str, ...]) -> Tensor:
        tokens = tokens_of(self.model, class_names, templates)
        parts = [
            F.normalize(self.clip.encode_text(part.to(device())).float(), dim=-1)
            for part in tokens.split(TEXTS_AT_ONCE)
        ]
        each = torch.cat(parts).view(len(class_names), len(templates), -1)
        return F.normalize(each.mean(1), dim=-1)

    def scorer(self, suite: Suite, templates: Sequence[str]) -> Scorer:
        """Return what gives uint8 pixels (B, 3, S, S) a score (B, C) for each class of a suite."""
        texts = self.texts(suite.class_names, templates)

        @torch.inference_mode()
        def score(pixels: Tensor) -> Tensor:
            inputs = normalise(
                pixels.to(device(), non_blocking=True), self.spec, self.channels_last
            )
            return F.normalize(self.clip.encode_image(inputs).float(), dim=-1) @ texts.T

        return score


@lru_cache(maxsize=4)
def tokens_of(model: Path, class_names: tuple[str, ...], templates: tuple[str, ...]) -> Tensor:
    """Return token ids (C * T, L) of every class in every template, the same for all epochs."""
    spoken = [t.format(n.replace("_", " ")) for n in class_names for t in templates]
    return open_clip.get_tokenizer(f"local-dir:{model}")(spoken)


def templates_of(templates: str | Sequence[str]) -> list[str]:
    """Return templates with one {}: OpenAI's 80, or those that are given."""
    if templates == "openai":
        return [template("{}") for template in open_clip.OPENAI_IMAGENET_TEMPLATES]
    return list(templates)


def evaluate(
    checkpoints: Mapping[str, Scoring],
    suite: Suite,
    templates: Sequence[str],
    batch_size: int,
    workers: int,
) -> pd.DataFrame:
    """Classify a suite's images with several checkpoints of the same input size.

    Args:
        checkpoints: by name.
        suite: images and classes.
        templates: with one {} each.
        batch_size: images a forward pass.
        workers: processes that decode.

    Returns:
        One row a checkpoint and image: `checkpoint`, `dataset`, `domain`, `place` (row of the
        index), `kept`, and for each version its prediction (-1 if it has no class) and whether it
        is right.
    """
    names = list(checkpoints)
    scorers = {name: checkpoints[name].scorer(suite, templates) for name in names}
    masks = _masks(suite)
    specs = {checkpoint.spec for checkpoint in checkpoints.values()}
    if len(specs) != 1:
        raise ValueError("checkpoints of different input sizes cannot share their images")
    batches = DataLoader(TestImages(suite.rows, specs.pop()), batch_size, num_workers=workers)
    found: dict[tuple[str, str], list[Tensor]] = {}
    start = 0
    with Progress(len(suite.rows), f"classifying {suite.dataset}") as progress:
        for pixels in batches:
            here = {k: mask[start : start + len(pixels)].to(device()) for k, mask in masks.items()}
            for name in names:
                given = scorers[name](pixels)
                for version, mask in here.items():
                    own = predict(given, mask)
                    found.setdefault((name, version), []).append(own.cpu())
            start += len(pixels)
            progress.add(len(pixels))
    return pd.concat([_table(name, suite, found) for name in names], ignore_index=True)


def evaluate_once(
    files: Mapping[str, Path], key: Sequence[object], folder: Path, make: Callable[[], pd.DataFrame]
) -> pd.DataFrame:
    """Return what `make` returns, from a file that a killed job has left if there is one.

    Args:
        files: weights of the checkpoints by name.
        key: the rest of what decides the result.
        folder: of such files.
        make: evaluates.
    """
    weights = [[name, sha256_file(path)] for name, path in files.items()]
    path = folder / f"{stable_hash([weights, key, sha256_file(__file__)])}.parquet"
    if path.is_file():
        logger.info("%s is there", path.name)
    else:
        table = make()
        with whole_file(path) as temporary:
            table.to_parquet(temporary, index=False)
    return pd.read_parquet(path)


def predict(scores: Tensor, allowed: Tensor) -> Tensor:
    """Return the best allowed class of each row (B, C), or -1 where none is allowed."""
    best = scores.masked_fill(~allowed, -torch.inf).argmax(1)
    return torch.where(allowed.any(1), best, -1)


def _masks(suite: Suite) -> dict[str, Tensor]:
    """Return, by version, which classes each image may be given: booleans (N, C)."""
    masks = {}
    for version in (STANDARD, CLEAN):
        by_domain = np.zeros((len(suite.rows), len(suite.class_names)), bool)
        for (_, domain), versions in suite.classes.items():
            here = np.ones(len(suite.rows), bool)
            if domain != "all":
                here = (suite.rows["domain"] == domain).to_numpy()
            allowed = np.zeros(len(suite.class_names), bool)
            allowed[list(versions[version])] = True
            by_domain[here] = allowed
        masks[version] = torch.from_numpy(by_domain)
    return masks


def _table(name: str, suite: Suite, found: Mapping[tuple[str, str], list[Tensor]]) -> pd.DataFrame:
    rows = suite.rows
    accepted = [set(map(int, text.split(";"))) for text in accepted_labels(rows)]
    table = pd.DataFrame(
        {
            "checkpoint": name,
            "dataset": suite.dataset,
            "domain": rows["domain"].to_numpy() if _by_domain(suite) else "all",
            "place": np.arange(len(rows)),
            "kept": suite.kept,
        }
    )
    for version in (STANDARD, CLEAN):
        guesses = torch.cat(found[name, version]).numpy()
        table[f"pred_{version}"] = guesses.astype(np.int32)
        table[f"right_{version}"] = [
            g in own for g, own in zip(guesses.tolist(), accepted, strict=True)
        ]
    return table


def accepted_labels(rows: pd.DataFrame) -> pd.Series:
    """Return the labels that count as right, joined by ";"."""
    return rows["accepted"] if "accepted" in rows else rows["label"].astype("str")


def _by_domain(suite: Suite) -> bool:
    return any(domain != "all" for _, domain in suite.classes)


def scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return `checkpoint`, `dataset`, `domain`, `version`, `n`, `correct` and `top1` (percent).

    The clean version counts kept images alone; a set without any has no row.
    """
    parts = []
    for version in (STANDARD, CLEAN):
        rows = predictions if version == STANDARD else predictions[predictions["kept"]]
        keys = ["checkpoint", "dataset", "domain"]
        found = rows.groupby(keys, sort=False)[f"right_{version}"].agg(["size", "sum"])
        found = found.reset_index().rename(columns={"size": "n", "sum": "correct"})
        parts.append(found.assign(version=version))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(top1=100 * table["correct"] / table["n"])
