"""The image tower as an mmsegmentation backbone: maps, feature pyramid, freezing, CLIP's space."""

from __future__ import annotations

import logging
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from replidg.segmentation import towers

logger = logging.getLogger(__name__)


@MODELS.register_module()
class TowerEncoder(BaseModule):
    """A timm tower whose maps feed a decoder.

    A ViT's four maps become a pyramid of strides 1/4, 1/2, 1 and 2 patches by transposed
    convolutions and pooling (EVA-02's segmentation code); a convolutional tower's keep theirs.

    Args:
        tower: `name`, `args`, `grid` of the timm model (`towers.build_trunk`).
        layers: blocks or stages that give the maps, from 0.
        image_size: side of the training crop.
        folder: stored model whose weights are loaded; None: none, a checkpoint follows.
        position_embedding: "resized" or "random".
        inner_attention_norm: "kept" or "dropped".
        drop_path: stochastic depth of the last block.
        frozen: "none" or "all".
        frozen_first: blocks from the input that keep their weights, with what lies before them.
        frozen_last: blocks from the output that do.
        frozen_layers: modules that do; shell patterns.
        frozen_batchnorm: keep batch-norm statistics.
        projection: shape (D, C) and whether it has a bias, of the CLIP's projection; or None.
    """

    def __init__(
        self,
        tower: dict[str, Any],
        layers: list[int],
        image_size: int,
        folder: str | None = None,
        position_embedding: str = "resized",
        inner_attention_norm: str = "kept",
        drop_path: float = 0.0,
        frozen: str = "none",
        frozen_first: int = 0,
        frozen_last: int = 0,
        frozen_layers: list[str] | None = None,
        frozen_batchnorm: bool = True,
        projection: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.layers = list(layers)
        keep = inner_attention_norm == "kept"
        self.trunk = towers.build_trunk(tower, image_size, drop_path, keep)
        self.convolutional = towers.is_convolutional(tower["name"])
        self.folder = folder
        self.position_embedding = position_embedding
        self.frozen, self.frozen_batchnorm = frozen, frozen_batchnorm
        width = None if self.convolutional else self.trunk.embed_dim
        self.pyramid = None if width is None else nn.ModuleList(_pyramid(width))
        self.projection = None
        if projection is not None:
            wide, narrow = projection["shape"]
            self.projection = nn.Linear(narrow, wide, bias=projection["bias"])
        self._freeze(frozen, frozen_first, frozen_last, frozen_layers or [])

    def init_weights(self) -> None:
        """Load the pretrained weights."""
        if self.position_embedding == "random":
            towers.reset_position_embedding(self.trunk)
        if self.folder is None:
            return
        tower = towers.read_tower(Path(self.folder))
        resize = self.position_embedding == "resized"
        self.passed_over = towers.load_trunk(self.trunk, tower, resize)
        if self.passed_over:
            logger.info("%s: not used: %s", self.folder, ", ".join(self.passed_over))
        if self.projection is not None:
            self.projection.load_state_dict(tower.projection)

    def encode_maps(self, images: Tensor) -> list[Tensor]:
        """Return the tower's maps (N, C, h, w), before the pyramid; images are normalised."""
        if self.frozen == "all":
            with torch.no_grad():
                return towers.maps(self.trunk, images, self.layers)
        return towers.maps(self.trunk, images, self.layers)

    def pyramid_of(self, maps: list[Tensor]) -> list[Tensor]:
        """Return the maps that the decoder sees."""
        if self.pyramid is None:
            return list(maps)
        return [level(each) for level, each in zip(self.pyramid, maps, strict=True)]

    def embed(self, last: Tensor) -> Tensor:
        """Return the last map in the space that the CLIP shares with its texts, (N, D, h, w)."""
        tokens = last.permute(0, 2, 3, 1)
        if not self.convolutional:
            norm = self.trunk.norm
            tokens = (self.trunk.fc_norm if isinstance(norm, nn.Identity) else norm)(tokens)
        return self.projection(tokens).permute(0, 3, 1, 2)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the decoder's maps."""
        return self.pyramid_of(self.encode_maps(images))

    def train(self, mode: bool = True) -> TowerEncoder:
        """Set the mode; a frozen tower and frozen statistics stay in evaluation mode."""
        super().train(mode)
        if mode and self.frozen == "all":
            self.trunk.eval()
        if mode and self.frozen_batchnorm:
            for module in self.trunk.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def _freeze(self, frozen: str, first: int, last: int, patterns: list[str]) -> None:
        blocks = self.trunk.blocks
        if max(first, last) > len(blocks):
            raise ValueError(f"{max(first, last)} blocks cannot be frozen; there are {len(blocks)}")
        parts: list[nn.Module | nn.Parameter] = []
        if frozen == "all":
            parts = [self.trunk]
        elif first:
            # What lies before the blocks too: patch and position embedding, or the stem.
            after = [*blocks, *_after_blocks(self.trunk)]
            later = {id(p) for module in after for p in module.parameters()}
            parts = [p for p in self.trunk.parameters() if id(p) not in later]
            parts += list(blocks[:first])
        elif last:
            parts = list(blocks[len(blocks) - last :])
        for name, module in self.trunk.named_modules():
            if name and any(fnmatchcase(name, pattern) for pattern in patterns):
                parts.append(module)
        for part in parts:
            part.requires_grad_(False)


def _after_blocks(trunk: nn.Module) -> list[nn.Module]:
    names = ("norm", "fc_norm", "head", "neck", "conv_head", "bn2", "classifier")
    found = [getattr(trunk, name, None) for name in names]
    return [module for module in found if isinstance(module, nn.Module)]


def _pyramid(width: int) -> list[nn.Module]:
    """Return the levels of the simple feature pyramid: 4 x, 2 x, 1 x, 1/2 x the tokens' grid."""
    # Where several GPUs train together, statistics are over the whole batch; a CPU has no such op.
    norm = nn.SyncBatchNorm if torch.cuda.is_available() else nn.BatchNorm2d
    return [
        nn.Sequential(
            nn.ConvTranspose2d(width, width, 2, 2),
            norm(width),
            nn.GELU(),
            nn.ConvTranspose2d(width, width, 2, 2),
        ),
        nn.Sequential(nn.ConvTranspose2d(width, width, 2, 2)),
        nn.Identity(),
        nn.MaxPool2d(2, 2),
    ]


def cosines(embedded: Tensor, texts: Tensor) -> Tensor:
    """Return the cosines (N, K, h, w) of a map (N, D, h, w) with texts (K, D)."""
    return torch.einsum("ndhw,kd->nkhw", F.normalize(embedded, dim=1), F.normalize(texts, dim=1))
