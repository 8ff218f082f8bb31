"""Does a number of ours reproduce the published one?

Each comparison ends in one of `VERDICTS`, with the reason in words. The rules, in order:

1. Only we have the number: `no published value`. Only the paper has it, or all of our seeds are
   missing (NaN): `not run`.
2. The scale is not `full`, or the data differ from the release that the paper used:
   `not comparable`. A data set counts if it is evaluated on or if the setting names it (vltseg's
   settings say what was trained on). What is averaged over data sets is not comparable as soon as
   one of them differs.
3. A tolerance of 0 (counts, thresholds) asks for the same number from every seed (test `exact`).
4. Both sides have a spread and more than one run: Welch's t test (Welch, Biometrika 34, 1947). Only
   the paper has, we have one run: our run is tested as one more draw, t = delta / (stderr *
   sqrt(n + 1)) with n - 1 degrees of freedom (`prediction`). Both deviate where the p value,
   adjusted within the artefact by Holm's method (Scandinavian J. Statistics 6, 1979), is below
   `alpha` *and* the difference exceeds the declared tolerance: with many seeds any difference is
   significant, however small.
5. The paper gives a spread but not of how many runs: the difference may be 1.96 times both standard
   errors, added in squares, or the tolerance if that is larger (`published spread`).
6. The paper gives no spread (none that could be read does): the difference may be the declared
   tolerance plus the standard error of our mean (`tolerance`). There is no one-sample t test on
   purpose: it would take the paper's single run for the truth without error, and call any
   difference significant when our seeds happen to agree. The tolerance stands for the paper's own
   unknown scatter; our scatter is added because our mean would move by it.
7. What would be `reproduced` only because our spread is large is not: if the standard error of the
   difference is more than `NOISY` tolerances, nothing can be told and it is `not comparable`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

REPRODUCED, DEVIATES, UNPUBLISHED, NOT_RUN, NOT_COMPARABLE = VERDICTS = (
    "reproduced", "deviates", "no published value", "not run", "not comparable",
)  # fmt: skip
KEYS = ["paper", "artefact", "dataset", "domain", "method", "setting", "metric", "x"]
COLUMNS = [
    *KEYS, "ours", "sd", "n", "published", "published_stderr", "published_n", "delta", "tolerance",
    "limit", "test", "p", "p_adjusted", "verdict", "reason", "split", "quality", "source", "note",
]  # fmt: skip
#: Columns that hold text; empty is "".
TEXT = [*KEYS[:-1], "test", "verdict", "reason", "split", "quality", "source", "note"]
#: Data sets that stand for several.
POOLED = ("all", "average")
NOISY = 2.0
_SLACK = 1e-9


class _Test(NamedTuple):
    name: str
    limit: float
    p: float = math.nan


def judge(
    ours: pd.DataFrame,
    published: pd.DataFrame,
    *,
    scale: str = "full",
    comparable: pd.DataFrame | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare our numbers with the published ones.

    Args:
        ours: tidy metrics, one row a seed, named as in the published table.
        published: rows with `KEYS`, `value`, `stderr`, `n`, `tolerance` and, to be passed on,
            `tolerance_why`, `split`, `quality`, `source`, `note`.
        scale: of the run; any but `full` makes nothing comparable.
        comparable: `dataset`, `comparable`, `reason`; data sets that are not listed are.
        alpha: of the tests.

    Returns:
        `COLUMNS`, one row a comparison: the published rows in their order, then ours alone.

    Raises:
        ValueError: a column is missing, a number is named twice, or a tolerance is not a number
            of at least 0.
    """
    mine = _summary(ours)
    theirs = _published(published)
    both = theirs.merge(mine, on=KEYS, how="left", indicator="side")
    alone = mine.merge(theirs[KEYS], on=KEYS, how="left", indicator="side")
    both = pd.concat([both, alone[alone["side"] == "left_only"]], ignore_index=True)
    differing = _differing(comparable)
    records = both.to_dict("records")
    for row in records:
        row["delta"] = row["ours"] - row["published"]
        row["verdict"], row["reason"] = _incomparable(row, scale, differing)
        row["test"], row["limit"], row["p"] = "", math.nan, math.nan
        if not row["verdict"]:
            row["test"], row["limit"], row["p"] = _test(row)
    made = ["delta", "verdict", "reason", "test", "limit", "p"]
    table = pd.DataFrame(records, columns=[*both.columns, *made])
    families = table.groupby(["paper", "artefact"], sort=False)["p"]
    table["p_adjusted"] = families.transform(lambda p: holm(p.to_numpy()))
    decided = [
        (row["verdict"], row["reason"]) if row["verdict"] else _decide(row, alpha)
        for row in table.to_dict("records")
    ]
    table[["verdict", "reason"]] = pd.DataFrame(decided, columns=["verdict", "reason"], dtype=str)
    return typed(table)


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return p values adjusted by Holm's step-down method; NaN stays NaN and does not count."""
    p = np.asarray(p, np.float64)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = p[order] * (len(order) - np.arange(len(order)))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return adjusted


