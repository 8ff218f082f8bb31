"""Tidy rows of Tables 3 to 6 of arXiv 2410.08258: labelled pictures and domain classifiers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from replidg.config.forgotten_sets import DOMAINS, NATURAL, RENDITION, WEB, split_name
from replidg.metrics.domain_thresholds import SUITES, precision_recall
from replidg.metrics.tidy import tidy

PAPER = "forgotten"
#: Test sets beside validation and test of the web pictures, in the tables' order.
PRECISE = {
    "natural": NATURAL,
    "rendition": ["imagenet_r", "imagenet_sketch", *(
        f"domain_net/{name}" for name in ("sketch", "quickdraw", "painting", "clipart", "infograph")
    )],
}  # fmt: skip
#: Tables 5 and 6: both have DomainNet-Infograph.
ACCURATE = {
    "natural": [*NATURAL, "domain_net/infograph"],
    "rendition": PRECISE["rendition"],
}
assert set(PRECISE["rendition"]) == set(RENDITION)


def place(test_set: str, split: str = "all") -> dict[str, str]:
    """Return data set and domain of labelled pictures, as published tables name them."""
    if test_set == WEB:
        return {"dataset": WEB, "domain": split}
    dataset, domain = split_name(test_set)
    return {"dataset": dataset, "domain": domain}


def label_rows(labels: pd.DataFrame) -> pd.DataFrame:
    """Return Table 3: labelled pictures by set and domain.

    Args:
        labels: `test_set`, `split`, `label`.
    """
    rows = []
    keys = labels["split"].where(labels["test_set"] == WEB, "all")
    for (test_set, split), part in labels.groupby(["test_set", keys], sort=False):
        counts = part["label"].value_counts()
        total = {"total": len(part)} | {d: int(counts.get(d, 0)) for d in DOMAINS}
        rows += [place(test_set, split) | {"setting": s, "value": n} for s, n in total.items()]
    table = pd.DataFrame(rows)
    return tidy(table.assign(n=table["value"]), paper=PAPER, artefact="table3", metric="images")


def _parts(predictions: pd.DataFrame, sets: Iterable[str]) -> Iterable[tuple[dict, pd.DataFrame]]:
    """Yield validation and test of the web pictures, and each set that was labelled."""
    web = predictions[predictions["test_set"] == WEB]
    for split in ("val", "test"):
        yield place(WEB, split), web[web["split"] == split]
    for name in sets:
        part = predictions[predictions["test_set"] == name]
        if len(part):
            yield place(name), part


def strict_rows(
    predictions: Mapping[str, pd.DataFrame], thresholds: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Return Table 4: precision and recall in percent at the strict thresholds, and their means.

    Args:
        predictions: classifier: its scores of the labelled pictures.
        thresholds: classifier: its thresholds.
    """
    rows = []
    for method, table in predictions.items():
        for domain in SUITES:
            bound = np.float32(thresholds[method]["strict"][domain]["threshold"])
            found: dict[str, list[float]] = {"precision": [], "recall": []}
            for where, part in _parts(table, PRECISE[domain]):
                hit = part[f"{domain}_score"].to_numpy(np.float32) >= bound
                pair = precision_recall(hit, (part["label"] == domain).to_numpy())
                for metric, value in zip(found, pair, strict=True):
                    found[metric].append(100 * value)
                    keys = {"method": method, "setting": domain, "metric": metric}
                    rows.append(where | keys | {"value": 100 * value, "n": len(part)})
            for metric, values in found.items():
                keys = {"method": method, "setting": domain, "metric": metric}
                mean = {"dataset": "average", "value": float(np.nanmean(values))}
                rows.append(mean | keys | {"domain": "all", "n": len(values)})
    return tidy(pd.DataFrame(rows), paper=PAPER, artefact="table4")


def default_rows(predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return Tables 5 and 6: share of a domain's images that have it by default, in percent.

    Sets without an image of the domain have no row.
    """
    rows = []
    for method, table in predictions.items():
        for artefact, domain in (("table5", "natural"), ("table6", "rendition")):
            for where, part in _parts(table, ACCURATE[domain]):
                own = part[part["label"] == domain]
                if len(own):
                    value = 100 * float((own["default"] == domain).mean())
                    keys = {"artefact": artefact, "method": method, "setting": domain}
                    rows.append(where | keys | {"value": value, "n": len(own)})
    return tidy(pd.DataFrame(rows), paper=PAPER, metric="accuracy")
