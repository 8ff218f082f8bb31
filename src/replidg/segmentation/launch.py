"""Start a job's training: here, or as one process a GPU by torchrun."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from mmengine.config import Config
from safetensors.torch import save_file

from replidg import processes
from replidg.files import stable_hash, whole_file, write_json
from replidg.segmentation.build import WEIGHTS
from replidg.segmentation.hooks import network
from replidg.segmentation.plan import Images, Plan
from replidg.segmentation.train import Training, make_runner, train_all

logger = logging.getLogger(__name__)


def launch(trainings: list[Training], checkpoints: Path) -> None:
    """Train the runs of a job.

    Raises:
        SystemExit: 99 where a signal asked to stop, else the status of the processes.
    """
    gpus = trainings[0].plan.training.gpus
    if gpus == 1:
        train_all(trainings, checkpoints)
        return
    content = [
        {
            "plan": each.plan.model_dump(mode="json"),
            "images": [images.model_dump(mode="json") for images in each.images],
            "out": str(each.out),
        }
        for each in trainings
    ]
    task = checkpoints / "vltseg" / f"task-{stable_hash(content)}.json"
    write_json(task, content)
    command = [*processes.torchrun(gpus), "-m", "replidg.segmentation.launch"]
    status = processes.run([*command, str(task), str(checkpoints)])
    if status:
        raise SystemExit(status)
    task.unlink(missing_ok=True)


def read_task(path: Path) -> list[Training]:
    """Return the runs that another process wrote down."""
    return [
        Training(
            Plan.model_validate(each["plan"]),
            [Images.model_validate(images) for images in each["images"]],
            Path(each["out"]),
        )
        for each in json.loads(path.read_text())
    ]


def train_by_hand(path: Path) -> None:
    """Train by an mmengine_config.py that a run left; model.safetensors comes beside its lists."""
    config = Config.fromfile(path, import_custom_modules=False).to_dict()
    runner = make_runner(config)
    runner.train()
    state = {n: v.detach().cpu().contiguous() for n, v in network(runner).state_dict().items()}
    with whole_file(Path(config["work_dir"]).parent / WEIGHTS) as temporary:
        save_file(state, temporary)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    if len(sys.argv) == 2:
        train_by_hand(Path(sys.argv[1]))
    else:
        train_all(read_task(Path(sys.argv[1])), Path(sys.argv[2]))
