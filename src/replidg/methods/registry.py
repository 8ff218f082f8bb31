"""Objectives and averagings by the name they have in the configuration."""

from __future__ import annotations

from torch.optim import Adam, AdamW, Optimizer

from replidg.config.methods import Method
from replidg.methods.attn_tune import AttnTune
from replidg.methods.averaging import Averaging
from replidg.methods.beta_average import BetaMovingAverage
from replidg.methods.clipood import CLIPood
from replidg.methods.coral import CORAL
from replidg.methods.erm import ERM
from replidg.methods.lp_ft import LPFT
from replidg.methods.miro import MIRO
from replidg.methods.mpa import MPA
from replidg.methods.objective import Objective
from replidg.methods.sagm import SAGM
from replidg.methods.swad import LossValley
from replidg.methods.vl2v_sd import VL2VSD

OBJECTIVES: dict[str, type[Objective]] = {
    "erm": ERM,
    "lp_ft": LPFT,
    "coral": CORAL,
    "sagm": SAGM,
    "attn_tune": AttnTune,
    "miro": MIRO,
    "vl2v_sd": VL2VSD,
    "clipood": CLIPood,
}
OPTIMIZERS: dict[str, type[Optimizer]] = {"adam": Adam, "adamw": AdamW}


def make_averaging(method: Method, steps: int) -> Averaging | None:
    """Return a method's averaging of weights, or None.

    Args:
        method: hyper-parameters.
        steps: of the whole run.
    """
    if method.averaging == "swad":
        return LossValley(method.swad_converge, method.swad_tolerate, method.swad_ratio)
    if method.averaging == "mpa":
        return MPA(method.mpa_burn_in, method.mpa_terms)
    if method.averaging == "beta":
        return BetaMovingAverage(method.beta_concentration, steps)
    return None
