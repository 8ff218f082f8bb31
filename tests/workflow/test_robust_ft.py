"""The robust fine-tuning paper in the workflow: jobs, results, reruns, kills."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from workspace import ROOT, Workspace

from replidg.artefacts import available, files, of
from replidg.config.files import read
from replidg.config.provides import provided

TINY = Path(__file__).with_name("robust_ft.yaml")
TARGETS = ("robust_ft", "compare_robust_ft")
RUNS = "results/runs/robust_ft/fmow"
#: Jobs after the trainings.
AFTER = {
    "evaluate_robust_ft": 1,
    "evaluate_robust_ft_gains": 1,
    "draw_robust_ft_metrics": 1,
    "draw_robust_ft_gains": 1,
    "tabulate_robust_ft_metrics": 1,
    "tabulate_robust_ft_gains": 1,
    "compare_robust_ft": 1,
    "robust_ft": 1,
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished run of the paper alone, with the smallest budget."""
    workspace = Workspace(tmp_path_factory.mktemp("tiny"), TINY)
    workspace.run(*TARGETS)
    return workspace


def changed(tiny: Workspace, folder: Path, **robust_ft: object) -> Workspace:
    """Return a copy of the finished run in which some keys of the paper are others."""
    shutil.copytree(tiny.folder, folder, symlinks=True)
    workspace = Workspace(folder, folder / "changed.yaml")
    overlay = yaml.safe_load(TINY.read_text())
    for key, value in robust_ft.items():
        overlay["robust_ft"][key] = (
            overlay["robust_ft"].get(key, {}) | value if isinstance(value, dict) else value
        )
    workspace.overlay.write_text(yaml.safe_dump(overlay))
    return workspace


def test_jobs_of_the_demo(demo: Workspace) -> None:
    """A job holds all runs of an arm and data set: three arms on both, two more on FMoW."""
    assert demo.planned(*TARGETS) == AFTER | {
        # The third is what trains the tiny CLIP.
        "retrieve_dataset": 3,
        "index_dataset": 3,
        "pretrain_clip": 1,
        "retrieve_timm": 1,
        "embed_images": 4,
        "classify_robust_ft": 2,
        "train_robust_ft_probes": 4,
        "train_robust_ft": 3 * 2 + 2,
    }


def test_jobs_of_the_full_scale(demo: Workspace) -> None:
    """Six end-to-end arms with a job for each of 8 shares and 4 rates; probes batched."""
    demo.overlay = ROOT / "config/full.yaml"
    assert demo.planned(*TARGETS) == AFTER | {
        "retrieve_dataset": 2,
        "index_dataset": 2,
        "retrieve_clip": 1,
        "retrieve_timm": 1,
        "embed_images": 4,
        "classify_robust_ft": 2,
        "train_robust_ft_probes": 4,
        "train_robust_ft": 2 * 6 * 8 * 4,
    }


def test_every_artefact_is_there(tiny: Workspace) -> None:
    """Each that this configuration has the arms for, and no other."""
    has = provided(read([ROOT / "config.yaml", TINY]))
    made = [artefact for artefact in of("robust_ft") if available(artefact, has)]
    assert {a.name for a in of("robust_ft")} - {a.name for a in made} == {
        "curves_iwildcam",
        "contrastive",
        "frozen",
    }
    for artefact in made:
        for path in files(artefact):
            assert (tiny.folder / path).stat().st_size > 30, path


def test_every_run_predicts_every_image_once(tiny: Workspace) -> None:
    """All images of the splits but train, of which the run's own subset."""
    index = pd.read_parquet(tiny.folder / "results/data/fmow/index.parquet")
    subsets = {}
    for arm, runs in (("clip_probe", 2 * 3), ("clip_e2e", 2), ("vision_e2e", 2)):
        table = pd.read_parquet(tiny.folder / RUNS / arm / "all_runs" / "predictions.parquet")
        groups = table[table["alpha"] == 1].groupby(["fraction", "rate", "seed"])
        assert len(groups) == runs
        for (fraction, _, seed), rows in groups:
            held = index[index["split"] != "train"]
            assert sorted(rows.loc[rows["split"] != "train", "image_id"]) == sorted(
                held["image_id"]
            )
            own = frozenset(rows.loc[rows["split"] == "train", "image_id"])
            assert len(own) == round(400 * fraction)
            # Arms and rates share the subset of a fraction and seed.
            assert subsets.setdefault((fraction, seed), own) == own
    assert subsets[0.05, 0] < subsets[0.1, 0]


