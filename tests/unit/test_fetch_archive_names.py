"""Names and links in archives: nothing is written outside, whatever they say."""

import os
import stat
import tarfile

import pytest
from archives import make_tar, make_zip, refused, special, tree, unpack, zip_entry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replidg.data.fetch import FetchError
from replidg.data.fetch.staging import MAX_DEPTH

BAD_NAMES = ["../evil", "a/../../evil", "/tmp/evil", "a/./../..//evil", "..", "/" * 3 + "evil"]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("kind", ["zip", "tar", "tar_of_tars"])
def test_names_outside_are_refused(kind, name, tmp_path):
    if kind == "zip":
        path = make_zip(tmp_path / "a.zip", [("good", b"1"), (name, b"evil")])
    else:
        path = make_tar(tmp_path / "a.tar", [("good", b"1"), (name, b"evil")])
    if kind == "tar_of_tars":
        inner = path.read_bytes()
        path.unlink()
        path = make_tar(tmp_path / "b.tar", [("n01.tar", inner)])
    refused(path, kind, "absolute name|leads outside")


def test_a_backslash_of_windows_is_a_slash_and_no_way_out(tmp_path):
    path = make_zip(tmp_path / "a.zip", [("set\\photo\\1.jpg", b"1")])
    assert unpack(path, "zip", tmp_path / "good") == 1
    assert tree(tmp_path / "good") == {"set/photo/1.jpg": b"1"}
    refused(make_zip(tmp_path / "b.zip", [("a\\..\\..\\evil", b"1")]), "zip", "leads outside")


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "a/../../.."])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_symlinks_outside_are_refused(kind, target, tmp_path):
    if kind == "zip":
        path = make_zip(tmp_path / "a.zip", [(zip_entry("x/link", stat.S_IFLNK | 0o777), target)])
    else:
        path = make_tar(tmp_path / "a.tar", [(special("x/link", tarfile.SYMTYPE, target), None)])
    refused(path, kind, "the link 'x/link' points outside")


def test_symlinks_that_lead_out_together_are_refused(tmp_path):
    """Each alone stays inside by its letters; followed one after the other they leave."""
    links = [("d/deep", "."), ("d/deep2", "deep/.."), ("up", "d/deep2/..")]
    path = make_tar(
        tmp_path / "a.tar",
        [(special(name, tarfile.SYMTYPE, target), None) for name, target in links],
    )
    refused(path, "tar", "points outside")


@pytest.mark.parametrize("links", [{"a": "a"}, {"a": "a/a"}, {"a": "b", "b": "./a"}])
def test_links_in_a_circle_are_refused(links, tmp_path):
    path = make_tar(
        tmp_path / "a.tar",
        [(special(name, tarfile.SYMTYPE, target), None) for name, target in links.items()],
    )
    refused(path, "tar", "go in a circle")


def test_nothing_is_written_through_a_link(tmp_path):
    """Before CVE-2025-4517 was mended, tarfile could be led out so."""
    (tmp_path / "target").mkdir()
    for later in ("link/evil", "link"):
        path = make_tar(
            tmp_path / "a.tar",
            [("real/1", b"1"), (special("link", tarfile.SYMTYPE, "real"), None), (later, b"new")],
        )
        if later == "link":  # the same name: the later one counts
            assert unpack(path, "tar", tmp_path / "into") == 2
            assert tree(tmp_path / "into") == {"real/1": b"1", "link": b"new"}
        else:
            refused(path, "tar", "both a folder and something else")


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "missing", "link"])
def test_hard_links_outside_are_refused(target, tmp_path):
    path = make_tar(
        tmp_path / "a.tar",
        [("1", b"1"), (special("link", tarfile.LNKTYPE, target), None)],
    )
    refused(path, "tar", "hard link|leads outside|absolute")


