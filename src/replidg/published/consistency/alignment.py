"""Checks of arXiv 2412.02856."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from replidg.published.consistency.check import HALF, Check, one, rows

#: Tables of IP, OOP and All: the summary, and each data set's per-domain table.
SUMMARY = {"IP": "table1a", "OOP": "table1b", "All": "table1c"}
PER_DOMAIN = {
    "office_home": {"OOP": "table10", "IP": "table11", "All": "table12"},
    "terra_incognita": {"OOP": "table13", "IP": "table14", "All": "table15"},
    "domain_net": {"OOP": "table16", "IP": "table17", "All": "table18"},
    "VLCS": {"OOP": "table19", "IP": "table20", "All": "table21"},
    "PACS": {"OOP": "table22", "IP": "table23", "All": "table24"},
}


def checks(table: pd.DataFrame) -> Iterator[Check]:
    """Yield the checks."""
    yield from _means(table)
    yield from _repeats(table)
    yield from _counts(table)
    yield from _confusion(table)
    yield from _parts(table)


def _means(table: pd.DataFrame) -> Iterator[Check]:
    """Averages over data sets and over domains; a mean of rounded numbers is off by HALF too."""
    for artefact in (*SUMMARY.values(), "table4"):
        for (method, setting), found in rows(table, artefact=artefact).groupby(
            ["method", "setting"]
        ):
            cells = found[found["dataset"] != "average"]["value"]
            name = f"{artefact}/{method}/average" + ("" if artefact != "table4" else f"/{setting}")
            yield Check(name, one(found, dataset="average"), cells.mean(), 2 * HALF)
    for dataset, tables in PER_DOMAIN.items():
        for setting, artefact in tables.items():
            for method, found in rows(table, artefact=artefact).groupby("method"):
                mean = found[found["domain"] != "average"]["value"].mean()
                name = f"{artefact}/{method}/average"
                yield Check(name, one(found, domain="average"), mean, 2 * HALF)
                summary = one(
                    table, artefact=SUMMARY[setting], method=method, dataset=dataset
                )  # fmt: skip
                yield Check(f"{SUMMARY[setting]}/{method}/{dataset}", summary, mean, 2 * HALF)


def _repeats(table: pd.DataFrame) -> Iterator[Check]:
    """Rows of Tables 2 and 4 that repeat Table 1."""
    for dataset in ("office_home", "PACS"):
        for setting in ("IP", "OOP"):
            where = {"dataset": dataset, "method": "miro_mpa"}
            printed = one(table, artefact="table2", setting=f"{setting}/openclip_vit_b16", **where)
            there = one(table, artefact=SUMMARY[setting], **where)
            yield Check(f"table2/{setting}/{dataset}", printed, there, 0.0)
    for row in rows(table, artefact="table4", setting="All/openclip_vit_b16").itertuples():
        there = one(table, artefact="table1c", method="mpa", dataset=row.dataset)
        yield Check(f"table4/{row.dataset}", row.value, there, 0.0)


def _counts(table: pd.DataFrame) -> Iterator[Check]:
    """Fig 17 against the dropped shares of Table 8, the sums of Tables 5 and 6, and the text."""
    bars = rows(table, artefact="fig17")
    totals = bars.groupby(["dataset", "setting"])["value"].sum()
    for dataset in PER_DOMAIN:
        original = totals[dataset, "original"]
        gone = 100 * (original - totals[dataset, "IP"] - totals[dataset, "OOP"]) / original
        dropped = rows(table, artefact="table8", dataset=dataset)["value"].sum()
        yield Check(f"table8/{dataset}/dropped", dropped, gone, 0.01)
    for artefact, setting in (("table5", "IP"), ("table6", "OOP")):
        total = rows(table, artefact=artefact)["value"].sum()
        yield Check(f"{artefact}/total", total, totals["PACS", setting], 0)
    for row in rows(table, artefact="text", metric="images").itertuples():
        yield Check(f"text/{row.dataset}/images", row.value, totals[row.dataset, "original"], 0)


def _confusion(table: pd.DataFrame) -> Iterator[Check]:
    """Right answers in Tables 5 and 6 against accuracies of Tables 23 and 22 times counts."""
    for artefact, setting in (("table5", "IP"), ("table6", "OOP")):
        cells = rows(table, artefact=artefact).set_index("setting")["value"]
        counts = rows(table, artefact="fig17", dataset="PACS", setting=setting)
        for method, word in (("zero_shot", "zs_correct"), ("clipood", "dg_correct")):
            right = sum(value for name, value in cells.items() if word in name.split("/"))
            given = rows(table, artefact=PER_DOMAIN["PACS"][setting], method=method)
            accuracy = given[given["domain"] != "average"].set_index("domain")["value"]
            images = counts.set_index("domain")["value"]
            recomputed = float((accuracy * images).sum()) / 100
            yield Check(f"{artefact}/{method}", right, recomputed, HALF * images.sum() / 100)


def _parts(table: pd.DataFrame) -> Iterator[Check]:
    """All against IP and OOP: right answers on the dropped images are between none and all."""
    bars = (
        rows(table, artefact="fig17")
        .set_index(["dataset", "domain", "setting"])["value"]
        .sort_index()
    )
    for dataset, tables in PER_DOMAIN.items():
        cells = rows(table, artefact=list(tables.values()))
        cells = cells.set_index(["setting", "domain", "method"])["value"]
        for domain, method in cells["All"].index:
            if domain == "average":
                continue
            count = bars[dataset, domain]
            right = sum(count[part] * cells[part, domain, method] for part in ("IP", "OOP"))
            low = right / count["original"]
            high = low + 100 * (1 - (count["IP"] + count["OOP"]) / count["original"])
            printed = cells["All", domain, method]
            name = f"{tables['All']}/{method}/{domain}/parts"
            yield Check(name, printed, min(max(printed, low), high), 2 * HALF)