def test_both_selections_are_tables(tiny: Workspace) -> None:
    """With a rate for each arm and share, and the best on the split that the table is named by."""
    metrics = pd.read_parquet(tiny.folder / "results/robust_ft/metrics.parquet")
    runs = metrics[(metrics["artefact"] == "runs") & (metrics["metric"] == "accuracy")]
    for split in ("test", "val"):
        own = metrics[metrics["artefact"] == f"selected_on_{split}"]
        own = own[(own["metric"] == "accuracy") & (own["domain"] == split)]
        best = runs[runs["domain"] == split].groupby(["method", "x"])["value"].max()
        assert own.set_index(["method", "x"])["value"].to_dict() == best.to_dict()
        table = pd.read_csv(tiny.folder / f"results/robust_ft/tables/selected_on_{split}.csv")
        assert len(table) == 1 + 5 * 2


def test_no_number_is_called_reproduced(tiny: Workspace) -> None:
    """There are no published numbers yet."""
    table = pd.read_csv(tiny.folder / "results/robust_ft/verdicts.csv")
    assert set(table["verdict"]) == {"no published value"}


def test_a_job_that_is_not_planned_is_told(tiny: Workspace) -> None:
    """With the key that decides and a job that there is."""
    arm = f"{RUNS}/clip_e2e"
    done = tiny.run("-n", f"{arm}/fraction0.2_rate1_seed9/predictions.parquet", check=False)
    assert done.returncode != 0
    assert "fraction0.2_rate1_seed9: this configuration has no such job" in done.stdout
    assert "robust_ft.runs_per_job: all one is all_runs" in done.stdout


def test_a_second_run_does_nothing(tiny: Workspace) -> None:
    """And nothing is left of checkpoints."""
    assert tiny.planned(*TARGETS) == {}
    assert not [path for path in (tiny.folder / "checkpoints").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("change", "jobs"),
    [
        # Of the arms only the probes have no rates of their own.
        ({"rates": [1e-2, 1e-3]}, {"train_robust_ft_probes": 2}),
        ({"training": {"swa_lr": 2e-4}}, {"train_robust_ft": 1}),
        ({"training": {"rotation": 5}}, {"train_robust_ft": 3}),
        (
            {"training": {"weight_decay": 0}},
            {"train_robust_ft": 3, "train_robust_ft_probes": 2},
        ),
    ],
    ids=["rates", "swa", "augmentation", "decay"],
)
def test_a_changed_key_reruns_what_reads_it(
    tiny: Workspace, tmp_path: Path, change: dict, jobs: dict[str, int]
) -> None:
    """Trainings that read it, and what is computed from predictions."""
    planned = changed(tiny, tmp_path / "copy", **change).planned(*TARGETS)
    assert planned == AFTER | jobs


def test_changes_that_train_nothing(tiny: Workspace, tmp_path: Path) -> None:
    """The bootstrap reruns the gains, the time between checkpoints nothing."""
    change = {"bootstrap": {"resamples": 30}, "training": {"checkpoint_every_s": 1.0}}
    planned = changed(tiny, tmp_path / "copy", **change).planned(*TARGETS)
    gains = ("evaluate_robust_ft_gains", "draw_robust_ft_gains", "tabulate_robust_ft_gains")
    assert planned == dict.fromkeys((*gains, "robust_ft"), 1)


@pytest.mark.parametrize("arm", ["clip_e2e_swa", "clip_probe"])
def test_killed_and_run_again_gives_the_same_bytes(
    tiny: Workspace, tmp_path: Path, arm: str
) -> None:
    """Kill -9 in a training, end to end and of probes: the next run ends as the unbroken one."""
    workspace = changed(tiny, tmp_path / "copy", training={"checkpoint_every_s": 0.001})
    folder = workspace.folder / RUNS / arm / "all_runs"
    unbroken = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(folder)
    target = f"{RUNS}/{arm}/all_runs/predictions.parquet"
    points = workspace.folder / "checkpoints/runs"
    workspace.kill_when(lambda: any(points.rglob("previous.pt")), target)
    assert any(points.rglob("*.pt"))  # they go last: the job was not finished
    workspace.run("--unlock")
    workspace.run(target)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == unbroken
