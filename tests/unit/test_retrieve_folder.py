"""A folder of the user: linked, counted, and never changed."""

import json
import logging
import os
from pathlib import Path

import pytest

from replidg.config.inputs import FolderDataset
from replidg.data import retrieve
from replidg.data.errors import DatasetError
from replidg.data.image_folder import scan


def snapshot(root: Path) -> dict:
    return {
        p.relative_to(root).as_posix(): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in root.rglob("*")
        if p.is_file()
    }


def own(root: Path | str) -> retrieve.Places:
    return retrieve.Places(root=str(root))


def folder_dataset(**images: int) -> FolderDataset:
    return FolderDataset(source="folder", domains=["art", "photo"], images=images)


def test_folder_is_linked_and_never_changed(owned, tmp_path):
    before = snapshot(owned)
    verified = tmp_path / "datasets" / "own" / ".verified.json"
    for _ in range(2):  # the second removes the first
        retrieve.retrieve("own", folder_dataset(), own(owned), verified)
    folder = verified.parent
    assert (folder / "art").is_symlink() and (folder / "art").resolve() == owned / "art"
    assert sorted(os.listdir(folder)) == [".verified.json", "art", "photo"]
    assert snapshot(owned) == before
    facts = json.loads(verified.read_text())
    assert facts["per_domain"] == {"art": 6, "photo": 6} and facts["images"] == 12
    assert facts["licence"] == "as the data set's owner states"
    assert len(scan(folder, ["art", "photo"])) == 12


def test_relative_root(owned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    verified = tmp_path / "deep" / "down" / "own" / ".verified.json"
    retrieve.retrieve("own", folder_dataset(), own("own"), verified)
    assert len(scan(verified.parent, ["art"])) == 6


def test_drift_is_reported_and_does_not_stop(owned, tmp_path, caplog):
    verified = tmp_path / "datasets" / "own" / ".verified.json"
    with caplog.at_level(logging.WARNING):
        retrieve.retrieve("own", folder_dataset(art=7, photo=6), own(owned), verified)
    facts = json.loads(verified.read_text())
    assert facts["drift"] == {"art": {"expected": 7, "found": 6}}
    assert "own/art: 7 images expected, 6 found" in caplog.text


def test_missing_domain_folder(owned, tmp_path):
    dataset = FolderDataset(source="folder", domains=["art", "sketch"])
    verified = tmp_path / "datasets" / "own" / ".verified.json"
    with pytest.raises(DatasetError, match=r"data_root\.own: .*sketch is not a folder"):
        retrieve.retrieve("own", dataset, own(owned), verified)
    assert not verified.exists() and not verified.parent.exists()
