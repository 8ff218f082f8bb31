"""Mirrors come first, and are never changed."""

import os

import pytest
from broken_server import BODY, OTHER, Answer, https, sha

from replidg.data.fetch import FetchError, download


def test_a_mirror_comes_first_and_is_not_changed(home, server, tmp_path):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "a.bin").write_bytes(BODY)
    path = home.get([https(server.url())], [str(mirror)], sha256=sha(BODY))
    assert path.read_bytes() == (mirror / "a.bin").read_bytes() == BODY
    assert path.samefile(mirror / "a.bin") and server.requests == []
    assert home.visible() == ["a.bin"]


def test_a_mirror_on_another_disk_is_copied(home, tmp_path, monkeypatch):
    (tmp_path / "a.bin").write_bytes(BODY)

    def other_disk(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_disk)
    path = home.get(mirrors=[str(tmp_path)], sha256=sha(BODY))
    assert path.read_bytes() == BODY and not path.samefile(tmp_path / "a.bin")


def test_a_linked_mirror_file_is_followed(home, tmp_path):
    (tmp_path / "real").write_bytes(BODY)
    (tmp_path / "a.bin").symlink_to("real")
    path = home.get(mirrors=[str(tmp_path)], sha256=sha(BODY))
    assert not path.is_symlink() and path.read_bytes() == BODY


def test_a_wrong_mirror_file_stays_where_it_is(home, server, tmp_path):
    (tmp_path / "a.bin").write_bytes(OTHER)
    path = home.get([https(server.url())], [str(tmp_path)], sha256=sha(BODY))
    assert path.read_bytes() == BODY and (tmp_path / "a.bin").read_bytes() == OTHER


def test_an_unfinished_download_never_reaches_into_a_mirror(home, server, tmp_path):
    """A hard link of the mirror's file must not be what a later download appends to."""
    (tmp_path / "a.bin").write_bytes(BODY[:1000])
    server.answers = [Answer(drop_at=5000), Answer()]
    home.get([https(server.url())], [str(tmp_path)], sha256=sha(BODY))
    assert (tmp_path / "a.bin").read_bytes() == BODY[:1000]


def test_a_kill_with_a_mirrors_file_in_hand_does_not_endanger_it(
    home, server, tmp_path, monkeypatch
):
    (tmp_path / "a.bin").write_bytes(BODY[:1000])
    server.answers = [Answer(drop_at=1000), Answer(b"", 404), Answer()]
    with pytest.raises(FetchError):
        home.get([https(server.url())], sha256=sha(BODY))
    assert (home.folder / "a.bin.part.json").exists()
    (home.folder / "a.bin.part").unlink()  # as if killed before its first byte

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(download, "check", killed)
        home.get(mirrors=[str(tmp_path)], sha256=sha(BODY))
    home.get([https(server.url())], sha256=sha(BODY))
    assert (tmp_path / "a.bin").read_bytes() == BODY[:1000]


def test_a_mirrors_address_is_put_together(home, server):
    server.answers = [Answer(b"", 404), Answer()]
    home.get(mirrors=[server.url("no/"), server.url("here")], name="a+b.bin", sha256=sha(BODY))
    assert [path for path, _ in server.requests] == ["/no/a%2Bb.bin", "/here/a%2Bb.bin"]


def test_mirrors_without_the_file_are_listed(home, tmp_path):
    (tmp_path / "folder" / "a.bin").mkdir(parents=True)
    mirrors = [str(tmp_path / "missing"), str(tmp_path / "folder")]
    with pytest.raises(FetchError) as caught:
        home.get(mirrors=mirrors)
    assert f"{mirrors[0]}/a.bin: no such file" in str(caught.value)
    assert f"{mirrors[1]}/a.bin: is not a file" in str(caught.value)


@pytest.mark.parametrize("mirror", ["s3://bucket", "ftp://host/x", " "])
def test_a_mirror_of_unknown_kind_is_an_error(home, mirror):
    with pytest.raises(FetchError, match="give an https address or a folder"):
        home.get(mirrors=[mirror])
