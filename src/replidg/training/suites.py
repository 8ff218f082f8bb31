"""Data sets that models are tested on, their classes, and what is clean of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor
from torch.utils.data import Dataset

from replidg.data.images import ImageError, InputSpec, decode, resizer
from replidg.files import stable_hash


@dataclass(frozen=True)
class Suite:
    """A data set and how its images are scored.

    Attributes:
        dataset: its name.
        rows: its index in order: `path`, `domain`, `accepted` (labels that count as right, joined
            by ";") and, in pixels, `border_px`.
        class_names: in label order.
        classes: test set (data set, domain): version: labels among which a class is chosen.
        kept: which images are in the clean sets.
    """

    dataset: str
    rows: pd.DataFrame
    class_names: Sequence[str]
    classes: Mapping[tuple[str, str], Mapping[str, Sequence[int]]]
    kept: np.ndarray

    def key(self) -> str:
        """Return a hash of all of it."""
        rows = pd.util.hash_pandas_object(self.rows.astype(str)).to_numpy()
        classes = sorted((*place, versions) for place, versions in self.classes.items())
        content = [self.dataset, list(self.class_names), classes]
        arrays = [hashlib.sha256(a.tobytes()).hexdigest() for a in (rows, self.kept)]
        return stable_hash([content, arrays])


def suite_of(
    dataset: str,
    sets: Mapping[str, tuple[str, str]],
    index: Path | str,
    clean: Path | str | None,
    classes: Path | str | None,
) -> Suite:
    """Read a data set's index, class names, and what is clean of it.

    Args:
        dataset: its name.
        sets: test set: its data set and domain.
        index: one row an image; `classes.json` lies beside it.
        clean: `kept` of each image; None if nothing is known to be clean.
        classes: classes of each test set, standard and clean; None for those it has images of.
    """
    rows = pd.read_parquet(index)
    kept = rows.assign(kept=False) if clean is None else pd.read_parquet(clean)
    if kept["image_id"].tolist() != rows["image_id"].tolist():
        raise ValueError(f"{clean}: rows do not match the index; delete it and run again")
    own = {name: tuple(place) for name, place in sets.items() if place[0] == dataset}
    domains = {domain for _, domain in own.values()}
    chosen = rows["domain"].isin(domains) if "all" not in domains else rows["domain"].notna()
    known = json.loads(Path(classes).read_text()) if classes else _classes(rows, own)
    return Suite(
        dataset=dataset,
        rows=rows[chosen].reset_index(drop=True),
        class_names=json.loads(Path(index).with_name("classes.json").read_text()),
        classes={place: known[name] for name, place in own.items()},
        kept=kept.loc[chosen, "kept"].to_numpy(bool),
    )


def _classes(
    rows: pd.DataFrame, sets: Mapping[str, tuple[str, str]]
) -> dict[str, dict[str, list[int]]]:
    """Return the classes that each test set has images of, and none that are clean."""
    found = {}
    for name, (_, domain) in sets.items():
        here = rows if domain == "all" else rows[rows["domain"] == domain]
        found[name] = {"standard": sorted(set(here["label"].tolist())), "clean": []}
    return found


def only(suite: Suite, groups: Sequence[Sequence[int]]) -> Suite:
    """Return a suite without the classes that no class of a model stands for."""
    known = {label for label, own in enumerate(groups) if own}
    chosen = suite.rows["label"].isin(known).to_numpy()
    classes = {
        place: {
            version: [label for label in own if label in known] for version, own in each.items()
        }
        for place, each in suite.classes.items()
    }
    rows = suite.rows[chosen].reset_index(drop=True)
    return replace(suite, rows=rows, kept=suite.kept[chosen], classes=classes)


class TestImages(Dataset):
    """Images of a suite as uint8 tensors (3, S, S), ObjectNet's border cut off."""

    __test__ = False

    def __init__(self, rows: pd.DataFrame, spec: InputSpec) -> None:
        self.paths = rows["path"].tolist()
        self.borders = rows["border_px"].tolist() if "border_px" in rows else [0] * len(rows)
        self.resize = resizer(spec)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def __getitem__(self, place: int) -> Tensor:
        """Return one image."""
        image, border = decode(self.paths[place]), self.borders[place]
        if 2 * border >= min(image.size):
            raise ImageError(f"{self.paths[place]}: {image.size} pixels, but a border of {border}")
        width, height = image.size
        return self.resize(image.crop((border, border, width - border, height - border)))
