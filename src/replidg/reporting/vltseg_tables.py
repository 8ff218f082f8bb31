"""Tables of arXiv 2312.02021 as frames of words and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from replidg.metrics.vltseg import AVERAGE, MEANS, PAGES, PARTIAL, Arm, Source
from replidg.published import load
from replidg.reporting.style import label
from replidg.reporting.vltseg_names import METHODS, arm_name

MEAN, OWN = "DG mean", "own domain"
KINDS = {"vision_language": "vision-language", "vision": "vision only", "none": "none"}


def scores(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source], study: str = ""
) -> pd.DataFrame:
    """Return the score of each network on each data set, and the mean over targets.

    Args:
        metrics: tidy metrics.
        arms: by name, in the order of the rows.
        sources: by name, in the order of the rows.
        study: only its arms; all if empty.

    Returns:
        One row a source and arm: `source`, `method`, `OWN` (held-out images of a synthetic source,
        where there are any), the paper's data sets that were tested, `MEAN` with `low` and `high`,
        and `sd` over seeds where there are several.

    Raises:
        ValueError: no such network was tested.
    """
    rows = metrics[metrics["artefact"] == "intervals"]
    names = [name for name, arm in arms.items() if not study or study in arm.studies]
    rows = rows[rows["method"].isin(names)]
    if rows.empty:
        raise ValueError(f"no network of the study {study or 'any'} was tested")
    own = {name: source.datasets for name, source in sources.items()}
    found = []
    for (source, arm), each in rows.groupby(["setting", "method"]):
        values = each[each["metric"] == "miou"].set_index("dataset")["value"]
        line = {"source": source, "method": arm}
        held = [values[d] for d in own[source] if d in values and d not in PAGES]
        line[OWN] = sum(held) / len(held) if held else None
        line |= {page: values.get(page) for page in PAGES}
        mean = AVERAGE if AVERAGE in values else PARTIAL
        ends = each[each["dataset"] == mean].set_index("metric")["value"]
        line |= {MEAN: values.get(mean), "low": ends.get("low"), "high": ends.get("high")}
        line["sd"] = _spread(metrics, source, arm, own[source])
        found.append(line)
    places = {name: place for place, name in enumerate(arms)}
    origins = {name: place for place, name in enumerate(sources)}
    table = pd.DataFrame(found)
    table["_order"] = [
        (origins[s], places[m]) for s, m in zip(table["source"], table["method"], strict=True)
    ]
    table = table.sort_values("_order", ignore_index=True).drop(columns="_order")
    numbers = [name for name in table if name not in ("source", "method")]
    table[numbers] = table[numbers].astype(float)
    return table.dropna(axis=1, how="all")


def _spread(metrics: pd.DataFrame, source: str, arm: str, trained: Sequence[str]) -> float:
    """Standard deviation over seeds of the mean over targets; NaN with one seed."""
    rows = metrics[(metrics["artefact"] == "runs") & (metrics["domain"] == "all")]
    rows = rows[(rows["setting"] == source) & (rows["method"] == arm)]
    rows = rows[rows["dataset"].isin([page for page in PAGES if page not in trained])]
    return float(rows.groupby("seed")["value"].mean().std(ddof=1))


def printed(table: pd.DataFrame, arms: Mapping[str, Arm]) -> pd.DataFrame:
    """Name sources, arms and data sets as they are printed."""
    table = table.assign(
        source=table["source"].map(label),
        method=[arm_name(name, arms) for name in table["method"]],
    )
    return table.rename(columns={page: label(page) for page in PAGES} | {"method": "network"})


def pretrainings(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source]
) -> pd.DataFrame:
    """Table T1: synthetic sources, each arm with the paper's mean beside ours.

    The last row is what predicting each data set's most frequent class everywhere would score.
    """
    table = scores(metrics, arms, sources, "t1")
    table = table[[sources[name].kind == "synthetic" for name in table["source"]]]
    theirs = _published("t1", "average")
    keys = zip(table["source"], (arms[m].studies["t1"] for m in table["method"]), strict=True)
    table = table.assign(**{f"{MEAN} (paper)": [theirs.get(key) for key in keys]})
    table.insert(2, "pre-training", [KINDS[arms[name].pretraining] for name in table["method"]])
    table.insert(3, "encoder", ["frozen" if arms[n].frozen else "trained" for n in table["method"]])
    shown = printed(table, arms).dropna(axis=1, how="all")
    return pd.concat([shown, _constant(metrics, table)], ignore_index=True)[shown.columns]


def _constant(metrics: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The row of the level that any network must be above."""
    rows = metrics[metrics["artefact"] == "constant"].set_index("dataset")["value"]
    levels = rows[[page for page in PAGES if page in table]]
    words = {"source": "none", "network": "most frequent class everywhere"}
    words |= {"pre-training": "none", "encoder": "none", MEAN: levels.mean()}
    return pd.DataFrame([words | {label(page): value for page, value in levels.items()}])


