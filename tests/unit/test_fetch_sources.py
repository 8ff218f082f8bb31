"""Where a file may come from: in order, checked, and recorded."""

import pytest
from archives import make_tar, make_zip
from broken_server import BODY, OTHER, PAGE, Answer, https, sha

from replidg.data.fetch import FetchError, download
from replidg.data.fetch.checks import web_page
from replidg.data.registry.schema import Source


def test_an_unknown_hash_is_recorded_and_enforced_across_sources(home, server):
    path = home.get([https(server.url("one.bin"))])
    recorded = home.lock.expected("set", "a.bin")
    assert recorded.sha256 == sha(BODY) and recorded.size == len(BODY)
    assert recorded.source == server.url("one.bin")
    path.unlink()
    server.answers = [Answer(OTHER)]
    with pytest.raises(FetchError, match="expected " + sha(BODY)) as caught:
        home.get([https(server.url("two.bin"))])
    assert "delete set / files / a.bin in" in str(caught.value)
    assert home.visible() == []
    server.answers = [Answer(OTHER), Answer()]
    home.get([https(server.url("one.bin")), https(server.url("two.bin"))])
    assert home.lock.expected("set", "a.bin").source == server.url("one.bin")


def test_the_registry_comes_before_the_lock(home, server):
    home.lock.record("set", "a.bin", sha(OTHER), 1, "an earlier version")
    assert home.get([https(server.url())], sha256=sha(BODY)).read_bytes() == BODY


def test_a_known_hash_is_not_recorded(home, server):
    home.get([https(server.url())], sha256=sha(BODY))
    assert not home.lock.path.exists()


def test_a_file_that_is_here_needs_no_source(home):
    home.folder.mkdir()
    (home.folder / "a.bin").write_bytes(BODY)
    assert home.get(sha256=sha(BODY)).read_bytes() == BODY
    home.get()  # an unknown hash is recorded
    assert home.lock.expected("set", "a.bin").sha256 == sha(BODY)


def test_a_wrong_file_that_is_here_stays_until_the_right_one_comes(home, server):
    home.folder.mkdir()
    (home.folder / "a.bin").write_bytes(OTHER)
    with pytest.raises(FetchError, match=r"files/a\.bin: is there, but gave other bytes"):
        home.get(sha256=sha(BODY))
    assert (home.folder / "a.bin").read_bytes() == OTHER
    home.get([https(server.url())], sha256=sha(BODY))
    assert (home.folder / "a.bin").read_bytes() == BODY


@pytest.mark.parametrize("archive", ["zip", "tar", "tar_of_tars", "rar"])
def test_what_is_plainly_no_archive_is_not_recorded(home, server, archive):
    with pytest.raises(FetchError, match=r"that are no whole (zip|tar|rar) archive"):
        home.get([https(server.url())], archive=archive)
    assert not home.lock.path.exists() and home.visible() == []


def test_real_archives_are_recorded(home, server, tmp_path):
    zipped = make_zip(tmp_path / "z", [("1", b"1")]).read_bytes()
    tar = make_tar(tmp_path / "t", [("1", b"1")], "w:gz").read_bytes()
    for archive, body in (("zip", zipped), ("tar", tar)):
        server.answers = [Answer(body)]
        home.get([https(server.url())], archive=archive, name=f"a.{archive}")
    server.answers = [Answer(zipped[:-10])]
    with pytest.raises(FetchError, match="no whole zip"):
        home.get([https(server.url())], archive="zip", name="b.zip")


def test_no_source_at_all_says_what_to_do(home):
    with pytest.raises(FetchError) as caught:
        home.get()
    text = str(caught.value)
    assert text.startswith("set: no source gave a.bin:") and "it has no source" in text
    assert str(home.folder / "a.bin") in text and "data_root.set" in text


def test_a_damaged_lock_file_stops_before_the_download(home, server):
    home.lock.path.write_text("[")
    with pytest.raises(FetchError, match="is damaged"):
        home.get([https(server.url())])
    assert server.requests == []


def test_another_job_records_other_bytes_meanwhile(home, server, monkeypatch):
    own = download.check

    def slow(path, want):
        home.lock.record("set", "a.bin", sha(OTHER), 1, "another job")
        return own(path, want)

    monkeypatch.setattr(download, "check", slow)
    with pytest.raises(FetchError, match=r"data\.lock\.yaml has .*from another job"):
        home.get([https(server.url())])
    assert home.visible() == []


def test_each_kind_of_the_registry_has_its_function():
    kinds = {
        source.model_fields["kind"].annotation.__args__[0] for source in Source.__args__[0].__args__
    }
    assert kinds == set(download.KINDS) - {"local"}


def test_a_new_kind_is_one_function(home, monkeypatch, server):
    def always(source, want):
        want.beside(".part").write_bytes(BODY)
        return download.Candidate(want.beside(".part"))

    monkeypatch.setitem(download.KINDS, "https", always)
    assert home.get([https(server.url())]).read_bytes() == BODY and not server.requests


@pytest.mark.parametrize(
    ("beginning", "page"),
    [
        (PAGE, True),
        (b"\xef\xbb\xbf  <HTML lang='en'>", True),
        (b"<!-- x --><!doctype html>", True),
        (b"PK\x03\x04", False),
        (b'<?xml version="1.0"?><set>', False),
        (b"", False),
    ],
)
def test_web_pages_are_told_apart(beginning, page):
    assert (web_page(beginning, "a.zip") is not None) is page
    assert web_page(beginning, "a.html") is None
