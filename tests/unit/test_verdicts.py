"""Verdicts on constructed cases."""

import math

import numpy as np
import pandas as pd
import pytest
from fake_metrics import FIVE, fake_metrics
from scipy import stats

from replidg.metrics import verdicts
from replidg.metrics.alignment_artefacts import alignment_artefacts
from replidg.metrics.tidy import tidy
from replidg.metrics.verdict_files import read_verdicts, regressions, write_verdicts
from replidg.metrics.verdicts import KEYS, holm, judge
from replidg.published import add_tolerances, load

PLACE = {
    "paper": "alignment", "artefact": "table1a", "dataset": "PACS", "domain": "average",
    "method": "erm", "setting": "IP", "metric": "accuracy",
}  # fmt: skip

#: What the made-up run calls otherwise than a configuration does.
KNOWN = {
    "DomainNet": "domain_net",
    "OfficeHome": "office_home",
    "TerraIncognita": "terra_incognita",
}


def runs(*values, **place):
    """Our rows: one seed a value."""
    table = pd.DataFrame({"value": [float(v) for v in values], "seed": range(len(values))})
    return tidy(table, **PLACE | place)


def paper(value=80.0, stderr=None, n=None, tolerance=1.0, **place):
    """One published row."""
    row = PLACE | {
        "x": math.nan, "value": value, "stderr": stderr, "n": n, "tolerance": tolerance,
        "tolerance_why": "because", "split": "", "quality": "table", "source": "Table", "note": "",
    } | place  # fmt: skip
    return pd.DataFrame([row]).astype({"stderr": "float64", "n": "Float64", "x": "float64"})


def verdict(ours, theirs, **options):
    """The one row that comes out."""
    table = judge(ours, theirs, **options)
    assert len(table) == 1 and list(table.columns) == verdicts.COLUMNS
    return table.iloc[0]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(80.5, "reproduced"), (79.2, "reproduced"), (81.0, "reproduced"), (79.0, "reproduced"),
     (81.001, "deviates"), (70, "deviates")],
)  # fmt: skip
def test_one_seed_against_the_tolerance(value, wanted):
    row = verdict(runs(value), paper())
    assert (row["verdict"], row["test"], row["n"]) == (wanted, "tolerance", 1)
    assert math.isnan(row["sd"]) and math.isnan(row["p"])
    assert "single seed" in row["reason"] and "because" in row["reason"]


@pytest.mark.parametrize(("printed", "tolerance"), [(78.9, 1.4), (57.2, 0.3), (33.3, 0.7)])
def test_exactly_at_the_tolerance_counts_as_reproduced(printed, tolerance):
    assert verdict(runs(printed + tolerance), paper(printed, tolerance=tolerance))["verdict"] == (
        "reproduced"
    )


def test_the_tolerance_is_widened_by_our_standard_error():
    # mean 81.2, standard error 0.5 / sqrt(3) = 0.29: the limit is 1.29.
    row = verdict(runs(80.7, 81.2, 81.7), paper())
    assert row["verdict"] == "reproduced"
    assert row["limit"] == pytest.approx(1 + 0.5 / math.sqrt(3))
    assert row["tolerance"] == 1
    assert verdict(runs(80.8, 81.3, 81.8), paper())["verdict"] == "deviates"
    assert verdict(runs(81.2, 81.2, 81.2), paper())["verdict"] == "deviates"


def test_seeds_without_spread():
    row = verdict(runs(80.3, 80.3, 80.3), paper())
    assert (row["verdict"], row["sd"], row["limit"]) == ("reproduced", 0.0, 1.0)


def test_noise_is_no_reproduction():
    row = verdict(runs(60, 80, 100), paper())
    assert row["verdict"] == "not comparable" and "too noisy" in row["reason"]
    assert verdict(runs(20, 40, 60), paper())["verdict"] == "deviates"  # far off all the same


def test_missing_seeds_and_values():
    row = verdict(runs(80.2, math.nan, 80.4), paper())
    assert (row["verdict"], row["n"]) == ("reproduced", 2)
    assert "1 seed of 3 missing (NaN)" in row["reason"]
    row = verdict(runs(math.nan, math.inf), paper())
    assert (row["verdict"], row["n"]) == ("not run", 0)
    assert "all of 2 seeds" in row["reason"]


