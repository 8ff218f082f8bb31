"""Turn confusions into every number of the VLTSeg paper."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from replidg.files import whole_file
from replidg.metrics.segmentation import Areas, read_areas
from replidg.metrics.vltseg import Arm, Source, Tested, paper_rows, score_runs
from replidg.metrics.vltseg_gains import draw_scores, gain_rows, interval_rows, pairs
from replidg.metrics.vltseg_studies import perturbation_rows, training_rows

Key = tuple[str, str, int, str]


def evaluate_vltseg(
    confusions: Mapping[Key, Path],
    perturbed: Mapping[Key, Path],
    trained: Mapping[tuple[str, str, int], Path],
    arms: Mapping[str, Mapping[str, Any]],
    sources: Mapping[str, Mapping[str, Any]],
    bootstrap: Mapping[str, float],
    out: Path,
) -> None:
    """Write the tidy metrics.

    Args:
        confusions: (source, arm, seed, data set) -> file.
        perturbed: the same, of corrupted images.
        trained: (source, arm, seed) -> `metrics.json` of the training.
        arms: fields of `Arm` by name.
        sources: fields of `Source` by name.
        bootstrap: `resamples`, `level`, `seed`.
        out: parquet file.
    """
    networks = {name: Arm(**fields) for name, fields in arms.items()}
    origins = {name: Source(**fields) for name, fields in sources.items()}
    tested = [Tested(*key, read_areas(_read(path), str(path))) for key, path in confusions.items()]
    clean = {each[:4]: each.areas for each in tested}
    runs = score_runs(tested)
    scores = draw_scores(tested, origins, int(bootstrap["resamples"]), int(bootstrap["seed"]))
    corrupted = ((*key, _corrupted(path), clean[key]) for key, path in perturbed.items())
    tables = [
        runs,
        paper_rows(runs, networks, origins),
        interval_rows(scores, bootstrap["level"]),
        gain_rows(scores, pairs(networks, origins, scores), origins, bootstrap["level"]),
        perturbation_rows(corrupted, networks),
        training_rows((*key, json.loads(path.read_text())) for key, path in trained.items()),
    ]
    with whole_file(out) as temporary:
        whole = pd.concat([table for table in tables if len(table)], ignore_index=True)
        whole.to_parquet(temporary, index=False)


def _read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path)


def _corrupted(path: Path) -> dict[tuple[str, int], Areas]:
    """Areas by corruption and severity; images as they are (severity 0) come from elsewhere."""
    table = _read(path)
    table = table[table["severity"] > 0]
    return {
        (kind, int(severity)): read_areas(part, f"{path}, {kind} {severity}")
        for (kind, severity), part in table.groupby(["perturbation", "severity"])
    }


def _paths(keys: Iterable[Sequence[Any]], files: Iterable[str]) -> dict[tuple[Any, ...], Path]:
    return dict(zip(map(tuple, keys), map(Path, files), strict=True))


if "snakemake" in globals():
    from replidg.log import setup

    setup(snakemake.log[0])
    params = snakemake.params
    evaluate_vltseg(
        confusions=_paths(params.tests, snakemake.input.confusions),
        perturbed=_paths(params.perturbed, snakemake.input.perturbed),
        trained=_paths(params.runs, snakemake.input.trained),
        arms=params.arms,
        sources=params.sources,
        bootstrap=params.bootstrap,
        out=Path(snakemake.output.metrics),
    )
