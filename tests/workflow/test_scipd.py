"""The SCI-PD paper's part of the workflow: planned jobs, a tiny run, reruns, a kill."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from workspace import ROOT, Workspace

from replidg.artefacts import available, files, of
from replidg.config.files import read
from replidg.config.provides import provided
from replidg.metrics.verdict_files import read_verdicts

TINY = Path(__file__).with_name("scipd.yaml")
VERDICTS = "results/scipd/verdicts.csv"
MADE = [a for a in of("scipd") if available(a, provided(read([ROOT / "config.yaml", TINY])))]
SHOWN = {
    "evaluate_scipd": 1,
    "compare_scipd": 1,
    "draw_scipd_figures": 1,
    "tabulate_scipd_metrics": 1,
}
RUNS = "results/runs/scipd/PACS"


def test_the_demos_jobs(demo: Workspace) -> None:
    """Three training jobs, one a target domain, and what shows them."""
    assert demo.planned("scipd", VERDICTS) == SHOWN | {
        "scipd": 1,
        # PACS, OfficeHome, and the pictograms that the teacher learns from.
        "retrieve_dataset": 3,
        "index_dataset": 3,
        "pretrain_clip": 1,
        "retrieve_timm": 2,
        "embed_texts": 2,
        "train_students": 3,
        "count_hybrid_splits": 1,
        "tabulate_scipd_counts": 1,
        "draw_scipd_tsne": 1,
    }


def test_counts_of_the_label_sets_need_no_training(demo: Workspace) -> None:
    """The table of label sets comes from the indexes alone."""
    jobs = demo.planned("scipd_splits")
    assert "train_students" not in jobs and jobs["count_hybrid_splits"] == 1


def test_full_scale(demo: Workspace) -> None:
    """A job holds three seeds: 14 targets x 4 hybridness settings x 19 methods, and the studies."""
    full = yaml.safe_load((ROOT / "config/full.yaml").read_text())
    demo.overlay = ROOT / "config/full.yaml"
    jobs = demo.planned(VERDICTS)
    main = 14 * 4 * len(full["scipd"]["main"])
    eight = 8 * 4  # targets of PACS and OfficeHome, settings
    four = 4 * 4
    students = len(full["scipd"]["other_students"]["students"]) - 1
    studies = 5 * eight + (5 + 4 + 3) * 16 + students * 3 * eight + 4 * 3 * four + 3 * four
    assert main == 1064 and jobs["train_students"] == main + studies
    assert jobs["retrieve_dataset"] == jobs["index_dataset"] == 3
    assert (jobs["retrieve_clip"], jobs["retrieve_timm"]) == (1, students + 1)
    assert "pretrain_clip" not in jobs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished tiny run, shared by this module's tests."""
    workspace = Workspace(tmp_path_factory.mktemp("scipd"), TINY)
    workspace.run("scipd", VERDICTS)
    return workspace


def test_every_artefact_is_there(run: Workspace) -> None:
    """Each figure and table that this configuration has exists and is not empty."""
    assert len(MADE) == 13
    for artefact in MADE:
        for path in files(artefact):
            assert (run.folder / path).stat().st_size > 30, path


def test_every_run_predicts_every_target_image(run: Workspace) -> None:
    """Known and unknown ones, once a hybridness."""
    index = pd.read_parquet(run.folder / "results/data/PACS/index.parquet")
    wanted = index[(index["domain"] == "photo") & index["hdg_role"].isin(["known", "unknown"])]
    path = f"{RUNS}/scipd/all_sets/all_targets/all_seeds/predictions.parquet"
    table = pd.read_parquet(run.folder / path).query("role == 'target'")
    assert set(table["sets"]) == {"H0", "H1_6", "H1_3", "H1"}
    for _, rows in table.groupby("sets"):
        assert sorted(rows["image_id"]) == sorted(wanted["image_id"])
        assert (rows["label"] == -1).sum() == (wanted["hdg_role"] == "unknown").sum() > 0


def test_nothing_is_reproduced_without_published_numbers(run: Workspace) -> None:
    """The paper's tables were not available; a demo would not be comparable either."""
    table = read_verdicts(run.folder / VERDICTS)
    assert len(table) and set(table["verdict"]) == {"no published value"}


def test_a_second_run_does_nothing(run: Workspace) -> None:
    """And says so; nothing is left of checkpoints."""
    done = run.run("scipd", VERDICTS)
    assert "Nothing to be done" in done.stdout + done.stderr
    assert not [p for p in (run.folder / "checkpoints").rglob("*") if p.is_file()]


def copied(run: Workspace, folder: Path, **scipd: object) -> Workspace:
    """Return a copy of the finished run with another overlay."""
    shutil.copytree(run.folder, folder, symlinks=True)
    workspace = Workspace(folder, folder / "changed.yaml")
    overlay = yaml.safe_load(TINY.read_text())
    workspace.overlay.write_text(yaml.safe_dump(overlay | {"scipd": overlay["scipd"] | scipd}))
    return workspace


@pytest.mark.parametrize(
    ("changed", "arms"),
    [
        ({"methods": {"erm": {"lr": 0.001}}}, 1),
        # scipd, with another alpha, with fixed views.
        ({"methods": {"scipd": {"tau": 0.7}}}, 3),
        ({"methods": {"coral": {"lr": 0.001}}}, 0),
    ],
    ids=["erm", "scipd", "not run"],
)
def test_a_changed_method_reruns_its_arms_alone(
    run: Workspace, tmp_path: Path, changed: dict, arms: int
) -> None:
    """And what is computed from their predictions; the map of features shows ERM and SCI-PD."""
    jobs = copied(run, tmp_path / "copy", **changed).planned("scipd", VERDICTS)
    shown = SHOWN | {"scipd": 1, "draw_scipd_tsne": 1, "train_students": arms}
    assert jobs == (shown if arms else {})


def test_killed_and_run_again_gives_the_same_bits(run: Workspace, tmp_path: Path) -> None:
    """Kill -9 in the middle of a training: the job goes on, and ends as if nothing had happened."""
    again = copied(run, tmp_path / "copy")
    job = again.folder / RUNS / "scipd"
    shutil.rmtree(job)
    shutil.rmtree(again.folder / "results/scipd")  # else nobody asks for the predictions
    again.kill_when(
        lambda: any(again.folder.glob("checkpoints/hybrid/*/newest.pt")), "scipd", VERDICTS
    )
    assert not list(job.rglob("predictions.parquet"))
    again.run("--unlock")
    again.run("scipd", VERDICTS)
    log = next((again.folder / "logs/train_students/PACS/scipd").rglob("*.log")).read_text()
    assert "resuming after step" in log or "finished earlier" in log
    one, other = again.outputs(), run.outputs()
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []
