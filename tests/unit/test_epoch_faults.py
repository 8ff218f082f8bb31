"""Trainings by others' loops: killed and stopped at ten drawn steps each, they end the same.

CLIPs by open_clip's trainer, in-process and on mixes, and classifiers by timm's parts. Epochs are
shorter than the distance of two checkpoints: nearly every fault falls inside one.
"""

import json
import multiprocessing
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path

import faults
import pytest
from forgotten_parts import RUN, picture, write_corpus
from segmentor_parts import small_plan, store_clip, write_scenes
from test_pretrain import SPEC, model

faults.PRELOAD += ["segmentor_imports", "replidg.training.clip_mixes"]


def prepare(cls: type, strike, method: str = "train_step") -> None:
    """Let faults strike, and checkpoints be due, by steps of a class."""
    faults.watch(cls, strike, method)
    faults.save_every(3)
    # As in a job: processes that decode are forks of this one, and not of the harness' server.
    multiprocessing.set_start_method("fork", force=True)


@pytest.fixture(scope="module")
def pools(tmp_path_factory):
    """Pools of 12 natural images and 8 renditions, in shards of 4; two images are damaged."""
    from replidg.data.pools import Order, pack

    root = tmp_path_factory.mktemp("pools")
    shards = write_corpus(root / "corpus", [12, 8], damaged={3, 14})
    for number, name in enumerate(("natural", "rendition")):
        order = Order([(number, p) for p in range(shards[number].samples)], 0, name)
        pack(shards, order, 4, root / name, root / "scratch")
    return root


@dataclass(frozen=True)
class Mixed:
    """A CLIP on a mix of pools."""

    pools: Path
    changes: dict = field(default_factory=dict)

    def __call__(self, folder: Path, strike) -> None:
        from replidg.config.forgotten_training import Mix, Mixes
        from replidg.training import clip_mixes
        from replidg.training.clip_main import MixSteps

        prepare(MixSteps, strike, "advance")
        mixes = Mixes(unit=1, shard_images=4, sets={"all": Mix(natural="all", rendition="all")})
        folders = {name: self.pools / name for name in ("natural", "rendition", "random")}
        data = clip_mixes.training_set("all", mixes.sets["all"], mixes, folders)
        run = RUN.model_copy(update=self.changes)
        out = [folder / f"out/epoch{n}.safetensors" for n in range(1, run.epochs + 1)]
        clip_mixes.train("all", 0, run, data, out, folder / "checkpoints")


@dataclass(frozen=True)
class Pretrained:
    """A CLIP on a data set's corpus, with patches that are dropped at random."""

    def __call__(self, folder: Path, strike) -> None:
        import torch
        from safetensors.torch import save_file

        from replidg.checkpoints import Checkpoints
        from replidg.files import whole_file
        from replidg.models import pretrain
        from replidg.models.clip_steps import ClipSteps

        prepare(ClipSteps, strike, "advance")
        generator = torch.Generator().manual_seed(0)
        pixels = torch.randint(256, (18, 3, 32, 32), dtype=torch.uint8, generator=generator)
        tokens = torch.randint(1, 49000, (18, 5, 8), generator=generator)
        budget = model().training.model_copy(update={"epochs": 6})
        clip = pretrain.build(model(budget), folder / "config")
        points = Checkpoints(folder / "checkpoints", 0.0)
        clip = pretrain.train(clip, pretrain.Corpus(pixels, tokens), SPEC, budget, points)
        with whole_file(folder / "out/model.safetensors") as temporary:
            save_file({k: v.contiguous() for k, v in clip.state_dict().items()}, temporary)


@dataclass(frozen=True)
class Classifier:
    """A classifier of a subset; predictions are its logits of the training images."""

    pictures: Path
    changes: dict = field(default_factory=dict)

    def __call__(self, folder: Path, strike) -> None:
        import torch
        from safetensors.torch import save_file
        from torchvision.transforms.functional import pil_to_tensor

        from replidg.checkpoints import Checkpoints
        from replidg.config.forgotten_training import ResNets
        from replidg.data.images import decode
        from replidg.files import whole_file
        from replidg.training.subset_nets import SubsetRun, train

        prepare(SubsetRun, strike)
        protocol = ResNets(
            architecture="efficientnet_lite0_stride16", unit=1, sizes=[18], epochs=6, batch_size=4,
            lr=0.01, warmup_epochs=1, train_size=32, test_size=32, **self.changes,
        )  # fmt: skip
        paths = [str(path) for path in sorted(self.pictures.iterdir())]
        net = train(paths, [0, 1] * 9, 2, protocol, Checkpoints(folder / "checkpoints", 0.0))
        with torch.inference_mode():
            seen = net(torch.stack([pil_to_tensor(decode(path)) / 255 for path in paths]))
        with whole_file(folder / "out/model.safetensors") as temporary:
            state = {name: value.contiguous() for name, value in net.state_dict().items()}
            save_file({"seen": seen} | state, temporary)


