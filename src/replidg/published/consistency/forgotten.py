"""Checks of arXiv 2410.08258 (numbering of PMLR v296)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from replidg.published.consistency.check import Check, one, rows

NATURAL = (
    ("imagenet_val", "all"), ("imagenet_v2", "all"), ("imagenet_a", "all"), ("objectnet", "all"),
    ("domain_net", "real"),
)  # fmt: skip
#: What reading the vector figures may be off, in points (accuracies of Figs 2 to 17).
READING = 0.05
LAION_200M, RENDITION = 199_663_250, 15_749_750


def checks(table: pd.DataFrame) -> Iterator[Check]:
    """Yield the checks."""
    yield from _ratios(table)
    yield from _epochs(table)
    yield from _mixes(table)
    yield from _compositions(table)
    yield from _pruned(table)
    yield from _classifiers(table)


def _ratios(table: pd.DataFrame) -> Iterator[Check]:
    """Fig 2 from Figs 7 to 10."""
    panels = rows(table, artefact=["fig7", "fig8", "fig9", "fig10"])
    cells = panels.set_index(["setting", "dataset", "domain", "x", "method"])["value"]
    for row in rows(table, artefact="fig2").itertuples():
        at = (row.setting, row.dataset, row.domain, row.x)
        if (*at, "laion_natural") not in cells.index:  # 4.8M and DomainNet-Sketch have no panel
            continue
        above, below = cells[(*at, "laion_natural")], cells[(*at, "laion_random")]
        allowed = 0.0015 + READING / below * (1 + above / below)
        name = f"fig2/{row.setting}/{row.dataset}/{row.domain}/{row.x:g}"
        yield Check(name, row.value, above / below, allowed)


def _epochs(table: pd.DataFrame) -> Iterator[Check]:
    """Table 2's standard columns, Fig 15 and Figs 7 and 8's last points, from Figs 16 and 17."""
    points = rows(table, artefact=["fig16", "fig17"])
    clip = points[points["setting"].str.startswith("epoch=")]
    by_epoch = clip.set_index(["method", "dataset", "domain", "setting"])["value"].sort_index()
    validation = clip.groupby(["method", "setting"])["x"].median()
    rendition = [k for k in _places(clip) if k not in NATURAL]
    for method in ("laion_natural", "laion_mix_13m", "laion_random"):
        natural = [by_epoch[(method, *k)].mean() for k in NATURAL[1:]]
        natural.append(validation[method].mean())
        found = {
            "natural": np.mean(natural),
            "rendition": np.mean([by_epoch[(method, *k)].mean() for k in rendition]),
        }
        for domain, mean in found.items():
            printed = one(
                table, artefact="table2", method=method, domain=domain, setting="standard"
            )
            yield Check(f"table2/{method}/{domain}/standard", printed, mean, 0.02)
    parts = {
        "natural_3": ("imagenet_a", "imagenet_v2", "objectnet"),
        "rendition_2": ("imagenet_r", "imagenet_sketch"),
    }
    every = points.set_index(["method", "dataset", "domain", "setting"])["value"]
    for row in rows(table, artefact="fig15").itertuples():
        cells = [every.get((row.method, d, "all", row.setting)) for d in parts[row.domain]]
        if None not in cells:  # points below an axis limit were not drawn
            name = f"fig15/{row.domain}/{row.method}/{row.setting}"
            yield Check(name, row.value, float(np.mean(cells)), 2 * READING)
    for row in rows(table, artefact=["fig7", "fig8"], x=[56.7]).itertuples():
        last = by_epoch.get((row.method, row.dataset, row.domain, "epoch=32"))
        if row.dataset == "imagenet_val":
            last = validation[row.method, "epoch=32"]
        name = f"{row.artefact}/{row.method}/{row.dataset}/{row.domain}/last"
        yield Check(name, row.value, last, READING)


def _places(points: pd.DataFrame) -> list[tuple[str, str]]:
    return list(dict.fromkeys(zip(points["dataset"], points["domain"], strict=True)))


def _mixes(table: pd.DataFrame) -> Iterator[Check]:
    """Fig 3A against 3B and the stars, 3B's natural models against Fig 9."""
    drawn = rows(table, artefact="fig3a", metric="accuracy")
    for row in rows(table, artefact="fig3b").itertuples():
        natural = float(row.setting.removeprefix("natural=").removesuffix("M"))
        total = natural + row.x
        if total not in (8, 12, 16, 20, 30, 57) or row.x + natural == 0:
            continue
        same = rows(drawn, setting=f"total={total:g}M", domain=row.domain)
        same = same[(same["x"] - row.x / total).abs() < 0.004]["value"]
        if len(same) == 1:
            name = f"fig3b/{row.setting}/{row.domain}/{row.x:g}"
            yield Check(name, row.value, float(same.iloc[0]), 0.15)
    for row in rows(table, artefact="fig3a", metric="best_rendition_fraction").itertuples():
        wide = rows(drawn, setting=row.setting).pivot(index="x", columns="domain", values="value")
        furthest = float(np.hypot(wide["natural"], wide["rendition"]).idxmax())
        yield Check(f"fig3a/{row.setting}/star", row.value, furthest, 0.01)
    clean = rows(table, artefact="fig9", method="laion_natural")
    for size, setting in ((15.7, "natural=16M"), (30.0, "natural=30M"), (56.7, "natural=57M")):
        mean = clean[clean["x"] == size]["value"].mean()
        printed = one(table, artefact="fig3b", setting=setting, domain="natural", x=0.0)
        yield Check(f"fig3b/{setting}/clean_natural_sets", printed, mean, 0.15)


