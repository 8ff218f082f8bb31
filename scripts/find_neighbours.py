"""Write the nearest neighbours of every target image in the pretraining corpus."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from replidg.config.similarity import FaissCorpus, Perceptual, Search
from replidg.data.corpus import Corpus, OwnImages
from replidg.data.corpus_files import open_corpus
from replidg.data.embeddings import read, write
from replidg.data.faiss_index import FaissIndex
from replidg.files import stable_hash, whole_file
from replidg.metrics import neighbours, rescore
from replidg.metrics.mmd import sample


def chosen(rows: pd.DataFrame, domains: list[str], most: int | None) -> np.ndarray:
    """Return ascending positions of the target images that are searched for."""
    parts = []
    for domain in domains:
        places = np.flatnonzero(rows["domain"] == domain)
        parts.append(places[sample(rows["image_id"].iloc[places].tolist(), most)])
    return np.sort(np.concatenate(parts))


def exact(
    queries: np.ndarray, paths: list[str], corpus: Corpus, how: Perceptual, budget: Search,
    checkpoints: Path,
) -> neighbours.Neighbours:  # fmt: skip
    """Search every row of the corpus; what is known so far survives a killed job."""
    own = paths if how.exclude_same_image else None
    compare = neighbours.on_torch("cuda") if budget.gpu else None
    search = neighbours.Search(queries, how.neighbours, own, budget.query_rows, compare)
    digest = hashlib.sha256(queries.tobytes()).hexdigest()
    kept = (
        checkpoints / "neighbours" / f"{stable_hash([digest, own, how.neighbours, corpus.key])}.npz"
    )
    blocks = lambda start: corpus.blocks(start, budget.block_rows, own is not None)  # noqa: E731
    found = neighbours.go_through(search, blocks, corpus.rows, kept, budget.checkpoint_every_s)
    kept.unlink(missing_ok=True)
    return found


def approximate(
    queries: np.ndarray, corpus: Corpus | None, source: FaissCorpus, k: int, size: int
) -> neighbours.Neighbours:
    """Ask the index; its hits are scored again where the embeddings are at hand."""
    index = FaissIndex(Path(source.index), source.nprobe)
    unit = neighbours.unit(queries, "image")
    similarity, row = index.search(unit, max(source.candidates, k), size)
    if corpus is None:
        return rescore.best(similarity, row, k)
    if corpus.rows != index.rows:
        raise ValueError(f"the index has {index.rows} rows, its embeddings {corpus.rows}")
    return rescore.rescore(queries, row, k, corpus.vectors, size)


def tabulate(
    rows: pd.DataFrame, found: neighbours.Neighbours, corpus: Corpus | None
) -> pd.DataFrame:
    """Return one row an image and rank."""
    query, rank = np.nonzero(found.row >= 0)
    hit = found.row[query, rank]
    if corpus is None:
        named = pd.DataFrame({"id": hit.astype(str), "path": "", "url": ""}, dtype="str")
    else:
        named = corpus.describe(hit)
    table = rows[["image_id", "domain"]].iloc[query].reset_index(drop=True)
    return table.assign(
        rank=rank + 1,
        similarity=found.similarity[query, rank].astype(np.float32),
        neighbour_id=named["id"],
        neighbour_path=named["path"],
        neighbour_url=named["url"],
    )


if "snakemake" in globals():
    from pydantic import TypeAdapter

    from replidg import devices
    from replidg.config.similarity import Corpus as Source
    from replidg.log import setup

    setup(snakemake.log[0])
    devices.take(snakemake.resources.get("gpu", 0))
    source = TypeAdapter(Source).validate_python(snakemake.params.corpus)
    how = Perceptual.model_validate(snakemake.params.perceptual)
    budget = Search.model_validate(snakemake.config["alignment"]["search"])
    whole = pd.read_parquet(snakemake.input.index)
    places = chosen(whole, snakemake.params.domains, how.max_images_per_domain)
    queries = read(Path(snakemake.input.images), whole["image_id"].tolist(), places)
    targets = whole.iloc[places].reset_index(drop=True)
    if source.source == "pretraining":
        corpus = OwnImages(
            Path(snakemake.input.corpus_images), pd.read_parquet(snakemake.input.corpus_index)
        )
    else:
        corpus = open_corpus(Path(source.path), source.column) if source.path else None
    if isinstance(source, FaissCorpus):
        found = approximate(queries, corpus, source, how.neighbours, budget.query_rows)
    else:
        checkpoints = Path(snakemake.params.checkpoints)
        found = exact(queries, targets["path"].tolist(), corpus, how, budget, checkpoints)
    with whole_file(snakemake.output.neighbours) as temporary:
        tabulate(targets, found, corpus).to_parquet(temporary, index=False)
    first = np.flatnonzero(found.row[:, 0] >= 0) if corpus is not None else np.arange(0)
    vectors = corpus.vectors(found.row[first, 0]) if len(first) else queries[:0]
    ids = targets["image_id"].iloc[first].tolist()
    write(Path(snakemake.output.vectors), vectors, ids, {"corpus": snakemake.params.corpus})