def test_either_side_may_be_missing():
    table = judge(runs(80, method="miro"), paper())
    assert table[["method", "verdict"]].to_numpy().tolist() == [
        ["erm", "not run"], ["miro", "no published value"],
    ]  # fmt: skip
    assert table["delta"].isna().all()
    empty = judge(runs(), paper())
    assert empty["verdict"].tolist() == ["not run"]
    assert judge(runs(1), paper().iloc[:0])["verdict"].tolist() == ["no published value"]
    assert judge(runs(), paper().iloc[:0]).empty


def test_exact_numbers():
    def exact(*values):
        return verdict(runs(*values, metric="images"), paper(449, tolerance=0, metric="images"))

    assert exact(449)["verdict"] == exact(449, 449)["verdict"] == "reproduced"
    assert exact(450)["verdict"] == "deviates" and exact(450)["test"] == "exact"
    row = exact(448, 450)  # the mean would be right
    assert row["verdict"] == "deviates" and "differ among themselves" in row["reason"]


def test_other_scales_and_data_are_not_comparable():
    row = verdict(runs(80), paper(), scale="demo")
    assert row["verdict"] == "not comparable" and "scale is demo" in row["reason"]
    drift = pd.DataFrame(
        {"dataset": ["VLCS", "PACS"], "comparable": [True, False], "reason": ["", "9,000 of 9,991"]}
    )
    row = verdict(runs(80), paper(), comparable=drift)
    assert row["verdict"] == "not comparable" and "9,000 of 9,991" in row["reason"]
    assert not math.isnan(row["delta"])  # still told
    row = verdict(runs(80, dataset="average"), paper(dataset="average"), comparable=drift)
    assert row["verdict"] == "not comparable" and "PACS differs" in row["reason"]
    row = verdict(runs(80, dataset="VLCS"), paper(dataset="VLCS"), comparable=drift)
    assert row["verdict"] == "reproduced"
    # What was not run stays so, whatever the scale.
    assert judge(runs(), paper(), scale="demo")["verdict"].tolist() == ["not run"]


def test_welch_agrees_with_scipy():
    ours, theirs = [81.0, 82.5, 83.0], [79.0, 80.0, 80.5, 79.7]
    spread = np.std(theirs, ddof=1) / math.sqrt(len(theirs))
    row = verdict(runs(*ours), paper(np.mean(theirs), spread, len(theirs)))
    wanted = stats.ttest_ind(ours, theirs, equal_var=False).pvalue
    assert row["test"] == "welch"
    assert row["p"] == pytest.approx(wanted) and row["p_adjusted"] == pytest.approx(wanted)
    assert row["verdict"] == ("deviates" if wanted < 0.05 else "reproduced")


def test_significant_but_small_is_reproduced_and_large_but_uncertain_too():
    many = np.linspace(80.35, 80.45, 200)
    row = verdict(runs(*many), paper(80, 0.01, 200))
    assert row["p"] < 1e-6 and row["verdict"] == "reproduced"
    row = verdict(runs(81, 83), paper(80, 0.8, 3))
    assert abs(row["delta"]) > row["tolerance"] and row["p"] > 0.05
    assert row["verdict"] == "reproduced"
    assert verdict(runs(89, 90, 91), paper(80, 0.5, 3))["verdict"] == "deviates"


def test_one_run_against_published_seeds_is_one_more_draw():
    row = verdict(runs(82), paper(80, 0.3, 3))
    assert row["test"] == "prediction"
    assert row["p"] == pytest.approx(2 * stats.t.sf(2 / (0.3 * 2), 2))
    assert row["verdict"] == "reproduced"
    assert verdict(runs(90), paper(80, 0.3, 3))["verdict"] == "deviates"


def test_a_spread_of_unknown_runs_widens_the_tolerance():
    row = verdict(runs(82.9), paper(80, stderr=1.5))
    assert (row["test"], row["limit"]) == ("published spread", pytest.approx(2.94))
    assert row["verdict"] == "reproduced"
    assert verdict(runs(82.95), paper(80, stderr=1.5))["verdict"] == "deviates"
    assert verdict(runs(80.9), paper(80, stderr=0.1))["limit"] == 1.0  # never below the tolerance


