"""Set the thresholds of the domain classifiers on validation and choose those that filter."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from replidg.config.forgotten import Domains
from replidg.files import write_json
from replidg.metrics.domain_thresholds import chosen, thresholds


def choose_domain_classifiers(
    predictions: Mapping[str, Path], domains: Domains, files: Mapping[str, Path], out: Path
) -> None:
    """Write the thresholds of each classifier, and the choice.

    Args:
        predictions: classifier: its predictions of the labelled pictures.
        domains: precisions, candidates, and names that are taken instead.
        files: classifier: json file of its thresholds.
        out: json file of the choice.
    """
    found = {
        name: thresholds(pd.read_parquet(path), domains.precision, domains.relaxed_precision)
        for name, path in predictions.items()
    }
    for name, path in files.items():
        write_json(path, found[name])
    wanted = {"natural": domains.natural, "rendition": domains.rendition}
    write_json(out, chosen(found, domains.candidates, wanted, domains.precision))


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    names = snakemake.params.names
    choose_domain_classifiers(
        predictions=dict(zip(names, map(Path, snakemake.input.predictions), strict=True)),
        domains=Domains.model_validate(snakemake.config["forgotten"]["domains"]),
        files=dict(zip(names, map(Path, snakemake.output.thresholds), strict=True)),
        out=Path(snakemake.output.chosen),
    )
