"""What a job does, in units that do not depend on the machine: images through networks, bytes."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from replidg.config import Config
from replidg.config.inputs import OpenClipModel, RegisteredDataset, TimmModel
from replidg.data import availability, registry

FOLDER = Path(__file__).parent
#: Operations of training an image, in forward passes: one forward, two backward.
TRAINING = 3.0
#: Pairs of LAION-400M, by its name (arXiv 2111.02114); its page of the registry has no count.
LAION = 400_000_000
#: WILDS' classes, by its package; the registry's pages leave them to the files.
WILDS_CLASSES = {"fmow": 62, "iwildcam": 182}
#: How long pictures take to read (rates.csv); all other sets are like ImageNet's.
SMALL = {"PACS", "VLCS", "fmow", "laion400m"}
STREET = {"gta5", "synthia", "cityscapes", "bdd100k", "mapillary_vistas", "acdc"}


class Unknown(Exception):
    """What a job does cannot be said; the message says what is missing."""


@dataclass(frozen=True)
class Pass:
    """Images, or texts, through one network.

    Attributes:
        gflop: operations of one forward pass.
        images: how many.
        times: forward passes that one costs; 3 where it is trained on.
        trained: whether it belongs to the optimiser's steps.
    """

    gflop: float
    images: float
    times: float = 1.0
    trained: bool = False

    @property
    def flop(self) -> float:
        """Return all operations."""
        return 1e9 * self.gflop * self.images * self.times


@dataclass(frozen=True)
class Work:
    """What one job does.

    Attributes:
        passes: through networks.
        read: images decoded from files, by kind (rates.csv).
        processes: that decode.
        precision: fp32, tf32 or fp16 (bf16 too).
        images: that its progress counts: of the optimiser's steps, or all of a forward pass.
        weights: values that it stores.
        network: values of one network that it trains; a checkpoint holds several times as many.
        vectors: values of two bytes that it stores.
        rows: images that it predicts.
        source: what the counts come from, where it is not configuration and registry alone.
    """

    passes: tuple[Pass, ...] = ()
    read: Mapping[str, float] = field(default_factory=dict)
    processes: int = 1
    precision: str = "fp32"
    images: float = 0.0
    weights: float = 0.0
    network: float = 0.0
    vectors: float = 0.0
    rows: float = 0.0
    source: str = ""

    @property
    def flop(self) -> float:
        """Return all operations."""
        return sum(each.flop for each in self.passes)


@cache
def table() -> dict[tuple[str, str], dict[int, tuple[float, int]]]:
    """Return gigaflops and weights by architecture, part and size (flops.csv)."""
    found: dict[tuple[str, str], dict[int, tuple[float, int]]] = {}
    with (FOLDER / "flops.csv").open() as file:
        for row in csv.DictReader(file):
            sizes = found.setdefault((row["architecture"], row["part"]), {})
            sizes[int(row["size"])] = (float(row["gflop"]), int(row["values"]))
    return found


def gflop(architecture: str, part: str = "image", size: int | None = None) -> float:
    """Return operations of a forward pass; of another size by its area.

    Raises:
        Unknown: it is not in flops.csv.
    """
    sizes = table().get((architecture, part))
    if not sizes:
        raise Unknown(f"{architecture} ({part}) is not in flops.csv: tools/count_flops.py adds it")
    own = size if size in sizes else max(sizes)
    return sizes[own][0] * ((size or own) / own) ** 2


def values(architecture: str, *parts: str) -> int:
    """Return the number of weights of a network's parts."""
    for part in parts:
        gflop(architecture, part)
    return sum(next(iter(table()[architecture, part].values()))[1] for part in parts)


def architecture(config: Config, model: str) -> tuple[str, int | None]:
    """Return the architecture of a configured backbone and its input size, if it is set."""
    chosen = config.models[model]
    if isinstance(chosen, TimmModel):
        return chosen.name, chosen.image_size
    if isinstance(chosen, OpenClipModel):
        return chosen.name, None
    vision = chosen.architecture["model_cfg"]["vision_cfg"]
    return vision.get("timm_model_name", "an own architecture"), vision.get("image_size")


def tower(config: Config, model: str) -> float:
    """Return operations of a backbone's image tower for one image."""
    name, size = architecture(config, model)
    return gflop(name, "image", size)


def page(config: Config, dataset: str) -> registry.Entry | None:
    """Return the registry's page of a data set."""
    found = config.datasets[dataset]
    return availability.page(dataset, found) if isinstance(found, RegisteredDataset) else None


def counts(config: Config, dataset: str, by: str) -> dict[str, int]:
    """Return the images of a data set by "domain" or "split".

    They are those that were counted when it was retrieved, else what the registry expects.

    Raises:
        Unknown: it is not there and no official data set, or the registry has no count.
    """
    entry, chosen = page(config, dataset), config.datasets[dataset]
    facts = availability.facts_path(dataset, chosen)
    if facts.is_file():
        content = json.loads(facts.read_text())
        own = availability.source_of(chosen, config.data_root.get(dataset))
        if content.get("source") == own and content.get(f"per_{by}"):
            return content[f"per_{by}"]
    if entry is None or chosen.source != "official":
        raise Unknown(f"how many images {dataset} has is known after it was made")
    found = entry.releases[0].images
    if entry.count_by != by or not found:
        raise Unknown(f"the registry does not count {dataset} by {by}")
    return found


def total(config: Config, dataset: str) -> int:
    """Return all images of a data set."""
    entry = page(config, dataset)
    if entry is not None and entry.name == "laion400m":
        return LAION
    return sum(counts(config, dataset, entry.count_by if entry else "domain").values())


def classes(config: Config, dataset: str) -> int:
    """Return the number of classes of a data set."""
    entry = page(config, dataset)
    if entry is not None and entry.name in WILDS_CLASSES:
        return WILDS_CLASSES[entry.name]
    found = entry.class_list(standin=False) if entry else None
    if found is None:
        raise Unknown(f"how many classes {dataset} has is known after it was made")
    return len(found)


def kind(config: Config, dataset: str) -> str:
    """Return what its pictures are like for whoever reads them (rates.csv)."""
    entry = page(config, dataset)
    name = entry.name if entry else dataset
    return "small" if name in SMALL else "street" if name in STREET else "photo"


def precision(settings: Any) -> str:
    """Return the number format of a section of the configuration, as gpus.csv calls it."""
    chosen = getattr(settings, "precision", "float32")
    if chosen in ("bf16", "fp16", "amp", "amp_bf16"):
        return "fp16"
    return "tf32" if getattr(settings, "tf32", False) else "fp32"
