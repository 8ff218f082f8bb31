"""The rehearsal: every rule of the full plan is in its plan, and a slice of it is walked."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
import yaml
from workspace import ROOT, Workspace

from replidg.config.files import read

REHEARSAL, FULL = ROOT / "config" / "rehearsal.yaml", ROOT / "config" / "full.yaml"
#: Rules that loops make, one a job: what their names begin with.
LOOPS = (
    "train_clip_mixes", "evaluate_clip_mixes", "train_subset_nets", "train_domain_classifiers",
    "classify_domains",
)  # fmt: skip
#: Rules of the full plan that a rehearsal has no part of, each with the reason.
NOT_REHEARSED = {
    "download_shards": "img2dataset fetches pictures from the web; the corpus is drawn instead",
}


def kinds(jobs: dict[str, int]) -> set[str]:
    """The rules of a plan, those that a loop makes by what they have in common."""
    return {next((loop for loop in LOOPS if rule.startswith(loop)), rule) for rule in jobs}


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    """What a user adds to the full scale to have all of it, with one run of each kind."""
    sheet = tmp_path / "labels.csv"
    sheet.write_text("image,label\n")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    names = read([ROOT / "config.yaml", FULL]).datasets
    own = {
        "base": str(FULL),
        "data_mirrors": {name: [str(tmp_path)] for name in names if name != "pictograms"},
        "alignment": {
            "seeds": [0],
            "targets": ["photo", "real", "Art", "location_38", "VOC2007"],
            "corpus": {"path": str(corpus)},
            "annotation": {"labels": str(sheet)},
        },
        "scipd": {
            "main": ["erm", "clip_base", "scipd"],
            "seeds": [0],
            "datasets": {"office_home": {"targets": ["Art"]}},
        },
        "robust_ft": {"seeds": [0], "rates": [1.0e-4], "fractions": [1.0]},
        "forgotten": {
            "corpus": {"jobs": 2, "download_jobs": 2, "pruned": {"r": {"near": ["imagenet_r"]}}},
            "domains": {"labels": {"files": [str(sheet)]}},
            "training": {"clip": {"epochs": 1}},
        },
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(own))
    return path


def test_every_rule_of_the_full_plan_is_rehearsed(tmp_path: Path, everything: Path) -> None:
    full = kinds(Workspace(tmp_path, everything).planned())
    rehearsed = kinds(Workspace(tmp_path, REHEARSAL).planned())
    assert full - rehearsed - set(NOT_REHEARSED) == set()
    assert len(full) > 70 and set(NOT_REHEARSED) < full


def test_a_slice_is_walked_and_measured(tmp_path: Path) -> None:
    """A student of the full scale with its teacher; no hub, no data set, two steps."""
    space = Workspace(tmp_path, REHEARSAL)
    run = "results/runs/scipd/PACS/scipd-student-mobilenet_v3/H1_6/photo/all_seeds/metrics.json"
    done = space.run(run, "--config", "random_weights=always")
    text = done.stdout + done.stderr
    assert re.search(r"kinds of jobs: (\d+) passed, 0 failed, 0 not reached", text)
    facts = json.loads((tmp_path / "results/models/clip_vit_b16/model.json").read_text())
    assert facts["random_weights"] is True and facts["values"] == 149_620_737
    with open(tmp_path / "results/measured.csv", newline="") as file:
        rows = {(row["rule"], row["job"]): row for row in csv.DictReader(file)}
    row = rows["train_students", "arm=scipd-student-mobilenet_v3"]
    assert (row["unit"], row["units"], row["images_a_unit"]) == ("steps", "2", "6")
    assert float(row["seconds_a_unit"]) > 0 and float(row["peak_memory_mb"]) > 500
    assert float(row["output_mb"]) > 1 and row["device"]
    # What a rehearsal made is refused by a run that is none.
    refused = space.run(run, "--config", "random_weights=never", "-n")
    assert "retrieve_clip" in refused.stdout + refused.stderr
