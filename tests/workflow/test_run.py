"""The whole workflow on its smallest budget: results, reruns, kills, repeatability."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from workspace import MINI, ROOT, Workspace

from replidg.artefacts import ARTEFACTS, available, files, target
from replidg.config.files import read
from replidg.config.provides import provided
from replidg.metrics.verdict_files import read_verdicts

#: What the smallest budget makes: everything that needs no other data set or backbone.
PROVIDED = provided(read([ROOT / "config.yaml", MINI]))
MADE = [artefact for artefact in ARTEFACTS if available(artefact, PROVIDED)]


def changed(finished: Workspace, folder: Path, **alignment_or_other: object) -> Workspace:
    """Return a copy of a finished run with another overlay."""
    shutil.copytree(finished.folder, folder, dirs_exist_ok=True, symlinks=True)
    workspace = Workspace(folder, folder / "changed.yaml")
    overlay = yaml.safe_load(MINI.read_text()) | alignment_or_other
    workspace.overlay.write_text(yaml.safe_dump(overlay))
    return workspace


def test_every_artefact_is_there(finished: Workspace) -> None:
    """Each figure and table of the report exists and is not empty."""
    for artefact in MADE:
        for path in files(artefact):
            assert (finished.folder / path).stat().st_size > 30, path
    page = (finished.folder / "results/report.html").read_text()
    assert len(page) > 700_000  # the tables' script alone has 620 kB
    record = json.loads((finished.folder / "results/provenance.json").read_text())
    changed = {change["key"]: change["here"] for change in record["changes"]}
    assert changed["alignment.training.steps"] == "6" and "scale" not in changed
    assert record["costs"]["cpu_hours"] > 0
    # The command of each artefact names the overlay that the run was started with.
    assert f"./replidg alignment_fig17 --configfile {MINI}" in page
    assert all(f'id="{target(artefact)}"' in page for artefact in MADE)


def test_counts_add_up(finished: Workspace) -> None:
    """The tidy counts agree with the index, and every image has one part."""
    metrics = pd.read_parquet(finished.folder / "results/alignment/splits.parquet")
    index = pd.read_parquet(finished.folder / "results/data/pictograms/index.parquet")
    counts = metrics[metrics["artefact"] == "fig17"].pivot(
        index="domain", columns="setting", values="value"
    )
    parts = counts[["IP", "OOP", "dropped_low", "dropped_high"]].sum(axis=1)
    assert (parts == counts["original"]).all()
    assert (counts["original"] == index.groupby("domain").size()).all()


def test_verdicts_are_not_comparable_at_this_scale(finished: Workspace) -> None:
    """Whatever we and the paper have in common is not comparable; nothing is reproduced."""
    table = read_verdicts(finished.folder / "results/alignment/verdicts.csv")
    assert set(table["verdict"]) == {"not comparable", "not run", "no published value"}
    both = table[table["ours"].notna() & table["published"].notna()]
    assert len(both) and (both["verdict"] == "not comparable").all()


def test_label_noise_is_found_where_scores_are_low(finished: Workspace) -> None:
    """Table 7 is filled by the truth, and exchanged labels score low."""
    rows = pd.read_parquet(finished.folder / "results/alignment/labels.parquet")
    rows = rows.set_index("setting")["value"]
    assert list(rows.index) == ["0.00-0.05", "0.05-0.10", "0.10-0.15", "0.15-0.20"]
    assert rows.mean() > 5.0  # the share of all labels that were exchanged
    page = (finished.folder / "results/alignment/annotation/sheet.html").read_text()
    assert page.count("data:image/jpeg") > 100


def test_predictions_have_every_target_image(finished: Workspace) -> None:
    """Each run predicts each image of its target domain once."""
    index = pd.read_parquet(finished.folder / "results/data/pictograms/index.parquet")
    folder = finished.folder / "results/runs/alignment/tiny_clip/pictograms/all_targets/erm/seed0"
    table = pd.read_parquet(folder / "predictions.parquet").query("role == 'target'")
    for domain, rows in table.groupby("target"):
        assert sorted(rows["image_id"]) == sorted(index.loc[index["domain"] == domain, "image_id"])
    assert len(json.loads((folder / "metrics.json").read_text())) == 3


def test_nothing_is_left_of_checkpoints(finished: Workspace) -> None:
    """Checkpoints go when their results are there."""
    left = [p for p in (finished.folder / "checkpoints").rglob("*") if p.is_file()]
    assert left == []


def test_a_second_run_does_nothing(finished: Workspace) -> None:
    """And says so."""
    done = finished.run()
    assert "Nothing to be done" in done.stdout + done.stderr


def test_a_changed_plot_reruns_drawing_alone(finished: Workspace, tmp_path: Path) -> None:
    """Plot style reaches the figures and the report, nothing else."""
    workspace = changed(finished, tmp_path / "copy", plots={"dpi": 100})
    assert workspace.planned() == {
        "all": 1,
        "build_report": 1,
        **{
            f"draw_alignment_{kind}": 1
            for kind in ("fig3", "fig4", "metrics", "similarity", "sources", "sizes", "splits")
        },
    }


def test_a_changed_learning_rate_reruns_its_method_alone(
    finished: Workspace, tmp_path: Path
) -> None:
    """Only ERM is trained again, and what is computed from its predictions."""
    workspace = changed(finished, tmp_path / "copy", methods={"erm": {"lr": 0.0001}})
    jobs = workspace.planned()
    assert jobs.pop("train_classifier") == 1
    assert set(jobs) == {
        "all",
        "build_report",
        "evaluate_alignment",
        "draw_alignment_metrics",
        "tabulate_alignment_metrics",
        "tabulate_alignment_claims",
        "compare_alignment",
    }


def test_stores_of_images_leave_every_byte_as_it_was(finished: Workspace, tmp_path: Path) -> None:
    """A data set read from stores is trained on and embedded anew, with the same results."""
    store = {"kind": "input", "size": 64, "resize": "squash", "interpolation": "bilinear"}
    use = {"pictograms": "exact"}
    workspace = changed(
        finished,
        tmp_path / "copy",
        image_stores={"squashed": store},
        image_store={
            "training": use, "embedding": use, "evaluation": {"pictograms": "squashed"}
        },
    )  # fmt: skip
    jobs = workspace.planned()
    assert (jobs["pack_images"], jobs["train_classifier"], jobs["embed_images"]) == (2, 2, 1)
    assert "pretrain_clip" not in jobs and "index_dataset" not in jobs
    run = "results/runs/alignment/tiny_clip/pictograms/all_targets/erm/seed0"
    embeddings = "results/embeddings/tiny_clip/clip/pictograms/images.safetensors"
    workspace.run(f"{run}/predictions.parquet", embeddings)
    for path in [embeddings, *(f"{run}/{n}" for n in ("predictions.parquet", "metrics.json"))]:
        assert (workspace.folder / path).stat().st_mtime > (finished.folder / path).stat().st_mtime
        assert (workspace.folder / path).read_bytes() == (finished.folder / path).read_bytes()
    # Another data set's store concerns nobody here.
    other = changed(finished, tmp_path / "other", image_store={"training": {"PACS": "exact"}})
    assert set(other.planned()) == {"all", "build_report"}


@pytest.mark.parametrize(
    ("stage", "sign"),
    [
        ("train_classifier", "checkpoints/runs/*/newest.pt"),
        ("embed_images", "checkpoints/embed/*/000000256.safetensors"),
        ("pretrain_clip", "checkpoints/pretrain/*/newest.pt"),
    ],
)
def test_killed_and_run_again_gives_the_same_bits(
    finished: Workspace, mini: Workspace, stage: str, sign: str
) -> None:
    """Kill -9 in the middle of a stage: the next run ends as if nothing had happened.

    The run is made from scratch in another folder, so this also holds same seed, same bits.
    """
    mini.kill_when(lambda: any(mini.folder.glob(sign)))
    assert not (mini.folder / "results/report.html").exists()
    assert (mini.folder / "logs/jobs.json").exists()  # of what was planned, from the beginning
    mini.run("--unlock")  # the launcher does this by itself
    mini.run()
    again, unbroken = mini.outputs(), finished.outputs()
    assert again.keys() == unbroken.keys()
    assert [name for name in again if again[name] != unbroken[name]] == []


def test_snakemake_report(finished: Workspace) -> None:
    """Snakemake's own report has every artefact with its caption."""
    finished.run("--report", "snakemake-report.html")
    page = (finished.folder / "snakemake-report.html").read_text()
    for artefact in MADE:
        assert f"{artefact.name}." in page
