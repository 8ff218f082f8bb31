"""What an averaging of weights must offer to the trainer, and how averages are made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Weights = dict[str, Tensor]


class Averaging(ABC):
    """An average of the weights over steps, and which of its versions is the result.

    The trainer calls `start` once, `update` after every step, and at every validation `candidate`
    and then `close_segment`.
    """

    #: Step whose version of the average is the result, where the averaging selects one.
    selected_step: int | None = None

    def start(self, weights: Weights) -> None:  # noqa: B027 (most averagings need nothing here)
        """Take note of the weights before the first step."""

    @abstractmethod
    def update(self, weights: Weights) -> None:
        """Take note of the weights after one step."""

    @abstractmethod
    def candidate(self) -> Weights:
        """Return the weights that are validated now."""

    @abstractmethod
    def close_segment(self, loss: float, accuracy: float = float("nan")) -> None:
        """Take note of the candidate's validation.

        Args:
            loss: mean cross-entropy over the validation domains.
            accuracy: mean accuracy over the validation domains.
        """

    @abstractmethod
    def final(self) -> Weights:
        """Return the averaged weights."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors and numbers."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""


@dataclass
class Segment:
    """Average of the weights over `steps` steps, and the validation loss of that average."""

    weights: Weights
    steps: int
    loss: float = float("nan")


def copied(weights: Weights) -> Weights:
    """Return copies that later steps do not change."""
    return {name: value.detach().clone() for name, value in weights.items()}


def blend(left: Weights, right: Weights, share: float) -> Weights:
    """Return (1 - share) * left + share * right; integer entries are taken from `right`."""
    return {
        name: value.lerp(right[name], share) if value.is_floating_point() else right[name].clone()
        for name, value in left.items()
    }


def merge(left: Segment, right: Segment) -> Segment:
    """Return the average over the steps of both."""
    share = right.steps / (left.steps + right.steps)
    return Segment(blend(left.weights, right.weights, share), left.steps + right.steps)


def pack(segment: Segment | None) -> list[Any] | None:
    """Return a segment as a list that a checkpoint can hold."""
    return None if segment is None else [segment.weights, segment.steps, segment.loss]


def unpack(packed: list[Any] | None) -> Segment | None:
    """Return the segment that `pack` packed."""
    return None if packed is None else Segment(*packed)
