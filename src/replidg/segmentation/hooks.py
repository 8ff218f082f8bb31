"""Hooks of mmengine's runner: seeds of a step, checkpoints that survive a kill, progress."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_rank, is_main_process
from mmengine.hooks import Hook, ParamSchedulerHook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from safetensors.torch import load_file

from replidg.checkpoints import Checkpoints, StopRequest, keep, resume
from replidg.progress import Progress
from replidg.seeds import seed_of

logger = logging.getLogger(__name__)
#: Steps whose loss is noted, beside the last: about so many.
NOTED = 100


def network(runner: Runner) -> torch.nn.Module:
    """Return the segmentor, without the wrapper of several processes."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Seed what a step draws (dropped paths, sampled points) by the step.

    Args:
        seed: of the run.
    """

    priority = "HIGHEST"

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Seed torch, on every device."""
        torch.manual_seed(seed_of(self.seed, "step", runner.iter, get_rank()))


@HOOKS.register_module()
class StartHook(Hook):
    """Begin with the weights of another trained network.

    Args:
        weights: its model.safetensors.
    """

    priority = "HIGH"

    def __init__(self, weights: str) -> None:
        self.weights = weights

    def before_train(self, runner: Runner) -> None:
        """Load them; a checkpoint of this training, if there is one, comes after."""
        network(runner).load_state_dict(load_file(self.weights))


@HOOKS.register_module()
class ResumeHook(Hook):
    """Save and resume by `replidg.checkpoints`: whole files, the newest and the one before.

    Args:
        folder: of the checkpoints.
        every_s: seconds between two.
        accumulate: parts of a step, which the runner counts; saved is after whole ones.
    """

    # Behind the hook that moves the learning rate on, and behind the one that loads a start.
    priority = "LOWEST"
    #: Set by the job that listens to signals.
    stop: StopRequest | None = None

    def __init__(self, folder: str, every_s: float, accumulate: int) -> None:
        self.points, self.accumulate = Checkpoints(Path(folder), every_s), accumulate
        self.history: list[tuple[int, float]] = []
        self.step, self.losses = 0, []

    def before_train(self, runner: Runner) -> None:
        """Go on from the newest checkpoint, if there is one."""
        self.runner = runner
        if self.stop is None:  # one that nothing has asked yet is false, too
            self.stop = StopRequest()
        resume(self, self.points, "training")

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken."""
        runner = self.runner
        network(runner).load_state_dict(state["model"])
        runner.optim_wrapper.load_state_dict(state["optimizer"])
        for scheduler, saved in zip(runner.param_schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)
        self.history = [tuple(point) for point in state["history"]]
        # mmengine then skips the images of these steps without decoding them.
        self.step = state["step"]
        done = self.step * self.accumulate
        runner.train_loop._iter = done
        runner.optim_wrapper.initialize_count_status(runner.model, done, runner.max_iters)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Note the loss; save when it is time, and stop when that is asked for."""
        self.losses.append(outputs["loss"].detach())
        if (runner.iter + 1) % self.accumulate:
            return
        self.advance()
        steps = runner.max_iters // self.accumulate
        if self.step == steps or self.step % max(1, steps // NOTED) == 0:
            self.history.append((self.step, float(torch.stack(self.losses).mean())))
        self.losses.clear()
        keep(self, self.points, self.stop, "training")

    def advance(self) -> None:
        """Count a step."""
        self.step += 1

    def state_dict(self) -> dict[str, Any]:
        """Return all that a resumed run needs."""
        runner = self.runner
        return {
            "model": network(runner).state_dict(),
            "optimizer": runner.optim_wrapper.state_dict(),
            "schedulers": [scheduler.state_dict() for scheduler in runner.param_schedulers],
            "history": self.history,
            "step": self.step,
        }


@HOOKS.register_module()
class WholeStepsHook(ParamSchedulerHook):
    """Move the learning rate on after each step, and not after each of its parts.

    Args:
        accumulate: parts of a step.
    """

    def __init__(self, accumulate: int) -> None:
        self.accumulate = accumulate

    def after_train_iter(self, runner: Runner, *args: Any, **options: Any) -> None:
        """Move on behind the last part."""
        if (runner.iter + 1) % self.accumulate == 0:
            super().after_train_iter(runner, *args, **options)


@HOOKS.register_module()
class ProgressHook(Hook):
    """Show images a second, the loss and the time left.

    Args:
        what: name of the training.
        batch_size: images a step.
    """

    def __init__(self, what: str, batch_size: int) -> None:
        self.what, self.batch_size = what, batch_size
        self.progress: Progress | None = None

    def before_train_epoch(self, runner: Runner) -> None:
        """Begin where the training begins or goes on."""
        if is_main_process():
            done = runner.iter * self.batch_size
            total = runner.max_iters * self.batch_size
            self.progress = Progress(total, self.what, "images", done)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count a step; the loss is read rarely, since that waits for the GPU."""
        if self.progress is not None:
            loss = outputs["loss"].detach()
            note = f"loss {float(loss):.3f}" if runner.iter % 10 == 0 else ""
            self.progress.add(self.batch_size, note)

    def after_train(self, runner: Runner) -> None:
        """End the line."""
        if self.progress is not None:
            self.progress.close()
