"""Registered data sets from end to end: stand-in, archives at a mirror, a user's folder."""

import json
import logging
import os
import shutil
import zipfile
from pathlib import Path

import pytest
import yaml

from replidg.config.inputs import RegisteredDataset
from replidg.data import registry, retrieve, standins
from replidg.data.errors import DatasetError
from replidg.data.fetch import FetchError

OFFICIAL = RegisteredDataset(source="official")
STANDIN = RegisteredDataset(source="standin")


def places(tmp_path: Path, **given) -> retrieve.Places:
    lock, downloads = tmp_path / "data.lock.yaml", tmp_path / "downloads"
    return retrieve.Places(lock=lock, downloads=downloads, **given)


def facts_of(verified: Path) -> dict:
    return json.loads(verified.read_text())


def miniature(name: str, folder: Path) -> Path:
    folder.mkdir(parents=True)
    standins.write(registry.load(name), folder)
    return folder


def with_official_classes(folder: Path) -> Path:
    """Rename the stand-in's classes to PACS' own, so that it passes for the real set."""
    entry = registry.load("PACS")
    for domain in entry.domains:
        for ours, theirs in zip(entry.standin.classes, entry.classes, strict=True):
            (folder / domain / ours).rename(folder / domain / theirs)
    return folder


def packed(folder: Path, archive: Path, below: str) -> Path:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, f"{below}/{path.relative_to(folder).as_posix()}")
    return archive


def contents(folder: Path) -> dict[str, bytes]:
    found = (
        Path(place) / name
        for place, _, names in os.walk(folder, followlinks=True)
        for name in names
        if name[0] != "."
    )
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_stand_in_is_counted_and_expects_no_official_counts(tmp_path):
    verified = tmp_path / "datasets" / "PACS" / ".verified.json"
    retrieve.retrieve("PACS", STANDIN, places(tmp_path), verified)
    facts = facts_of(verified)
    assert facts["release"] == "stand-in" and facts["drift"] == {} and facts["classes"] == 7
    assert facts["images"] == sum(facts["per_domain"].values()) == len(contents(verified.parent))
    assert sorted(facts["per_domain"]) == ["art_painting", "cartoon", "photo", "sketch"]


def test_archives_at_a_mirror_are_unpacked_to_the_official_names(tmp_path, caplog):
    source = with_official_classes(miniature("PACS", tmp_path / "source"))
    packed(source, tmp_path / "mirror" / "PACS.zip", "PACS/kfold")
    where = places(tmp_path, mirrors=[str(tmp_path / "mirror")])
    verified = tmp_path / "datasets" / "PACS" / ".verified.json"
    with caplog.at_level(logging.WARNING):
        retrieve.retrieve("PACS", OFFICIAL, where, verified)
    assert contents(verified.parent) == contents(source)
    assert sorted(os.listdir(tmp_path / "mirror")) == ["PACS.zip"]
    assert not (tmp_path / "downloads" / "PACS").exists()
    facts = facts_of(verified)
    assert facts["drift"]["photo"]["expected"] == 1670 and facts["release"] is None
    assert "PACS/photo: 1670 images expected" in caplog.text
    assert len(yaml.safe_load(where.lock.read_text())["PACS"]["files"]["PACS.zip"]["sha256"]) == 64


def test_other_bytes_than_the_first_time_are_refused(tmp_path):
    source = with_official_classes(miniature("PACS", tmp_path / "source"))
    archive = packed(source, tmp_path / "mirror" / "PACS.zip", "kfold")
    where = places(tmp_path, mirrors=[str(tmp_path / "mirror")])
    verified = tmp_path / "datasets" / "PACS" / ".verified.json"
    retrieve.retrieve("PACS", OFFICIAL, where, verified)
    before = contents(verified.parent)
    next((source / "photo").rglob("*.jpg")).unlink()
    packed(source, archive, "kfold")
    entry = registry.load("PACS")
    only_mirror = entry.model_copy(
        update={"files": [file.model_copy(update={"sources": []}) for file in entry.files]}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieve.availability, "page", lambda *_: only_mirror)
        with pytest.raises(FetchError, match=r"PACS\.zip"):
            retrieve.retrieve("PACS", OFFICIAL, where, verified)
    assert contents(verified.parent) == before


def test_archives_of_something_else(tmp_path):
    other = miniature("VLCS", tmp_path / "source")
    packed(other, tmp_path / "mirror" / "PACS.zip", "kfold")
    verified = tmp_path / "datasets" / "PACS" / ".verified.json"
    where = places(tmp_path, mirrors=[str(tmp_path / "mirror")])
    with pytest.raises(DatasetError, match=r"the archives of PACS: .* no known layout of PACS"):
        retrieve.retrieve("PACS", OFFICIAL, where, verified)
    assert not verified.exists()


