"""What the workflow plans for arXiv 2410.08258: the demo, parts of it, scales without labels."""

from __future__ import annotations

from pathlib import Path

from workspace import ROOT, Workspace

from replidg.artefacts import available, of, target
from replidg.config.files import read
from replidg.config.provides import provided

SCALES = ("config.yaml", "config/full.yaml", "config/forgotten_middle.yaml")
MIDDLE = [ROOT / name for name in SCALES]
POOLS = ("natural", "rendition", "random")


def listed(folder: Path) -> Path:
    """An overlay of the demo that has no labels, and pools from a released list."""
    pools = "".join(
        f"      {name}: {{source: list, dataset: laion_natural_rendition}}\n" for name in POOLS
    )
    text = "forgotten:\n  domains: {labels: {truth: null}}\n  training:\n    mixes:\n     pools:\n"
    path = folder / "listed.yaml"
    path.write_text(text + pools)
    return path


def trained(jobs: dict[str, int], kind: str) -> int:
    """Number of planned jobs whose rule begins so."""
    return sum(count for rule, count in jobs.items() if rule.startswith(kind))


def test_the_demo_trains_and_tests_in_few_jobs(demo: Workspace) -> None:
    jobs = demo.planned("forgotten")
    assert jobs["pack_pool"] == 3
    assert trained(jobs, "train_clip_mixes_") == trained(jobs, "evaluate_clip_mixes_") == 2
    assert trained(jobs, "train_subset_nets_") == 1
    for rule in ("evaluate_forgotten", "draw_forgotten_figures", "tabulate_forgotten_training"):
        assert jobs[rule] == 1
    assert sum(jobs.values()) < 60


def test_every_figure_and_table_is_a_target(demo: Workspace) -> None:
    for artefact in of("forgotten"):
        if artefact.name in ("fig2", "fig12", "table2", "claims"):
            assert demo.planned(target(artefact))["evaluate_forgotten"] == 1


def test_verdicts_need_no_figure(demo: Workspace) -> None:
    jobs = demo.planned("compare_forgotten")
    assert "draw_forgotten_figures" not in jobs and jobs["evaluate_forgotten"] == 1


def test_without_labels_released_lists_are_enough(tmp_path: Path) -> None:
    """No classifier is trained; what needs clean sets or ImageNet-Natural is missing, and told."""
    overlay = listed(tmp_path)
    config = read([ROOT / "config.yaml", overlay])
    names = [a.name for a in of("forgotten") if available(a, provided(config))]
    assert names == ["fig2", "fig7", "fig8", "fig15", "fig16", "fig17", "table2", "claims"]
    space = Workspace(tmp_path, overlay)
    jobs = space.planned("forgotten_fig7")
    assert jobs["pack_pool"] == 3 and trained(jobs, "train_clip_mixes_") == 2
    wrong = ("train_domain_classifiers", "classify_domains", "clean_test_sets", "train_subset")
    assert not [rule for rule in jobs if rule.startswith(wrong)]
    told = space.run("forgotten_fig9", "--dry-run", check=False)
    assert told.returncode and "forgotten.domains.labels" in told.stdout + told.stderr


def test_full_and_middle_scale_wait_for_labels() -> None:
    """The paper's labels were never published: every artefact says what is missing."""
    for files in (MIDDLE[:2], MIDDLE):
        config = read(files)
        assert config.forgotten.training.clip.gpus_per_node == 8
        assert not [a.name for a in of("forgotten") if available(a, provided(config))]
