"""CLIPs on mixes by open_clip's trainer, and classifiers on subsets."""

from __future__ import annotations

import gc
import importlib.util
import logging
import os
import sys
from pathlib import Path

import numpy as np
import open_clip
import pandas as pd
import pytest
import torch
from forgotten_parts import ARCHITECTURE, RUN, suite, write_corpus
from open_clip_train import main as trainer
from safetensors.torch import load_file

from replidg.checkpoints import Checkpoints
from replidg.config.forgotten_training import ClipRun, Mix, Mixes, ResNets
from replidg.data.class_groups import read_groups
from replidg.data.errors import DatasetError
from replidg.data.pools import Order, pack
from replidg.training import clip_main, clip_mixes, subset_nets
from replidg.training.suites import Suite, only

ROOT = Path(__file__).parents[2]
MIXES = Mixes(unit=1, shard_images=4, sets={"half": Mix(natural=8, rendition=4)})


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Pools of 12 natural images and 7 renditions, in shards of 4."""
    root = tmp_path_factory.mktemp("pools")
    shards = write_corpus(root / "corpus", [12, 7])
    for number, name in enumerate(("natural", "rendition")):
        order = Order([(number, p) for p in range(shards[number].samples)], 0, name)
        pack(shards, order, 4, root / name, root / "scratch")
    return {name: root / name for name in ("natural", "rendition", "random")}


def test_a_mix_is_the_first_shards_of_each_pool(folders):
    data = clip_mixes.training_set("half", MIXES.sets["half"], MIXES, folders)
    assert data.images == {"natural": 8, "rendition": 4} and data.total == 12
    assert data.sources == [
        f"{folders['natural']}/{{00000..00001}}.tar", f"{folders['rendition']}/00000.tar",
    ]  # fmt: skip
    whole = clip_mixes.training_set("all", Mix(rendition="all"), MIXES, folders)
    assert whole.images == {"rendition": 7} and whole.shards == 2
    with pytest.raises(DatasetError, match=r"sets\.much\.natural: 13 images wanted, .* has 12"):
        clip_mixes.training_set("much", Mix(natural=13), MIXES, folders)


def test_arguments_are_the_papers_for_its_protocol(folders, tmp_path):
    data = clip_mixes.training_set("half", MIXES.sets["half"], MIXES, folders)
    paper = RUN.model_copy(
        update={"epochs": 32, "batch_size": 16384, "lr": 5e-4, "warmup": 10000, "precision": "amp",
                "crop_scale": (0.9, 1.0), "gpus_per_node": 2}
    )  # fmt: skip
    words = clip_mixes.arguments(paper, data, tmp_path, tmp_path, "run", 0)
    found, default = trainer.parse_args(words), trainer.parse_args([])
    assert (found.batch_size, found.epochs, found.lr, found.warmup) == (8192, 32, 5e-4, 10000)
    assert (found.wd, found.beta1, found.beta2, found.eps) == (0.2, 0.9, 0.98, 1e-6)
    assert found.train_num_samples == 12 and found.precision == default.precision == "amp"
    assert found.aug_cfg == {"scale": (0.9, 1.0)}
    with pytest.raises(DatasetError, match="3 shards are fewer than 16 processes"):
        clip_mixes.arguments(
            paper.model_copy(update={"workers": 8}), data, tmp_path, tmp_path, "run", 0
        )


def test_several_processes_are_started_by_torchrun():
    assert clip_mixes.command(RUN, ["--lr=1"], {}) is None
    one = RUN.model_copy(update={"gpus_per_node": 4})
    words = clip_mixes.command(one, ["--lr=1"], {})
    assert words[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert words[3:] == [
        "--nnodes=1", "--nproc-per-node=4", "--standalone", "-m", "--",
        "replidg.training.clip_main", clip_mixes.settings_of(one).model_dump_json(), "--lr=1",
    ]  # fmt: skip
    two = one.model_copy(update={"nodes": 2, "launcher": ["srun", "--ntasks-per-node=1"]})
    words = clip_mixes.command(two, [], {"MASTER_ADDR": "node1", "SLURM_JOB_ID": "7"})
    assert words[:2] == ["srun", "--ntasks-per-node=1"]
    assert "--rdzv-endpoint=node1:29400" in words and "--rdzv-id=7" in words
    with pytest.raises(RuntimeError, match="MASTER_ADDR"):
        clip_mixes.command(two, [], {})


def test_words_for_several_gpus_reach_open_clip(folders, tmp_path):
    data = clip_mixes.training_set("half", MIXES.sets["half"], MIXES, folders)

    def parsed(**changes):
        run = ClipRun.model_validate(RUN.model_dump() | changes)
        words = clip_mixes.arguments(run, data, tmp_path, tmp_path, "run", 0)
        return trainer.parse_args(words)

    plain = parsed()
    assert (plain.local_loss, plain.gather_with_grad, plain.accum_freq) == (False, False, 1)
    found = parsed(local_loss=True, gather_with_grad=True, accumulate=2, precision="amp_bf16")
    assert (found.local_loss, found.gather_with_grad, found.accum_freq) == (True, True, 2)
    assert (found.precision, found.batch_size) == ("amp_bf16", 4)
    with pytest.raises(ValueError, match="gather_with_grad: true"):
        parsed(local_loss=True)


def test_logging_is_left_as_it_was():
    """open_clip's trainer makes all loggers talk, torch's compiler among them."""
    one = logging.getLogger("torch._dynamo")
    before = (one.level, logging.root.level, list(logging.root.handlers))
    with clip_main.own_logging():
        trainer.setup_logging(None, logging.DEBUG)
        assert one.level == logging.root.level == logging.DEBUG
    assert (one.level, logging.root.level, logging.root.handlers) == before


def epochs_in(folder):
    return [folder / f"epoch{n:03d}.safetensors" for n in range(1, RUN.epochs + 1)]


def test_a_finished_training_is_not_done_again(folders, tmp_path, monkeypatch):
    """Its job had more to do, was killed, and lost the files that Snakemake knows of."""
    data = clip_mixes.training_set("half", MIXES.sets["half"], MIXES, folders)
    out, scratch = epochs_in(tmp_path / "out"), tmp_path / "scratch"
    clip_mixes.train("half", 0, RUN, data, out, scratch)
    first = [path.read_bytes() for path in out]
    assert len(set(first)) == RUN.epochs
    # Nothing of it stays in memory until the next collection, which may be many networks later.
    clips = (open_clip.CLIP, open_clip.CustomTextCLIP)
    assert not [thing for thing in gc.get_objects() if isinstance(thing, clips)]
    for path in out:
        path.unlink()
    monkeypatch.setattr(clip_main, "main", None)
    clip_mixes.train("half", 0, RUN, data, out, scratch)
    assert [path.read_bytes() for path in out] == first


def test_a_mix_of_less_than_a_batch_is_refused(folders, tmp_path):
    data = clip_mixes.training_set("half", MIXES.sets["half"], MIXES, folders)
    large = RUN.model_copy(update={"batch_size": 16})
    with pytest.raises(DatasetError, match="12 images are less than one batch of 16"):
        clip_mixes.train("half", 0, large, data, epochs_in(tmp_path / "out"), tmp_path)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A pool of two shards of 4: one for each of two processes, one batch of 8 for one."""
    root = tmp_path_factory.mktemp("pair")
    shards = write_corpus(root / "corpus", [8])
    pack(shards, Order([(0, p) for p in range(8)], 0, "natural"), 4, root / "natural", root / "s")
    mix = Mix(natural="all")
    return clip_mixes.training_set("pair", mix, MIXES, {"natural": root / "natural"})


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(pair, tmp_path, monkeypatch):
    """torchrun, with processes that decode; a signal to one of the two stops both after its step.

    Both runs see the same 8 whole pictures a step, so their weights are equal to rounding, which
    Adam enlarges where a gradient is about 0.
    """
    same = {"crop_scale": (1.0, 1.0), "local_loss": True, "gather_with_grad": True, "eps": 1e-4}
    one = RUN.model_copy(update=same)
    two = one.model_copy(update={"gpus_per_node": 2, "workers": 1})

    def train(run, name):
        clip_mixes.train(
            "pair", 0, run, pair, epochs_in(tmp_path / name), tmp_path / f"{name}_work"
        )
        return [path.read_bytes() for path in epochs_in(tmp_path / name)]

    train(one, "one")
    whole = train(two, "two")
    with monkeypatch.context() as patch:
        patch.setattr(clip_main, "__name__", "stopping_clip")
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        with pytest.raises(SystemExit):
            train(two, "stopped")
    (saved,) = (tmp_path / "stopped_work").rglob("newest.pt")
    assert Checkpoints(saved.parent, 1).load()["step"] == 2
    assert train(two, "stopped") == whole
    for first, second in zip(epochs_in(tmp_path / "one"), epochs_in(tmp_path / "two"), strict=True):
        wanted, found = load_file(first), load_file(second)
        assert wanted.keys() == found.keys()  # without `module.`
        for name, value in wanted.items():
            torch.testing.assert_close(found[name], value, rtol=0, atol=1e-5, msg=name)


