"""Train CLIPs on mixes of pools with open_clip's own trainer."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from replidg.config.forgotten_training import ClipRun, Mixes
from replidg.files import write_json
from replidg.training.clip_mixes import train, training_set


def train_clip_mixes(
    runs: Sequence[tuple[str, int]],
    mixes: Mixes,
    protocol: ClipRun,
    pools: Mapping[str, Path],
    results: Path,
    checkpoints: Path,
) -> None:
    """Train one CLIP after the other.

    Args:
        runs: name of a mix, and seed.
        mixes: what they take.
        protocol: of the trainings.
        pools: their folders.
        results: folder of the runs; `<mix>/seed<k>/epoch<n>.safetensors` below it.
        checkpoints: root of unfinished work.
    """
    torch.set_num_threads(protocol.threads)
    finished = []
    for name, seed in runs:
        data = training_set(name, mixes.sets[name], mixes, pools)
        folder = results / name / f"seed{seed}"
        out = [folder / f"epoch{n:03d}.safetensors" for n in range(1, protocol.epochs + 1)]
        finished.append(train(name, seed, protocol, data, out, checkpoints))
        facts: dict[str, Any] = {"mix": name, "images": data.images, "total": data.total}
        write_json(folder / "mix.json", facts | {"shards": data.sources, "seed": seed})
    # Not before: of a job that is killed Snakemake deletes what it has written.
    for folder in finished:
        shutil.rmtree(folder)


if "snakemake" in globals():
    from replidg import devices
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    train_clip_mixes(
        runs=[(name, seed) for name, seed in snakemake.params.runs],
        mixes=Mixes.model_validate(snakemake.params.mixes),
        # The rule's parameters have what of it decides the result.
        protocol=ClipRun.model_validate(snakemake.config["forgotten"]["training"]["clip"]),
        pools={Path(path).parent.name: Path(path).parent for path in snakemake.input.pools},
        results=Path(snakemake.output.facts[0]).parents[2],
        checkpoints=Path(snakemake.params.checkpoints),
    )
