"""Objectives of hybrid domain generalisation by the name they have in the configuration."""

from __future__ import annotations

from replidg.config.hybrid_methods import HybridMethod
from replidg.methods.coral import CORAL
from replidg.methods.erm import ERM
from replidg.methods.hybrid.and_mask import ANDMask
from replidg.methods.hybrid.arpl import ARPL
from replidg.methods.hybrid.base import Context, HybridObjective
from replidg.methods.hybrid.clip_base import CLIPBase
from replidg.methods.hybrid.contrastive_kd import ContrastiveKD
from replidg.methods.hybrid.daml import DAML
from replidg.methods.hybrid.dann import DANN
from replidg.methods.hybrid.feature_kd import FeatureKD
from replidg.methods.hybrid.group_dro import GroupDRO
from replidg.methods.hybrid.hinton import Hinton
from replidg.methods.hybrid.mixstyle import MixStyle
from replidg.methods.hybrid.mixup import Mixup
from replidg.methods.hybrid.mldg import MLDG
from replidg.methods.hybrid.mmd import MMD
from replidg.methods.hybrid.rsc import RSC
from replidg.methods.hybrid.scipd import SCIPD
from replidg.methods.hybrid.vrex import VREx
from replidg.methods.network import Classifier
from replidg.methods.objective import Objective

#: Of the alignment paper's objectives, those whose mathematics is the same are used as they are.
SHARED: dict[str, type[Objective]] = {"erm": ERM, "coral": CORAL}
OWN: dict[str, type[HybridObjective]] = {
    "clip_base": CLIPBase,
    "scipd": SCIPD,
    "mmd": MMD,
    "dann": DANN,
    "mixup": Mixup,
    "mldg": MLDG,
    "group_dro": GroupDRO,
    "rsc": RSC,
    "and_mask": ANDMask,
    "vrex": VREx,
    "mixstyle": MixStyle,
    "arpl": ARPL,
    "daml": DAML,
    "hinton": Hinton,
    "feature_kd": FeatureKD,
    "contrastive_kd": ContrastiveKD,
}


def make_objective(
    method: HybridMethod, classifier: Classifier, image_size: int, context: Context
) -> Objective:
    """Return the objective of a method."""
    shared = SHARED.get(method.objective)
    if shared is not None:
        return shared(classifier, method, image_size, [])
    return OWN[method.objective](classifier, method, image_size, context)
