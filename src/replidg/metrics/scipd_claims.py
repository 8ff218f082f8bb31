"""What arXiv 2404.09011 claims, asked of our own numbers."""

from __future__ import annotations

import pandas as pd

from replidg.metrics.claims import Claim, ordered
from replidg.metrics.scipd import MEAN, PAPER

#: Which perturbation each ablation switches off or on: (name of the claim, words).
PERTURBATIONS = {"sp": "score", "ip": "instance", "cp": "class"}
PRINTED = {"accuracy": "accuracy", "h_score_max": "H-score"}


def scipd_claims(
    metrics: pd.DataFrame, method: str, base: str, switches: dict[str, tuple[bool, bool, bool]]
) -> list[Claim]:
    """Return every claim, in the order of the paper's abstract.

    Args:
        metrics: tidy metrics of the paper.
        method: SCI-PD among the methods of the main tables.
        base: CLIPBase among them.
        switches: arm of the ablation -> whether it has score, instance, class perturbation.
    """
    main = metrics[(metrics["artefact"] == "main") & (metrics["domain"] == MEAN)]
    claims = [_above_base(main, metric, method, base) for metric in PRINTED]
    claims += [_above_all(main, metric, method) for metric in PRINTED]
    claims.append(_steadier(main, method, base))
    ablation = metrics[(metrics["artefact"] == "ablation") & (metrics["domain"] == MEAN)]
    for place, (name, words) in enumerate(PERTURBATIONS.items()):
        claims.append(_helps(ablation, switches, place, name, words))
    return claims


def _means(rows: pd.DataFrame, metric: str, keys: list[str]) -> pd.DataFrame:
    """Mean over seeds, one column a method."""
    chosen = rows[rows["metric"] == metric]
    return chosen.groupby([*keys, "method"])["value"].mean().unstack("method")


def _above_base(main: pd.DataFrame, metric: str, method: str, base: str) -> Claim:
    name = f"above_base_{metric}"
    statement = f"SCI-PD is above CLIPBase at every hybridness H, in {PRINTED[metric]}."
    table = _means(main, metric, ["dataset", "setting"])
    return _pairs(table, name, statement, method, base)


def _above_all(main: pd.DataFrame, metric: str, method: str) -> Claim:
    """The abstract: it outperforms previous methods (mean over H)."""
    name = f"above_all_{metric}"
    statement = (
        f"SCI-PD is above every other method on every data set, in {PRINTED[metric]}, mean over "
        "H; its other variants left out."
    )
    rows = main[(main["method"] == method) | ~main["method"].str.startswith(method)]
    table = _means(rows, metric, ["dataset"])
    if method not in table:
        return Claim(PAPER, name, statement, None, f"{method} was not run", {})
    others = [column for column in table if column != method]
    pairs = pd.DataFrame(
        [
            {"pair": f"{other} on {dataset}", "above": row[method], "below": row[other]}
            for dataset, row in table.iterrows()
            for other in others
        ],
        columns=["pair", "above", "below"],
    )
    return ordered(PAPER, name, statement, pairs)


def _steadier(main: pd.DataFrame, method: str, base: str) -> Claim:
    statement = "SCI-PD varies less with H than CLIPBase (lower H2-CV), on every data set."
    table = _means(main, "h2_cv_h_score_max", ["dataset"])
    # The lower is the better, so the sides are exchanged.
    return _pairs(table, "lower_h2_cv", statement, base, method)


def _helps(
    ablation: pd.DataFrame,
    switches: dict[str, tuple[bool, bool, bool]],
    place: int,
    name: str,
    words: str,
) -> Claim:
    """Compare arms that differ in one switch alone."""
    statement = f"{words.capitalize()} perturbation raises the H-score, all else equal."
    table = _means(ablation, "h_score_max", ["dataset", "setting"]).mean()
    found = []
    for arm, own in switches.items():
        if not own[place]:
            continue
        for other, theirs in switches.items():
            without = (*own[:place], False, *own[place + 1 :])
            if theirs == without and {arm, other} <= set(table.index):
                found.append({"pair": f"{arm} over {other}", "above": table[arm],
                              "below": table[other]})  # fmt: skip
    pairs = pd.DataFrame(found, columns=["pair", "above", "below"])
    return ordered(PAPER, f"{name}_helps", statement, pairs)


def _pairs(table: pd.DataFrame, name: str, statement: str, above: str, below: str) -> Claim:
    lacking = [method for method in (above, below) if method not in table]
    if lacking:
        return Claim(PAPER, name, statement, None, f"{' and '.join(lacking)} not run", {})
    labels = [" ".join(map(str, key if isinstance(key, tuple) else (key,))) for key in table.index]
    pairs = pd.DataFrame(
        {"pair": labels, "above": table[above].to_numpy(), "below": table[below].to_numpy()}
    )
    return ordered(PAPER, name, statement, pairs)
