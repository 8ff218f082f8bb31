"""What a configuration provides of what artefacts need (`replidg.artefacts.NEEDS`)."""

from __future__ import annotations

import importlib.util

from replidg.config import forgotten_check, robust_ft_check, scipd_check, vltseg_provides
from replidg.config.forgotten_sets import datasets_of
from replidg.config.inputs import RegisteredDataset, TimmModel
from replidg.config.schema import Config
from replidg.config.similarity import AlphaSize, Owlv2Size
from replidg.config.similarity_check import missing_corpus


def paper_datasets(config: Config) -> dict[str, str]:
    """Return the alignment paper's data sets by their page of the registry.

    A stand-in counts as the data set that it stands for. Data sets without a page (the embedded
    pictures, a folder of the user's) are under their own name; of two of the same page the first
    counts.
    """
    found: dict[str, str] = {}
    for name in config.alignment.datasets:
        dataset = config.datasets[name]
        page = dataset.registry if isinstance(dataset, RegisteredDataset) else None
        found.setdefault(page or name, name)
    return found


def scratch_backbones(config: Config) -> list[str]:
    """Return the other backbones whose weights start at random (Table 4)."""
    return [name for name in config.alignment.backbones if _random(config, name)]


def splitting_backbones(config: Config) -> list[str]:
    """Return the backbones that can split: the paper's own, and other CLIPs."""
    paper = config.alignment
    others = [name for name in paper.backbones if not isinstance(config.models[name], TimmModel)]
    return [paper.model, *others]


def _random(config: Config, name: str) -> bool:
    model = config.models[name]
    return isinstance(model, TimmModel) and not model.pretrained


def provided(config: Config) -> frozenset[str]:
    """Return keys of `replidg.artefacts.NEEDS`, and `dataset:<page>` for each data set."""
    paper = config.alignment
    found = {f"dataset:{page}" for page in paper_datasets(config)}
    if config.planning or missing_corpus(config) is None:
        found.add("corpus")
    if _sizes(config):
        found.add("sizes")
    if any(config.methods[name].objective == "zero_shot" for name in paper.methods):
        found.add("zero_shot")
    for name, backbone in paper.backbones.items():
        compared = set(backbone.methods) & set(paper.methods)
        if compared and set(backbone.datasets) & set(paper.datasets):
            found.add("scratch" if _random(config, name) else "backbones")
    if paper.annotation.labels is not None or paper.annotation.noise is not None:
        found.add("labels")
    papers = scipd_check.provided(config) | _robust_ft(config) | vltseg_provides.provided(config)
    return frozenset(found | papers | forgotten_check.provided(config))


def forgotten_datasets(config: Config) -> list[str]:
    """Return the data sets whose images arXiv 2410.08258 classifies, its training set first."""
    paper = config.forgotten
    if paper is None:
        return []
    own = [paper.train_set] if paper.train_set else []
    return list(dict.fromkeys([*own, *datasets_of(paper.test_sets)]))


def contrastive_arms(config: Config) -> list[str]:
    """Return the robust fine-tuning paper's arms that train with the contrastive loss."""
    arms = config.robust_ft.arms if config.robust_ft else {}
    return [name for name, arm in arms.items() if arm.loss == "contrastive"]


def frozen_arms(config: Config) -> list[str]:
    """Return its end-to-end CLIP arms that the paper has not and of which a part stays as it is."""
    arms = config.robust_ft.arms if config.robust_ft else {}
    return [
        name
        for name, arm in arms.items()
        if name not in robust_ft_check.PAPER_ARMS
        and (arm.kind, arm.tower, arm.loss) == ("end_to_end", "clip", "cross_entropy")
        and (arm.trained == "image" or arm.frozen_layers)
    ]


def _robust_ft(config: Config) -> set[str]:
    paper = config.robust_ft
    if paper is None:
        return set()
    found = {"robust_ft", *(f"robust_ft:{name}" for name in paper.datasets)}
    found |= {"robust_ft:contrastive"} if contrastive_arms(config) else set()
    found |= {"robust_ft:frozen"} if frozen_arms(config) else set()
    return found | ({"robust_ft:interpolation"} if paper.interpolation else set())


def _sizes(config: Config) -> bool:
    """Whether objects can be measured: by opacity, by a detector that is installed, or a file."""
    paper = config.alignment
    if isinstance(paper.object_size, Owlv2Size):
        return importlib.util.find_spec("transformers") is not None
    # Boxes of opaque pixels are known of the embedded pictures, and of what is made of them.
    drawn = any(config.datasets[name].source in ("embedded", "standin") for name in paper.datasets)
    return drawn or not isinstance(paper.object_size, AlphaSize)
