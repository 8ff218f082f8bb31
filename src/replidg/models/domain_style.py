"""Style descriptors of CSD (Somepalli et al. 2024, arXiv 2404.01292): a ViT-L/14 with a projection.

Its checkpoint is not downloaded here; a user gives its path. Where there is none, the CLIP's own
embeddings stand for style descriptors.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

ARCHITECTURE = "ViT-L-14-quickgelu"
REMEDY = (
    "forgotten.domains.style_weights must be CSD's checkpoint (github.com/learn2phoenix/CSD), a "
    "dictionary of tensors that torch.load(weights_only=True) reads"
)


class StyleTower(nn.Module):
    """CSD's backbone, OpenAI's ViT-L/14 without its projection, and the projection for style.

    Args:
        visual: an open_clip ViT with its projection.
    """

    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        self.backbone = visual
        self.last_layer_style = nn.Parameter(copy.deepcopy(visual.proj.data))
        visual.proj = None

    def forward(self, images: Tensor) -> Tensor:
        """Return descriptors (N, D) of unit length."""
        return nn.functional.normalize(self.backbone(images) @ self.last_layer_style, dim=-1)


def style_tower(weights: Path | None, architecture: str = ARCHITECTURE) -> StyleTower:
    """Return the tower, with a checkpoint's weights if a path is given.

    Args:
        weights: the checkpoint, or None for a tower whose weights are loaded otherwise.
        architecture: open_clip's name of the CLIP that CSD began with.

    Raises:
        ValueError: the file is no checkpoint of CSD.
    """
    import open_clip

    tower = StyleTower(open_clip.create_model(architecture).visual)
    if weights is None:
        return tower.eval()
    if not Path(weights).is_file():
        raise ValueError(f"there is no file {weights}. {REMEDY}")
    try:
        content = torch.load(weights, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises nearly anything on a file of another kind
        raise ValueError(f"{weights} cannot be read ({error}). {REMEDY}") from error
    state = content.get("model_state_dict", content)
    state = {name.removeprefix("module."): value.float() for name, value in state.items()}
    own = tower.state_dict()
    missing = sorted(set(own) - set(state))
    if missing:
        raise ValueError(f"{weights} lacks {len(missing)} tensors, e.g. {missing[0]}. {REMEDY}")
    tower.load_state_dict({name: state[name] for name in own})
    return tower.eval()
