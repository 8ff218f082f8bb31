"""Which function makes which table of the `vltseg` paper, and its caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from replidg.metrics.vltseg_claims import vltseg_claims
from replidg.reporting import vltseg_long_tables as long
from replidg.reporting import vltseg_tables as made
from replidg.reporting.artefact_files import Records, claim_records
from replidg.reporting.vltseg_names import Options

MIOU = "mIoU (%) over 19 classes"
GAIN = (
    "; DG mean: over the targets; gain: of the DG mean on the row without one, with {level:.0%} "
    "interval from images resampled in pairs"
)
CAPTIONS: dict[str, str] = {
    "t1": f"{MIOU} of each pre-training by target, sources synthetic; DG mean: over the targets, "
    "with {level:.0%} interval over images",
    "t2": f"{MIOU} from GTA5, published rows above ours; mean: over so many targets",
    "t3": f"{MIOU} from real to real; rPD: mean of the other data sets in percent of the source's",
    "decoders": f"Decoders, {MIOU}{GAIN}",
    "language": f"With and without language guidance (PTM loss), {MIOU}{GAIN}",
    "lambda": f"Weight of the PTM loss, {MIOU}{GAIN}",
    "prompts": f"Texts of the classes, {MIOU}{GAIN}",
    "augmentation": f"Augmentation of the training images, {MIOU}{GAIN}",
    "multi_source": f"Training on several synthetic sources, {MIOU}{GAIN}",
    "freezing": f"Frozen blocks of the encoder, {MIOU}",
    "perturbations": f"Corrupted images, {MIOU}",
    "conditions": f"ACDC by condition, {MIOU}",
    "classes": "IoU (%) of each class; a dash: neither in the truth nor predicted",
    "training": "What was trained, its steps and parameters",
}


def make(name: str, metrics: pd.DataFrame, options: Options) -> Records:
    """Make one table.

    Args:
        name: as in `replidg.artefacts`.
        metrics: tidy metrics.
        options: what else it needs.

    Raises:
        ValueError: there is no such table, or the metrics lack what it shows.
    """
    arms, sources = options.networks(), options.origins()
    if name == "claims":
        return claim_records(vltseg_claims(metrics, arms))
    if name not in CAPTIONS:
        raise ValueError(f"vltseg has no table {name!r}; there are claims, {', '.join(CAPTIONS)}")
    makers = {
        "t1": made.pretrainings,
        "t2": made.from_gta,
        "t3": made.real_to_real,
        "multi_source": made.several_sources,
        "freezing": made.freezing,
        "conditions": long.conditions,
        "classes": long.classes,
        "training": long.training,
    }
    if name == "perturbations":
        table = long.perturbations(metrics, arms)
    elif name in makers:
        table = makers[name](metrics, arms, sources)
    else:
        table = made.study(metrics, arms, sources, name)
    seeds = "one seed" if options.seeds == 1 else f"mean over {options.seeds} seeds"
    caption = CAPTIONS[name].format(level=options.level)
    if name == "prompts":
        table.insert(2, "templates", [_texts(key, options.texts) for key in table["prompts"]])
    return Records(table, f"{caption}; {seeds}.")


def _texts(name: str, texts: Mapping[str, Sequence[str]]) -> str:
    """The first template of a set, and how many others it has."""
    found = list(texts.get(name, []))
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{found[0]}{more}" if found else ""
