"""Checks of the corpora and models that images are compared with."""

from __future__ import annotations

from pathlib import Path

from replidg.config.inputs import EmbeddedDataset, TrainedModel
from replidg.config.names import nearest
from replidg.config.schema import Config
from replidg.config.similarity import (
    FaissCorpus,
    Owlv2Size,
    PretrainingCorpus,
    TableSize,
)


def perceptual_model(config: Config) -> str:
    """Return the model of PerceptualSimilarityScore."""
    return config.alignment.perceptual.model or config.alignment.model


def perceptual_preprocessing(config: Config) -> str:
    """Return the preprocessing of PerceptualSimilarityScore."""
    paper = config.alignment
    return paper.perceptual.preprocessing or paper.scores[paper.score].preprocessing


def corpus_dataset(config: Config) -> str | None:
    """Return the data set that holds the pretraining corpus, or None if it is no data set."""
    corpus, model = config.alignment.corpus, config.models.get(perceptual_model(config))
    if not isinstance(corpus, PretrainingCorpus):
        return None
    if corpus.dataset is None and isinstance(model, TrainedModel):
        return model.training.dataset
    return corpus.dataset


def missing_corpus(config: Config) -> str | None:
    """Return what the user has to do before neighbours can be searched, or None.

    It is no error of the configuration: everything else can be made without a corpus.
    """
    corpus = config.alignment.corpus
    if isinstance(corpus, PretrainingCorpus):
        if corpus_dataset(config) is not None:
            return None
        return (
            "Neighbours are searched in the pretraining corpus, and that of "
            f"{perceptual_model(config)} is not known: set alignment.corpus to {{source: "
            "embeddings, path: <folder>}, or to {source: faiss, index: <file>}."
        )
    if isinstance(corpus, FaissCorpus):
        wanted = {"index": corpus.index, "path": corpus.path}
    else:
        wanted = {"path": corpus.path}
        if corpus.path is None:
            return (
                "Neighbours are searched in embeddings of the pretraining corpus that you have: "
                "set alignment.corpus.path to their folder (docs/alignment.md, Similarity), or "
                "ask for artefacts that need none."
            )
    for key, place in wanted.items():
        if place is not None and not Path(place).exists():
            return f"alignment.corpus.{key}: there is no {place}."
    return None


def problems(config: Config) -> list[str]:
    """Return what is wrong with what images are compared with, one line each."""
    paper = config.alignment
    found, where = [], "alignment.perceptual"
    named = [
        (f"{where}.model", paper.perceptual.model, config.models),
        (
            "alignment.perceptual.preprocessing",
            paper.perceptual.preprocessing,
            config.preprocessing,
        ),
    ]
    corpus = paper.corpus
    if isinstance(corpus, PretrainingCorpus):
        named.append(("alignment.corpus.dataset", corpus.dataset, config.datasets))
        dataset = config.datasets.get(corpus_dataset(config) or "")
        if isinstance(dataset, EmbeddedDataset) and dataset.pretraining is None:
            found.append(
                f"alignment.corpus: datasets.{corpus_dataset(config)} has no `pretraining`, so no "
                "image of it is in a corpus"
            )
    for key, name, known in named:
        if name is not None and name not in known:
            found.append(f"{key}: {name!r} is not defined; {nearest(name, known)}")
    if isinstance(corpus, FaissCorpus):
        if paper.perceptual.exclude_same_image:
            found.append(
                "alignment.perceptual.exclude_same_image needs an exact search; a faiss index "
                "does not know files: set it to false"
            )
        if corpus.candidates < paper.perceptual.neighbours:
            found.append("alignment.corpus.candidates must not be less than perceptual.neighbours")
    if isinstance(paper.object_size, Owlv2Size) and paper.object_size.query.count("{}") != 1:
        found.append("alignment.object_size.query needs exactly one {} for the class")
    if isinstance(paper.object_size, TableSize):
        several = len(paper.datasets) > 1 and "{dataset}" not in paper.object_size.path
        if several:
            found.append("alignment.object_size.path needs {dataset}: there are several data sets")
    return found
