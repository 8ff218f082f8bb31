"""Which of ImageNet's classes stand for a class of DomainNet (ImageNet-D, Rusak et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from replidg.data.errors import DatasetError


def read_groups(
    class_names: Sequence[str], wnids: Sequence[str], readable: Sequence[str], path: Path | None
) -> list[list[int]]:
    """Return, for each class of DomainNet, the net's classes that stand for it.

    Args:
        class_names: of DomainNet.
        wnids: of the net's classes.
        readable: their printed names.
        path: csv with `class_name` and `wnid`, or None: classes of equal names.

    Raises:
        DatasetError: the csv names a class that is none, or no class is left.
    """
    places: dict[str, list[int]] = {}
    if path is None:
        for place, name in enumerate(readable):
            places.setdefault(_plain(name), []).append(place)
        found = [places.get(_plain(name), []) for name in class_names]
    else:
        found = _listed(path, class_names, {wnid: place for place, wnid in enumerate(wnids)})
    if not any(found):
        raise DatasetError(
            "no class of DomainNet is one of ImageNet's by its name; name a csv (class_name, wnid) "
            "in forgotten.training.resnets.domain_net_classes"
        )
    return found


def _listed(path: Path, class_names: Sequence[str], places: dict[str, int]) -> list[list[int]]:
    table = pd.read_csv(path, dtype=str)
    if not {"class_name", "wnid"} <= set(table):
        raise DatasetError(f"{path} needs the columns class_name and wnid")
    strange = sorted(set(table["wnid"]) - set(places))
    unknown = sorted(set(table["class_name"]) - set(class_names))
    if strange or unknown:
        raise DatasetError(
            f"{path}: no class of DomainNet: {unknown[:5]}; of ImageNet: {strange[:5]}"
        )
    groups = table.groupby("class_name")["wnid"].apply(list)
    return [[places[wnid] for wnid in groups.get(name, [])] for name in class_names]


def _plain(name: str) -> str:
    return name.lower().replace("_", " ").replace("-", " ").strip()
