"""Labels, domain classifiers and filtering of arXiv 2410.08258, as the workflow plans them."""

import pytest
import yaml
from workspace import Workspace

CLASSIFIED = {
    "sample_domain_images": 1, "label_domains": 1, "train_domain_classifiers_all_classifiers": 1,
    "choose_domain_classifiers": 1,
}  # fmt: skip


def with_changes(demo: Workspace, changes: dict) -> Workspace:
    """Return the demo with changes in `forgotten`."""
    overlay = demo.folder / "changes.yaml"
    overlay.write_text(yaml.safe_dump({"forgotten": changes}))
    return Workspace(demo.folder, overlay)


def test_tables_of_domains_need_no_training(demo: Workspace) -> None:
    jobs = demo.planned("forgotten_table10")
    expected = CLASSIFIED | {
        "filter_corpus": 1, "compare_corpus": 1, "gather_corpus": 1, "clean_test_sets": 1,
        "classify_domains_all_datasets": 1, "evaluate_domains": 1, "tabulate_forgotten_domains": 1,
        "retrieve_shards": 1, "pretrain_clip": 1,
    }  # fmt: skip
    assert {rule: jobs.get(rule) for rule in expected} == expected
    assert "download_shards" not in jobs and not any("mixes" in rule for rule in jobs)


def test_jobs_of_a_cluster(demo: Workspace) -> None:
    """A job a classifier, a data set and a part of the shards; nothing compared, if not wanted."""
    changes = {
        "corpus": {"jobs": 3, "deduplication": None, "pruned": {}},
        "domains": {"runs_per_job": "one", "datasets_per_job": "one"},
        "test_sets": ["imagenet_a", "domain_net/sketch"],
        "training": None,
    }
    # Tables are merged, so the demo's pruned corpora are taken away one by one.
    names = ("sketch_pruned", "r_pruned", "combined_pruned")
    changes["corpus"]["pruned"] = dict.fromkeys(names)
    jobs = with_changes(demo, changes).planned("forgotten_table9")
    assert jobs["filter_corpus"] == 3 and "compare_corpus" not in jobs
    assert {rule for rule in jobs if rule.startswith("train_domain_classifiers_")} == {
        f"train_domain_classifiers_{name}"
        for name in ("csd_n", "csd_r", "dr_n", "dr_r", "ce", "ft", "ft_n", "ft_r")
    }
    assert {rule for rule in jobs if rule.startswith("classify_domains_")} == {
        f"classify_domains_{name}" for name in ("imagenet_train", "imagenet_a", "domain_net")
    }


def test_without_labels_there_are_pages_for_making_them(demo: Workspace) -> None:
    unlabelled = with_changes(demo, {"domains": {"labels": {"truth": None}}})
    jobs = unlabelled.planned("forgotten_sheets")
    assert jobs["sample_domain_images"] == 1 and "label_domains" not in jobs
    done = unlabelled.run("forgotten_table4", "--dry-run", check=False)
    told = done.stdout + done.stderr
    assert done.returncode and "needs labelled pictures: forgotten.domains.labels" in told
    done = unlabelled.run("results/forgotten/labels.parquet", "--dry-run", check=False)
    assert "forgotten_sheets" in done.stdout + done.stderr and done.returncode


@pytest.mark.parametrize(
    ("source", "downloads"), [("img2dataset", 32), ("folder", 0)], ids=["img2dataset", "folder"]
)
def test_where_web_pictures_come_from(demo: Workspace, source: str, downloads: int) -> None:
    changes = {"source": source} | ({"folder": "shards"} if source == "folder" else {})
    jobs = with_changes(demo, {"corpus": changes}).planned("results/forgotten/shards.json")
    assert jobs.get("download_shards", 0) == downloads and jobs["retrieve_shards"] == 1