def test_initial_image_tower_is_written_where_open_clip_finds_it(tmp_path):
    vision = {"timm_model_name": "efficientnet_lite0_stride16", "timm_model_pretrained": False,
              "timm_pool": "avg", "timm_proj": "linear", "image_size": 32}  # fmt: skip
    model = ARCHITECTURE["model_cfg"] | {"vision_cfg": vision, "custom_text": True}
    run = RUN.model_copy(
        update={
            "architecture": {"model_cfg": model, "preprocess_cfg": {}},
            "image_tower_init": "efficientnet_lite0",
        }
    )
    clip_mixes.write_architecture(run, tmp_path, 0)
    loaded = open_clip.create_model(f"local-dir:{tmp_path}")
    stored = load_file(tmp_path / "open_clip_model.safetensors")
    assert torch.equal(
        loaded.visual.trunk.conv_stem.weight, stored["visual.trunk.conv_stem.weight"]
    )
    assert stored["visual.trunk.conv_stem.weight"].std() > 0.1  # not timm's small random numbers


NETS = ResNets(
    architecture="efficientnet_lite0_stride16", unit=1, sizes=[8], epochs=2, batch_size=4, lr=0.01,
    warmup_epochs=1, train_size=32, test_size=32,
)  # fmt: skip


def test_subsets_are_nested_and_named(tmp_path):
    ids = [f"image{n}" for n in range(50)]
    small, large = (set(subset_nets.subset(ids, size, 0, "subset0").tolist()) for size in (10, 30))
    assert len(small) == 10 and small < large
    assert small != set(subset_nets.subset(ids, 10, 0, "subset1").tolist())
    with pytest.raises(ValueError, match="51 images wanted, natural0 has 50"):
        subset_nets.subset(ids, 51, 0, "natural0")


