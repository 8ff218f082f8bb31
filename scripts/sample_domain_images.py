"""Draw the pictures whose domains are to be labelled, and write pages for a person to do so."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.config.forgotten import DomainLabels
from replidg.config.forgotten_sets import WEB, split_name
from replidg.data.domain_sample import drawn_positions, extract, of_sets
from replidg.data.domain_shards import read_shards
from replidg.files import whole_file
from replidg.reporting.annotation import Question, render_sheet

QUESTION = Question(
    "Natural, rendition or ambiguous?",
    "Judge by texture: photographs, good renders and real objects with writing or a logo on them "
    "are natural; sketches, paintings, graphics and pictures whose texture is lost are renditions; "
    "a drawing in front of a photograph, little texture, or mostly text is ambiguous.",
    {"n": "natural", "r": "rendition", "a": "ambiguous"},
    ("test_set", "screen"),
)
SCREEN = 25  # pictures that the paper's annotator saw at a time


def sample_domain_images(
    shards: Path, indexes: Mapping[str, Path], sets: list[str], labels: DomainLabels,
    images: Path, pages: Path, sample: Path, sheet: Path,
) -> None:  # fmt: skip
    """Write the drawn web pictures, the list of all that were drawn, and the pages.

    Args:
        shards: list of the corpus' shards.
        indexes: data set: index.
        sets: test sets.
        labels: sizes and seed of the samples.
        images: folder of the web pictures.
        pages: folder of the html pages.
        sample: parquet of all drawn pictures.
        sheet: csv with empty verdicts.
    """
    corpus = read_shards(shards)
    wanted = drawn_positions(corpus, labels.web_images, labels.web_shards, labels.seed)
    frames = {name: pd.read_parquet(path) for name, path in indexes.items()}
    named = {name: split_name(name) for name in sets}
    parts = [extract(corpus, wanted, images)]
    parts += of_sets(frames, named, labels.set_images, labels.seed)
    rows = pd.concat(parts, ignore_index=True)
    with whole_file(sample) as temporary:
        rows.to_parquet(temporary, index=False)
    screens = "screen " + (rows.index // SCREEN + 1).astype(str)
    asked = rows[["test_set", "image_id"]].assign(screen=screens, verdict="")
    asked.insert(0, "dataset", asked["test_set"])
    with whole_file(sheet) as temporary:
        asked.to_csv(temporary, index=False, lineterminator="\n")
    for number, start in enumerate(range(0, len(rows), labels.page_images)):
        part = slice(start, start + labels.page_images)
        files = [Path(path) for path in rows["path"].iloc[part]]
        text = render_sheet(asked.iloc[part], files, labels.thumbnail, QUESTION)
        with whole_file(pages / f"page_{number:03d}.html") as temporary:
            temporary.write_text(text, encoding="utf-8")


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    given, made = snakemake.input, snakemake.output
    sample_domain_images(
        shards=Path(given.shards),
        indexes=dict(zip(snakemake.params.datasets, map(Path, given.indexes), strict=True)),
        sets=[name for name in snakemake.params.sets if name != WEB],
        labels=DomainLabels.model_validate(snakemake.params.labels),
        images=Path(made.images),
        pages=Path(made.pages),
        sample=Path(made.sample),
        sheet=Path(made.sheet),
    )
