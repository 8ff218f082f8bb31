"""Domain classifiers as networks, and their files: safetensors that say what they are."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from replidg.config.forgotten import DomainClassifier
from replidg.files import whole_file
from replidg.models.domain_readouts import CentroidReadout, LinearReadout, StyleReadout
from replidg.models.domain_style import style_tower

METADATA = "replidg"


class DomainNet(nn.Module):
    """A readout with the tower that it reads.

    Attributes:
        tower: images (N, 3, S, S) -> features (N, D); None where the readout reads the CLIP's own
            embeddings, which several share.
        readout: features -> scores.
        facts: what the file says of it.
    """

    def __init__(self, tower: nn.Module | None, readout: nn.Module, facts: dict[str, Any]) -> None:
        super().__init__()
        self.tower, self.readout, self.facts = tower, readout, facts

    def features(self, images: Tensor, embeddings: Tensor | None) -> Tensor:
        """Return what the readout reads of normalised images, or of their CLIP embeddings."""
        return embeddings if self.tower is None else self.tower(images)

    def forward(self, images: Tensor, embeddings: Tensor | None = None) -> Tensor:
        """Return scores and default domain (N, 3)."""
        return self.readout(self.features(images, embeddings))


def trainable(
    visual: nn.Module, dim: int, size: int, classifier: DomainClassifier, ratio: float
) -> DomainNet:
    """Return an untrained network of kind ft or dr on a copy of a CLIP's image tower.

    FT reads the unit embedding; DR reads the features before the projection, not normalised.

    Args:
        visual: image tower of an open_clip model.
        dim: of its embeddings.
        size: side of its input.
        classifier: what is classified.
        ratio: default decision of kind dr.
    """
    tower, classes = copy.deepcopy(visual), 2 if classifier.against else 3
    facts: dict[str, Any] = classifier.model_dump()
    if classifier.kind == "ft":
        return DomainNet(tower, LinearReadout(dim, classes, normalised=True), facts)
    tower = without_projection(tower)
    with torch.inference_mode():
        dim = tower.eval()(torch.zeros(1, 3, size, size)).shape[-1]
    return DomainNet(tower, LinearReadout(dim, classes, False, ratio), facts)


def without_projection(visual: nn.Module) -> nn.Module:
    """Take the projection into the joint space from an image tower, in place.

    Raises:
        ValueError: the tower is of a kind whose projection is not known.
    """
    if isinstance(getattr(visual, "proj", None), nn.Parameter):  # open_clip's ViTs
        visual.proj = None
    elif hasattr(visual, "trunk") and hasattr(visual, "head"):  # timm towers in open_clip
        visual.head = nn.Identity()
    else:
        raise ValueError(f"{type(visual).__name__} has no projection that can be taken away")
    return visual


def save(net: DomainNet, path: Path) -> None:
    """Write a network; equal networks give equal bytes."""
    state = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    with whole_file(path) as temporary:
        save_file(state, temporary, metadata={METADATA: json.dumps(net.facts)})


def facts_of(path: Path) -> dict[str, Any]:
    """Return what a file says of its network.

    Raises:
        ValueError: this project did not write it.
    """
    with safe_open(path, framework="np") as file:
        metadata = file.metadata() or {}
    if METADATA not in metadata:
        raise ValueError(f"{path} is no domain classifier of this project")
    return json.loads(metadata[METADATA])


def load(path: Path, visual: nn.Module, dim: int, size: int) -> DomainNet:
    """Load a network, in evaluation mode on the CPU.

    Args:
        path: its file.
        visual: tower of the CLIP that it was made with; copied.
        dim: of that tower's embeddings.
        size: side of its input.
    """
    facts, state = facts_of(path), load_file(path)
    classifier = DomainClassifier.model_validate(
        {name: facts[name] for name in DomainClassifier.model_fields}
    )
    if classifier.kind in ("ft", "dr"):
        net = trainable(visual, dim, size, classifier, 1.0)
        net.facts = facts
    elif classifier.kind == "ce":
        net = DomainNet(None, CentroidReadout(state["readout.centroids"]), facts)
    else:
        readout = StyleReadout(
            state["readout.database"], state["readout.member"], classifier.against,
            facts["neighbours"],
        )  # fmt: skip
        net = DomainNet(style_tower(None) if facts["own_tower"] else None, readout, facts)
    net.load_state_dict(state)
    return net.eval()
