"""Classify the test sets zero-shot with every epoch of trained CLIPs, or with released ones."""

import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path

import pandas as pd
import torch

from replidg.config.forgotten_training import ClipRun, ZeroShot
from replidg.files import sha256_file, whole_file
from replidg.models.store import FILES
from replidg.training.clip_evaluation import (
    Checkpoint,
    evaluate,
    evaluate_once,
    scores,
    templates_of,
)
from replidg.training.clip_mixes import write_architecture
from replidg.training.suites import Suite, suite_of

CONFIG = FILES["open_clip"][0]
COLUMNS = ["epoch", "dataset", "domain", "version", "n", "correct", "top1"]


def evaluate_clip_mixes(
    runs: Sequence[Mapping[str, object]],
    protocol: ClipRun,
    options: ZeroShot,
    suites: Sequence[Suite],
    scratch: Path,
) -> None:
    """Evaluate one run after the other, several epochs in a pass over the images.

    Args:
        runs: `weights` (one file an epoch; None for a released checkpoint), `model` (folder of its
            architecture; None for that of the protocol), `scores` and `predictions` (where they
            go).
        protocol: of the trainings.
        options: of the evaluation.
        suites: data sets and their classes.
        scratch: folder for the architecture.
    """
    torch.set_num_threads(options.threads)
    write_architecture(protocol, scratch)
    templates = templates_of(options.templates)
    for run in runs:
        model = Path(run["model"]) if run["model"] else scratch
        released = model / FILES["open_clip"][1]
        epochs = list(enumerate(map(Path, run["weights"] or [released]), 1))
        parts, last = [], []
        for start in range(0, len(epochs), options.checkpoints_at_once):
            files = {str(n): p for n, p in epochs[start : start + options.checkpoints_at_once]}
            loaded = {
                n: Checkpoint(model, path if run["weights"] else None, protocol.channels_last)
                for n, path in files.items()
            }
            for suite in suites:
                make = partial(
                    evaluate, loaded, suite, templates, options.batch_size, options.workers
                )
                key = [suite.key(), templates, options.batch_size, sha256_file(model / CONFIG)]
                found = evaluate_once(
                    files, [*key, protocol.channels_last], scratch / "parts", make
                )
                parts.append(scores(found))
                last.append(found[found["checkpoint"] == str(len(epochs))])
        table = pd.concat(parts, ignore_index=True)
        table = table.assign(epoch=table["checkpoint"].astype("int32"))
        table = table.sort_values("epoch", kind="stable", ignore_index=True)
        for out, rows in ((run["scores"], table[COLUMNS]), (run["predictions"], pd.concat(last))):
            with whole_file(out) as temporary:
                rows.to_parquet(temporary, index=False)
    shutil.rmtree(scratch / "parts", ignore_errors=True)


if "snakemake" in globals():
    from replidg import devices
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    given = snakemake.input
    evaluate_clip_mixes(
        runs=[
            {**run, "scores": scored, "predictions": predicted}
            for run, scored, predicted in zip(
                snakemake.params.runs,
                snakemake.output.scores,
                snakemake.output.predictions,
                strict=True,
            )
        ],
        # The rule's parameters have what of it decides the result.
        protocol=ClipRun.model_validate(snakemake.config["forgotten"]["training"]["clip"]),
        options=ZeroShot.model_validate(snakemake.config["forgotten"]["training"]["zero_shot"]),
        suites=[
            suite_of(name, snakemake.params.sets, index, kept, given.get("classes"))
            for name, index, kept in zip_longest(
                snakemake.params.datasets, given.indices, given.get("clean", [])
            )
        ],
        scratch=Path(snakemake.params.scratch),
    )
