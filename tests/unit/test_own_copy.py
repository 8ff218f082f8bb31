"""A user's folder: recognised under its many names, linked, sampled, never changed."""

import os
from pathlib import Path

import pytest

from replidg.data import own_copy, registry
from replidg.data.errors import DatasetError


def tree(root: Path, *folders: str) -> Path:
    for number, folder in enumerate(folders):
        (root / folder).mkdir(parents=True)
        (root / folder / f"{number}.jpg").write_bytes(bytes([number]))
    return root


def recognised(name: str, root: Path) -> own_copy.Copy:
    return own_copy.recognise(registry.load(name), root, f"data_root.{name}")


@pytest.mark.parametrize("below", ["", "kfold"])
def test_pacs_with_and_without_kfold(tmp_path, below):
    names = ("art_painting", "cartoon", "photo", "sketch")
    root = tree(tmp_path, *(f"{below}/{name}/dog".lstrip("/") for name in names))
    found = recognised("PACS", root)
    assert sorted(found.members) == sorted(names) and not found.renamed
    assert found.members["photo"] == root / below / "photo"


@pytest.mark.parametrize("spelling", ["Real World", "RealWorld", "Real_World", "Real"])
def test_office_home_under_each_spelling(tmp_path, spelling):
    root = tree(tmp_path / "own", *(f"{d}/Bed" for d in ("Art", "Clipart", "Product", spelling)))
    found = recognised("office_home", root)
    own_copy.link(found, tmp_path)
    assert (tmp_path / "Real World" / "Bed" / "3.jpg").read_bytes() == b"\3"
    assert found.renamed == ({} if spelling == "Real World" else {"Real World": spelling})


def test_terra_incognita_that_domainbed_made_is_known_as_converted(tmp_path):
    root = tree(tmp_path, *(f"location_{n}/cat" for n in (38, 43, 46, 100)))
    found = recognised("terra_incognita", root)
    assert found.layout.converted and found.layout.name != "official"


@pytest.mark.parametrize("wnids", [["n01440764", "n15075141"], ["0", "1"]])
def test_imagenet_v2_by_its_folders(tmp_path, wnids):
    below = "imagenetv2-matched-frequency-format-val"
    root = tree(tmp_path, *(f"{below}/{name}" for name in wnids))
    found = recognised("imagenet_v2", root)
    assert found.layout.converted == (wnids[0] == "n01440764")
    assert sorted(found.members) == (sorted(wnids) if found.layout.converted else [below])


@pytest.mark.parametrize("made", [True, False])
def test_signs_come_before_the_official_layout(tmp_path, made):
    label = "aachen_000000_000019_gtFine_labelTrainIds.png" if made else "aachen_labelIds.png"
    root = tree(tmp_path, "leftImg8bit", "gtFine/train/aachen", "gtFine/val/lindau")
    for folder in ("gtFine/train/aachen", "gtFine/val/lindau"):
        (root / folder / label).touch()
    assert recognised("cityscapes", root).layout.converted == made


def test_imagenet_val_in_folders_beside_its_devkit_is_converted_already(tmp_path):
    folders = tree(tmp_path / "a", "validation/n01440764", "ILSVRC2012_devkit_t12")
    flat = tree(tmp_path / "b", "val", "ILSVRC2012_devkit_t12")
    assert recognised("imagenet_val", folders).layout.converted
    assert not recognised("imagenet_val", flat).layout.converted


def test_an_unknown_layout_names_what_the_nearest_lacks(tmp_path):
    root = tree(tmp_path, "art_painting/dog", "cartoon/dog", "photo/dog", "scetch/dog")
    with pytest.raises(DatasetError, match=r"data_root\.PACS: .*nearest one lacks sketch in"):
        recognised("PACS", root)


def test_no_folder(tmp_path):
    with pytest.raises(DatasetError, match=r"data_root\.PACS: there is no folder .*nowhere"):
        recognised("PACS", tmp_path / "nowhere")


def test_moving_keeps_every_file(tmp_path):
    names = ("art_painting", "cartoon", "photo", "sketch")
    root = tree(tmp_path / "unpacked", *(f"kfold/{name}/dog" for name in names))
    own_copy.move(recognised("PACS", root), tmp_path)
    assert [(tmp_path / n / "dog" / f"{i}.jpg").exists() for i, n in enumerate(names)] == [True] * 4


def test_samples_are_the_same_whatever_the_order_on_disk(tmp_path):
    first = tree(tmp_path / "a", *(f"x/{n}" for n in range(9)))
    second = tree(tmp_path / "b", *(f"x/{n}" for n in range(9)))
    (second / "x" / ".hidden").write_text("not looked at")
    seen = own_copy.sample(first, 4)
    assert len(seen) == 4 and seen == own_copy.sample(second, 4)
    assert set(seen) < set(own_copy.sample(first, 6))
    assert set(own_copy.sample(first)) == {f"x/{n}/{n}.jpg" for n in range(9)}


def test_samples_follow_links(tmp_path):
    root = tree(tmp_path / "own", "a", "b")
    (tmp_path / "linked").mkdir()
    os.symlink(root / "a", tmp_path / "linked" / "a")
    assert list(own_copy.sample(tmp_path / "linked")) == ["a/0.jpg"]


@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_changed_contents_are_told(tmp_path, harm):
    root = tree(tmp_path, "a", "b")
    before = own_copy.sample(root)
    own_copy.compare("PACS", own_copy.sample(root), before, Path("data.lock.yaml"))
    if harm == "changed":
        (root / "b" / "1.jpg").write_bytes(b"?")
    else:
        (root / "b" / "1.jpg").unlink()
    with pytest.raises(DatasetError, match=r"1 of 2 sampled files .* e\.g\. b/1\.jpg; restore"):
        own_copy.compare("PACS", own_copy.sample(root), before, Path("data.lock.yaml"))
