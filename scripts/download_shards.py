"""Download a part of the web pictures of arXiv 2410.08258 with img2dataset."""

import json
from pathlib import Path

from replidg.config.forgotten import WebCorpus
from replidg.data import registry
from replidg.data.domain_sources import download, list_files
from replidg.files import write_json


def download_shards(
    corpus: WebCorpus, page: str, lists: Path, part: int, folder: Path, out: Path
) -> None:
    """Download every so manyth list, and say so when all of it is there.

    Args:
        corpus: number of parts, and how the program is called.
        page: of the registry; it knows the lists' columns.
        lists: folder of the lists.
        part: number of this part.
        folder: where the shards go.
        out: json file that names the lists.
    """
    chosen = list(list_files(lists, part, corpus.download_jobs))
    columns = registry.load(page).reader.columns
    download(chosen, folder, columns, corpus.images_per_shard, corpus.img2dataset)
    write_json(out, {"lists": [str(path) for path in chosen]})


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    verified = Path(snakemake.input.verified)
    json.loads(verified.read_text())  # whole, or the lists are not
    download_shards(
        corpus=WebCorpus.model_validate(snakemake.params.corpus),
        page=snakemake.params.page,
        lists=verified.parent,
        part=int(snakemake.wildcards.part),
        folder=Path(snakemake.output.done).parents[1],
        out=Path(snakemake.output.done),
    )
