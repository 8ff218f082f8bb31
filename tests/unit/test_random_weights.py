"""Random weights in the place of checkpoints: when, and refused elsewhere; small indexes."""

from __future__ import annotations

import json
import urllib.error
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from replidg.config.inputs import OpenClipModel, TimmModel
from replidg.data.index import _some
from replidg.models import random_weights, store

TIMM = TimmModel(source="timm", name="mobilenetv3_small_050.lamb_in1k", image_size=32)


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that no hub can be reached from."""
    monkeypatch.setattr(random_weights, "hub_answers", lambda: False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(random_weights.VARIABLE, raising=False)


def test_unreachable_checkpoints_are_random_the_same_and_refused(
    no_hub: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, how in zip(folders, ("unreachable", "always"), strict=True):
        store.retrieve("small", TIMM, folder, how)
    assert "RANDOM WEIGHTS" in caplog.text
    first, second = (load_file(folder / "model.safetensors") for folder in folders)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert json.loads((folders[0] / "model.json").read_text())["random_weights"] is True
    with pytest.raises(RuntimeError, match=r"from a rehearsal\. Remove that folder"):
        store.load(folders[0])
    random_weights.allow(True)
    assert store.load(folders[0]).dim == 1024
    random_weights.allow(False)
    with pytest.raises(RuntimeError, match="from a rehearsal"):
        store.load(folders[0])


def test_a_run_that_is_no_rehearsal_fails(no_hub: None, tmp_path: Path) -> None:
    with random_weights.offline(), pytest.raises(RuntimeError, match=r"models\.small: .*download"):
        store.retrieve("small", TIMM, tmp_path / "a")
    assert not (tmp_path / "a" / "model.json").exists()


def test_a_checkpoint_that_does_not_exist_is_an_error_in_a_rehearsal_too(
    no_hub: None, tmp_path: Path
) -> None:
    model = OpenClipModel(source="open_clip", name="ViT-B-32", pretrained="no_such_tag")
    with pytest.raises(RuntimeError, match="no_such_tag"):
        store.retrieve("clip", model, tmp_path / "a", "unreachable")
    own = TimmModel(source="timm", name="mobilenetv3_small_050", path="/no/such.safetensors")
    with pytest.raises(RuntimeError, match="no/such"):
        store.retrieve("own", own, tmp_path / "b", "always")


def test_what_is_random_anyway_is_not_marked(no_hub: None, tmp_path: Path) -> None:
    scratch = TIMM.model_copy(update={"pretrained": False})
    store.retrieve("scratch", scratch, tmp_path / "a", "always")
    assert "random_weights" not in json.loads((tmp_path / "a" / "model.json").read_text())


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(), True),
        (urllib.error.URLError(TimeoutError()), True),
        (urllib.error.HTTPError("u", 404, "not found", {}, None), False),
        (FileNotFoundError("x"), False),
        (ValueError("x"), False),
    ],
)
def test_which_errors_say_that_there_is_no_network(error: Exception, expected: bool) -> None:
    wrapped = RuntimeError("failed")
    wrapped.__cause__ = error
    assert random_weights.unreachable(wrapped) is expected


def test_a_small_index_has_each_class_in_turn() -> None:
    rows = [
        {"image_id": f"{domain}/{label}/{n}", "domain": domain, "split": "", "label": label}
        for domain in ("a", "b")
        for label in range(3)
        for n in range(5)
    ]
    frames = [pd.DataFrame(rows[:17]), pd.DataFrame(rows[17:])]
    (kept,) = _some(frames, 4)
    assert kept.groupby("domain").size().to_dict() == {"a": 4, "b": 4}
    assert all(part["label"].nunique() == 3 for _, part in kept.groupby("domain"))
    assert kept["image_id"].is_monotonic_increasing and list(kept) == list(rows[0])
    # The same rows, however many frames they came in; all of them where there are fewer.
    assert next(_some([pd.DataFrame(rows)], 4)).equals(kept)
    assert len(next(_some([pd.DataFrame(rows)], 99))) == len(rows)
