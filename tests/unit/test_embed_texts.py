"""Embeddings of texts: templates, class names, keys."""

import numpy as np
import torch
from embed_runs import SPEC, key_of
from torch import nn

from replidg.config.inputs import Prompts
from replidg.data.embeddings import read
from replidg.models import embed, store
from replidg.models.store import Backbone


class FakeText:
    """Encodes a text as a vector that depends on the text; remembers the texts."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def tokenize(self, texts: list[str]) -> torch.Tensor:
        self.texts += texts
        return torch.tensor([[len(text), sum(map(ord, text))] for text in texts])

    def encode(self, tokens: torch.Tensor) -> torch.Tensor:
        numbers = tokens.double()
        return torch.stack([numbers[:, 0], numbers[:, 1].sqrt(), 1 + numbers[:, 0] % 5], 1).float()


def test_templates_are_averaged_as_unit_vectors(tmp_path):
    text = FakeText()
    own = Backbone(nn.Identity(), text.encode, text.tokenize, SPEC, 3, "a" * 64)
    prompts = Prompts(templates=["a photo of a {}", "{}!"], class_names="spaces")
    embed.embed_texts(own, ["cat", "alarm_clock"], prompts, tmp_path / "t.safetensors")
    assert text.texts == ["a photo of a cat", "cat!", "a photo of a alarm clock", "alarm clock!"]
    expected = []
    for name in ("cat", "alarm clock"):
        each = [f"a photo of a {name}", f"{name}!"]
        vectors = text.encode(FakeText().tokenize(each)).numpy()
        mean = sum(vector / np.linalg.norm(vector) for vector in vectors) / 2
        expected.append(mean / np.linalg.norm(mean))
    values = read(tmp_path / "t.safetensors", ["cat", "alarm_clock"])
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_raw_class_names_keep_their_underscores(tmp_path):
    text = FakeText()
    own = Backbone(nn.Identity(), text.encode, text.tokenize, SPEC, 3, "a" * 64)
    prompts = Prompts(templates=["A photo of {}."], class_names="raw")
    embed.embed_texts(own, ["Alarm_Clock"], prompts, tmp_path / "t.safetensors")
    assert text.texts == ["A photo of Alarm_Clock."]


def test_text_key_depends_on_weights_and_prompts(model, tmp_path):
    own = store.load(model)

    def key(prompts):
        embed.embed_texts(own, ["cat", "dog"], prompts, tmp_path / "t.safetensors")
        return key_of(tmp_path / "t.safetensors")

    base = key(Prompts(templates=["a {}"]))
    assert key(Prompts(templates=["a {}"])) == base
    assert key(Prompts(templates=["a {}"], class_names="raw")) != base
    assert key(Prompts(templates=["the {}"])) != base
    own.weights_sha256 = "b" * 64
    assert key(Prompts(templates=["a {}"])) != base
    norms = np.linalg.norm(read(tmp_path / "t.safetensors"), axis=1)
    np.testing.assert_allclose(norms, 1, rtol=1e-5)
