"""The SCI-PD paper's configuration: arms, runs, jobs, and what is told when it is wrong."""

import copy
from pathlib import Path

import pytest
import yaml

from replidg.artefacts import available, missing, of
from replidg.config import Config, ConfigError, load, scipd_arms
from replidg.config.merge import merge
from replidg.config.provides import provided

ROOT = Path(__file__).parents[2]
DEMO = yaml.safe_load((ROOT / "config.yaml").read_text())


def config(**changes) -> Config:
    return load(merge(copy.deepcopy(DEMO), {"scipd": changes}))


def problems(**changes) -> str:
    with pytest.raises(ConfigError) as error:
        config(**changes)
    return str(error.value)


def test_every_arm_has_a_name_of_its_own_and_keeps_its_method():
    found = scipd_arms.arms(config())
    assert found["scipd"].studies.keys() >= {"main", "ablation", "alpha", "tau", "beta", "views"}
    low = found["scipd-alpha-0"]
    assert (low.method, low.settings.alpha, low.settings.tau) == ("scipd", 0.0, 0.5)
    assert found["erm-share-0.1"].share == 0.1
    assert found["scipd-student-mobilenet_scratch"].student == "mobilenet_scratch"
    assert found["scipd-views-2"].settings.views == 2
    # The student of the main tables is no other arm.
    assert "scipd-student-lite0" not in found


def test_a_studys_own_value_is_that_of_the_main_tables():
    found = scipd_arms.arms(config())
    assert found["scipd"].studies["alpha"] == 0.8
    assert found["scipd-tau-2"].studies == {"tau": 2.0}
    same = scipd_arms.arms(config(sensitivity={"alpha": [0.8], "tau": [], "beta": []}))
    assert not [name for name in same if "-alpha-" in name]


def test_runs_cover_every_hybridness_target_and_seed_once():
    own = config()
    studies = scipd_arms.study_runs(own)
    main = studies["main"]
    assert len(main) == len(set(main)) == 6 * (4 * 2 + 4 * 1) * 2
    assert {key.split for key in main} == {"H0", "H1_6", "H1_3", "H1"}
    assert {key.target for key in studies["ablation"]} == {"cartoon"}
    runs = scipd_arms.runs(own)
    assert len(runs) == len(set(runs)) and set(main) < set(runs)


@pytest.mark.parametrize(
    ("together", "count"), [("target", 3), ("one", None), ("seeds", None), ("arm", None)]
)
def test_jobs_hold_every_run_once(together, count):
    own = config(runs_per_job=together)
    jobs = scipd_arms.jobs(own)
    assert sorted(key for keys in jobs.values() for key in keys) == sorted(scipd_arms.runs(own))
    if count is not None:
        assert len(jobs) == count
    if together == "one":
        assert all(len(keys) == 1 for keys in jobs.values())
    if together == "seeds":
        alike = [{key._replace(seed=0) for key in keys} for keys in jobs.values()]
        assert all(len(keys) == 1 for keys in alike) and len(set().union(*alike)) == len(alike)


def test_splits_are_ordered_by_hybridness_and_the_papers_if_none_is_given():
    own = config()
    for dataset in ("PACS", "office_home"):
        values = [labels.h for labels in scipd_arms.splits(own, dataset).values()]
        assert values == sorted(values) and len(values) == 4
    assert scipd_arms.splits(own, "PACS")["H1_6"].sets == ["0,1,3", "0,2,4", "1,2,5"]


def test_own_splits_take_their_place():
    mine = {"mine": {"sets": ["0-4", "1-5", "0,1,5"], "hybridness": "4/9"}}
    found = scipd_arms.splits(config(datasets={"PACS": {"splits": mine}}, tsne=None), "PACS")
    assert list(found) == ["mine"]


def test_mistakes_are_named():
    wrong = {"x": {"sets": ["0,1", "1,2", "2,3"], "hybridness": "1/2"}}
    assert "hybridness is 1/6, not 1/2" in problems(datasets={"PACS": {"splits": wrong}})
    few = {"x": {"sets": ["0-2", "3-5"]}}
    assert "2 label sets, but 3 sources" in problems(datasets={"PACS": {"splits": few}})
    assert "did you mean 'scipd'?" in problems(main=["erm", "clip_base", "scipdd", "scipd"])
    assert "no domain 'cartoons'" in problems(datasets={"PACS": {"targets": ["cartoons"]}})
    assert "a CLIP must teach" in problems(teacher="lite0")
    assert "not of source timm" in problems(students={"lite0": {"model": "tiny_clip"}})
    assert "scipd.tsne.target" in problems(tsne={"target": "sketch"})


def test_null_takes_a_data_set_away():
    own = config(datasets={"office_home": None})
    assert {key.dataset for key in scipd_arms.runs(own)} == {"PACS"}
    lacking = {a.name for a in of("scipd") if not available(a, provided(own))}
    assert {"main_office_home", "lines_office_home"} < lacking and "main_pacs" not in lacking
    assert "scipd.ablation.datasets: 'PACS' is not defined" in problems(datasets={"PACS": None})


def test_without_methods_nothing_is_run_or_drawn():
    own = config(main=[])
    assert not scipd_arms.runs(own) and not scipd_arms.jobs(own)
    assert not [need for need in provided(own) if need.startswith("scipd")]
    assert not [artefact for artefact in of("scipd") if available(artefact, provided(own))]


def test_what_the_demo_can_make():
    lacking = {a.name for a in of("scipd") if not available(a, provided(config()))}
    assert lacking == {"main_domain_net", "targets_domain_net", "lines_domain_net"}
    by_name = {artefact.name: artefact for artefact in of("scipd")}
    without = provided(config(scarcity={"shares": []}))
    assert missing(by_name["scarcity"], without) == ["runs of its own: scipd.scarcity"]


def test_full_scale_is_the_papers():
    full = yaml.safe_load((ROOT / "config/full.yaml").read_text())
    own = load(merge(copy.deepcopy(DEMO), full))
    main = scipd_arms.study_runs(own)["main"]
    assert len(main) == len(own.scipd.main) * 4 * (4 + 4 + 6) * 3
    for dataset in own.scipd.datasets:
        named = scipd_arms.PAPER_SPLITS[dataset]
        found = {name: tuple(s.sets) for name, s in scipd_arms.splits(own, dataset).items()}
        assert found == {name: sets for name, (_, sets) in named.items()}
    code = own.scipd.methods["scipd_code"]
    assert code.doubled and code.teacher_input == "student" and code.class_softmax == "twice"
    clean = own.scipd.methods["scipd"]
    assert (clean.alpha, clean.tau, clean.beta, clean.lr, clean.head_lr_mult) == (
        0.8, 0.5, 0.1, 1e-3, 5,
    )  # fmt: skip
    assert not clean.doubled and clean.teacher_input == "clip"
    assert (own.scipd.training.steps, own.scipd.training.evaluate_every) == (5000, 100)
    # What the demo sets is set again.
    assert all(method.lr == 1e-3 for method in own.scipd.methods.values())
    assert all(method.logit_scale == 100 for method in own.scipd.methods.values())


def test_null_leaves_the_paper_out():
    left_out = load(copy.deepcopy(DEMO) | {"scipd": None})
    assert left_out.scipd.main == [] and "scipd" not in provided(left_out)
