"""Learning rates as a function of the step, so that a resumed run has nothing to restore."""

from __future__ import annotations

import math


def lr_factor(schedule: str, step: int, steps: int) -> float:
    """Return the factor on the learning rate of a step.

    Args:
        schedule: "constant", or "cosine" (Loshchilov and Hutter 2017, arXiv 1608.03983, without
            restarts): (1 + cos(pi step / steps)) / 2.
        step: optimiser steps taken before this one.
        steps: of the whole run.
    """
    return 1.0 if schedule == "constant" else 0.5 * (1.0 + math.cos(math.pi * step / steps))
