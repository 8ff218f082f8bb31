"""Links, folders and options: what all conversions share."""

import os

import pytest
from convert_helpers import entry, put

from replidg.data import registry
from replidg.data.convert import KINDS, ConversionError, convert, link, options_of, tree


@pytest.fixture(autouse=True)
def fresh():
    tree.forget_ways()


def test_a_link_is_relative_and_survives_a_move_of_both(tmp_path):
    put(tmp_path / "a" / "source" / "x" / "1.png", b"one")
    link(tmp_path / "a/source/x/1.png", tmp_path / "a/out/deep/er/1.png")
    assert os.readlink(tmp_path / "a/out/deep/er/1.png") == "../../../source/x/1.png"
    os.rename(tmp_path / "a/out", tmp_path / "a/final")
    os.rename(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b/final/deep/er/1.png").read_bytes() == b"one"


def test_a_link_goes_through_the_source_and_not_to_what_it_points_to(tmp_path):
    put(tmp_path / "users" / "copy" / "1.png", b"one")
    (tmp_path / "datasets").mkdir()
    os.symlink(tmp_path / "users" / "copy", tmp_path / "datasets" / "key")
    link(tmp_path / "datasets/key/1.png", tmp_path / "prepared/key/1.png")
    assert os.readlink(tmp_path / "prepared/key/1.png") == "../../datasets/key/1.png"
    assert (tmp_path / "prepared/key/1.png").read_bytes() == b"one"


def test_a_link_holds_where_the_folder_of_the_place_is_itself_a_link(tmp_path):
    put(tmp_path / "datasets" / "key" / "1.png", b"one")
    (tmp_path / "elsewhere" / "very" / "deep").mkdir(parents=True)
    os.symlink(tmp_path / "elsewhere/very/deep", tmp_path / "prepared")
    link(tmp_path / "datasets/key/1.png", tmp_path / "prepared/key/1.png")
    assert not os.path.isabs(os.readlink(tmp_path / "prepared/key/1.png"))
    assert (tmp_path / "prepared/key/1.png").read_bytes() == b"one"


def test_a_link_stays_short_where_both_are_below_a_link(tmp_path):
    (tmp_path / "scratch").mkdir()
    os.symlink(tmp_path / "scratch", tmp_path / "resources")
    put(tmp_path / "resources" / "datasets" / "1.png", b"one")
    link(tmp_path / "resources/datasets/1.png", tmp_path / "resources/prepared/1.png")
    assert os.readlink(tmp_path / "resources/prepared/1.png") == "../datasets/1.png"


def test_a_link_never_replaces_a_file(tmp_path):
    put(tmp_path / "a.png")
    put(tmp_path / "b.png", b"mine")
    with pytest.raises(FileExistsError):
        link(tmp_path / "a.png", tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes() == b"mine"


def test_folders_are_listed_sorted_without_hidden_files(tmp_path):
    for name in ("b.png", "a.png", ".DS_Store", ".hidden/c.png", "d/e.png", "d/f.txt", "A/g.png"):
        put(tmp_path / name)
    assert tree.entries(tmp_path) == (["A", "d"], ["a.png", "b.png"])
    assert list(tree.walk(tmp_path, ".png")) == ["a.png", "b.png", "A/g.png", "d/e.png"]


def test_a_link_that_leads_nowhere_is_not_passed_over(tmp_path):
    os.symlink(tmp_path / "gone.png", tmp_path / "a.png")
    with pytest.raises(ConversionError, match=r"a\.png is a link that leads nowhere"):
        tree.entries(tmp_path)
    with pytest.raises(ConversionError, match="there is no folder"):
        tree.entries(tmp_path / "none")


def test_the_options_of_every_page_are_right():
    pages = [registry.load(name) for name in registry.names()]
    kinds = {page.conversion.kind for page in pages if page.conversion and options_of(page)}
    assert kinds == set(KINDS)


def test_a_wrong_option_names_page_and_key(tmp_path):
    with pytest.raises(ConversionError, match=r"(?s)gta5\.yaml, conversion\.options: .*no_such"):
        options_of(entry("gta5", no_such=1))
    with pytest.raises(ConversionError, match=r"(?s)gta5\.yaml.*map\.7"):
        options_of(entry("gta5", map={7: 19}))
    with pytest.raises(ConversionError, match="PACS needs no conversion"):
        convert(registry.load("PACS"), tmp_path, tmp_path, None)


def test_nothing_is_written_over(tmp_path):
    put(tmp_path / "out" / "old.png")
    with pytest.raises(ConversionError, match="must be an empty folder"):
        convert(entry("imagenet_v2"), tmp_path, tmp_path / "out", ["n1"])
