"""Claims, tables and figures of the SCI-PD paper on made-up metrics."""

import numpy as np
import pandas as pd
import pytest

from replidg.config.scipd_arms import RunKey
from replidg.metrics.scipd import KEYS, tidy_metrics
from replidg.metrics.scipd_claims import scipd_claims
from replidg.reporting import scipd_figures, scipd_tables
from replidg.reporting.artefact_files import write_one
from replidg.reporting.scipd_table_files import Options, make
from replidg.reporting.style import PlotStyle

SETS = {"H0": 0.0, "H1_6": 1 / 6, "H1": 1.0}
GAIN = {"erm": 0.0, "clip_base": 1.0, "scipd": 5.0, "scipd_sp": 3.0}
METRICS = ("accuracy", "h_score_max", "h_score_mean", "h_score_source", "auroc", "oscr")
PAGES = {"pacs": "PACS"}
SWITCHES = {
    "clip_base": (False, False, False),
    "scipd_sp": (True, False, False),
    "scipd": (True, True, False),
}


def metrics(gain=GAIN, seeds=(0, 1)) -> pd.DataFrame:
    rows, keys = [], []
    for arm, more in gain.items():
        for sets, h in SETS.items():
            for target in ("photo", "sketch"):
                for seed in seeds:
                    keys.append(RunKey("PACS", sets, target, arm, seed))
                    for metric in METRICS:
                        # The better, the steadier.
                        value = 50 + more + (10 - more / 2) * h + seed + (target == "photo")
                        cell = dict(zip(KEYS, ["PACS", sets, target, arm, seed], strict=True))
                        rows.append(cell | {"metric": metric, "value": value, "n": 10})
    studies = {"main": keys, "ablation": [key for key in keys if key.arm != "erm"]}
    studies["alpha"] = [key for key in keys if key.arm in ("scipd", "scipd_sp")]
    studies["scarcity"] = [key for key in keys if key.arm in ("scipd_sp",)]
    values = {"alpha": {"scipd": 0.8, "scipd_sp": 0.0}, "scarcity": {"scipd_sp": 0.1}}
    return tidy_metrics(pd.DataFrame(rows), studies, {"PACS": SETS}, values, 0)


def told(table: pd.DataFrame) -> dict:
    return {
        claim.name: claim.holds for claim in scipd_claims(table, "scipd", "clip_base", SWITCHES)
    }


def test_claims_hold_where_they_should():
    found = told(metrics())
    for name in ("above_base_accuracy", "above_all_h_score_max", "lower_h2_cv", "sp_helps"):
        assert found[name] is True, name
    assert found["ip_helps"] is True and found["cp_helps"] is None


def test_claims_fail_where_they_should():
    worse = told(metrics(GAIN | {"scipd": -3.0, "scipd_sp": -4.0}))
    assert worse["above_base_accuracy"] is False and worse["above_all_accuracy"] is False
    assert worse["lower_h2_cv"] is False and worse["sp_helps"] is False


def test_one_setting_that_fails_is_enough():
    table = metrics()
    own = (table["method"] == "scipd") & (table["setting"] == "H1_6")
    table.loc[own, "value"] -= 20
    claims = {c.name: c for c in scipd_claims(table, "scipd", "clip_base", SWITCHES)}
    assert claims["above_base_accuracy"].holds is False
    assert "H1_6" in claims["above_base_accuracy"].reason


def test_main_table_is_the_mean_over_targets_and_seeds():
    table = scipd_tables.main_table(metrics(), "PACS", list(GAIN))
    assert list(table.mean.index) == list(GAIN)
    assert list(table.mean.columns)[:3] == ["Acc, H = 0", "Acc, H = 1/6", "Acc, H = 1"]
    # Seeds 0 and 1, targets + 1 and + 0.
    assert table.mean.loc["erm", "Acc, H = 0"] == pytest.approx(51.0)
    assert table.sd.loc["erm", "Acc, H = 0"] == pytest.approx(np.sqrt(0.5))


def test_variation_table_by_hand():
    table = scipd_tables.variation_table(metrics(seeds=(0,)), list(GAIN))
    values = np.array([50.5 + 10 * h for h in SETS.values()])
    wanted = 100 * values.std() / values.mean()
    assert table.mean.loc["erm", "PACS: Accuracy"] == pytest.approx(wanted)


def test_target_table_has_every_place_and_its_spread():
    mean, sd = scipd_tables.target_table(metrics(), "PACS", list(GAIN))
    assert len(mean) == 3 * 3 * 4 and mean.index[0] == "H = 0, photo, ERM"
    assert mean.index[-1] == "H = 1, average, scipd sp"
    # Seeds 0 and 1; photo is 1 above sketch.
    assert mean.loc["H = 0, photo, ERM", "AUROC"] == pytest.approx(51.5)
    assert mean.loc["H = 0, average, ERM", "AUROC"] == pytest.approx(51.0)
    assert sd.loc["H = 0, photo, ERM", "AUROC"] == pytest.approx(np.sqrt(0.5))


