"""The code that the documentation shows, run as it stands there."""

import re
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from replidg.methods.network import Classifier

DOCS = Path(__file__).resolve().parents[2] / "docs"


def block(page: str, language: str, containing: str) -> str:
    """Return the one code block of a page that contains some words."""
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", text, flags=re.M | re.S)
    found = [textwrap.dedent(body) for _, body in blocks if containing in body]
    assert len(found) == 1, f"{page} has {len(found)} {language} blocks with {containing!r}"
    return found[0]


def test_the_method_that_adding_md_shows():
    names: dict = {}
    exec(compile(block("adding.md", "python", "SpectralDecoupling"), "adding.md", "exec"), names)
    torch.manual_seed(0)
    classifier = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(12, 4)), 4, 3, True).train()
    images, labels = torch.randn(5, 3, 2, 2), torch.tensor([0, 1, 2, 0, 1])
    objective = names["SpectralDecoupling"](classifier, SimpleNamespace(sd_weight=0.3), 2, [])
    loss = objective.loss(classifier, images, labels, torch.zeros(5), 0)

    z = classifier(images).detach().double().numpy()
    by_hand = 0.0
    for logits, label in zip(z, labels, strict=True):
        shares = [2.718281828459045**x for x in logits]
        by_hand -= torch.log(torch.tensor(shares[label] / sum(shares))).item() / 5
        by_hand += 0.3 * sum(x * x for x in logits) / 2 / 5
    assert loss.item() == pytest.approx(by_hand, rel=1e-5)
    loss.backward()
    assert all(p.grad is not None for p in classifier.parameters())
