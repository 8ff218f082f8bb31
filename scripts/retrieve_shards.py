"""Bring the web pictures of arXiv 2410.08258 to disk as webdataset shards, or list yours."""

from pathlib import Path

from replidg.config.forgotten import WebCorpus
from replidg.data.domain_sources import draw_shards, list_shards


def retrieve_shards(corpus: WebCorpus, index: Path | None, folder: Path, out: Path) -> None:
    """Write the list of shards; draw them first where the corpus is a stand-in.

    Args:
        corpus: where they come from.
        index: the index of the list of addresses; None for a folder.
        folder: where shards lie that are made here.
        out: json file that lists them.
    """
    if corpus.source == "standin":
        draw_shards(index, folder, corpus.images_per_shard)
    list_shards(Path(corpus.folder) if corpus.folder else folder, out)


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    index = snakemake.input.get("index")
    retrieve_shards(
        corpus=WebCorpus.model_validate(snakemake.params.corpus),
        index=Path(index) if index else None,
        folder=Path(snakemake.params.folder),
        out=Path(snakemake.output.shards),
    )
