"""The segmentation network: encoder, optional guidance by text, decoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmseg.models import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor

from replidg.config.inputs import Prompts
from replidg.segmentation.encoder import cosines
from replidg.segmentation.language import ClassTexts, ptm_loss


@MODELS.register_module()
class GuidedSegmentor(EncoderDecoder):
    """mmsegmentation's encoder-decoder with a correct sliding window and guidance by text.

    Args:
        language: None, or `dim`, `context`, `width` (`ClassTexts`), `loss_weight`, `temperature`,
            `score_map`, `score_level`, and for the start `folder` and `prompts`.
        **parts: as mmsegmentation's `EncoderDecoder`.
    """

    def __init__(self, language: dict[str, Any] | None = None, **parts: Any) -> None:
        super().__init__(**parts)
        self.language = language
        self.texts = None
        if language is not None:
            self.texts = ClassTexts(language["dim"], language["context"], language["width"])

    def init_weights(self) -> None:
        """Initialise the parts and load what is pretrained."""
        super().init_weights()
        if self.texts is not None and self.language.get("folder"):
            prompts = Prompts.model_validate(dict(self.language["prompts"]))
            self.texts.load(Path(self.language["folder"]), prompts)

    def encode_maps(self, images: Tensor) -> list[Tensor]:
        """Return the tower's maps; images (N, 3, H, W) are normalised."""
        return self.backbone.encode_maps(images)

    def extract_feat(self, inputs: Tensor) -> list[Tensor]:
        """Return the decoder's maps."""
        return self._features(inputs)[0]

    def _features(self, inputs: Tensor) -> tuple[list[Tensor], Tensor | None]:
        """Return the decoder's maps and the cosines of pixels and texts."""
        encoded = self.backbone.encode_maps(inputs)
        features, scores = self.backbone.pyramid_of(encoded), None
        if self.texts is not None:
            scores = cosines(self.backbone.embed(encoded[-1]), self.texts())
            if self.language["score_map"]:
                level = self.language["score_level"]
                features[level] = torch.cat([features[level], scores], dim=1)
        return (self.neck(features) if self.with_neck else features), scores

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Return the decoder's losses, and lambda times the pixel-text matching loss."""
        features, scores = self._features(inputs)
        losses = self._decode_head_forward_train(features, data_samples)
        if scores is not None and self.language["loss_weight"] > 0:
            labels = torch.stack([sample.gt_sem_seg.data[0] for sample in data_samples])
            matching = ptm_loss(scores, labels, self.language["temperature"])
            losses["language.loss_ptm"] = self.language["loss_weight"] * matching
        return losses

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict[str, Any]]) -> Tensor:
        """Return logits (N, K, H, W) of an image or of a window.

        Heads resize to what the metadata say. In a sliding window that is still the padded size
        of the whole image, and Mask2Former's logits do not fit the window (mmsegmentation, issue
        3666); here it is the size of what is looked at.
        """
        size = tuple(inputs.shape[-2:])
        metas = [dict(meta, img_shape=size, pad_shape=size) for meta in batch_img_metas]
        return self.decode_head.predict(self.extract_feat(inputs), metas, self.test_cfg)
