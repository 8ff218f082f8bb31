"""Metrics of a made-up `alignment` run, for tests of the figures and tables.

Accuracies rise with the score and differ by method; two things are there on purpose: a split
without an image (pictograms, photo, OOP) and bins at both ends with hardly any image.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

SIX = ("zero_shot", "erm", "lp_ft", "miro", "swad", "miro_swad")
TWO = ("pictograms", "PACS")
FIVE = ("DomainNet", "OfficeHome", "PACS", "TerraIncognita", "VLCS")
DOMAINS = {
    "pictograms": ("photo", "openclipart", "fluent_3d", "noto_mono"),
    "PACS": ("art_painting", "cartoon", "photo", "sketch"),
    "DomainNet": ("clipart", "infograph", "painting", "quickdraw", "real", "sketch"),
    "OfficeHome": ("Art", "Clipart", "Product", "Real"),
    "TerraIncognita": ("location_100", "location_38", "location_43", "location_46"),
    "VLCS": ("Caltech101", "LabelMe", "SUN09", "VOC2007"),
}
SIZES = {
    "pictograms": (120, 164, 157, 1048),
    "PACS": (2048, 2344, 1670, 3929),
    "DomainNet": (48833, 53201, 75759, 172500, 175327, 70386),
    "OfficeHome": (2427, 4365, 4439, 4357),
    "TerraIncognita": (4741, 9736, 3970, 5883),
    "VLCS": (1415, 2656, 3282, 3376),
}
WIDTH = 0.01
EDGES = np.round(np.arange(0.06, 0.42, WIDTH), 2)
COLUMNS = (
    "paper", "artefact", "dataset", "domain", "method", "setting", "seed", "metric", "value", "n",
    "x",
)  # fmt: skip
Row = dict[str, Any]


def row(artefact: str, metric: str, value: float, **fields: Any) -> Row:
    """One row of the tidy frame; what isn't given is empty."""
    empty: Row = {
        "paper": "alignment", "dataset": "all", "domain": "all", "method": "", "setting": "",
        "seed": pd.NA, "n": 0, "x": np.nan,
    }  # fmt: skip
    return empty | {"artefact": artefact, "metric": metric, "value": value} | fields


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows as a frame with the contract's columns and types."""
    made = pd.DataFrame(list(rows), columns=list(COLUMNS))
    return made.astype({"seed": "Int64", "value": float, "n": "int64", "x": float})


def histogram(dataset: str) -> np.ndarray:
    """Images of `dataset` in each bin: a bell whose place depends on the data set."""
    centre = 0.25 + 0.01 * (sum(map(ord, dataset)) % 3)
    weight = np.exp(-(((EDGES - centre) / 0.05) ** 2) / 1.5)
    return np.floor(sum(SIZES[dataset]) * weight / weight.sum()).astype(int)


def accuracy(method: str, methods: tuple[str, ...], x: float, noise: float) -> float:
    """A percentage that rises with the score."""
    if method == "zero_shot":
        lift = -6.0 + 20 * (x - 0.2)
    elif method == "oracle":
        lift = 20.0
    else:
        lift = 12.0 * methods.index(method) / len(methods) - 3
    rise = 100 / (1 + np.exp(-(x - 0.2) / 0.035))
    return float(np.clip(0.62 * rise + 25 + lift + noise, 0, 100))


def seeds_of(method: str, seeds: int) -> range:
    """Zero-shot has no training, so only seed 0."""
    return range(1 if method == "zero_shot" else seeds)


def table1(
    datasets: tuple[str, ...], methods: tuple[str, ...], seeds: int, rng: np.random.Generator
) -> Iterator[Row]:
    """Accuracy by target domain, split, method and seed."""
    for setting, x in (("IP", 0.27), ("OOP", 0.18), ("All", 0.25)):
        for dataset in datasets:
            for domain, size in zip(DOMAINS[dataset], SIZES[dataset], strict=True):
                none = (setting, dataset, domain) == ("OOP", "pictograms", "photo")
                for method in methods:
                    for seed in seeds_of(method, seeds):
                        value = accuracy(method, methods, x, rng.normal(0, 1.5))
                        yield row(
                            "table1", "accuracy", np.nan if none else value, dataset=dataset,
                            domain=domain, method=method, setting=setting, seed=seed,
                            n=0 if none else size // 2,
                        )  # fmt: skip