@pytest.mark.parametrize("below", ["VLCS", "kfold"])
def test_what_fails_behind_the_download_keeps_the_archives(tmp_path, below):
    """An unknown layout, and one whose classes the reader does not know."""
    source = miniature("PACS" if below == "kfold" else "VLCS", tmp_path / "source")
    archive = packed(source, tmp_path / "mirror" / "PACS.zip", below)
    verified = tmp_path / "datasets" / "PACS" / ".verified.json"
    where = places(tmp_path, mirrors=[str(tmp_path / "mirror")])
    with pytest.raises(DatasetError):
        retrieve.retrieve("PACS", OFFICIAL, where, verified)
    kept = tmp_path / "downloads" / "PACS" / "PACS.zip"
    assert kept.read_bytes() == archive.read_bytes() and not verified.exists()


def test_archives_go_or_stay_as_asked(tmp_path):
    source = with_official_classes(miniature("PACS", tmp_path / "source"))
    packed(source, tmp_path / "mirror" / "PACS.zip", "kfold")
    for keep in (True, False):
        where = places(tmp_path, mirrors=[str(tmp_path / "mirror")], keep_archives=keep)
        retrieve.retrieve("PACS", OFFICIAL, where, tmp_path / "datasets/PACS/.verified.json")
        assert (tmp_path / "downloads" / "PACS" / "PACS.zip").exists() == keep


def test_a_users_folder_is_linked_and_its_samples_are_kept(tmp_path):
    own = with_official_classes(miniature("PACS", tmp_path / "own"))
    before = contents(own)
    verified = tmp_path / "datasets" / "PACS" / ".verified.json"
    where = places(tmp_path, root=str(own))
    for _ in range(2):
        retrieve.retrieve("PACS", OFFICIAL, where, verified)
    assert (verified.parent / "photo").resolve() == own / "photo"
    assert contents(own) == before == contents(verified.parent)
    samples = yaml.safe_load(where.lock.read_text())["PACS"]["samples"]
    assert len(samples) == 48
    (own / next(iter(samples))).write_bytes(b"re-encoded")
    with pytest.raises(DatasetError, match=r"1 of 48 sampled files .* delete 'PACS' under"):
        retrieve.retrieve("PACS", OFFICIAL, where, verified)


def test_an_official_set_needs_its_classes(tmp_path):
    own = miniature("PACS", tmp_path / "own")
    verified = tmp_path / "datasets" / "PACS" / ".verified.json"
    with pytest.raises(DatasetError, match=r"bird|bug|building"):
        retrieve.retrieve("PACS", OFFICIAL, places(tmp_path, root=str(own)), verified)


def prepared(tmp_path: Path, name: str, dataset: RegisteredDataset, **given) -> Path:
    raw = tmp_path / "datasets" / name / ".verified.json"
    retrieve.retrieve(name, dataset, places(tmp_path, **given), raw)
    done = tmp_path / "prepared" / name / ".verified.json"
    retrieve.prepare(name, dataset, raw.parent, done)
    return done


def test_conversion_is_counted_where_the_reader_reads(tmp_path):
    done = prepared(tmp_path, "terra_incognita", STANDIN)
    facts, raw = facts_of(done), facts_of(tmp_path / "datasets/terra_incognita/.verified.json")
    assert "images" not in raw and facts["images"] == len(contents(done.parent))
    assert set(facts["per_domain"]) == {f"location_{n}" for n in (38, 43, 46, 100)}


def test_a_copy_that_others_converted_is_not_converted_again(tmp_path):
    first = prepared(tmp_path / "a", "terra_incognita", STANDIN)
    own = tmp_path / "own"
    shutil.copytree(first.parent, own, ignore=shutil.ignore_patterns(".*"))
    entry = registry.load("terra_incognita")
    same = entry.model_copy(update={"classes": entry.standin.classes})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieve.availability, "page", lambda *_: same)
        second = prepared(tmp_path / "b", "terra_incognita", OFFICIAL, root=str(own))
    assert facts_of(second)["converted"] and not facts_of(first)["converted"]
    assert contents(second.parent) == contents(first.parent)
    assert facts_of(second)["per_domain"] == facts_of(first)["per_domain"]


def test_drift_of_a_real_release_is_named(tmp_path):
    entry = registry.load("terra_incognita")
    images = entry.releases[0].images
    assert retrieve.verify.release_of(images, entry.releases) == entry.releases[0].name
    assert retrieve.verify.release_of({**images, "location_38": 1}, entry.releases) is None