def test_no_spread_on_either_side_of_a_welch_test():
    row = verdict(runs(80.5, 80.5), paper(80, stderr=0.0, n=3))
    assert (row["test"], row["verdict"]) == ("tolerance", "reproduced")
    row = verdict(runs(85, 85), paper(80, 0.2, 3))  # ours has none
    assert row["test"] == "welch" and row["verdict"] == "deviates" and 0 < row["p"] < 0.01


def test_holm_by_hand():
    # Sorted .01 .02 .03 .04: times 4, 3, 2, 1 = .04 .06 .06 .04, made monotone: .04 .06 .06 .06
    assert holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, math.nan, 0.9]) == pytest.approx([1.0, math.nan, 1.0], nan_ok=True)
    assert holm([]).size == 0 and np.isnan(holm([math.nan])).all()


def test_holm_is_within_an_artefact():
    ours = pd.concat([
        runs(84.0, 85.0, 86.0, setting="IP"), runs(84.0, 85.0, 86.0, setting="OOP"),
        runs(84.0, 85.0, 86.0, artefact="table9"),
    ])  # fmt: skip
    theirs = pd.concat([
        paper(80, 1.3, 3), paper(80, 1.3, 3, setting="OOP"), paper(80, 1.3, 3, artefact="table9"),
    ])  # fmt: skip
    table = judge(ours, theirs)
    assert table["p"].nunique() == 1
    p = table["p"].iloc[0]
    assert table["p_adjusted"].tolist() == pytest.approx([2 * p, 2 * p, p])
    assert 0.025 < p < 0.05
    assert table["verdict"].tolist() == ["reproduced", "reproduced", "deviates"]


def test_curves_join_on_x():
    ours = pd.concat([
        runs(55.0, artefact="fig2b").assign(x=0.21), runs(40.0, artefact="fig2b").assign(x=0.2),
    ])  # fmt: skip
    theirs = pd.concat([
        paper(55.2, artefact="fig2b", x=0.1 + 0.11), paper(54.2, artefact="fig2b", x=0.2),
    ])  # fmt: skip
    assert judge(ours, theirs)["verdict"].tolist() == ["reproduced", "deviates"]


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="two values"):
        judge(pd.concat([runs(1), runs(2)]), paper())
    with pytest.raises(ValueError, match="two values"):
        judge(runs(1), pd.concat([paper(), paper()]))
    with pytest.raises(ValueError, match="tolerance"):
        judge(runs(1), paper(tolerance=math.nan))
    with pytest.raises(ValueError, match="lack the columns"):
        judge(runs(1).drop(columns="setting"), paper())
    with pytest.raises(ValueError, match="has no row"):
        judge(runs(1), paper(value=math.nan))


def test_files_keep_everything(tmp_path):
    table = judge(
        pd.concat([runs(80, 81), runs(5, method="")]), pd.concat([paper(), paper(setting="0.01")])
    )
    write_verdicts(table, tmp_path / "verdicts.csv")
    pd.testing.assert_frame_equal(read_verdicts(tmp_path / "verdicts.csv"), table)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"other\.csv is no table of verdicts"):
        read_verdicts(tmp_path / "other.csv")


def test_regressions():
    settings = ("IP", "OOP", "All", "new")
    theirs = pd.concat([paper(setting=s) for s in settings])
    was = judge(pd.concat([runs(80, setting=s) for s in settings[:3]]), theirs)
    now = judge(pd.concat([runs(v, setting=s) for v, s in ((80, "IP"), (90, "OOP"))]), theirs)
    worse = regressions(now[now["setting"] != "All"], was)
    assert worse[["setting", "now"]].to_numpy().tolist() == [["OOP", "deviates"], ["All", "gone"]]
    assert regressions(was, was).empty
    assert regressions(now, was)["now"].tolist() == ["deviates", "not run"]