def test_the_job_trains_and_tests_each_run(tmp_path):
    """ImageNet-Natural has half of the images; no unfinished work is left behind."""
    index, domains = tmp_path / "index.parquet", tmp_path / "domains.parquet"
    rows = pd.concat([suite(tmp_path).rows] * 3)
    rows = rows.assign(image_id=[f"i{n}" for n in range(18)], synset="n1")
    rows.to_parquet(index)
    (tmp_path / "classes.json").write_text('["a_cat", "dog", "cow"]')
    natural = pd.DataFrame({"image_id": rows["image_id"], "natural_relaxed": [True, False] * 9})
    natural.to_parquet(domains)
    path = ROOT / "scripts" / "train_subset_nets.py"
    spec = importlib.util.spec_from_file_location("train_subset_nets", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    runs = [("natural", 8.0, 0), ("subset", 8.0, 0)]
    out = {f"{kind}_8_0": tmp_path / kind / "draw0" for kind, _, _ in runs}
    script.train_subset_nets(
        runs, NETS, index, domains, [suite(tmp_path)], out, tmp_path / "checkpoints"
    )
    for kind, name in (("natural", "imagenet_natural"), ("subset", "imagenet_subset")):
        scores = pd.read_parquet(tmp_path / kind / "draw0" / "scores.parquet")
        assert set(scores["method"]) == {name} and set(scores["run"]) == {kind}
        assert scores.loc[scores["version"] == "standard", "n"].tolist() == [6]
        assert load_file(tmp_path / kind / "draw0" / "model.safetensors")
    assert not list((tmp_path / "checkpoints").rglob("*.*"))


def test_classes_that_imagenet_has(tmp_path):
    names, wnids = ["Dog", "aircraft_carrier", "sea"], ["n1", "n2", "n3"]
    assert read_groups(names, wnids, ["dog", "cat", "aircraft carrier"], None) == [[0], [2], []]
    (tmp_path / "map.csv").write_text("class_name,wnid\nDog,n1\nDog,n2\n")
    groups = read_groups(names, wnids, [], tmp_path / "map.csv")
    assert groups == [[0, 1], [], []]
    left = only(suite(tmp_path), groups)
    assert left.rows["label"].tolist() == [0, 0] and left.kept.tolist() == [True, True]
    assert left.classes[("set", "all")] == {"standard": [0], "clean": [0]}
    (tmp_path / "map.csv").write_text("class_name,wnid\nWolf,n1\n")
    with pytest.raises(DatasetError, match="Wolf"):
        read_groups(names, wnids, [], tmp_path / "map.csv")
    with pytest.raises(DatasetError, match="domain_net_classes"):
        read_groups(["sea"], wnids, ["dog", "cat", "cow"], None)


def test_the_score_of_a_group_is_its_best_class():
    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    ready = subset_nets.Net(net, NETS, {"domain_net": [[0, 2], [], [1]]})
    pixels = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    pixels[0, 1] = 255
    empty = Suite("domain_net", pd.DataFrame(), [], {}, np.array([]))
    scores = ready.scorer(empty, [])(pixels)[0]
    logits = ready.scorer(Suite("imagenet_val", pd.DataFrame(), [], {}, np.array([])), [])(pixels)[
        0
    ]
    assert scores.tolist() == [max(logits[0], logits[2]), -torch.inf, logits[1]]
