"""Every result of a test job, from configuration to files."""

import copy
import importlib.util
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from colour_network import ColourNetwork, blocks, index, paint
from PIL import Image
from safetensors.numpy import load_file

from replidg.config import vltseg_arms, vltseg_tests
from replidg.config.check import load
from replidg.config.vltseg_arms import Run
from replidg.config.vltseg_studies import Perturbations
from replidg.config.vltseg_tests import KINDS, Result
from replidg.data.errors import DatasetError
from replidg.data.perturbations import KINDS as PERTURBATIONS
from replidg.data.perturbations import SEVERITIES
from replidg.segmentation import testing

ROOT = Path(__file__).parents[2]
SCALE = {"train_size": [80, 48], "test_size": [80, 48], "crop": 48, "window": 32, "stride": 24,
         "iterations": 1, "batch_size": 1, "tta_ratios": [1.0]}  # fmt: skip
ARM = {"encoder": "clip", "decoder": "fpn", "sources": ["gta5"]}
VLTSEG = {
    "scales": {"synthetic": SCALE, "real": SCALE},
    "sources": {
        "gta5": {"datasets": ["gta5"], "kind": "synthetic", "held_out": 2},
        "bdd": {"datasets": ["bdd100k"], "kind": "real", "targets": ["bdd100k"]},
    },
    "targets": ["cityscapes", "acdc"],
    "encoders": {"clip": {"model": "tiny_clip", "layers": [1, 2, 3]}},
    "decoders": {"fpn": {"kind": "fpn"}},
    "arms": {"clip": ARM | {"sources": ["gta5", "bdd"]}, "other": ARM},
    "seeds": [0, 1],
    "test": {"shard": 3, "batch_size": 2},
    "perturbations": {
        "source": "gta5", "dataset": "cityscapes", "arms": ["clip"], "kinds": ["fog", "contrast"],
        "severities": [1, 5], "images": 2, "scale": 0.25,
    },
    "panels": {"source": "gta5", "arms": ["clip"], "images": {"acdc": 2}},
    "tsne": {"source": "gta5", "arms": ["clip"], "dataset": "cityscapes", "images": 3,
             "pixels": 50},
    "submissions": {"runs": {"gta5": ["clip"]}},
}  # fmt: skip


def make_config(**changes):
    content = yaml.safe_load((ROOT / "config.yaml").read_text())
    return load(content | {"vltseg": copy.deepcopy(VLTSEG) | changes})


