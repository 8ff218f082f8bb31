"""Typed configuration of what the alignment paper compares images with, and of object sizes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from replidg.typed import Strict


class PretrainingCorpus(Strict):
    """The images that a CLIP of this run was trained on."""

    source: Literal["pretraining"] = Field(description="the corpus of a CLIP trained in this run")
    dataset: str | None = Field(
        None, description="data set whose `pretraining` images are searched; that of the model "
        "if absent"
    )  # fmt: skip


class EmbeddingsCorpus(Strict):
    """Image embeddings that you have; searched exactly, shard by shard."""

    source: Literal["embeddings"] = Field(description="a folder of embeddings; exact search")
    path: str | None = Field(
        None,
        description="img_emb/img_emb_*.npy with metadata/metadata_*.parquet (clip-retrieval, "
        "LAION), *.parquet with a column of embeddings, or one images.safetensors of this project",
    )
    column: str | None = Field(None, description="column of embeddings in parquet files")


class FaissCorpus(Strict):
    """A faiss index that you have; approximate search, as in the paper."""

    source: Literal["faiss"] = Field(description="a faiss index; needs the package faiss-cpu")
    index: str = Field(description="file of the index (inner product or squared L2)")
    path: str | None = Field(
        None,
        description="folder of the embeddings in the order of the index, with their metadata; "
        "hits are then scored again exactly",
    )
    column: str | None = Field(None, description="column of embeddings in parquet files")
    candidates: PositiveInt = Field(64, description="hits taken from the index an image")
    nprobe: PositiveInt | None = Field(None, description="lists that an IVF index visits")


Corpus = Annotated[
    PretrainingCorpus | EmbeddingsCorpus | FaissCorpus, Field(discriminator="source")
]


class Perceptual(Strict):
    """PerceptualSimilarityScore (equation 1): nearest neighbours in the pretraining corpus."""

    model: str | None = Field(
        None,
        description="model of the embeddings, a key of `models`; `alignment.model` if absent (the "
        "paper's code: OpenAI's ViT-B/32)",
    )
    preprocessing: str | None = Field(
        None, description="a key of `preprocessing`; that of `alignment.score` if absent"
    )
    neighbours: PositiveInt = Field(4, description="neighbours an image")
    max_images_per_domain: PositiveInt | None = Field(
        None,
        description="at most so many images of a target domain, chosen by a hash of their name "
        "(the paper's code: 150 of each random part of a domain)",
    )
    exclude_same_image: bool = Field(
        False, description="an image's own file in the corpus does not count; copies of it do"
    )


class Mmd(Strict):
    """Maximum mean discrepancy of sets of images (Fig 5)."""

    max_images: PositiveInt = Field(
        5000, description="at most so many images a set, chosen by a hash of their name"
    )
    bandwidth: PositiveFloat | None = Field(
        None,
        description="of the Gaussian kernel; the median distance between images of the data set "
        "if absent",
    )


class Search(Strict):
    """Budget of the searches; has no effect on the result."""

    block_rows: PositiveInt = Field(4096, description="rows of the corpus in memory at a time")
    query_rows: PositiveInt = Field(4096, description="images that are compared at a time")
    gpu: bool = Field(False, description="compare on a GPU")
    threads: PositiveInt = Field(1, description="CPU threads of a job")
    checkpoint_every_s: PositiveFloat = Field(300.0, description="seconds between checkpoints")


class AlphaSize(Strict):
    """Boxes around what is not transparent."""

    source: Literal["alpha"] = Field(
        description="the column object_share of the index: the box around what is opaque in an "
        "embedded picture"
    )


class Owlv2Size(Strict):
    """Boxes of an open-vocabulary detector (Minderer et al. 2023)."""

    source: Literal["owlv2"] = Field(description="OWLv2; needs the package transformers")
    model: str = Field(
        "google/owlv2-base-patch16-ensemble", description="Hugging Face name, or a folder"
    )
    query: str = Field("a photo of a {}", description="text of an image's class")
    min_score: float = Field(
        0.0, ge=0, le=1, description="boxes of a lower score do not count; 0: the best one always"
    )
    batch_size: PositiveInt = Field(8, description="images a forward pass; no effect on the result")


class TableSize(Strict):
    """Sizes that you have."""

    source: Literal["csv"] = Field(description="a file with the columns image_id and share")
    path: str = Field(description="with {dataset} for the name of the data set")


ObjectSize = Annotated[AlphaSize | Owlv2Size | TableSize, Field(discriminator="source")]
