"""What a dry run plans, for each name that can be typed."""

import subprocess
import sys

import pytest
import yaml
from conftest import ROOT, Workspace, clean

from replidg.artefacts import ARTEFACTS, target
from replidg.cli import STAGES

CHAIN = {
    "retrieve_dataset": 1,
    "index_dataset": 1,
    "pretrain_clip": 1,
    "embed_images": 1,
    "embed_texts": 1,
    "score_alignment": 1,
    "split_alignment": 1,
    "evaluate_alignment_splits": 1,
}


def test_whole_demo(demo: Workspace) -> None:
    """The demo's jobs, rule by rule; well under a hundred."""
    jobs = demo.planned()
    assert jobs == CHAIN | {
        "all": 1,
        "build_report": 1,
        "classify_zero_shot": 1,
        "train_classifier": 10,
        "evaluate_alignment": 1,
        **{f"draw_alignment_{figure}": 1 for figure in ("fig2b", "fig7", "fig11")},
        "draw_alignment_split_counts": 1,
        **{f"tabulate_alignment_{table}": 1 for table in ("table1a", "table1b", "table1c")},
        "tabulate_alignment_dropped": 1,
    }


def test_counts_need_no_training(demo: Workspace) -> None:
    """Fig 17 and Table 8 come from scores alone."""
    assert demo.planned("alignment_fig17") == CHAIN | {
        "alignment_fig17": 1,
        "draw_alignment_split_counts": 1,
    }
    assert "train_classifier" not in demo.planned("alignment_table8")


@pytest.mark.parametrize("name", ["alignment", *STAGES, *map(target, ARTEFACTS)])
def test_every_listed_name_is_a_target(demo: Workspace, name: str) -> None:
    """Whatever `./replidg --list` prints can be asked for."""
    assert name in demo.planned(name)


def test_full_scale(demo: Workspace) -> None:
    """The replication: five data sets, a job for each of 22 targets, 5 methods and 3 seeds."""
    full = yaml.safe_load((ROOT / "config/full.yaml").read_text())
    roots = {}
    for name in full["alignment"]["datasets"]:
        roots[name] = str(demo.folder / "data" / name)
        for domain in full["datasets"][name]["domains"]:
            (demo.folder / "data" / name / domain / "class").mkdir(parents=True)
    demo.overlay = demo.folder / "full.yaml"
    demo.overlay.write_text(yaml.safe_dump(full | {"data_root": roots}))
    jobs = demo.planned()
    assert jobs["train_classifier"] == 22 * 5 * 3
    per_dataset = ("retrieve_dataset", "index_dataset", "embed_images", "embed_texts")
    assert [jobs[rule] for rule in per_dataset] == [5, 5, 5, 5]
    assert jobs["retrieve_clip"] == 1 and "pretrain_clip" not in jobs
    assert "pretrain_clip" not in demo.planned("pretrain")


def test_full_scale_without_data_says_what_to_set(demo: Workspace) -> None:
    """One line a missing folder, before any job."""
    demo.overlay = ROOT / "config/full.yaml"
    done = demo.run(check=False)
    assert done.returncode != 0
    for name in yaml.safe_load(demo.overlay.read_text())["alignment"]["datasets"]:
        assert f"set data_root.{name}" in done.stdout + done.stderr


def test_one_run_a_job(demo: Workspace) -> None:
    """`runs_per_job: one` gives each target and seed a job of its own, by the same rule."""
    overlay = demo.folder / "one.yaml"
    overlay.write_text("alignment: {runs_per_job: one}\n")
    demo.overlay = overlay
    assert demo.planned("train") == CHAIN_TO_TRAIN | {"train": 1, "train_classifier": 5 * 4 * 2}


CHAIN_TO_TRAIN = {"retrieve_dataset": 1, "index_dataset": 1, "pretrain_clip": 1}


def test_all_score_variants(demo: Workspace) -> None:
    """The align stage scores each configured variant; each needs embeddings of its own."""
    jobs = demo.planned("align")
    assert (jobs["score_alignment"], jobs["embed_images"], jobs["embed_texts"]) == (2, 2, 2)


def test_lint_is_clean(demo: Workspace) -> None:
    """`snakemake --lint` finds nothing."""
    done = demo.run("--lint", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "ruff", "check", "."],
        ["-m", "ruff", "format", "--check", "src", "scripts"],
        ["-m", "snakefmt", "--check", "Snakefile", "workflow"],
    ],
    ids=lambda command: " ".join(command[1:]),
)
def test_style(command: list[str]) -> None:
    """The style checks that contributors run pass."""
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, env=clean()
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ("alignment: {modell: x}", ["alignment.modell", "did you mean 'model'"]),
        ("alignment: {model: tiny_clop}", ["alignment.model", "did you mean 'tiny_clip'"]),
        ("alignment: {methods: [miro_swad, mirro]}", ["alignment.methods", "did you mean 'miro'"]),
        (
            "datasets: {pictograms: {domains: [photo, sketch]}}",
            ["datasets.pictograms", "'sketch'", "not in the tree"],
        ),
        (
            "alignment: {thresholds: {low: 0.5, split: 0.2}}",
            ["alignment.thresholds", "out of order"],
        ),
        (
            "models: {big: {source: open_clip, name: ViT-B-61, pretrained: openai}}",
            ["models.big.name", "did you mean 'ViT-B-16'"],
        ),
    ],
)
def test_a_wrong_configuration_stops_at_once(
    demo: Workspace, overlay: str, words: list[str]
) -> None:
    """One clear error before any job, and nothing written."""
    demo.overlay = demo.folder / "wrong.yaml"
    demo.overlay.write_text(overlay + "\n")
    done = demo.run(check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert output.count("\n  - ") == 1, output
    for word in words:
        assert word in output, output
    assert "Traceback" not in output
    assert not (demo.folder / "results").exists()
    assert not (demo.folder / "resources").exists()
