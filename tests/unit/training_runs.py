"""Tiny fine-tuning runs that the tests of training share: pictures, towers, methods, jobs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from replidg.checkpoints import Checkpoints
from replidg.config.inputs import Preprocessing
from replidg.config.methods import FineTuning, Method
from replidg.data.image_folder import scan
from replidg.data.images import InputSpec
from replidg.models.store import Backbone
from replidg.training import job as jobs
from replidg.training import trainer
from replidg.training.data import share_out

DOMAINS = ["art", "photo", "sketch"]
CLASSES = ["cat", "dog", "owl"]
SPEC = InputSpec(16, "squash", "bilinear", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
STEPS = 10
PROTOCOL = FineTuning(
    steps=STEPS,
    batch_per_domain=2,
    evaluate_every=2,
    checkpoint_every_s=1e-9,
    validation_share=0.34,
)
METHODS = {
    "erm": Method(objective="erm", lr=0.01),
    "lp_ft": Method(objective="lp_ft", lr=0.01, linear_steps=4),
    "coral": Method(objective="coral", lr=0.01),
    "sagm": Method(objective="sagm", lr=0.01),
    "attn_tune": Method(objective="attn_tune", lr=0.01, head_lr_mult=10),
    "miro": Method(objective="miro", lr=0.01, miro_lambda=0.1),
    "swad": Method(objective="erm", averaging="swad", lr=0.01, swad_converge=2, swad_tolerate=2),
    "miro_swad": Method(
        objective="miro", averaging="swad", lr=0.01, swad_converge=1, swad_tolerate=1
    ),
    "mpa": Method(objective="erm", averaging="mpa", lr=0.01, mpa_burn_in=3),
    "mpa_steps": Method(
        objective="erm", averaging="mpa", lr=0.01, mpa_burn_in=3, mpa_terms="steps"
    ),
    "miro_mpa": Method(objective="miro", averaging="mpa", lr=0.01, mpa_burn_in=3),
    "vl2v_sd": Method(
        objective="vl2v_sd", averaging="swad", prompts="p", lr=0.01, logit_scale=10,
        swad_converge=2, swad_tolerate=2,
    ),
    "clipood": Method(
        objective="clipood", averaging="beta", prompts="p", lr=0.01, logit_scale=10,
        optimizer="adamw", weight_decay=0.1, schedule="cosine",
    ),
    "oracle": Method(objective="erm", train_on="all", lr=0.01),
    "erm_cosine": Method(objective="erm", lr=0.01, schedule="cosine", weight_decay=0.1),
}  # fmt: skip


def write_images(root: Path) -> pd.DataFrame:
    """Write 3 domains x 3 classes x 6 pictures; the class is the colour, with noise."""
    rng = np.random.default_rng(0)
    for shift, domain in enumerate(DOMAINS):
        for label, name in enumerate(CLASSES):
            folder = root / domain / name
            folder.mkdir(parents=True)
            for number in range(6):
                pixels = rng.integers(0, 120, (16, 16, 3)) + 20 * shift
                pixels[..., label] += 80
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return scan(root, DOMAINS)


def tower() -> nn.Module:
    """Return a tower with all that could break a resume: batch-norm statistics and dropout."""
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 6),
    ).eval()


class AttentionTower(nn.Module):
    """`tower` with self-attention over the four places of its map."""

    def __init__(self) -> None:
        super().__init__()
        body = tower()
        self.stem, self.last = body[:5], body[6]
        torch.manual_seed(8)
        self.attn = nn.MultiheadAttention(4, 2, dropout=0.1, batch_first=True)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return embeddings (N, 6)."""
        tokens = self.stem(images).flatten(2).mT
        mixed = tokens + self.attn(tokens, tokens, tokens)[0]
        return self.last(mixed.flatten(1))


def class_texts(dim: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(9)
    return F.normalize(torch.randn(len(CLASSES), dim, generator=generator), dim=-1)


def backbone(objective: str = "erm") -> Backbone:
    visual = AttentionTower().eval() if objective == "attn_tune" else tower()
    return Backbone(visual, None, None, SPEC, 6, "0" * 64)


def settings(method: str = "erm", protocol: FineTuning = PROTOCOL, **other) -> trainer.Settings:
    values = {"seed": 3, "feature_layers": ["0", "6"], "frozen_batchnorm": False}
    if METHODS[method].prompts is not None:
        values["texts"] = class_texts()
    return trainer.Settings(
        METHODS[method], protocol, SPEC, len(CLASSES), channels_last=False, **(values | other)
    )


def begin(setting: trainer.Settings) -> trainer.Run:
    return trainer.Run(backbone(setting.method.objective), setting, torch.device("cpu"))


def shares_of(index: pd.DataFrame, seed: int = 3, method: str = "erm", protocol=PROTOCOL):
    train_on = METHODS[method].train_on
    return share_out(index, DOMAINS, "sketch", protocol, seed, "all", train_on)


def result(run: trainer.Run, index: pd.DataFrame):
    """Return final weights and the logits' summary of the target domain."""
    weights = run.final_weights()
    run.classifier.load_state_dict(weights)
    return weights, trainer.predict(run, shares_of(index).target, "target")


def train(index, folder: Path, method: str, setting=None) -> trainer.Run:
    setting = setting or settings(method)
    run = begin(setting)
    shares = shares_of(index, method=method, protocol=setting.protocol)
    trainer.fit(run, shares, Checkpoints(folder, setting.protocol.checkpoint_every_s), method)
    return run


def assert_same(one, other) -> None:
    assert one[0].keys() == other[0].keys()
    for name, value in one[0].items():
        assert torch.equal(value, other[0][name]), name
    pd.testing.assert_frame_equal(one[1], other[1], check_exact=True)


class Killed(BaseException):
    """Stands for a kill: nothing may catch it."""


def stop_before(run: trainer.Run, step: int) -> None:
    """Let the run die when it is about to take `step`."""
    take = run.train_step

    def dying(batch):
        if run.step == step:
            raise Killed
        return take(batch)

    run.train_step = dying


# --- jobs --------------------------------------------------------------------------------------

ARCHITECTURE = {
    "embed_dim": 16,
    "vision_cfg": {
        "image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16,
    },
    "text_cfg": {
        "context_length": 8, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1,
    },
}  # fmt: skip


def a_job(**changes) -> jobs.Job:
    job = jobs.Job(
        model="tiny_clip",
        dataset="tiny",
        domains=DOMAINS,
        targets=["photo", "sketch"],
        seeds=[0, 1],
        method_name="erm",
        method=METHODS["erm"],
        protocol=PROTOCOL.model_copy(update={"steps": 4, "checkpoint_every_s": 1e9}),
        preprocessing=Preprocessing(resize="squash"),
        target_images="all",
        feature_layers=["transformer.resblocks.[01]"],
        frozen_batchnorm=True,
        channels_last=False,
    )
    return replace(job, **changes)


def outputs(folder: Path) -> jobs.Outputs:
    return jobs.Outputs(
        folder / "predictions.parquet", folder / "metrics.json", folder / "model.safetensors"
    )


def run_job(job, index, model, folder: Path, checkpoints: Path | None = None) -> jobs.Outputs:
    out = outputs(folder)
    jobs.train_all(job, index, 3, model, checkpoints or folder / "checkpoints", out)
    return out


def same_outputs(one: jobs.Outputs, other: jobs.Outputs) -> None:
    tables = [pd.read_parquet(out.predictions) for out in (one, other)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    weights = [load_file(out.weights) for out in (one, other)]
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())
    assert one.metrics.read_text() == other.metrics.read_text()
