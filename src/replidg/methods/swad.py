"""Stochastic weight averaging densely (Cha et al. 2021, arXiv 2102.08604): LossValley.

Weights are averaged after every step. The average of the steps between two validations is a
segment; Algorithm 1 finds the segments that lie in the valley of the validation loss, and the
final weights are the average over all their steps. Two things of the public code that the paper
does not have are left out: with N_e > N_s it also looks back for segments before convergence, and
it counts the segment at convergence twice. One thing is the code's and not the paper's: at the end
of training the last segments are taken as long as the rest holds a loss below the threshold.
"""

from __future__ import annotations

from typing import Any

from replidg.methods.averaging import Averaging, Segment, Weights, copied, merge, pack, unpack


class LossValley(Averaging):
    """Start and end of the averaging, decided by the validation losses of the segments.

    Args:
        converge: N_s; converged when the first of the last N_s losses is their minimum.
        tolerate: N_e; the valley ends when the minimum of the last N_e losses is too high.
        ratio: r; too high means above (1 + r) times the mean of the N_s losses at convergence.
    """

    def __init__(self, converge: int, tolerate: int, ratio: float) -> None:
        self.converge, self.tolerate, self.ratio = converge, tolerate, ratio
        self.running: Segment | None = None
        self.recent: list[Segment] = []
        self.average: Segment | None = None
        self.threshold = float("inf")
        self.ended = False

    def update(self, weights: Weights) -> None:
        """Add the weights after one step to the running segment."""
        now = Segment(copied(weights), 1)
        self.running = now if self.running is None else merge(self.running, now)

    def candidate(self) -> Weights:
        """Return the running segment's weights, to be validated."""
        if self.running is None:
            raise ValueError("no step since the last validation")
        return self.running.weights

    def close_segment(self, loss: float, accuracy: float = float("nan")) -> None:
        """End the running segment with its validation loss and look where the valley stands."""
        segment, self.running = self.running, None
        if segment is None or self.ended:
            return
        segment.loss = loss
        self.recent.append(segment)
        if self.average is None:
            self._look_for_start()
        else:
            self._look_for_end()

    def _look_for_start(self) -> None:
        last = self.recent[-self.converge :]
        if len(last) < self.converge:
            return
        if min(last, key=lambda segment: segment.loss) is not last[0]:
            self.recent = last[1:]
            return
        self.average = last[0]
        self.threshold = (1 + self.ratio) * sum(s.loss for s in last) / self.converge
        # The rest wait: each joins the average once the N_e - 1 segments behind it are known.
        self.recent = last[1:]
        while len(self.recent) >= self.tolerate:
            self.average = merge(self.average, self.recent.pop(0))

    def _look_for_end(self) -> None:
        if len(self.recent) < self.tolerate:
            return
        if min(segment.loss for segment in self.recent[-self.tolerate :]) > self.threshold:
            self.ended = True
            return
        self.average = merge(self.average, self.recent.pop(0))

    def final(self) -> Weights:
        """Return the averaged weights; of the last segment if the loss never converged."""
        if self.average is None:
            return (self.recent[-1] if self.recent else self.running).weights
        average = self.average
        rest = [] if self.ended else list(self.recent)
        # At the end of training fewer than N_e segments are left to judge by.
        while rest and min(segment.loss for segment in rest) <= self.threshold:
            average = merge(average, rest.pop(0))
        return average.weights

    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors and numbers."""
        return {
            "running": pack(self.running),
            "recent": [pack(segment) for segment in self.recent],
            "average": pack(self.average),
            "threshold": self.threshold,
            "ended": self.ended,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.running = unpack(state["running"])
        self.recent = [unpack(segment) for segment in state["recent"]]
        self.average = unpack(state["average"])
        self.threshold, self.ended = state["threshold"], state["ended"]
