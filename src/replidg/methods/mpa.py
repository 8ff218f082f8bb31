"""Model parameter averaging: the running mean of the weights after a burn-in.

Equation 1 of Arpit et al. (2022, arXiv 2110.10832), as ERM++ (Teterwak et al. 2023, arXiv
2304.01973) uses it: with w_t the weights after t steps and t0 the end of the burn-in,

    a_t = w_t                                               for t <= t0,
    a_t = (t - t0) / (t - t0 + 1) a_(t-1) + w_t / (t - t0 + 1)  after it.

Each average is validated on the source domains; the one with the best accuracy is the result.

The alignment paper's text says this, with t0 = 600. Its code (class `MPA` in swad.py) differs in
when it starts and how it weighs: the mean of the steps between two validations is one term, a
segment whose first step (counted from 0) lies at or before t0 replaces the average instead of
joining it, and all terms weigh the same. With validations after steps 1, 201, 401, ... the average
so begins with step 402; with one every 1,000 (DomainNet) with step 2.
"""

from __future__ import annotations

from typing import Any, Literal

from replidg.methods.averaging import Averaging, Segment, Weights, copied, merge, pack, unpack


class MPA(Averaging):
    """Mean of the weights after the burn-in; the best validated version of it is the result.

    Args:
        burn_in: t0, steps.
        terms: "steps": every step is a term (paper); "segments": the mean of the steps between two
            validations is one (code).
    """

    def __init__(self, burn_in: int, terms: Literal["segments", "steps"]) -> None:
        self.burn_in, self.terms = burn_in, terms
        self.steps = 0
        self.running: Segment | None = None
        self.average: Segment | None = None
        self.best: Weights | None = None
        self.best_accuracy = -1.0

    def update(self, weights: Weights) -> None:
        """Add the weights after one step to the average, or to the running segment."""
        self.steps += 1
        now = Segment(copied(weights), 1)
        if self.terms == "segments":
            self.running = now if self.running is None else merge(self.running, now)
        elif self.average is None or self.steps <= self.burn_in:
            self.average = now
        else:
            self.average = merge(self.average, now)

    def candidate(self) -> Weights:
        """Return the average up to now, to be validated."""
        return self._now().weights

    def close_segment(self, loss: float, accuracy: float = float("nan")) -> None:
        """Keep the average if no earlier one was as accurate."""
        self.average, self.running = self._now(), None
        if accuracy > self.best_accuracy:
            self.best, self.best_accuracy = self.average.weights, accuracy
            self.selected_step = self.steps

    def final(self) -> Weights:
        """Return the most accurate average."""
        return self.candidate() if self.best is None else self.best

    def state_dict(self) -> dict[str, Any]:
        """Return the state as tensors and numbers."""
        return {
            "steps": self.steps,
            "running": pack(self.running),
            "average": pack(self.average),
            "best": self.best,
            "best_accuracy": self.best_accuracy,
            "selected_step": self.selected_step,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.steps = state["steps"]
        self.running, self.average = unpack(state["running"]), unpack(state["average"])
        self.best, self.best_accuracy = state["best"], state["best_accuracy"]
        self.selected_step = state["selected_step"]

    def _now(self) -> Segment:
        """Return the average with the running segment as its last term."""
        if self.running is None:
            if self.average is None:
                raise ValueError("no step to average yet")
            return self.average
        term = Segment(self.running.weights, 1)
        first = self.steps - self.running.steps  # steps before the segment, as the code counts
        if self.average is None or first <= self.burn_in:
            return term
        return merge(self.average, term)