def curves(
    datasets: tuple[str, ...], methods: tuple[str, ...], seeds: int, rng: np.random.Generator
) -> Iterator[Row]:
    """Accuracy by score bin: each data set, and all of them with equal weight."""
    counts = {dataset: histogram(dataset) for dataset in datasets}
    for method in methods:
        for seed in seeds_of(method, seeds):
            for index, edge in enumerate(EDGES):
                values = []
                for dataset in datasets:
                    n = int(counts[dataset][index])
                    if n == 0:
                        continue
                    shift = 4.0 * (datasets.index(dataset) % 3)
                    noise = rng.normal(0, min(12.0, 8 / np.sqrt(n) + 1)) - shift
                    values.append(accuracy(method, methods, edge, noise))
                    yield row(
                        "curves", "accuracy", values[-1], dataset=dataset, method=method,
                        setting=str(WIDTH), seed=seed, n=n, x=edge,
                    )  # fmt: skip
                if values:
                    yield row(
                        "curves", "accuracy", float(np.mean(values)), method=method,
                        setting=str(WIDTH), seed=seed, x=edge,
                        n=int(sum(counts[d][index] for d in datasets)),
                    )  # fmt: skip


def counts(datasets: tuple[str, ...]) -> Iterator[Row]:
    """What needs no training: histograms, thresholds, split counts, dropped shares."""
    for setting, value in (("low", 0.15), ("split", 0.21), ("high", 0.4)):
        yield row("thresholds", "score", value, setting=setting)
    for dataset in datasets:
        for edge, n in zip(EDGES, histogram(dataset), strict=True):
            yield row("histogram", "images", float(n), dataset=dataset, n=int(n), x=edge)
        for index, domain in enumerate(DOMAINS[dataset]):
            size = SIZES[dataset][index]
            low, high = size // 50, size // 400
            oop = 0 if (dataset, domain) == ("pictograms", "photo") else size // (5 + 3 * index)
            parts = {
                "original": size, "IP": size - low - high - oop, "OOP": oop,
                "dropped_low": low, "dropped_high": high,
            }  # fmt: skip
            for setting, n in parts.items():
                yield row(
                    "fig17", "images", n, dataset=dataset, domain=domain, setting=setting, n=n
                )
        for setting, value in (("mislabelled", 2.0 + len(dataset) / 7), ("OCR", 0.25)):
            yield row("table8", "dropped_percent", value, dataset=dataset, setting=setting)


def similarities(
    datasets: tuple[str, ...], methods: tuple[str, ...], seeds: int, rng: np.random.Generator
) -> Iterator[Row]:
    """Curves by other scores, with their histograms, and what they predict."""
    for kind, first in (("perceptual", 0.6), ("alignment", 0.1), ("mean", 0.4), ("source", 0.5)):
        for dataset in (*datasets, "all"):
            for step in range(8):
                x = round(first + 0.05 * step, 2)
                yield row(f"histogram_{kind}", "images", 40.0, dataset=dataset, n=40, x=x)
                for method in methods:
                    for seed in seeds_of(method, seeds):
                        yield row(
                            f"curves_{kind}", "accuracy", 40 + 5 * step + rng.normal(),
                            dataset=dataset, method=method, seed=seed, setting="0.05",
                            n=40 if step else 2, x=x,
                        )  # fmt: skip
    yield row("thresholds_perceptual", "score", 0.86, setting="split")
    for dataset in datasets:
        for method in methods:
            for setting, rho in (("alignment", 0.4), ("perceptual", 0.1), ("mean", 0.3)):
                gap = 0.4 - rho
                values = {"rho": rho, "gap": gap, "gap_low": gap - 0.02, "gap_high": gap + 0.02}
                for metric, value in values.items():
                    yield row(
                        "predictors", metric, value, dataset=dataset, method=method,
                        setting=setting, seed=0, n=99,
                    )  # fmt: skip
            for domain in DOMAINS[dataset]:
                for setting, value in (("perceptual_IP", 80.0), ("perceptual_OOP", 70.0)):
                    yield row(
                        "table3", "accuracy", value, dataset=dataset, domain=domain,
                        method=method, setting=setting, seed=0, n=50,
                    )  # fmt: skip
        for place, domain in enumerate(DOMAINS[dataset]):
            for setting, value in (("target_pretraining", 7e-5), ("source_target", 8e-4)):
                yield row(
                    "fig5", "mmd", value + 1e-5 * place, dataset=dataset, domain=domain,
                    setting=setting, n=100,
                )  # fmt: skip
            yield row(
                "fig5", "mmd", 1e-5, dataset=dataset, domain=domain, setting="target_target", n=50
            )


