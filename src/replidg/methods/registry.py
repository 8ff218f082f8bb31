"""Objectives by the name they have in the configuration."""

from replidg.methods.erm import ERM
from replidg.methods.lp_ft import LPFT
from replidg.methods.miro import MIRO
from replidg.methods.objective import Objective

OBJECTIVES: dict[str, type[Objective]] = {"erm": ERM, "lp_ft": LPFT, "miro": MIRO}
