"""What a dry run plans, for each name that can be typed."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from workspace import ROOT, Workspace, clean

from replidg.artefacts import ARTEFACTS, PAPERS, Artefact, available, missing, target
from replidg.cli import STAGES
from replidg.config.files import read
from replidg.config.provides import provided
from replidg.data import registry

#: What two stand-ins and the corpus of the tiny CLIP take to be split.
CHAIN = {
    "retrieve_dataset": 3,
    "index_dataset": 3,
    "pretrain_clip": 1,
    "embed_images": 2,
    "embed_texts": 2,
    "score_alignment": 2,
    "split_alignment": 1,
    "evaluate_alignment_splits": 1,
}
SIMILARITY = ("find_neighbours", "measure_source_similarity", "measure_mmd", "measure_object_size")
KINDS = ("metrics", "splits", "similarity", "labels", "claims", "backbones")
#: Of each other paper a rule that trains, and the one that ends it.
OTHERS = {
    "scipd": ("train_students", "compare_scipd"),
    "robust_ft": ("train_robust_ft", "compare_robust_ft"),
    "vltseg": ("train_segmentor_0", "compare_vltseg"),
    "forgotten": ("train_clip_mixes_part0", "compare_forgotten"),
}
ALONE = Path(__file__).with_name("alone.yaml")


@pytest.fixture
def alone(demo: Workspace) -> Workspace:
    """The demo of the alignment paper without the others, whose jobs their own tests count."""
    demo.overlay = ALONE
    return demo


def test_the_whole_demo_has_every_paper(demo: Workspace) -> None:
    """One command, one report; jobs are few, since each pays its imports."""
    jobs = demo.planned()
    assert jobs["build_report"] == jobs["compare_alignment"] == 1
    for paper, rules in OTHERS.items():
        assert set(rules) <= set(jobs), paper
    assert sum(jobs.values()) < 220


def test_the_alignment_papers_demo(alone: Workspace) -> None:
    """Its jobs, rule by rule, with the report."""
    jobs = alone.planned()
    assert jobs == {
        "all": 1,
        "build_report": 1,
        # Two stand-ins with 12 fine-tuned methods; Tables 2 and 4 add a CLIP and a random tower.
        "train_classifier": 2 * 12 + 2,
        # The pictograms too: they are the pretraining corpus.
        "retrieve_dataset": 3,
        "index_dataset": 3,
        "pretrain_clip": 2,
        "retrieve_timm": 1,
        "embed_images": 5,
        "embed_texts": 4,
        "score_alignment": 4,
        "split_alignment": 2,
        "classify_zero_shot": 2,
        **dict.fromkeys(SIMILARITY, 2),
        "evaluate_alignment": 1,
        **{
            f"evaluate_alignment_{kind}": 1
            for kind in ("splits", "similarity", "sources", "sizes", "labels", "backbones")
        },
        "exchange_alignment_labels": 2,
        "write_alignment_annotation": 1,
        **{
            f"draw_alignment_{kind}": 1
            for kind in ("fig3", "fig4", "metrics", "similarity", "sources", "sizes", "splits")
        },
        **{f"tabulate_alignment_{kind}": 1 for kind in KINDS},
        "compare_alignment": 1,
    }


def test_counts_need_no_training(demo: Workspace) -> None:
    """Fig 17 and Table 8 come from scores alone."""
    assert demo.planned("alignment_fig17") == CHAIN | {
        "alignment_fig17": 1,
        "draw_alignment_splits": 1,
    }
    assert "train_classifier" not in demo.planned("alignment_table8")


PROVIDED = provided(read([ROOT / "config.yaml"]))
HERE = [artefact for artefact in ARTEFACTS if available(artefact, PROVIDED)]
ABSENT = [artefact for artefact in ARTEFACTS if not available(artefact, PROVIDED)]


def test_every_listed_name_is_a_target(demo: Workspace) -> None:
    """Whatever `./replidg --list` prints can be asked for."""
    names = [*PAPERS, *STAGES, *map(target, HERE)]
    assert set(names) <= demo.planned(*names).keys()


@pytest.mark.parametrize("artefact", [a for a in ABSENT if a.name in ("fig13", "table10")])
def test_what_the_configuration_lacks_is_said(demo: Workspace, artefact: Artefact) -> None:
    """An artefact that needs more than the configuration has is a target that says so."""
    done = demo.run(target(artefact), "--dry-run", check=False)
    assert done.returncode != 0
    assert f"{target(artefact)} needs {missing(artefact, PROVIDED)[0]}" in done.stdout + done.stderr


def test_the_papers_five_data_sets_and_other_backbones(demo: Workspace) -> None:
    """With stand-ins of all five and more backbones, every artefact can be made."""
    demo.overlay = demo.folder / "more.yaml"
    names = ["PACS", "VLCS", "office_home", "terra_incognita", "domain_net"]
    overlay = {
        "models": {
            "dino": {"source": "timm", "name": "vit_small_patch14_dinov2"},
            "new": {"source": "timm", "name": "resnet10t", "pretrained": False},
        },
        "alignment": {
            "datasets": names,
            "backbones": {
                "dino": {"methods": ["erm"], "datasets": ["PACS", "office_home"]},
                "new": {"methods": ["swad"], "datasets": names},
            },
        },
    }
    demo.overlay.write_text(yaml.safe_dump(overlay))
    jobs = demo.planned("alignment", "results/alignment/verdicts.csv")
    # 5 data sets x 12 methods; 2 of one backbone, 5 of the other, and the demo's own two.
    assert jobs["train_classifier"] == 60 + 2 + 5 + 2
    assert jobs["evaluate_alignment_backbones"] == jobs["tabulate_alignment_backbones"] == 1
    for name in ("alignment_table4", "alignment_fig33", "alignment_cross_splits"):
        assert name in demo.planned(name)


def test_full_scale(demo: Workspace) -> None:
    """The replication: five data sets, a job for each of 22 targets, 13 methods and 3 seeds."""
    full = yaml.safe_load((ROOT / "config/full.yaml").read_text())
    roots = {}
    for name in full["alignment"]["datasets"]:
        roots[name] = str(demo.folder / "data" / name)
        for domain in registry.load(name).domains:
            (demo.folder / "data" / name / domain / "class").mkdir(parents=True)
    demo.overlay = demo.folder / "full.yaml"
    demo.overlay.write_text(yaml.safe_dump(full | {"data_root": roots}))
    jobs = demo.planned("alignment")
    # Table 2: two backbones on two data sets of four targets; Table 4: one on all.
    assert jobs["train_classifier"] == (22 * 13 + 2 * 8 + 22) * 3
    per_dataset = ("retrieve_dataset", "index_dataset", "embed_images", "embed_texts")
    # The split of two CLIPs; similarity to source images (Fig 9) is OpenAI's ViT-B/32's. Texts: the
    # score's prompts of two CLIPs, and those that VL2V-SD and CLIPood train with.
    assert [jobs[rule] for rule in per_dataset] == [5, 5, 15, 20]
    assert jobs["retrieve_clip"] == 3 and "pretrain_clip" not in jobs
    assert "pretrain_clip" not in demo.planned("pretrain")


def test_full_scale_without_folders_downloads(demo: Workspace) -> None:
    """The data sets of three papers need no log-in."""
    demo.overlay = demo.folder / "full.yaml"
    full = yaml.safe_load((ROOT / "config/full.yaml").read_text())
    demo.overlay.write_text(yaml.safe_dump(full | {"vltseg": None, "forgotten": None}))
    assert demo.planned("retrieve")["retrieve_dataset"] == 5 + 2


@pytest.mark.parametrize("name", ["cityscapes", "imagenet_val"])
def test_a_gated_data_set_stops_before_the_first_job(demo: Workspace, name: str) -> None:
    """With the steps to get it; the folder or the archives are enough."""
    demo.overlay = ROOT / "config/full.yaml"
    done = demo.run("data_PACS", f"data_{name}", check=False)
    output, entry = done.stdout + done.stderr, registry.load(name)
    assert done.returncode != 0
    assert f"{entry.title} is not here" in output and entry.steps[-1] in output
    assert not (demo.folder / "resources").exists()
    own = demo.folder / "mine.yaml"
    own.write_text(
        f"datasets: {{{name}: {{source: official}}}}\ndata_mirrors: {{{name}: [/data]}}\n"
    )
    demo.overlay = own
    assert demo.planned(f"data_{name}")["retrieve_dataset"] == 1


def test_every_data_set_can_be_asked_for(demo: Workspace) -> None:
    """One job to retrieve, one to index; those that need it, one to convert."""
    jobs, pages = demo.planned("data"), [registry.load(name) for name in registry.names()]
    assert jobs["retrieve_dataset"] == jobs["index_dataset"] == len(pages)
    assert jobs["convert_dataset"] == sum(page.conversion is not None for page in pages)


def test_one_run_a_job(alone: Workspace) -> None:
    """`runs_per_job: one` gives each target and seed a job of its own, by the same rule."""
    overlay = alone.folder / "one.yaml"
    overlay.write_text(
        ALONE.read_text().replace("scipd:", "alignment: {runs_per_job: one}\nscipd:")
    )
    alone.overlay = overlay
    assert alone.planned("train") == CHAIN_TO_TRAIN | {"train": 1, "train_classifier": 12 * 8}


CHAIN_TO_TRAIN = {"retrieve_dataset": 3, "index_dataset": 3, "pretrain_clip": 1, "embed_texts": 2}


def test_all_score_variants(alone: Workspace) -> None:
    """The align stage scores each configured variant; each needs embeddings of its own."""
    jobs = alone.planned("align")
    assert (jobs["score_alignment"], jobs["embed_images"], jobs["embed_texts"]) == (4, 4, 4)


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
        (
            "alignment: {methods: [vl2v_sd, clipood, mirro]}",
            ["alignment.methods", "did you mean 'miro'"],
        ),
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
