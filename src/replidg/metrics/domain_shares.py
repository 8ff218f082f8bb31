"""Tidy rows of Tables 7 to 11 of arXiv 2410.08258: compositions, pruned corpora, clean sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from replidg.config.forgotten_sets import DOMAINS, TEST_SETS, WEB, split_name
from replidg.metrics.domain_assign import LEVELS
from replidg.metrics.domain_metrics import PAPER
from replidg.metrics.tidy import tidy

PRUNED = "pruned/"


class Composition:
    """Numbers of pictures by level, domain and corpus, counted piece by piece.

    Attributes:
        counts: (corpus, level, domain) -> pictures; the corpora are `all` and the pruned ones.
        pruned: (corpus, level) -> renditions that were pruned.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.pruned: Counter[tuple[str, str]] = Counter()

    def add(self, table: pd.DataFrame) -> None:
        """Count the pictures of a table that are kept (all, if it does not say)."""
        rows = table[table["kept"]] if "kept" in table else table
        names = [column for column in table if column.startswith(PRUNED)]
        for level in LEVELS:
            domain = rows[f"domain_{level}"].astype(str)
            self._count("all", level, domain)
            for name in names:
                gone = rows[name].to_numpy(bool)
                self._count(name.removeprefix(PRUNED), level, domain[~gone])
                lost = int((domain[gone] == "rendition").sum())
                self.pruned[name.removeprefix(PRUNED), level] += lost

    def _count(self, corpus: str, level: str, domain: pd.Series) -> None:
        for name, number in domain.value_counts().items():
            self.counts[corpus, level, str(name)] += int(number)

    def total(self, corpus: str = "all") -> int:
        """Return the number of pictures of a corpus."""
        return sum(self.counts[corpus, "default", domain] for domain in DOMAINS)


def _shares(found: Composition, level: str, corpus: str = "all") -> list[dict[str, Any]]:
    """Return the share of each domain in percent; nothing of no picture."""
    total = found.total(corpus)
    return [
        {"setting": domain, "metric": "share_percent", "n": total,
         "value": 100 * found.counts[corpus, level, domain] / total}
        for domain in DOMAINS if total
    ]  # fmt: skip


def _size(total: int) -> dict[str, Any]:
    return {"setting": "total", "metric": "images", "value": total, "n": total}


def composition_rows(
    web: Composition, sets: Mapping[tuple[str, str], Composition], strict: str
) -> pd.DataFrame:
    """Return Tables 7, 8 and 9.

    Args:
        web: the web pictures.
        sets: data set and domain: its images; ImageNet's training images among them.
        strict: what the strict level is called, e.g. `98`.
    """
    names = {"default": "default", "strict": strict}
    rows = []

    def add(artefact: str, dataset: str, domain: str, found: list[dict], level: str = "") -> None:
        for row in found:
            setting = f"{level}/{row['setting']}" if level else row["setting"]
            keys = {"artefact": artefact, "dataset": dataset, "domain": domain, "setting": setting}
            rows.append(row | keys)

    corpora = {WEB: (web, "all")}
    train = [key for key in sets if key[0] not in {each.dataset for each in TEST_SETS.values()}]
    corpora |= {dataset: (sets[dataset, domain], "all") for dataset, domain in train}
    if any(corpus == "combined_pruned" for corpus, _, _ in web.counts):
        corpora["combined_pruned"] = (web, "combined_pruned")
    for dataset, (found, corpus) in corpora.items():
        add("table7", dataset, "all", [_size(found.total(corpus))])
        for level in LEVELS:
            add("table7", dataset, "all", _shares(found, level, corpus), names[level])
    for (dataset, domain), found in {(WEB, "all"): web, **sets}.items():
        add("table8", dataset, domain, [_size(found.total())])
        add("table8", dataset, domain, _shares(found, "default"), "default")
        add("table9", dataset, domain, _shares(found, "strict"), strict)
    return tidy(pd.DataFrame(rows), paper=PAPER)


def pruned_rows(web: Composition, strict: str) -> pd.DataFrame:
    """Return Table 10: size of each pruned corpus, renditions within it and pruned."""
    names = {"default": "default", "strict": strict}
    rows = []
    for corpus, level in web.pruned:
        values = {
            "size": web.total(corpus),
            "renditions_within": web.counts[corpus, level, "rendition"],
            "renditions_pruned": web.pruned[corpus, level],
        }
        rows += [
            {"dataset": corpus, "setting": f"{names[level]}/{name}", "value": value, "n": value}
            for name, value in values.items()
        ]
    return tidy(pd.DataFrame(rows, columns=["dataset", "setting", "value", "n"]), paper=PAPER,
                artefact="table10", metric="images")  # fmt: skip


def clean_mask(
    table: pd.DataFrame, dataset: str, sets: Iterable[str], chosen: Mapping[str, Mapping[str, Any]]
) -> np.ndarray:
    """Return which images of a data set are in a clean test set (N,).

    Natural sets keep what the classifier of natural pictures is sure of, the others what that of
    renditions is sure of (`create_clean_test_sets.py` of the authors' code).

    Args:
        table: its classified images.
        dataset: its name.
        sets: test sets; a domain that is none of them keeps nothing.
        chosen: thresholds of the classifiers.
    """
    kept = np.zeros(len(table), bool)
    for name in sets:
        own, domain = split_name(name)
        if own != dataset:
            continue
        suite = TEST_SETS[name].suite
        bound = np.float32(chosen[suite]["strict"]["threshold"])
        sure = table[f"{suite}_score"].to_numpy(np.float32) >= bound
        inside = np.ones(len(table), bool) if domain == "all" else table["domain"] == domain
        kept |= sure & np.asarray(inside)
    return kept


def class_masks(tables: Mapping[str, pd.DataFrame], sets: Iterable[str]) -> dict[str, Any]:
    """Return the labels that each test set has, and that its clean version has, sorted.

    Args:
        tables: data set: its images with `domain`, `label` and `kept`.
        sets: test sets.
    """
    masks = {}
    for name in sets:
        dataset, domain = split_name(name)
        rows = tables[dataset]
        rows = rows if domain == "all" else rows[rows["domain"] == domain]
        clean = rows.loc[rows["kept"], "label"]
        masks[name] = {
            "standard": sorted(map(int, rows["label"].unique())),
            "clean": sorted(map(int, clean.unique())),
        }
    return masks


def clean_rows(
    tables: Mapping[str, pd.DataFrame], masks: Mapping[str, Mapping[str, list[int]]],
    web: Composition,
) -> pd.DataFrame:  # fmt: skip
    """Return Table 11: images and classes of the clean sets, and of the web pictures kept."""
    rows = []
    for name, mask in masks.items():
        dataset, domain = split_name(name)
        table = tables[dataset]
        inside = table["kept"] & ((table["domain"] == domain) | (domain == "all"))
        found = {"images": int(inside.sum()), "classes": len(mask["clean"])}
        rows += [
            {"dataset": dataset, "domain": domain, "setting": "clean", "metric": m, "value": v}
            for m, v in found.items()
        ]
    for suite in ("natural", "rendition"):
        value = web.counts["all", "strict", suite]
        keys = {"dataset": WEB, "domain": "all", "setting": f"clean/{suite}", "metric": "images"}
        rows.append(keys | {"value": value})
    table = pd.DataFrame(rows)
    return tidy(table.assign(n=table["value"]), paper=PAPER, artefact="table11")
