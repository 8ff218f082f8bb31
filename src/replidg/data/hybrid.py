"""The HDG benchmark on an index: who has which classes, and which images train, select and test.

Known classes are numbered 0 .. C-1 in the order of the column `hdg_label`; unknown ones, which only
the target has, are -1 (arXiv 2404.09011; class lists in `labels/hdg_classes.csv`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from replidg.config.label_sets import hybridness
from replidg.config.scipd import HybridData, LabelSets
from replidg.data.errors import DatasetError
from replidg.seeds import seed_of

UNKNOWN = -1


@dataclass(frozen=True)
class HybridShares:
    """Rows of the index by their part in a run; `label` is the class among the known ones, or -1.

    Attributes:
        train: one frame a source domain.
        validation: one frame a source domain.
        target: known and unknown images of the target domain.
    """

    train: list[pd.DataFrame]
    validation: list[pd.DataFrame]
    target: pd.DataFrame


def known_classes(index: pd.DataFrame) -> pd.DataFrame:
    """Return the known classes in label order: `label` (of the index) and `class_name`.

    Raises:
        DatasetError: the index has no known class.
    """
    if "hdg_role" not in index:
        raise DatasetError("the index has no hdg_role: the registry's page is not of the benchmark")
    facts = index[index["hdg_role"] == "known"][["hdg_label", "label", "class_name"]]
    facts = facts.drop_duplicates().sort_values("hdg_label", ignore_index=True)
    if facts.empty or facts["hdg_label"].duplicated().any():
        raise DatasetError("the index has no known class, or two of the same hdg_label")
    return facts[["label", "class_name"]]


def renumbered(index: pd.DataFrame) -> pd.DataFrame:
    """Return the images of the benchmark's classes, `label` as the benchmark numbers it."""
    known = known_classes(index)
    numbers = dict(zip(known["label"], range(len(known)), strict=True))
    rows = index[index["hdg_role"].isin(["known", "unknown"])]
    is_known = rows["hdg_role"] == "known"
    label = rows["label"].map(numbers).where(is_known, UNKNOWN).astype("int64")
    return rows.assign(label=label)


def share_out(
    index: pd.DataFrame,
    domains: Sequence[str],
    target: str,
    labels: LabelSets,
    data: HybridData,
    seed: int,
    share: float = 1.0,
) -> HybridShares:
    """Divide an index for one target domain and one choice of label sets.

    Sources keep the order of `domains`. A class gives the first `train` of its images, in the order
    of their names and rounded down, to training and the next ones to validation (the lists of
    OfficeHome and DomainNet); official lists take the place of the shares where they are given.

    Args:
        index: of the data set.
        domains: its domains.
        target: one of them.
        labels: classes of each source.
        data: shares or lists, and what of the target is tested on.
        seed: of the choice of images where `share` is below 1.
        share: of each source's training images, drawn by (seed, domain).

    Raises:
        DatasetError: label sets do not fit the sources or the classes, or a source is empty.
    """
    sources = [domain for domain in domains if domain != target]
    rows, known = renumbered(index), len(known_classes(index))
    _check(labels, sources, known)
    parts = _parts(rows, data)
    train, validation = [], []
    for domain, classes in zip(sources, labels.ids, strict=True):
        own = (rows["domain"] == domain) & rows["label"].isin(classes)
        kept, held = rows[own & (parts == "train")], rows[own & (parts == "val")]
        if not len(kept) or not len(held):
            raise DatasetError(f"source {domain!r} has no training or no validation image")
        train.append(_less(kept, share, seed, domain))
        validation.append(held)
    tested = rows["domain"] == target
    if data.target_images == "rest":
        tested &= ~parts.isin(["train", "val"])
    return HybridShares(train, validation, rows[tested])


def _check(labels: LabelSets, sources: list[str], known: int) -> None:
    if len(labels.sets) != len(sources):
        raise DatasetError(f"{len(labels.sets)} label sets for {len(sources)} sources {sources}")
    union = frozenset().union(*labels.ids)
    if union != frozenset(range(known)):
        raise DatasetError(
            f"the label sets have {len(union)} classes, the data set {known} known ones, 0 to "
            f"{known - 1}: every known class must be in a source"
        )
    if hybridness(labels.ids) != labels.h:
        raise DatasetError("the label sets do not have the hybridness that they are named by")


def _parts(rows: pd.DataFrame, data: HybridData) -> pd.Series:
    """Return train, val or rest for each image."""
    if data.lists is not None:
        return _listed(rows, data.lists)
    ordered = rows.sort_values("image_id")
    groups = ordered.groupby(["domain", "class_name"])
    place, size = groups.cumcount(), groups["image_id"].transform("size")
    # 0.9 of 50 is 45 also where the product is 45.000…1 or 44.999…9.
    first = np.floor(size * data.train + 1e-9)
    second = np.floor(size * (data.train + data.validation) + 1e-9)
    part = np.select([place < first, place < second], ["train", "val"], default="rest")
    return pd.Series(part, index=ordered.index).reindex(rows.index)


def _listed(rows: pd.DataFrame, template: str) -> pd.Series:
    found = pd.Series("rest", index=rows.index)
    for domain in rows["domain"].unique():
        own = rows["domain"] == domain
        # Lists name folders as they please: the last two parts of a path are class and file.
        tails = rows.loc[own, "image_id"].map(_tail)
        for part in ("train", "val"):
            path = Path(template.format(domain=domain, part=part))
            if not path.is_file():
                raise DatasetError(f"scipd.datasets.<name>.lists: there is no {path}")
            listed = {_tail(line.rsplit(" ", 1)[0]) for line in path.read_text().splitlines()}
            lacking = listed - set(tails) - {""}
            if lacking:
                raise DatasetError(f"{path} lists {len(lacking)} images that are not here, e.g. "
                                   f"{sorted(lacking)[0]}")  # fmt: skip
            found[tails.index[tails.isin(listed)]] = part
    return found


def _tail(path: str) -> str:
    return "/".join(path.split("/")[-2:])


def _less(rows: pd.DataFrame, share: float, seed: int, domain: str) -> pd.DataFrame:
    if share >= 1.0:
        return rows
    order = np.random.default_rng(seed_of(seed, "scarcity", domain)).permutation(len(rows))
    return rows.iloc[np.sort(order[: max(1, round(len(rows) * share))])]


def counted(shares: HybridShares) -> pd.DataFrame:
    """Return the images of a run: `role`, `domain`, `part`, `n_images`, `n_known`, `n_unknown`."""
    parts = [("source", "train", frame) for frame in shares.train]
    parts += [("source", "val", frame) for frame in shares.validation]
    parts.append(("target", "test", shares.target))
    return pd.DataFrame(
        {
            "role": role,
            "domain": frame["domain"].iloc[0],
            "part": part,
            "n_images": len(frame),
            "n_known": int((frame["label"] != UNKNOWN).sum()),
            "n_unknown": int((frame["label"] == UNKNOWN).sum()),
        }
        for role, part, frame in parts
        if len(frame)
    )


def expected_counts(page: str) -> pd.DataFrame:
    """Return the counts of the benchmark's official lists, of one data set; without rows if none.

    Columns: `split`, `target`, and those of `counted`. Facts from the lists in the authors'
    repository; two training lists of DomainNet were not available and have no count.
    """
    place = resources.files("replidg.data") / "labels" / "hdg_counts.csv"
    table = pd.read_csv(str(place))
    return table[table["dataset"] == page.removesuffix("_cleaned")].drop(columns="dataset")
