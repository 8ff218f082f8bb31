"""Model selection: which step of a run gives its weights.

DomainBed (Gulrajani and Lopez-Paz 2021, arXiv 2007.01434, section 3) defines three ways to choose
among hyper-parameters and steps. A run here has one set of hyper-parameters, so what is left to
choose inside it is the step:

- `training_domain`: the step of the best mean accuracy on the hold-outs of the training domains,
  the first of equals.
- `leave_one_domain_out`: for every source domain v one more run, of the same seed and length, that
  trains on the other sources and is validated on v's training images; a step's score is the mean of
  these accuracies over v, and the run keeps the step of the best score, the first of equals. With S
  sources a run costs 1 + S times as much. (DomainBed shares the run without target and v between
  the two; here each run has its own.)
- `target`: the last step. DomainBed's oracle may look at the target's hold-out once a run, after
  training, so it chooses among runs and never stops early. The hold-out is validated all the same,
  its accuracies are in metrics.json (`target_accuracy` of each validation), and it is left out of
  what the run is tested on.

A choice among hyper-parameters is a choice among methods of the configuration: metrics.json has the
accuracies that it needs (`validations`, and `left_out` under `leave_one_domain_out`), and
predictions.parquet the images of the hold-outs.

Methods that average weights have a rule of their own (SWAD the valley of the validation loss, MPA
the best average, CLIPood the last) and ignore this one.
"""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path

from replidg import processes
from replidg.checkpoints import Checkpoints
from replidg.data.errors import DatasetError
from replidg.files import write_json
from replidg.models import store
from replidg.training import trainer
from replidg.training.data import Shares, capped


def step_to_keep(
    backbone: store.Backbone,
    settings: trainer.Settings,
    shares: Shares,
    folder: Path,
    name: str,
) -> tuple[int | None, list[dict[str, float]]]:
    """Return the step whose weights a run keeps, None if its own validation decides.

    Args:
        backbone: pretrained; it is left as it is.
        settings: of the run.
        shares: of the run.
        folder: where further runs keep their checkpoints and results.
        name: of the run, for messages.

    Returns:
        The step, and the mean accuracy on left-out sources by step, where that decides.

    Raises:
        DatasetError: there is no second source domain to train on.
    """
    protocol = settings.protocol
    if settings.method.averaging != "none" or protocol.selection == "training_domain":
        return None, []
    if protocol.selection == "target":
        return protocol.steps, []
    if len(shares.train) < 2:
        raise DatasetError("selection leave_one_domain_out needs two or more source domains")
    histories = [
        _left_out(number, backbone, settings, shares, folder, name)
        for number in range(len(shares.train))
    ]
    scores = [
        {"step": each[0]["step"], "accuracy": sum(entry["accuracy"] for entry in each) / len(each)}
        for each in zip(*histories, strict=True)
    ]
    return max(scores, key=lambda score: score["accuracy"])["step"], scores


def _left_out(
    number: int,
    backbone: store.Backbone,
    settings: trainer.Settings,
    shares: Shares,
    folder: Path,
    name: str,
) -> list[dict[str, float]]:
    """Return the validations on source `number` of a run that trains on the other sources."""
    done = folder / f"left_out_{number}.json"
    if not done.is_file():
        rows = shares.train[number]
        domain = rows["domain"].iloc[0]
        held = capped(rows, settings.protocol, settings.seed, domain)
        others = [part for place, part in enumerate(shares.train) if place != number]
        own = copy.copy(backbone)
        own.visual = copy.deepcopy(backbone.visual)
        # Step 0 is never validated: this run's weights are not needed.
        run = trainer.Run(own, replace(settings, keep_step=0), store.device())
        inner = folder / f"left_out_{number}"
        checkpoints = Checkpoints(inner, settings.protocol.checkpoint_every_s)
        trainer.fit(
            run, Shares(others, [held], shares.target), checkpoints, f"{name}, without {domain}"
        )
        if processes.is_main():
            write_json(done, run.history)
            shutil.rmtree(inner, ignore_errors=True)
        processes.meet()
    return json.loads(done.read_text())