@pytest.fixture(scope="module")
def config():
    return make_config()


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    """Indexes of painted images: four labelled ones of each set, and two without labels."""
    found = {}
    for name in ("gta5", "cityscapes", "acdc"):
        folder = tmp_path_factory.mktemp(name)
        rows = index(folder, [(48, 80)] * 4)
        if name == "gta5":
            rows["split"] = "train"
        test = pd.DataFrame(paint(folder, f"t_{k}", blocks(48, 80, k)) for k in range(2))
        rows = pd.concat([rows, test.assign(split="test", mask_path="")], ignore_index=True)
        found[name] = rows.assign(bytes=1)
    return found


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The folder of a trained network, which knows the colours; untrained it mixes them up."""
    monkeypatch.chdir(tmp_path)
    folder = Path(vltseg_arms.folder(Run("gta5", "clip", 0)))
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "segmentor.json").write_text("{}")

    class Loaded:
        def __init__(self, trained):
            self.segmentor = ColourNetwork()
            if not trained:
                self.segmentor.colours = self.segmentor.colours.flip(0)

    monkeypatch.setattr(testing, "load_segmentor", lambda _, trained=True: Loaded(trained))
    return folder


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def first(config):
    return [r for r in vltseg_tests.results(config) if r.run == Run("gta5", "clip", 0)]


def test_which_results_there_are(config):
    found = vltseg_tests.results(config)
    assert len(set(found)) == len(found)
    counts = {kind: len(vltseg_tests.paths(config, kind)) for kind in KINDS}
    # Four runs of gta5 on three sets, two of bdd on one; the rest with the first seed alone.
    assert counts == {
        "confusion": 14, "perturbed": 1, "panels": 1, "embeddings": 1, "submission": 2,
    }  # fmt: skip
    assert vltseg_tests.paths(config, "panels") == {
        ("gta5", "clip", 0, "acdc"): "results/runs/vltseg/gta5/clip/seed0/acdc/panels.parquet"
    }
    assert all(vltseg_tests.result_of(result.path) == result for result in found)
    assert vltseg_tests.jobs(config) == {}


def test_test_jobs_follow_training_jobs():
    config = make_config(jobs=2)
    jobs = vltseg_tests.jobs(config)
    assert list(jobs) == ["0", "1"]
    together = [result for found in jobs.values() for result in found]
    assert sorted(together) == sorted(vltseg_tests.results(config))
    for name, runs in vltseg_arms.jobs(config).items():
        assert {result.run for result in jobs[name]} == set(runs)


def test_options_hold_what_decides_a_result_and_no_more(config):
    confusion = [Result(Run("gta5", "clip", 0), "acdc", "confusion")]
    options = vltseg_tests.options(config, confusion)
    assert options == vltseg_tests.options(make_config(panels=None), confusion)
    budget = make_config(test={"shard": 1, "batch_size": 1, "threads": 2})
    assert options == vltseg_tests.options(budget, confusion)
    wider = {"synthetic": SCALE | {"stride": 30}, "real": SCALE}
    assert options != vltseg_tests.options(make_config(scales=wider), confusion)
    longer = {"synthetic": SCALE | {"iterations": 9}, "real": SCALE}
    assert options == vltseg_tests.options(make_config(scales=longer), confusion)
    tsne = [Result(Run("gta5", "clip", 0), "cityscapes", "embeddings")]
    sharper = make_config(tsne=VLTSEG["tsne"] | {"perplexity": 5.0})
    assert vltseg_tests.options(config, tsne) == vltseg_tests.options(sharper, tsne)


def test_the_configurations_corruptions_are_those_that_exist():
    common = {"source": "gta5", "dataset": "cityscapes", "arms": ["clip"]}
    study = Perturbations(**common, kinds=list(PERTURBATIONS))
    assert study.severities == list(SEVERITIES)
    with pytest.raises(ValueError, match="kinds"):
        Perturbations(**common, kinds=["mist"])
    with pytest.raises(ValueError, match="severities"):
        Perturbations(**common, kinds=["fog"], severities=[6])


def test_all_results_of_a_run(config, indexes, run):
    tests = testing.RunTests(config, run, indexes, Path("checkpoints"))
    for result in first(config):
        tests.make(result)
    assert len(list(Path("checkpoints").glob("*/*"))) == len(first(config)) - 1
    tests.place.clear()
    assert not list(Path("checkpoints").rglob("*.parquet"))
    own = pd.read_parquet(run / "gta5/confusion.parquet")
    assert own["image_id"].nunique() == 2
    counts = pd.read_parquet(run / "acdc/confusion.parquet")
    assert counts["image_id"].nunique() == 4 and (counts["truth"] == counts["pred"]).all()
    assert counts.equals(counts.sort_values(["image_id", "truth", "pred"], ignore_index=True))
    assert set(counts["condition"]) == {"fog", "night"}

    corrupted = pd.read_parquet(run / "cityscapes/perturbed.parquet")
    groups = corrupted.groupby(["perturbation", "severity"])
    assert groups["image_id"].nunique().to_dict() == {
        (kind, severity): 2 for kind in ("fog", "contrast") for severity in (1, 5)
    }

    panels = pd.read_parquet(run / "acdc/panels.parquet")
    # One of each condition, the first by id.
    firsts = counts.groupby("condition")["image_id"].min()
    assert sorted(panels["image_id"]) == sorted(firsts)
    assert panels["image_id"].is_monotonic_increasing
    labels = np.asarray(Image.open(BytesIO(panels["png"][0])))
    truth = np.asarray(Image.open(panels["mask_path"][0]))
    assert (labels == truth)[truth != 255].all()

    arrays = load_file(run / "cityscapes/embeddings.safetensors")
    assert {name: a.shape for name, a in arrays.items()} == {
        "before": (50, 3), "after": (50, 3), "labels": (50,),
    }  # fmt: skip

    script("check_submissions")(
        config, list(vltseg_tests.paths(config, "submission").values()), indexes, Path("sent.csv")
    )
    sent = pd.read_csv("sent.csv").set_index("dataset")
    assert sent["problems"].isna().all() and (sent["images"] == 2).all()
    assert sent["ids"].to_dict() == {"cityscapes": "label ids", "acdc": "train ids"}
    assert sent["state"]["acdc"] == "whole, but the server has 2,000 images"
    assert sent[["source", "arm", "seed", "tta"]].iloc[0].tolist() == ["gta5", "clip", 0, True]


def test_a_second_time_gives_the_same_bytes(config, indexes, run):
    wanted = [r for r in first(config) if r.kind != "embeddings"]
    contents = []
    for shard in (3, 1):
        own = make_config(test={"shard": shard, "batch_size": shard})
        tests = testing.RunTests(own, run, indexes, Path("checkpoints"))
        for result in wanted:
            tests.make(result)
        contents.append([Path(result.path).read_bytes() for result in wanted])
    assert contents[0] == contents[1]


def test_a_set_without_test_images(config, indexes, run):
    without = indexes | {"acdc": indexes["acdc"][indexes["acdc"]["split"] != "test"]}
    tests = testing.RunTests(config, run, without, Path("checkpoints"))
    with pytest.raises(DatasetError, match=r"acdc has no test images.*vltseg\.submissions"):
        tests.make(Result(Run("gta5", "clip", 0), "acdc", "submission"))