def further(
    datasets: tuple[str, ...], methods: tuple[str, ...], seeds: int, rng: np.random.Generator
) -> Iterator[Row]:
    """Calibrated curves, thresholds, correlations, two by two, classes, sizes, labels."""
    for place, dataset in enumerate(datasets):
        width = (0.001, 0.005, 0.02)[place % 3]
        for method in methods:
            for seed in seeds_of(method, seeds):
                keys = {"dataset": dataset, "method": method, "seed": seed}
                for step in range(10):
                    yield row(
                        "fig6", "accuracy", 20 + 6 * step + rng.normal(), setting=f"{width:g}",
                        x=round(step * width, 6), n=1 if step == 9 else 30, **keys,
                    )  # fmt: skip
                for metric, value in (("rho", 0.3), ("rho_low", 0.2), ("rho_high", 0.4)):
                    yield row("correlations", metric, value + 0.01 * seed, n=500, **keys)
                for domain in DOMAINS[dataset]:
                    for x in (0.15, 0.2, 0.25, 0.3):
                        for setting, value in (("IP", 70 + 50 * x), ("OOP", 60.0)):
                            few = setting == "OOP" and x == 0.15
                            yield row(
                                "sensitivity", "accuracy", np.nan if few else value, x=x,
                                n=0 if few else 30, setting=setting, domain=domain, **keys,
                            )  # fmt: skip
                if method == methods[-1]:
                    for table, part, counts in (
                        ("table5", "IP", (141, 70, 179, 8231)), ("table6", "OOP", (98, 62, 15, 890))
                    ):  # fmt: skip
                        names = [
                            f"{part}/zs_{a}/dg_{b}"
                            for a in ("incorrect", "correct") for b in ("incorrect", "correct")
                        ]  # fmt: skip
                        for name, n in zip(names, counts, strict=True):
                            yield row(table, "images", n + seed, setting=name, n=n + seed, **keys)
        for part in ("IP", "OOP", "unsplit"):
            for label, name in enumerate(("bird", "paint_can", "zebra")):
                yield row(
                    "classes", "images", 10.0 * (label + 1), dataset=dataset, x=label,
                    setting=f"{part}/{name}", n=10 * (label + 1),
                )  # fmt: skip
    for dataset in ("all", *datasets):
        for step in range(6):
            for metric, value in (("mean", 0.4), ("low", 0.3), ("median", 0.38), ("high", 0.5)):
                yield row(
                    "fig10", f"share_{metric}", value + 0.05 * step, dataset=dataset,
                    setting="0.05", x=round(0.05 * step, 2), n=30 if step else 1,
                )  # fmt: skip
    for place, dataset in enumerate(datasets):
        for setting, value in (("0.00-0.05", 65.0), ("0.05-0.10", 35.0), ("0.10-0.15", 9.0)):
            if place or setting != "0.00-0.05":
                yield row(
                    "table7", "mislabelled_percent", value, dataset=dataset, setting=setting, n=100
                )


def backbones(datasets: tuple[str, ...], seeds: int) -> Iterator[Row]:
    """Tables 2 and 4 and cross-architecture splits of two CLIPs and a ResNet."""
    for dataset in datasets:
        for domain in DOMAINS[dataset]:
            for seed in range(seeds):
                keys = {"dataset": dataset, "domain": domain, "seed": seed, "n": 50}
                for model, lift in (("openclip_vit_b16", 2.0), ("clip_vit_b16", 0.0)):
                    for part, value in (("IP", 88.0), ("OOP", 57.0)):
                        yield row(
                            "table2", "accuracy", value + lift + seed, method="miro_mpa",
                            setting=f"{part}/{model}", **keys,
                        )  # fmt: skip
                        for split in ("openclip_vit_b16", "clip_vit_b16"):
                            yield row(
                                "cross_splits", "accuracy", value + lift - 3 * (split != model),
                                method="miro_mpa", setting=f"{part}/{split}/{model}", **keys,
                            )  # fmt: skip
                for model, value in (("openclip_vit_b16", 74.0), ("resnet50_scratch", 28.0)):
                    yield row(
                        "table4", "accuracy", value + seed, method="mpa", setting=f"All/{model}",
                        **keys,
                    )  # fmt: skip


def fake_metrics(
    datasets: tuple[str, ...] = TWO, methods: tuple[str, ...] = SIX, seeds: int = 3
) -> pd.DataFrame:
    """The whole tidy frame; `datasets` from ``DOMAINS``, one of them is enough."""
    rng = np.random.default_rng(0)
    rows = [
        *table1(datasets, methods, seeds, rng),
        *curves(datasets, methods, seeds, rng),
        *counts(datasets),
        *similarities(datasets, methods, seeds, rng),
        *further(datasets, methods, seeds, rng),
        *backbones(datasets, seeds),
    ]
    return frame(rows)
