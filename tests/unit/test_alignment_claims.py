"""The paper's claims on constructed runs: they hold, fail, and cannot be told."""

import numpy as np
import pandas as pd
from fake_metrics import FIVE, fake_metrics, frame, row

from replidg.metrics.alignment_claims import alignment_claims
from replidg.metrics.claims import claims_table

METHODS = ("zero_shot", "erm", "swad", "miro_mpa", "oracle")
#: Method: IP and OOP accuracy, as in the paper: near the oracle on IP, far from it on OOP.
LIKE_THE_PAPER = {"erm": (71, 47), "swad": (79, 51), "miro_mpa": (84, 57), "oracle": (91, 76)}


def claims(metrics: pd.DataFrame) -> dict:
    return {claim.name: claim for claim in alignment_claims(metrics, 5)}


def run(accuracies: dict) -> pd.DataFrame:
    return frame(
        row("table1", "accuracy", value, dataset="PACS", domain=domain, method=method,
            setting=setting, seed=0, n=50)
        for method, values in accuracies.items()
        for setting, value in zip(("IP", "OOP"), values, strict=True)
        for domain in ("photo", "sketch")
    )  # fmt: skip


def predictors(**gaps) -> pd.DataFrame:
    return frame(
        row("predictors", metric, value, dataset=dataset, setting="perceptual", method="m", seed=0)
        for dataset, values in gaps.items()
        for metric, value in zip(("gap", "gap_low", "gap_high"), values, strict=True)
    )


def test_a_run_like_the_paper_bears_it_out():
    found = claims(pd.concat([fake_metrics(FIVE, METHODS), predictors(PACS=(0.2, 0.1, 0.3))]))
    assert [found[f"rises_{m}"].holds for m in METHODS] == [True] * 5
    assert found["ip_above_oop"].holds and found["alignment_beats_perceptual"].holds
    like = claims(run(LIKE_THE_PAPER))
    assert like["nearer_to_oracle_on_ip"].holds is True
    assert like["closes_gap_on_ip"].holds is True
    # swad: 8 of 20 points on IP (40 %), 4 of 29 on OOP (14 %): the smallest difference.
    assert np.isclose(like["closes_gap_on_ip"].evidence["smallest gap"], 8 / 20 - 4 / 29)
    assert like["nearer_to_oracle_on_ip"].evidence["smallest gap"] == (76 - 57) - (91 - 84)


def test_a_run_unlike_the_paper_is_told_so():
    other = {"erm": (60, 50), "swad": (62, 70), "oracle": (90, 72)}
    found = claims(run(other))
    assert found["ip_above_oop"].holds is False
    assert "swad on PACS" in found["ip_above_oop"].reason
    assert found["nearer_to_oracle_on_ip"].holds is False
    assert found["closes_gap_on_ip"].holds is False
    below = claims(predictors(PACS=(-0.2, -0.3, -0.1), VLCS=(0.2, 0.1, 0.3)))
    assert below["alignment_beats_perceptual"].holds is False


def test_what_is_not_there_cannot_be_told():
    without = claims(run({"erm": (80, 60), "swad": (85, 65)}))
    assert without["nearer_to_oracle_on_ip"].holds is None
    assert "needs oracle" in without["nearer_to_oracle_on_ip"].reason
    assert claims(run({"swad": (1, 0), "oracle": (2, 1)}))["closes_gap_on_ip"].holds is None
    assert claims(run({"erm": (1, 0), "oracle": (2, 1)}))["closes_gap_on_ip"].holds is None
    assert without["alignment_beats_perceptual"].holds is None
    unsure = claims(predictors(PACS=(0.1, -0.1, 0.3), VLCS=(0.2, 0.1, 0.3)))
    assert unsure["alignment_beats_perceptual"].holds is None
    # An oracle no better than ERM leaves no gap to close.
    same = claims(run({"erm": (80, 60), "swad": (81, 59), "oracle": (80, 60)}))
    assert same["closes_gap_on_ip"].holds is None


def test_empty_parts_are_left_out_of_both_sides():
    metrics = run({"erm": (80, 60)})
    gone = (metrics["domain"] == "photo") & (metrics["setting"] == "OOP")
    metrics.loc[gone, "value"] = np.nan
    metrics.loc[(metrics["domain"] == "photo") & (metrics["setting"] == "IP"), "value"] = 0.0
    assert claims(metrics)["ip_above_oop"].holds is True


def test_the_claims_are_a_table():
    table = claims_table(alignment_claims(fake_metrics(), 5))
    assert not table["name"].duplicated().any() and len(table) == 6 + 4
