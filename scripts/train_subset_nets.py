"""Train and test classifiers on ImageNet-Natural and on random subsets of ImageNet."""

import shutil
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import save_file

from replidg.checkpoints import Checkpoints
from replidg.config.forgotten_training import RESNETS_ASIDE, ResNets
from replidg.data.class_groups import read_groups
from replidg.data.embeddings import PIXELS
from replidg.data.image_store import attach
from replidg.data.index import read_classes
from replidg.files import sha256_file, stable_hash, whole_file
from replidg.training import subset_nets
from replidg.training.clip_evaluation import evaluate, scores
from replidg.training.suites import Suite, only, suite_of

NAMES = {"natural": "imagenet_natural", "subset": "imagenet_subset"}


def train_subset_nets(
    runs: Sequence[tuple[str, float, int]],
    protocol: ResNets,
    index: Path,
    domains: Path,
    suites: Sequence[Suite],
    out: Mapping[str, Path],
    checkpoints: Path,
    stores: Sequence[str] = (),
) -> None:
    """Train and evaluate one classifier after the other.

    Args:
        runs: natural or subset, size in units, draw.
        protocol: the recipe.
        index: of ImageNet's training images, with `classes.json` beside it.
        domains: `natural_relaxed` of each of them.
        suites: test sets.
        out: run, joined by "_": folder of its results.
        checkpoints: root of unfinished work.
        stores: `store.json` of the training images' store, if they are read from one.
    """
    torch.set_num_threads(protocol.threads)
    rows = attach(pd.read_parquet(index), stores)
    names = read_classes(index.parent / "classes.json")
    natural = pd.read_parquet(domains).set_index("image_id")["natural_relaxed"]
    wnids = rows.drop_duplicates("label").set_index("label")["synset"]
    ordered = [wnids.get(label, "") for label in range(len(names))]
    mapped = None if protocol.domain_net_classes is None else Path(protocol.domain_net_classes)
    groups = {
        suite.dataset: read_groups(suite.class_names, ordered, names, mapped)
        for suite in suites
        if suite.dataset == "domain_net"
    }
    tested = [only(s, groups[s.dataset]) if s.dataset in groups else s for s in suites]
    finished = []
    for kind, size, draw in runs:
        source = rows[rows["image_id"].map(natural)] if kind == "natural" else rows
        wanted = round(size * protocol.unit)
        ids = source["image_id"].tolist()
        chosen = source.iloc[subset_nets.subset(ids, wanted, protocol.seed, f"{kind}{draw}")]
        key = [kind, wanted, draw, protocol.model_dump(exclude=RESNETS_ASIDE)]
        key += [sha256_file(path) for path in (index, domains, subset_nets.__file__)]
        key += [chosen[PIXELS].iloc[0]] if PIXELS in chosen else []
        scratch = checkpoints / "subset_nets" / stable_hash(key)
        paths, labels = chosen["path"].tolist(), chosen["label"].tolist()
        points = Checkpoints(scratch, protocol.checkpoint_every_s)
        net = subset_nets.train(paths, labels, len(names), protocol, points)
        folder = out[f"{kind}_{size:g}_{draw}"]
        ready = {"1": subset_nets.Net(net, protocol, groups)}
        found = pd.concat([evaluate(ready, s, [], 256, protocol.workers) for s in tested])
        table = scores(found).assign(
            run=folder.parent.name, method=NAMES[kind], size=size, draw=draw
        ).drop(columns="checkpoint")  # fmt: skip
        for name, frame in (("scores", table), ("predictions", found)):
            with whole_file(folder / f"{name}.parquet") as temporary:
                frame.to_parquet(temporary, index=False)
        with whole_file(folder / "model.safetensors") as temporary:
            save_file({k: v.contiguous() for k, v in net.state_dict().items()}, temporary)
        finished.append(scratch)
    # Not before: of a job that is killed Snakemake deletes what it has written.
    for scratch in finished:
        shutil.rmtree(scratch)


if "snakemake" in globals():
    from replidg import devices
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    given = snakemake.input
    train_subset_nets(
        runs=[tuple(run) for run in snakemake.params.runs],
        # The rule's parameters have what of it decides the result.
        protocol=ResNets.model_validate(snakemake.config["forgotten"]["training"]["resnets"]),
        index=Path(given.index),
        domains=Path(given.domains),
        suites=[
            suite_of(name, snakemake.params.sets, index, kept, given.get("classes"))
            for name, index, kept in zip_longest(
                snakemake.params.datasets, given.indices, given.get("clean", [])
            )
        ],
        out={
            f"{kind}_{size:g}_{draw}": Path(path).parent
            for (kind, size, draw), path in zip(
                snakemake.params.runs, snakemake.output.scores, strict=True
            )
        },
        checkpoints=Path(snakemake.params.checkpoints),
        stores=given.stores,
    )