def test_alignment_under_the_paper_s_names():
    metrics = fake_metrics(FIVE, seeds=2)
    table = alignment_artefacts(metrics, "miro_swad")
    cells = metrics[(metrics["artefact"] == "table1") & (metrics["setting"] == "IP")]
    cells = cells[(cells["method"] == "erm") & (cells["seed"] == 1)]
    means = cells.groupby("dataset")["value"].mean()

    def value(artefact, dataset, domain):
        found = table[(table["artefact"] == artefact) & (table["dataset"] == dataset)]
        found = found[
            (found["domain"] == domain) & (found["method"] == "erm") & (found["seed"] == 1)
        ]
        return found["value"].item()

    assert set(table.loc[table["artefact"] == "fig2b", "method"]) == {"miro_swad"}
    assert not set(table["artefact"]) & {"table1", "curves"}
    assert value("table1a", "PACS", "average") == pytest.approx(means["PACS"])
    assert value("table23", "PACS", "average") == pytest.approx(means["PACS"])
    assert math.isfinite(value("table23", "PACS", "sketch"))


def test_averages_need_every_part():
    metrics = fake_metrics(FIVE, seeds=1)
    metrics["dataset"] = metrics["dataset"].replace(KNOWN)
    table = alignment_artefacts(metrics, "erm")
    summary = table[table["artefact"] == "table1c"]
    assert set(summary["dataset"]) == {"PACS", "VLCS", "average", *KNOWN.values()}
    means = summary[(summary["method"] == "erm")].set_index("dataset")["value"]
    assert means["average"] == pytest.approx(means.drop("average").mean())
    part = metrics[~((metrics["dataset"] == "PACS") & (metrics["domain"] == "photo"))]
    summary = alignment_artefacts(part, "erm").query("artefact == 'table1c'")
    assert not set(summary["dataset"]) & {"PACS", "average"}


def test_our_own_metrics_meet_every_published_row_they_should():
    metrics = fake_metrics(FIVE, methods=("zero_shot", "erm", "miro_swad", "vl2v_sd"), seeds=2)
    metrics["dataset"] = metrics["dataset"].replace(KNOWN)
    home = metrics["dataset"] == "office_home"
    metrics.loc[home, "domain"] = metrics.loc[home, "domain"].replace({"Real": "Real World"})
    table = judge(alignment_artefacts(metrics, "vl2v_sd"), add_tolerances(load("alignment")))
    met = table[table["verdict"].isin(["reproduced", "deviates", "not comparable"])]
    counts = met.groupby("artefact").size()
    assert counts["table1a"] == 4 * 6 and counts["table10"] == 4 * 5 and counts["table16"] == 4 * 7
    assert counts["fig17"] == 66 and counts["table8"] == 10 and counts["thresholds"] == 3
    assert counts["fig2b"] > 30 and counts["fig11"] > 60
    originals = met[(met["artefact"] == "fig17") & (met["setting"] == "original")]
    assert (originals["verdict"] == "reproduced").all()  # the fake run has the paper's sizes
    assert not table.duplicated(KEYS).any()


def test_what_was_trained_on_counts_too():
    drift = pd.DataFrame({"dataset": ["gta5"], "comparable": [False], "reason": ["half of it"]})
    place = {"dataset": "acdc", "setting": "gta5/early_to_deep"}
    row = verdict(runs(80, **place), paper(**place), comparable=drift)
    assert row["verdict"] == "not comparable" and "gta5: half of it" in row["reason"]


def test_further_artefacts_meet_their_published_rows():
    """Those that a full run makes in the form of the fake run."""
    metrics = fake_metrics(FIVE, methods=("zero_shot", "mpa", "miro_mpa", "clipood"), seeds=1)
    metrics["dataset"] = metrics["dataset"].replace(KNOWN)
    home = metrics["dataset"] == "office_home"
    metrics.loc[home, "domain"] = metrics.loc[home, "domain"].replace({"Real": "Real World"})
    near = metrics["artefact"] == "curves_source"
    metrics.loc[near, "x"] += 0.2  # bins from 0.70
    table = judge(alignment_artefacts(metrics, "miro_mpa"), add_tolerances(load("alignment")))
    met = table[table["verdict"].isin(["reproduced", "deviates", "not comparable"])]
    counts = met.groupby("artefact").size().to_dict()
    assert counts["table2"] == 2 * 2 * 2 and counts["table4"] == 2 * 6
    assert counts["table5"] == counts["table6"] == 4 and counts["fig5"] == 8
    assert counts["table7"] > 5 and counts["fig9"] == 5
    right = met[met["artefact"].isin(["table5", "table6"])]
    assert (right["verdict"] == "reproduced").all()  # the paper's own counts