def _compositions(table: pd.DataFrame) -> Iterator[Check]:
    """Parts that must add up to a whole (Tables 3, 7, 8, 9), and Table 7 against 8 and 9."""
    for (dataset, domain), found in rows(table, artefact="table3").groupby(["dataset", "domain"]):
        parts = found[found["setting"] != "total"]["value"].sum()
        yield Check(f"table3/{dataset}/{domain}/sum", one(found, setting="total"), parts, 0)
    for artefact in ("table7", "table8", "table9"):
        shares = rows(table, artefact=artefact, metric="share_percent")
        shares = shares.assign(level=shares["setting"].str.split("/").str[0])
        for (dataset, domain, level), found in shares.groupby(["dataset", "domain", "level"]):
            name = f"{artefact}/{dataset}/{domain}/{level}/sum"
            yield Check(name, 100.0, found["value"].sum(), 0.015)
    for dataset, level in itertools.product(("laion_200m", "imagenet_train"), ("default", "98")):
        other = "table8" if level == "default" else "table9"
        for part in ("natural", "rendition", "ambiguous"):
            where = {"dataset": dataset, "setting": f"{level}/{part}"}
            printed = one(table, artefact="table7", **where)
            there = one(table, artefact=other, **where)
            yield Check(f"table7/{dataset}/{level}/{part}", printed, there, 0.0)
    for row in rows(table, artefact="table11", metric="images", setting="clean").itertuples():
        part = "natural" if (row.dataset, row.domain) in NATURAL else "rendition"
        where = {"dataset": row.dataset, "domain": row.domain}
        total = one(table, artefact="table8", setting="total", **where)
        share = one(table, artefact="table9", setting=f"98/{part}", **where)
        name = f"table11/{row.dataset}/{row.domain}/images"
        yield Check(name, row.value, total * share / 100, total * 0.00005 + 0.5)
    for part in ("natural", "rendition"):
        size = one(table, artefact="table11", setting=f"clean/{part}")
        share = one(table, artefact="table9", dataset="laion_200m", setting=f"98/{part}")
        yield Check(f"table9/laion_200m/{part}", share, 100 * size / LAION_200M, 0.05)


def _pruned(table: pd.DataFrame) -> Iterator[Check]:
    """Table 10: renditions within and pruned are all of LAION-200M's; their share is Table 7's."""
    cells = rows(table, artefact="table10").set_index(["dataset", "setting"])["value"]
    share = one(table, artefact="table7", dataset="laion_200m", setting="default/rendition")
    for dataset in cells.index.unique("dataset"):
        for level, whole, allowed in (
            ("default", share * LAION_200M / 100, 0.00005 * LAION_200M),
            ("98", RENDITION, 0),
        ):
            parts = cells[dataset, f"{level}/renditions_within"]
            parts = parts + cells[dataset, f"{level}/renditions_pruned"]
            yield Check(f"table10/{dataset}/{level}/renditions", parts, whole, allowed)
    for level in ("default", "98"):
        within = cells["combined_pruned", f"{level}/renditions_within"]
        found = 100 * within / cells["combined_pruned", f"{level}/size"]
        where = {"artefact": "table7", "dataset": "combined_pruned"}
        printed = one(table, setting=f"{level}/rendition", **where)
        yield Check(f"table7/combined_pruned/{level}/rendition", printed, found, 0.005)


def _classifiers(table: pd.DataFrame) -> Iterator[Check]:
    """Averages of Table 4, in percent of numbers printed with two digits."""
    for (setting, method, metric), found in rows(table, artefact="table4").groupby(
        ["setting", "method", "metric"]
    ):
        cells = found[found["dataset"] != "average"]["value"]
        name = f"table4/{setting}/{method}/{metric}/average"
        yield Check(name, one(found, dataset="average"), cells.mean(), 1.0)
