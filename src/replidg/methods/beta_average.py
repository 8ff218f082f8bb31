"""Beta moving average of CLIPood (Shu et al. 2023, arXiv 2302.00864).

    average over t = 0 .. T of w_t, weighed by Beta(b, b)((t + 0.5) / (T + 1)),

with w_0 the pretrained weights, w_t those after step t, and Beta(b, b) the density of the Beta
distribution. With b = 0.5 it is high at both ends: the zero-shot and the adapted model count most.
The last average is the result; nothing is selected by validation.
"""

from __future__ import annotations

from typing import Any

from replidg.methods.averaging import Averaging, Weights, blend, copied


class BetaMovingAverage(Averaging):
    """Average of all weights of a run, the pretrained ones included.

    Args:
        concentration: b, both parameters of the distribution; 1 is the plain mean.
        steps: T.
    """

    def __init__(self, concentration: float, steps: int) -> None:
        self.concentration, self.steps = concentration, steps
        self.step = 0
        self.total = 0.0
        self.average: Weights = {}

    def weight(self, step: int) -> float:
        """Return the density at a step, up to the constant that the average cancels."""
        place = (step + 0.5) / (self.steps + 1)
        return (place * (1.0 - place)) ** (self.concentration - 1.0)

    def start(self, weights: Weights) -> None:
        """Begin with the pretrained weights."""
        self.step, self.total, self.average = 0, self.weight(0), copied(weights)

    def update(self, weights: Weights) -> None:
        """Add the weights after one step."""
        self.step += 1
        weight = self.weight(self.step)
        self.total += weight
        self.average = blend(self.average, weights, weight / self.total)

    def candidate(self) -> Weights:
        """Return the average up to now, to be validated."""
        return self.average

    def close_segment(self, loss: float, accuracy: float = float("nan")) -> None:
        """Do nothing: a validation does not change the average."""

    def final(self) -> Weights:
        """Return the average over the run."""
        return self.average

    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors and numbers."""
        return {"step": self.step, "total": self.total, "average": self.average}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.step, self.total, self.average = state["step"], state["total"], state["average"]