@dataclass(frozen=True)
class Segmentor:
    """A segmentation network with dropped paths and sampled points, by mmengine's runner."""

    data: tuple
    changes: dict = field(default_factory=dict)

    def __call__(self, folder: Path, strike) -> None:
        from segmentor_imports import ResumeHook, Training, train_all

        from replidg.files import write_json

        prepare(ResumeHook, strike, "advance")
        clip, images = self.data
        plan = small_plan(
            clip, arm={"language": {"prompts": "p"}}, encoder={"drop_path": 0.3},
            scale={"iterations": 24}, training=self.changes,
        )  # fmt: skip
        train_all([Training(plan, [images], folder / "out")], folder / "checkpoints")
        # What is left names its folder, or the seconds of the last start.
        losses = json.loads((folder / "out/metrics.json").read_text())["loss"]
        write_json(folder / "out/metrics.json", losses)
        (folder / "out/mmengine_config.py").unlink()
        shutil.rmtree(folder / "out/by_hand")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    return store_clip(folder / "cnn", "cnn"), write_scenes(folder / "scenes")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for place in range(18):
        (folder / f"{place:02d}.jpg").write_bytes(picture(place))
    return folder


def ends_the_same(training, folder, steps, seed=0):
    whole = faults.unbroken(training, folder / "whole")
    assert faults.broken(training, folder / "broken", faults.drawn(seed, steps)) == whole
    return whole


def test_a_clip_on_a_mix(pools, tmp_path):
    """20 images, 18 that can be read, 4 a step: batches go on across passes over the shards."""
    assert len(ends_the_same(Mixed(pools, {"batch_size": 4, "epochs": 6}), tmp_path, 30)) == 6


def test_a_clip_on_a_mix_with_processes_that_decode(pools, tmp_path):
    """Two of them, whose turns a resumed run takes up; two batches a step."""
    changes = {"batch_size": 4, "epochs": 6, "workers": 2, "accumulate": 2}
    ends_the_same(Mixed(pools, changes), tmp_path, 24)


def test_a_clip_on_a_corpus(tmp_path):
    ends_the_same(Pretrained(), tmp_path, 24)


def test_a_classifier_on_a_subset(pictures, tmp_path):
    ends_the_same(Classifier(pictures), tmp_path, 24)


def test_a_classifier_in_parts_of_a_batch(pictures, tmp_path):
    changes = {"accumulate": 2, "workers": 1}
    training = Classifier(pictures, changes)
    whole = faults.unbroken(training, tmp_path / "whole")
    few = faults.drawn(1, 24, points=2)
    assert faults.broken(training, tmp_path / "broken", few) == whole


def test_a_segmentor(scenes, tmp_path):
    """5 images, 2 a step."""
    ends_the_same(Segmentor(scenes), tmp_path, 24)


def test_a_segmentor_in_parts_of_a_batch(scenes, tmp_path):
    training = Segmentor(scenes, {"accumulate": 2})
    whole = faults.unbroken(training, tmp_path / "whole")
    few = faults.drawn(1, 24, points=1)
    assert faults.broken(training, tmp_path / "broken", few) == whole


def test_damaged_checkpoints_of_a_mix(pools, tmp_path):
    """The one before is taken; of two damaged ones none, and the training begins anew."""
    training = Mixed(pools, {"batch_size": 4, "epochs": 2})
    whole = faults.unbroken(training, tmp_path / "whole")
    for names in (["newest.pt"], ["newest.pt", "previous.pt"]):
        folder = tmp_path / names[-1]
        assert faults._live(training, folder, faults.Fault(8)) == -signal.SIGKILL
        for name in names:
            (path,) = (folder / "checkpoints").rglob(name)
            path.write_bytes(path.read_bytes()[:-1000])
        assert faults.broken(training, folder, []) == whole