def test_ablation_table_names_the_perturbations():
    mean, sd = scipd_tables.ablation_table(metrics(), SWITCHES)
    assert list(mean.index) == ["none", "SP", "SP + IP"] == list(sd.index)
    two = SWITCHES | {"erm": (False, False, False)}
    both = metrics()
    both = pd.concat([both, both[both["artefact"] == "main"].assign(artefact="ablation")])
    names = list(scipd_tables.ablation_table(both, two).mean.index)
    assert "none (CLIPBase)" in names and "none (ERM)" in names


def test_arms_in_words():
    assert scipd_tables.arm_label("erm-share-0.1") == "ERM, 10 % of the images"
    assert scipd_tables.arm_label("scipd-views-2") == "SCI-PD, 2 fixed views"
    assert scipd_tables.arm_label("scipd-student-tiny_net", "resnet18") == "SCI-PD, tiny net"
    assert scipd_tables.arm_label("scipd", "resnet18") == "SCI-PD, resnet18"
    assert scipd_tables.arm_label("scipd-tau-2") == "SCI-PD, tau = 2"
    assert scipd_tables.arm_label("clip_base") == "CLIPBase"


def test_counts_table():
    counts = pd.DataFrame(
        {
            "dataset": "PACS", "split": "H0", "hybridness": "0", "sets": "{0}; {1}",
            "n_images": [10, 9, 5], "expected": pd.array([10, 11, None], dtype="Float64"),
        }
    )  # fmt: skip
    row = scipd_tables.counts_table(counts).iloc[0]
    assert (row["Counts"], row["Compared"], row["Equal"]) == (3, 2, 1)
    assert row["Largest difference"] == "2"


@pytest.mark.parametrize("name", ["main_pacs", "targets_pacs", "h2cv", "open_set", "ablation",
                                  "sensitivity", "claims"])  # fmt: skip
def test_every_table_is_written(name, tmp_path):
    options = Options(PAGES, list(GAIN), SWITCHES)
    files = [tmp_path / f"{name}.{suffix}" for suffix in ("csv", "md", "tex")]
    write_one("scipd", name, make(name, metrics(), options), *files)
    assert all(path.stat().st_size for path in files)
    with pytest.raises(ValueError, match="no table"):
        make("nothing", metrics(), options)


@pytest.mark.parametrize("name", ["lines_pacs", "sensitivity_curves", "scarcity", "radar"])
def test_every_figure_is_drawn(name):
    options = scipd_figures.Options(PAGES, list(GAIN), {"scipd_sp": "scipd"})
    figure = scipd_figures.draw(name, metrics(), options, PlotStyle())
    assert figure.axes and any(ax.lines for ax in figure.axes)
    with pytest.raises(ValueError, match="no figure"):
        scipd_figures.draw("nothing", metrics(), options, PlotStyle())


def test_lines_show_the_numbers():
    options = scipd_figures.Options(PAGES, ["erm"])
    figure = scipd_figures.draw("lines_pacs", metrics(), options, PlotStyle())
    average = figure.axes[2].lines[0]
    assert average.get_ydata() == pytest.approx([51 + 10 * h for h in SETS.values()])


def test_one_target_needs_no_panel_for_the_mean():
    table = metrics()
    table = table[table["domain"] != "sketch"]
    options = scipd_figures.Options(PAGES, ["erm"])
    figure = scipd_figures.draw("lines_pacs", table, options, PlotStyle())
    assert [ax.get_title(loc="left") for ax in figure.axes[:1]] == ["photo"]
    assert len(figure.axes) == 2  # accuracy, H-score


def test_captions_say_what_the_means_are_over():
    options = Options(PAGES, list(GAIN), SWITCHES)
    table = metrics()
    some = (table["artefact"] != "ablation") | (table["setting"] == "H1_6")
    caption = make("ablation", table[some & (table["seed"] == 0)], options).caption
    assert caption.endswith("%. Mean over PACS; H = 1/6; targets photo, sketch; one seed.")
    caption = make("main_pacs", table, options).caption
    assert caption.endswith("± standard deviation over 2 seeds.")


def test_scarcity_ends_at_the_main_tables():
    options = scipd_figures.Options(PAGES, list(GAIN), {"scipd_sp": "scipd"})
    figure = scipd_figures.draw("scarcity", metrics(), options, PlotStyle())
    line = figure.axes[0].lines[0]
    assert list(line.get_xdata()) == [10.0, 100.0]


def test_feature_map_marks_the_unknown():
    rng = np.random.default_rng(0)
    points = {"erm": rng.normal(size=(9, 2)), "scipd": rng.normal(size=(9, 2))}
    labels = np.array([0, 1, -1] * 3)
    figure = scipd_figures.feature_map(points, labels, ["cat", "dog"], PlotStyle())
    assert len(figure.axes) == 2 and len(figure.axes[0].collections) == 3
