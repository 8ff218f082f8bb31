"""Tables 1 and 3 to 11 of arXiv 2410.08258: this run's numbers above the published ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd

from replidg.config.forgotten_sets import DOMAINS, TEST_SETS, WEB, split_name
from replidg.published import load
from replidg.reporting.artefact_files import Records

RUN, PUBLISHED = "this run", "published"
#: Printed names of data set and domain, in the order of the tables.
PLACES: dict[tuple[str, str], str] = {
    (WEB, "train"): "LAION-200M (Train)",
    (WEB, "val"): "LAION-200M (Val)",
    (WEB, "test"): "LAION-200M (Test)",
    (WEB, "all"): "LAION-200M",
    ("imagenet_train", "all"): "ImageNet-Train",
    ("combined_pruned", "all"): "combined-pruned",
    ("sketch_pruned", "all"): "sketch-pruned",
    ("r_pruned", "all"): "r-pruned",
    **{split_name(name): each.title for name, each in TEST_SETS.items()},
    ("average", "all"): "Average",
}
#: Headings where there are many.
SHORT = {
    title: title.replace("ImageNet", "IN").replace("DomainNet", "DN").replace("ObjectNet", "ON")
    for title in PLACES.values()
} | {"LAION-200M (Val)": "Val", "LAION-200M (Test)": "Test"}
CLASSIFIERS: dict[str, str] = {
    "csd_n": "CSD-N",
    "csd_r": "CSD-R",
    "dr_n": "DR-N",
    "dr_r": "DR-R",
    "ce": "CE",
    "ft": "FT",
    "ft_n": "FT-N",
    "ft_r": "FT-R",
    **{
        f"{name}_balanced": f"{name.upper().replace('_', '-')} (balanced)"
        for name in ("dr_n", "dr_r", "ft", "ft_n", "ft_r")
    },
}


class Shape(NamedTuple):
    """How tidy rows become a table.

    Attributes:
        artefact: whose rows.
        lines: columns of the rows that name a line, with their headings.
        heads: function of a row: the heading under which its value stands.
        caption: of the table.
        decimals: digits after the point.
    """

    artefact: str
    lines: dict[str, str]
    heads: Callable[[pd.Series], str]
    caption: str
    decimals: int


def place_title(dataset: str, domain: str) -> str:
    """Return the printed name of a data set and domain."""
    return PLACES.get((dataset, domain), f"{dataset} {domain}".removesuffix(" all"))


def beside(metrics: pd.DataFrame, shape: Shape, heads: Sequence[str]) -> Records:
    """Return a table with two lines a record: this run's, and the published numbers if any.

    Args:
        metrics: tidy rows.
        shape: of the table.
        heads: headings in their order; those without a number are left out.

    Raises:
        ValueError: this run has no such rows.
    """
    parts = []
    for whose, rows in ((RUN, metrics), (PUBLISHED, load("forgotten"))):
        chosen = rows[rows["artefact"] == shape.artefact]
        if whose == RUN and chosen.empty:
            raise ValueError(f"artefact {shape.artefact!r}: no row")
        parts.append(_named(chosen, shape).assign(whose=whose))
    long = pd.concat(parts, ignore_index=True)
    names = list(shape.lines.values())
    wide = long.pivot(index=[*names, "whose"], columns="head", values="value")
    order = list(dict.fromkeys(map(tuple, long[names].to_numpy())))
    ranks = {key: number for number, key in enumerate(sorted(order, key=_rank))}
    wide = wide.reset_index()
    wide["rank"] = [ranks[tuple(row)] for row in wide[names].to_numpy()]
    wide = wide.sort_values(["rank", "whose"], ascending=[True, False], kind="stable")
    kept = [head for head in heads if head in wide]
    table = wide[[*names, "whose", *kept]].rename(columns={"whose": ""}).reset_index(drop=True)
    whole = kept if shape.decimals == 0 else [head for head in kept if head == "images"]
    table[whole] = table[whole].round().astype("Int64")
    return Records(table.rename_axis(columns=None), shape.caption, shape.decimals)


def _named(rows: pd.DataFrame, shape: Shape) -> pd.DataFrame:
    """Return printed lines, headings and values."""
    rows = rows.assign(
        place=[place_title(*pair) for pair in zip(rows["dataset"], rows["domain"], strict=True)],
        classifier=rows["method"].map(lambda name: CLASSIFIERS.get(name, name)),
        part=rows["setting"],
        level=[setting.partition("/")[0] for setting in rows["setting"]],
    )
    table = rows[list(shape.lines)].rename(columns=shape.lines)
    heads = [shape.heads(row) for _, row in rows.iterrows()]
    values = rows["value"].astype(float).to_numpy()
    return table.assign(head=heads, value=values).dropna(subset=["head"])


def _rank(key: tuple[str, ...]) -> list[tuple[int, str]]:
    """Return where a line stands: domains, then places or classifiers in their order."""
    known = [*DOMAINS, *PLACES.values(), *CLASSIFIERS.values(), "default"]
    return [(known.index(name) if name in known else len(known), name) for name in key]


def _by_level(strict: str) -> Callable[[pd.Series], str]:
    printed = {"default": "default", strict: f"{strict} %", "98": "98 %"}

    def head(row: pd.Series) -> str:
        level, _, name = row["setting"].partition("/")
        return f"{name}, {printed.get(level, level)}" if name else "images"

    return head


def tables(strict: str) -> dict[str, tuple[Shape, list[str]]]:
    """Return the shape and the headings of each table.

    Args:
        strict: the strict precision in percent.
    """
    both = [f"{d}, {level}" for level in ("default", f"{strict} %") for d in DOMAINS]
    places = ["Val", "Test", "Average", *SHORT.values()]
    places = list(dict.fromkeys(places))
    pairs = [f"{place} {letter}" for place in places for letter in ("P", "R")]
    letters = {"precision": "P", "recall": "R"}
    one_set, one_classifier = {"place": "Data set"}, {"classifier": "Classifier"}

    def pair(row: pd.Series) -> str:
        return f"{SHORT[row['place']]} {letters[row['metric']]}"

    shares, plain = _by_level(strict), [f"{d}, default" for d in DOMAINS]
    sure = [f"{d}, {strict} %" for d in DOMAINS]
    sizes = ["size", "renditions_within", "renditions_pruned"]
    return {
        "table3": (
            Shape("table3", one_set, lambda r: r["setting"],
                  "Labelled pictures by domain.", 0),
            [*DOMAINS, "total"],
        ),
        "table4": (
            Shape("table4", {"part": "Domain", **one_classifier}, pair,
                  f"Precision (P) and recall (R) in percent at {strict} % precision on validation.",
                  0),
            pairs,
        ),
        "table5": (
            Shape("table5", one_classifier, lambda r: SHORT[r["place"]],
                  "Accuracy in percent on natural pictures, without thresholds.", 0),
            places,
        ),
        "table6": (
            Shape("table6", one_classifier, lambda r: SHORT[r["place"]],
                  "Accuracy in percent on renditions, without thresholds.", 0),
            places,
        ),
        "table7": (
            Shape("table7", one_set, shares, "Domains in percent.", 2), ["images", *both],
        ),
        "table8": (
            Shape("table8", one_set, shares,
                  "Domains of the test sets in percent, at default thresholds.", 2),
            ["images", *plain],
        ),
        "table9": (
            Shape("table9", one_set, shares,
                  f"Domains of the test sets in percent, at {strict} % precision.", 2),
            sure,
        ),
        "table10": (
            Shape("table10", {"place": "Data set", "level": "Precision"},
                  lambda r: r["setting"].partition("/")[2],
                  "Pictures of each pruned corpus, renditions within it and pruned.", 0),
            sizes,
        ),
        "table11": (
            Shape("table11", one_set, _clean_head,
                  "Classes and images of the clean test sets.", 0),
            ["classes", "images", "natural", "rendition"],
        ),
    }  # fmt: skip


def _clean_head(row: pd.Series) -> str:
    suite = row["setting"].partition("/")[2]
    return suite or row["metric"]


def make(name: str, metrics: pd.DataFrame, strict: str) -> Records:
    """Return a table.

    Raises:
        ValueError: there is no such table, or the metrics lack its rows.
    """
    known = tables(strict)
    if name == "table1":
        rows = metrics[(metrics["artefact"] == "table7") & (metrics["dataset"] == WEB)]
        shape, heads = known["table7"]
        shape = shape._replace(caption="Domains of the web pictures in percent.")
        made = beside(rows, shape, heads)
        own = made.table["Data set"] == PLACES[WEB, "all"]
        return Records(made.table[own].reset_index(drop=True), made.caption, made.decimals)
    if name not in known:
        raise ValueError(f"no table {name!r}; there are table1, {', '.join(known)}")
    return beside(metrics, *known[name])