def from_gta(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source]
) -> pd.DataFrame:
    """Table T2: our row from GTA5 beside the rows that the paper prints."""
    ours = scores(metrics, arms, sources, "t2")
    ours = ours[ours["source"] == "gta5"]
    pages = [page for page in MEANS["t2"] if page in ours]
    mine = pd.DataFrame(
        {
            "method": [arm_name(name, arms) for name in ours["method"]],
            "from": "this run",
            **{label(page): ours[page].tolist() for page in pages},
            "mean": ours[pages].mean(axis=1).tolist(),
            "targets": len(pages),
        }
    )
    rows = load("vltseg").query("artefact == 't2'")
    wide = rows.pivot(index="method", columns="dataset", values="value")
    wide = wide.reindex(rows["method"].drop_duplicates()).reset_index()
    theirs = pd.DataFrame(
        {
            "method": wide["method"].map(METHODS),
            "from": ["the paper" if m in ("vltseg", "baseline") else "quoted by the paper"
                     for m in wide["method"]],
            **{label(page): wide[page] for page in MEANS["t2"]},
            "mean": wide["average"],
            "targets": len(MEANS["t2"]),
        }
    )  # fmt: skip
    return pd.concat([theirs, mine], ignore_index=True)[theirs.columns]


def real_to_real(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source]
) -> pd.DataFrame:
    """Table T3: real sources, every data set, and rPD beside the paper's."""
    table = scores(metrics, arms, sources, "t3")
    real = [sources[name].kind == "real" for name in table["source"]]
    table = table[real].drop(columns=[OWN, MEAN, "low", "high", "sd"], errors="ignore")
    rows = metrics[(metrics["artefact"] == "t3") & (metrics["metric"] == "rpd")]
    ours = rows.groupby(["setting", "method"])["value"].mean()
    theirs = _published("t3", "average", "rpd")
    names = [arms[name].studies["t3"] for name in table["method"]]
    keys = list(zip(table["source"], names, strict=True))
    table["rPD"] = [ours.get(key) for key in keys]
    table["rPD (paper)"] = [theirs.get(key) for key in keys]
    table[["rPD", "rPD (paper)"]] = table[["rPD", "rPD (paper)"]].astype(float)
    return printed(table, arms)


def _published(artefact: str, dataset: str, metric: str = "miou") -> pd.Series:
    rows = load("vltseg")
    rows = rows[(rows["artefact"] == artefact) & (rows["dataset"] == dataset)]
    rows = rows[rows["metric"] == metric]
    return rows.set_index(["setting", "method"])["value"]


def study(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source], name: str
) -> pd.DataFrame:
    """Return the arms of a study, and how much each gains on the first in the mean over targets.

    Sources where only one arm of it was trained are left out.
    """
    table = scores(metrics, arms, sources, name).drop(columns=["low", "high"])
    many = table.groupby("source")["method"].transform("size") > 1
    table = table[many].reset_index(drop=True)
    table = table.assign(setting=[arms[arm].studies[name] for arm in table["method"]])
    if name == "lambda":
        places = {source: place for place, source in enumerate(sources)}
        order = [
            (places[s], float(v)) for s, v in zip(table["source"], table["setting"], strict=True)
        ]
        table = table.assign(_order=order).sort_values("_order", ignore_index=True)
        table = table.drop(columns="_order")
    table = _with_gains(table, metrics, name)
    out = printed(table, arms)
    out.insert(1, name.replace("_", " "), out.pop("setting"))
    return out.drop(columns="network") if name in ("lambda", "prompts") else out


def several_sources(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source]
) -> pd.DataFrame:
    """Return the arms of the study `multi_source` by source, and the gain on the first source."""
    table = scores(metrics, arms, sources, "multi_source").drop(columns=["low", "high"])
    table = table[[sources[name].kind == "synthetic" for name in table["source"]]]
    return printed(_with_gains(table, metrics, "multi_source"), arms)


def _with_gains(table: pd.DataFrame, metrics: pd.DataFrame, name: str) -> pd.DataFrame:
    rows = metrics[metrics["artefact"] == f"gains_{name}"]
    rows = rows[rows["dataset"].isin((AVERAGE, PARTIAL))]
    rows = rows.assign(source=rows["setting"].str.split("/").str[0])
    wide = rows.pivot(index=["source", "method"], columns="metric", values="value")
    wide = wide.reindex(columns=["gain", "low", "high"]).reset_index()
    return table.merge(wide, on=["source", "method"], how="left")


def freezing(
    metrics: pd.DataFrame, arms: Mapping[str, Arm], sources: Mapping[str, Source]
) -> pd.DataFrame:
    """Return the scores of Figure F2: so many of the first or of the last blocks frozen."""
    table = scores(metrics, arms, sources, "f2").drop(columns=["low", "high"])
    counts = {name: (arm.frozen_first, arm.frozen_last) for name, arm in arms.items()}
    frozen = table.loc[[any(counts[name]) for name in table["method"]], "source"].unique()
    table = table[table["source"].isin(frozen)]
    table.insert(1, "first blocks frozen", [counts[name][0] for name in table["method"]])
    table.insert(2, "last blocks frozen", [counts[name][1] for name in table["method"]])
    columns = ["source", "first blocks frozen", "last blocks frozen"]
    return printed(table.sort_values(columns, ignore_index=True), arms).drop(columns="network")
