"""Train one network or many by mmengine's runner. Killed, a job goes on where it was."""

from __future__ import annotations

import copy
import json
import logging
import pprint
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.dist import barrier, is_main_process
from mmengine.runner import Runner
from safetensors.torch import save_file

import replidg
from replidg import processes
from replidg.arithmetic import switch
from replidg.checkpoints import StopRequest, stop_on_signal
from replidg.files import sha256_file, stable_hash, whole_file, write_json
from replidg.seeds import seed_of
from replidg.segmentation import registered
from replidg.segmentation.build import PLAN, WEIGHTS
from replidg.segmentation.hooks import ResumeHook, network
from replidg.segmentation.mmengine_config import run_config
from replidg.segmentation.plan import Images, Plan

logger = logging.getLogger(__name__)
METRICS, CONFIG, BY_HAND = "metrics.json", "mmengine_config.py", "by_hand"
#: Keys of the configuration that the runner does not take.
NO_PARTS = ("custom_imports", "find_unused_parameters")


@dataclass(frozen=True)
class Training:
    """One run of a job.

    Attributes:
        plan: network and protocol.
        images: what is trained on.
        out: folder of its files.
    """

    plan: Plan
    images: list[Images]
    out: Path


def code_version(root: Path = Path(replidg.__file__).parent) -> str:
    """Return a hash of the sources that decide what a training computes."""
    files = [*(root / "segmentation").glob("*.py"), root / "models/lite.py", root / "seeds.py"]
    # These only read what a training left.
    aside = {"evaluation.py", "submissions.py", "build.py", "train.py"}
    return stable_hash([[f.name, sha256_file(f)] for f in sorted(files) if f.name not in aside])


def train_all(trainings: Iterable[Training], checkpoints: Path) -> None:
    """Train the runs of a job one after the other; finished ones are kept until all are.

    Args:
        trainings: the runs; one may begin with the weights of one before it.
        checkpoints: folder of unfinished work.
    """
    finished = []
    with stop_on_signal() as stop:
        for training in trainings:
            folder = checkpoints / "vltseg" / stable_hash(_key(training))
            finished.append((training, folder))
            if not (folder / METRICS).is_file():
                train_one(training, folder, stop)
            # No process looks for a run's files before the main one has written them.
            barrier()
    if is_main_process():
        _hand_over(finished)


def _hand_over(finished: list[tuple[Training, Path]]) -> None:
    """Copy the files of finished runs to where they belong, then delete the unfinished work."""
    for training, folder in finished:
        for name in (WEIGHTS, PLAN, METRICS):
            with whole_file(training.out / name) as temporary:
                shutil.copyfile(folder / name, temporary)
        # By hand it works in a folder of its own, beside the lists of its images.
        config = run_config(training.plan, training.images, training.out / BY_HAND)
        with whole_file(training.out / CONFIG) as temporary:
            temporary.write_text(as_python(config))
    for _, folder in finished:
        # First the mark that says finished: a kill while the folder goes must not leave it.
        (folder / METRICS).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _key(training: Training) -> dict[str, Any]:
    images = [
        {"name": each.name, "names": sha256("\n".join(each.names).encode()).hexdigest()}
        for each in training.images
    ]
    return {"plan": training.plan.key(), "images": images, "code": code_version()}


def train_one(training: Training, folder: Path, stop: StopRequest) -> None:
    """Train a network and leave its files in a folder; metrics.json is written last.

    Raises:
        SystemExit: 99, where a signal asked to stop; the checkpoint is saved.
    """
    plan = training.plan
    torch.set_num_threads(plan.training.threads)
    switch(plan.training.tf32, plan.training.deterministic)
    config = run_config(plan, training.images, folder)
    began = time.monotonic()
    # Decoder and pyramid start from this; the rest is loaded.
    torch.manual_seed(seed_of(plan.seed, "initial weights"))
    runner = make_runner(config)
    resume = next(hook for hook in runner.hooks if isinstance(hook, ResumeHook))
    resume.stop = stop
    # mmengine seeds itself on the way; drawn here again, the start depends on the seed alone.
    torch.manual_seed(seed_of(plan.seed, "initial weights"))
    runner.train()
    segmentor = network(runner).eval().cpu()
    if segmentor.texts is not None:
        segmentor.texts.keep()
    if not is_main_process():
        return
    state = {name: value.detach().contiguous() for name, value in segmentor.state_dict().items()}
    with whole_file(folder / WEIGHTS) as temporary:
        save_file(state, temporary)
    write_json(folder / PLAN, plan.model_dump(mode="json"))
    write_json(folder / METRICS, _facts(plan, segmentor, resume.history, began))


def make_runner(config: dict[str, Any]) -> Runner:
    """Return mmengine's runner of a configuration.

    It gets the parts, not the whole: it would format the whole for print, which takes seconds.
    """
    parts = {key: value for key, value in config.items() if key not in NO_PARTS}
    parts = copy.deepcopy(parts)
    parts["model"] = ConfigDict(parts["model"])
    whole: dict[str, Any] = {}
    if config["launcher"] == "pytorch":
        # mmengine's own way to join asks for a GPU.
        processes.join(config["env_cfg"]["dist_cfg"]["backend"])
        whole["model_wrapper_cfg"] = {
            "type": "MMDistributedDataParallel",
            "device_ids": [torch.cuda.current_device()] if torch.cuda.is_available() else None,
            "broadcast_buffers": False,
            "find_unused_parameters": config["find_unused_parameters"],
        }
    return Runner(**parts, cfg=whole)


def as_python(config: dict[str, Any]) -> str:
    """Return a configuration as mmengine reads it from a file."""
    head = "# mmengine's configuration of this run, made by replidg. By hand:\n"
    head += "# python -m replidg.segmentation.launch <this file>\n"
    return head + "".join(f"{key} = {pprint.pformat(value)}\n" for key, value in config.items())


def _facts(
    plan: Plan, segmentor: torch.nn.Module, history: list[tuple[int, float]], began: float
) -> dict[str, Any]:
    trained = [p.numel() for p in segmentor.parameters() if p.requires_grad]
    return {
        "run": plan.name,
        "seed": plan.seed,
        "iterations": plan.scale.iterations,
        "batch_size": plan.scale.batch_size,
        "parameters": sum(p.numel() for p in segmentor.parameters()),
        "encoder_parameters": sum(p.numel() for p in segmentor.backbone.parameters()),
        "trainable_parameters": sum(trained),
        "deformable_attention": registered.DEFORMABLE_ATTENTION,
        "loss": [{"step": step, "loss": loss} for step, loss in history],
        # Of the last start only, where the training was resumed.
        "seconds": round(time.monotonic() - began, 1),
    }


def read_facts(folder: Path) -> dict[str, Any]:
    """Return what a training says of itself."""
    return json.loads((folder / METRICS).read_text())