def _require(table: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    missing = [column for column in columns if column not in table]
    if missing:
        raise ValueError(f"{what} lack the columns {missing}; there are {list(table.columns)}")


def _summary(ours: pd.DataFrame) -> pd.DataFrame:
    """Mean, sample standard deviation and number of seeds of each number; NaN seeds are counted."""
    _require(ours, [*KEYS, "seed", "value"], "our metrics")
    table = ours.assign(x=ours["x"].astype("float64").round(6))
    twice = table.duplicated([*KEYS, "seed"])
    if twice.any():
        raise ValueError(f"our metrics have two values for {table[twice].iloc[0][KEYS].to_dict()}")
    values = table["value"].astype("float64")
    table["value"] = values.where(np.isfinite(values))
    groups = table.groupby(KEYS, sort=False, dropna=False)["value"]
    return pd.DataFrame(
        {
            "ours": groups.mean(),
            "sd": groups.std(ddof=1),
            "n": groups.count(),
            "runs": groups.size(),
        }
    ).reset_index()


def _published(published: pd.DataFrame) -> pd.DataFrame:
    _require(published, [*KEYS, "value", "stderr", "n", "tolerance"], "the published numbers")
    extra = ["tolerance_why", "split", "quality", "source", "note"]
    table = published.reindex(columns=[*KEYS, "value", "stderr", "n", "tolerance", *extra])
    table = table.rename(
        columns={"value": "published", "stderr": "published_stderr", "n": "published_n"}
    )
    table["x"] = table["x"].astype("float64").round(6)
    table["published_n"] = table["published_n"].astype("Float64").astype("float64")
    if table.duplicated(KEYS).any():
        first = table[table.duplicated(KEYS)].iloc[0][KEYS].to_dict()
        raise ValueError(f"the published numbers have two values for {first}")
    if not np.isfinite(table["published"].astype(float)).all():
        raise ValueError("a published value is missing; a number that is not known has no row")
    if not (table["tolerance"].astype(float) >= 0).all():
        raise ValueError("a published number has no tolerance of at least 0")
    return table


def _differing(comparable: pd.DataFrame | None) -> dict[str, str]:
    """Data sets that are not comparable, and why."""
    if comparable is None:
        return {}
    _require(comparable, ["dataset", "comparable", "reason"], "the comparable data sets")
    wrong = comparable[~comparable["comparable"].astype(bool)]
    return dict(zip(wrong["dataset"], wrong["reason"], strict=True))


def _incomparable(row: dict[str, Any], scale: str, differing: dict[str, str]) -> tuple[str, str]:
    """Return the verdict that needs no comparison, or empty text."""
    if pd.isna(row["published"]):
        return UNPUBLISHED, "the paper gives no such number, or it could not be read"
    if row["side"] == "left_only":
        return NOT_RUN, "this run has no such number"
    if row["n"] == 0:
        return NOT_RUN, f"our value is missing (NaN) in all of {_count(row['runs'], 'seed')}"
    if scale != "full":
        return NOT_COMPARABLE, f"the scale is {scale}: other data and budgets than the paper's"
    for name in (row["dataset"], *re.split("[/+]", row["setting"])):  # evaluated, trained on
        if name in differing:
            return NOT_COMPARABLE, f"{name}: {differing[name]}"
    if row["dataset"] in POOLED and differing:
        name, why = next(iter(differing.items()))
        return NOT_COMPARABLE, f"taken over data sets of which {name} differs: {why}"
    return "", ""


def _standard_errors(row: dict[str, Any]) -> tuple[float, float]:
    """Return the standard errors of our mean and of the published value, 0 where unknown."""
    ours = row["sd"] / math.sqrt(row["n"]) if row["n"] > 1 else 0.0
    theirs = row["published_stderr"]
    return ours, 0.0 if pd.isna(theirs) else float(theirs)


def _test(row: dict[str, Any]) -> _Test:
    """Choose the test and carry it out."""
    tolerance, (mine, theirs) = row["tolerance"], _standard_errors(row)
    runs = row["published_n"]
    if tolerance == 0:
        return _Test("exact", 0.0)
    if theirs > 0 and runs > 1:
        from scipy import stats

        if row["n"] > 1:
            spread = theirs * math.sqrt(runs)
            found = stats.ttest_ind_from_stats(
                row["ours"], row["sd"], row["n"], row["published"], spread, runs, equal_var=False
            )
            return _Test("welch", tolerance, float(found.pvalue))
        t = row["delta"] / (theirs * math.sqrt(runs + 1))
        return _Test("prediction", tolerance, float(2 * stats.t.sf(abs(t), runs - 1)))
    if theirs > 0:
        return _Test("published spread", max(tolerance, 1.96 * math.hypot(mine, theirs)))
    return _Test("tolerance", tolerance + mine)


def _decide(row: dict[str, Any], alpha: float) -> tuple[str, str]:
    """Return the verdict of a comparison and its reason."""
    gap, unit = abs(row["delta"]), _count(row["n"], "seed")
    lost = row["runs"] - row["n"]
    tail = f"; {_count(lost, 'seed')} of {row['runs']} missing (NaN)" if lost else ""
    why = row["tolerance_why"]
    tail += f" ({why})" if isinstance(why, str) and why else ""
    beyond = gap > row["limit"] + _SLACK
    mine, theirs = _standard_errors(row)
    if row["test"] == "exact":
        if row["n"] > 1 and row["sd"] > 0:
            return (
                DEVIATES,
                f"must be the same number, but our {unit} differ among themselves{tail}",
            )
        word = "is not" if beyond else "is"
        return (DEVIATES if beyond else REPRODUCED), f"{word} the published number{tail}"
    if row["test"] in ("welch", "prediction"):
        significant = row["p_adjusted"] < alpha
        verdict = DEVIATES if beyond and significant else REPRODUCED
        reason = (
            f"differs by {gap:.3g}, tolerance {row['tolerance']:.3g}; {row['test']} test over "
            f"{unit} and {row['published_n']:.0f} published runs: adjusted p = "
            f"{row['p_adjusted']:.2g}"
        )
    else:
        verdict = DEVIATES if beyond else REPRODUCED
        widened = f", with the spread {row['limit']:.3g}" if row["limit"] > row["tolerance"] else ""
        single = "" if row["n"] > 1 else ", a single seed: our own spread is unknown"
        reason = (
            f"differs by {gap:.3g}, tolerance {row['tolerance']:.3g}{widened} over {unit}{single}"
        )
    error = math.hypot(mine, theirs)
    if verdict == REPRODUCED and error > NOISY * row["tolerance"]:
        return NOT_COMPARABLE, (
            f"too noisy to tell: the standard error of the difference is {error:.3g}, the "
            f"tolerance {row['tolerance']:.3g}; more seeds are needed{tail}"
        )
    return verdict, reason + tail


def _count(number: float, word: str) -> str:
    return f"{number:.0f} {word}{'' if number == 1 else 's'}"


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of verdicts with `COLUMNS` in their order and of their types."""
    table = table.reindex(columns=COLUMNS)
    table[TEXT] = table[TEXT].astype("object").fillna("").astype(str)
    table[["n", "published_n"]] = table[["n", "published_n"]].astype("Float64").astype("Int64")
    numbers = [column for column in COLUMNS if column not in (*TEXT, "n", "published_n")]
    table[numbers] = table[numbers].astype("float64")
    return table
