"""Find near duplicates among the web pictures, and those that are like test sets."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from replidg.config.forgotten import WebCorpus
from replidg.config.forgotten_sets import split_name
from replidg.data.domain_lists import listed_ids
from replidg.files import whole_file
from replidg.models.deduplicate import duplicates, unit_rows
from replidg.models.prune_near import gaps, pruned


def test_images(
    sets: Sequence[str], tables: Mapping[str, Path], vectors: Mapping[str, Path]
) -> np.ndarray:
    """Return the unit embeddings (M, D) of all images of test sets."""
    parts = []
    for dataset, domain in map(split_name, sets):
        values = unit_rows(vectors[dataset])
        own = pd.read_parquet(tables[dataset], columns=["domain"])["domain"]
        parts.append(values if domain == "all" else values[(own == domain).to_numpy()])
    return np.concatenate(parts)


def compare_corpus(
    corpus: WebCorpus, scores: Sequence[Path], embeddings: Sequence[Path],
    tables: Mapping[str, Path], vectors: Mapping[str, Path], train: str | None,
    checkpoints: Path, out: Sequence[Path],
) -> None:  # fmt: skip
    """Write `duplicate` and `pruned/<name>` of each web picture, a file a filter job.

    Args:
        corpus: what is done.
        scores: parquet files of the filter jobs, for the pictures' ids.
        embeddings: their embeddings.
        tables: data set: its classified images.
        vectors: data set: embeddings in the same order.
        train: data set whose images a pruned picture must outdo.
        checkpoints: where finished parts wait.
        out: parquet files, one a filter job.
    """
    near = {name: how.near for name, how in corpus.pruned.items() if how.near}
    tests = {}
    for name, sets in near.items():
        images = test_images(sets, tables, vectors)
        tests[name] = images, gaps(images, vectors[train])
    ids = {name: listed_ids(how.files) for name, how in corpus.pruned.items() if how.files}
    masks: Iterator = pruned(embeddings, tests) if tests else iter([{}] * len(scores))
    dropped = (
        duplicates(embeddings, corpus.deduplication, checkpoints)
        if corpus.deduplication
        else [None] * len(scores)
    )
    for path, drop, mask, target in zip(scores, dropped, masks, out, strict=True):
        own = pd.read_parquet(path, columns=["image_id"])["image_id"]
        table = pd.DataFrame({"duplicate": np.zeros(len(own), bool) if drop is None else drop})
        for name in corpus.pruned:
            found = mask[name] if name in mask else ids[name].has(own)
            table[f"pruned/{name}"] = found
        with whole_file(target) as temporary:
            table.to_parquet(temporary, index=False)


if "snakemake" in globals():
    from replidg import devices
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    torch.set_num_threads(snakemake.threads)
    given, params = snakemake.input, snakemake.params
    names = params.datasets
    compare_corpus(
        corpus=WebCorpus.model_validate(params.corpus),
        scores=[Path(path) for path in given.scores],
        embeddings=[Path(path) for path in given.embeddings],
        tables=dict(zip(names, map(Path, given.tables), strict=True)),
        vectors=dict(zip(names, map(Path, given.vectors), strict=True)),
        train=params.train,
        checkpoints=Path(params.checkpoints),
        out=[Path(path) for path in snakemake.output.marks],
    )
