"""Wrong corpora and sizes give one error that says what to do; a missing corpus gives none yet."""

import pytest
from test_config import changed, problem

from replidg.config import load
from replidg.config.similarity_check import (
    corpus_dataset,
    missing_corpus,
    perceptual_model,
    perceptual_preprocessing,
)

LAION = {"source": "embeddings", "path": None}


def test_the_demo_searches_its_own_pretraining_images():
    config = load(changed("alignment/perceptual", {}))
    assert perceptual_model(config) == "tiny_clip" and perceptual_preprocessing(config) == "clip"
    assert corpus_dataset(config) == "pictograms" and missing_corpus(config) is None
    assert config.alignment.perceptual.neighbours == 4
    assert config.alignment.calibration_scale == 1.0


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("alignment/perceptual", {"model": "tiny_clop"}, "perceptual.model: 'tiny_clop' is not"),
        ("alignment/perceptual", {"preprocessing": "clap"}, "did you mean 'clip'"),
        (
            "alignment/corpus",
            {"source": "pretraining", "dataset": "pictogram"},
            "alignment.corpus.dataset: 'pictogram' is not defined; did you mean 'pictograms'",
        ),
        ("alignment/corpus", {"source": "embedding"}, "embeddings"),
        ("alignment/corpus", LAION | {"pth": "x"}, "did you mean 'path'"),
        ("alignment/corpus", {"source": "faiss", "index": "x"}, "needs an exact search"),
        ("alignment/object_size", {"source": "owlv2", "query": "a cat"}, "exactly one {}"),
        ("alignment/object_size", {"source": "csv"}, "missing key"),
        ("datasets/pictograms/pretraining", None, "no image of it is in a corpus"),
    ],
)
def test_what_does_not_fit(path, value, words):
    assert words in problem(changed(path, value))


def test_candidates_are_no_fewer_than_neighbours():
    content = changed("alignment/corpus", {"source": "faiss", "index": "x", "candidates": 3})
    content["alignment"]["perceptual"] = {"neighbours": 4}
    assert "candidates" in problem(content)


def test_sizes_of_several_data_sets():
    content = changed("alignment/object_size", {"source": "csv", "path": "sizes.csv"})
    content["alignment"]["datasets"] = ["PACS"]
    load(content)
    content["alignment"]["datasets"] = ["pictograms", "PACS"]
    assert "needs {dataset}" in problem(content)


def test_a_corpus_that_is_not_here(tmp_path):
    def told(corpus):
        content = changed("alignment/corpus", corpus)
        content["alignment"]["perceptual"] = {}
        return missing_corpus(load(content))

    assert "set alignment.corpus.path" in told(LAION)
    assert told(LAION | {"path": str(tmp_path)}) is None
    assert "there is no /nowhere" in told(LAION | {"path": "/nowhere"})
    index = tmp_path / "image.index"
    assert "alignment.corpus.index" in told({"source": "faiss", "index": str(index)})
    index.write_bytes(b"x")
    assert told({"source": "faiss", "index": str(index)}) is None
    assert "alignment.corpus.path" in told({"source": "faiss", "index": str(index), "path": "/no"})


def test_nobody_knows_the_corpus_of_a_downloaded_model():
    content = changed("models/other", {"source": "open_clip", "name": "ViT-B-32"})
    content["alignment"]["perceptual"] = {"model": "other"}
    config = load(content)
    assert corpus_dataset(config) is None and "that of other is not known" in missing_corpus(config)
    content["alignment"]["corpus"] = {"source": "pretraining", "dataset": "pictograms"}
    assert missing_corpus(load(content)) is None
