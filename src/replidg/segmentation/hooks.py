"""Hooks of mmengine's runner: seeds of a step, checkpoints that survive a kill, progress."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import broadcast_object_list, get_rank, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from safetensors.torch import load_file

from replidg.checkpoints import STOPPED, Checkpoints, StopRequest
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
    """

    # Behind the hook that moves the learning rate on, and behind the one that loads a start.
    priority = "LOWEST"
    #: Set by the job that listens to signals.
    stop: StopRequest | None = None

    def __init__(self, folder: str, every_s: float) -> None:
        self.points = Checkpoints(Path(folder), every_s)
        self.history: list[tuple[int, float]] = []

    def before_train(self, runner: Runner) -> None:
        """Go on from the newest checkpoint, if there is one."""
        state = self.points.load()
        if state is None:
            return
        network(runner).load_state_dict(state["model"])
        runner.optim_wrapper.load_state_dict(state["optimizer"])
        for scheduler, saved in zip(runner.param_schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(saved)
        self.history = [tuple(point) for point in state["history"]]
        # mmengine then skips the images of these steps without decoding them.
        runner.train_loop._iter = state["step"]
        runner.optim_wrapper.initialize_count_status(runner.model, state["step"], runner.max_iters)
        logger.info("going on from step %d", state["step"])

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Note the loss; save when it is time, and stop when that is asked for."""
        step = runner.iter + 1
        last = step == runner.max_iters
        if last or step % max(1, runner.max_iters // NOTED) == 0:
            self.history.append((step, float(outputs["loss"].detach())))
        stop = bool(self.stop)
        # The main process decides for all: their clocks differ.
        choice = [stop, stop or (self.points.due() and not last)]
        broadcast_object_list(choice)
        if choice[1] and is_main_process():
            self.points.save(self._state(runner, step))
        if choice[0]:
            logger.info("asked to stop; saved step %d", step)
            raise SystemExit(STOPPED)

    def _state(self, runner: Runner, step: int) -> dict[str, Any]:
        return {
            "model": network(runner).state_dict(),
            "optimizer": runner.optim_wrapper.state_dict(),
            "schedulers": [scheduler.state_dict() for scheduler in runner.param_schedulers],
            "history": self.history,
            "step": step,
        }


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