def test_links_inside_stay_links(tmp_path):
    path = make_tar(
        tmp_path / "a.tar",
        [
            (special("x/first", tarfile.SYMTYPE, "../y/1.jpg"), None),  # before its target
            ("y/1.jpg", b"one"),
            (special("x/hard", tarfile.LNKTYPE, "y/1.jpg"), None),
            (special("x/dangling", tarfile.SYMTYPE, "not/there"), None),
        ],
    )
    into = tmp_path / "into"
    assert unpack(path, "tar", into) == 4
    assert os.readlink(into / "x/first") == "../y/1.jpg"
    assert (into / "x/first").read_bytes() == (into / "x/hard").read_bytes() == b"one"
    assert (into / "x/hard").samefile(into / "y/1.jpg")
    zipped = make_zip(
        tmp_path / "a.zip", [(zip_entry("l", stat.S_IFLNK | 0o777), "1"), ("1", b"one")]
    )
    unpack(zipped, "zip", tmp_path / "zipped")
    assert os.readlink(tmp_path / "zipped/l") == "1"


def test_an_overwritten_file_does_not_change_its_other_names(tmp_path):
    path = make_tar(
        tmp_path / "a.tar",
        [("1", b"old"), (special("2", tarfile.LNKTYPE, "1"), None), ("1", b"new")],
    )
    assert unpack(path, "tar", tmp_path / "into") == 2
    assert tree(tmp_path / "into") == {"1": b"new", "2": b"old"}


@pytest.mark.parametrize("type_", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_refused(type_, tmp_path):
    refused(make_tar(tmp_path / "a.tar", [(special("x", type_), None)]), "tar", "device or pipe")
    entry = zip_entry("x", stat.S_IFCHR | 0o644)
    refused(make_zip(tmp_path / "a.zip", [(entry, b"")]), "zip", "device or pipe")


def test_modes_are_not_taken_over(tmp_path):
    path = make_tar(tmp_path / "a.tar", [(special("x", tarfile.REGTYPE, mode=0o6777), b"1")])
    unpack(path, "tar", tmp_path / "tar")
    entry = zip_entry("x", stat.S_IFREG | 0o6777)
    unpack(make_zip(tmp_path / "a.zip", [(entry, b"1")]), "zip", tmp_path / "zip")
    for kind in ("tar", "zip"):
        assert not (tmp_path / kind / "x").stat().st_mode & 0o7111


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_of_two_members_of_one_name_the_later_counts(kind, tmp_path):
    members = [("a/1", b"first"), ("b", b"b"), ("./a//1", b"second")]
    make = make_zip if kind == "zip" else make_tar
    assert unpack(make(tmp_path / "a", members), kind, tmp_path / "into") == 2
    assert tree(tmp_path / "into") == {"a/1": b"second", "b": b"b"}


@pytest.mark.parametrize("members", [[("a", b"1"), ("a/b", b"2")], [("a/b", b"2"), ("a", b"1")]])
def test_a_name_cannot_be_file_and_folder(members, tmp_path):
    refused(make_zip(tmp_path / "a.zip", members), "zip", "both a")


def test_names_too_deep_or_too_long(tmp_path):
    deep = "d/" * (MAX_DEPTH + 1) + "x"
    refused(make_tar(tmp_path / "a.tar", [(deep, b"1")]), "tar", "nested deeper than 100")
    very_deep = "d/" * 20_000 + "x"
    refused(make_tar(tmp_path / "a.tar", [(very_deep, b"1")]), "tar", "nested deeper than 100")
    refused(make_tar(tmp_path / "a.tar", [("x" * 300, b"1")]), "tar", "cannot be unpacked")


NAMES = st.text(st.sampled_from("ab./\\"), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(NAMES, st.sampled_from(["file", "folder", "symlink", "hard"]), NAMES), max_size=5
    )
)
def test_no_archive_writes_outside(tmp_path_factory, members):
    home = tmp_path_factory.mktemp("fuzz") / "x" / "y"
    home.mkdir(parents=True)
    types = {"folder": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}
    path = make_tar(
        home / "archive.tar",
        [
            (name, b"1") if kind == "file" else (special(name, types[kind], target), None)
            for name, kind, target in members
        ],
    )
    into = home / "into"
    try:
        unpack(path, "tar", into)
    except FetchError:
        assert not into.exists()
    assert {entry.name for entry in home.iterdir()} <= {"archive.tar", "into"}
    for entry in into.rglob("*"):
        assert into.resolve() in (entry.resolve(), *entry.resolve().parents)
