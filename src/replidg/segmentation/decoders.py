"""Decoders as mmsegmentation's configuration: Mask2Former and semantic FPN."""

from __future__ import annotations

from typing import Any

from replidg.config.street_classes import CLASSES, IGNORED
from replidg.config.vltseg_parts import Fpn, Mask2Former

K = len(CLASSES)


def mask2former(decoder: Mask2Former, channels: list[int], strides: list[int]) -> dict[str, Any]:
    """Return Mask2Former's head for feature maps of these channels and strides.

    Losses, costs and point sampling are those of section 2.2 of the specification: cross-entropy
    2, pixel-wise cross-entropy 5, dice 5, `no object` 0.1, over the outputs of every layer.
    """
    wide, heads = decoder.channels, decoder.heads
    attention = {
        "embed_dims": wide,
        "num_heads": heads,
        "attn_drop": 0.0,
        "proj_drop": 0.0,
        "dropout_layer": None,
        "batch_first": True,
    }
    position = {"num_feats": wide // 2, "normalize": True}
    return {
        "type": "Mask2FormerHead",
        "in_channels": channels,
        "strides": strides,
        "feat_channels": wide,
        "out_channels": wide,
        "num_classes": K,
        "num_queries": decoder.queries,
        "num_transformer_feat_level": decoder.levels,
        "align_corners": False,
        "ignore_index": IGNORED,
        "pixel_decoder": _pixel_decoder(decoder, position),
        "enforce_decoder_input_project": False,
        "positional_encoding": position,
        "transformer_decoder": {
            "return_intermediate": True,
            "num_layers": decoder.decoder_layers,
            "layer_cfg": {
                "self_attn_cfg": attention,
                "cross_attn_cfg": attention,
                "ffn_cfg": {
                    "embed_dims": wide,
                    "feedforward_channels": decoder.decoder_feedforward,
                    "num_fcs": 2,
                    "act_cfg": {"type": "ReLU", "inplace": True},
                    "ffn_drop": 0.0,
                    "dropout_layer": None,
                    "add_identity": True,
                },
            },
            "init_cfg": None,
        },
        **_losses(decoder),
    }


def _pixel_decoder(decoder: Mask2Former, position: dict[str, Any]) -> dict[str, Any]:
    wide = decoder.channels
    return {
        "type": "mmdet.MSDeformAttnPixelDecoder",
        "num_outs": decoder.levels,
        "norm_cfg": {"type": "GN", "num_groups": decoder.norm_groups},
        "act_cfg": {"type": "ReLU"},
        "encoder": {
            "num_layers": decoder.encoder_layers,
            "layer_cfg": {
                "self_attn_cfg": {
                    "embed_dims": wide,
                    "num_heads": decoder.heads,
                    "num_levels": decoder.levels,
                    "num_points": decoder.sampling_points,
                    "im2col_step": 64,
                    "dropout": 0.0,
                    "batch_first": True,
                    "norm_cfg": None,
                    "init_cfg": None,
                },
                "ffn_cfg": {
                    "embed_dims": wide,
                    "feedforward_channels": decoder.encoder_feedforward,
                    "num_fcs": 2,
                    "ffn_drop": 0.0,
                    "act_cfg": {"type": "ReLU", "inplace": True},
                },
            },
            "init_cfg": None,
        },
        "positional_encoding": position,
        "init_cfg": None,
    }


def _losses(decoder: Mask2Former) -> dict[str, Any]:
    entropy = {"type": "mmdet.CrossEntropyLoss", "reduction": "mean"}
    return {
        "loss_cls": {
            **entropy,
            "use_sigmoid": False,
            "loss_weight": decoder.class_weight,
            "class_weight": [1.0] * K + [decoder.no_object_weight],
        },
        "loss_mask": {**entropy, "use_sigmoid": True, "loss_weight": decoder.mask_weight},
        "loss_dice": {
            "type": "mmdet.DiceLoss",
            "use_sigmoid": True,
            "activate": True,
            "reduction": "mean",
            "naive_dice": True,
            "eps": 1.0,
            "loss_weight": decoder.dice_weight,
        },
        "train_cfg": {
            "num_points": decoder.points,
            "oversample_ratio": decoder.oversample,
            "importance_sample_ratio": decoder.importance,
            "assigner": {
                "type": "mmdet.HungarianAssigner",
                "match_costs": [
                    {"type": "mmdet.ClassificationCost", "weight": decoder.class_weight},
                    {
                        "type": "mmdet.CrossEntropyLossCost",
                        "weight": decoder.mask_weight,
                        "use_sigmoid": True,
                    },
                    {
                        "type": "mmdet.DiceCost",
                        "weight": decoder.dice_weight,
                        "pred_act": True,
                        "eps": 1.0,
                    },
                ],
            },
            "sampler": {"type": "mmdet.MaskPseudoSampler"},
        },
    }


def fpn(decoder: Fpn, channels: list[int], strides: list[int]) -> tuple[dict, dict]:
    """Return neck and head of semantic FPN for feature maps of these channels and strides."""
    wide, levels = decoder.channels, len(channels)
    neck = {"type": "FPN", "in_channels": channels, "out_channels": wide, "num_outs": levels}
    head = {
        "type": "FPNHead",
        "in_channels": [wide] * levels,
        "in_index": list(range(levels)),
        # The head doubles a map's size so often that it reaches the first one's.
        "feature_strides": strides,
        "channels": wide,
        "dropout_ratio": decoder.dropout,
        "num_classes": K,
        # Not the batch's statistics: a job's share of the batch can be a single image.
        "norm_cfg": {"type": "GN", "num_groups": min(32, wide // 4)},
        "align_corners": False,
        "ignore_index": IGNORED,
        "loss_decode": {"type": "CrossEntropyLoss", "use_sigmoid": False, "loss_weight": 1.0},
    }
    return neck, head
