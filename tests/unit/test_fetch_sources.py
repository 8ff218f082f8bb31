"""Where a file may come from: in order, checked, and recorded."""

import os
import sys
import types
from pathlib import Path

import huggingface_hub
import pytest
import requests
from huggingface_hub import errors as hub_errors
from test_fetch_archive import make_tar, make_zip
from test_fetch_http import BODY, OTHER, PAGE, Answer, Waits, serving, sha

from replidg.data.fetch import FetchError, Lock, Patience, download, drive, fetch, hub
from replidg.data.fetch.checks import web_page
from replidg.data.registry.schema import File, GoogleDrive, HuggingFace, Source

HUB = {"kind": "huggingface", "repo": "owner/set", "path": "deep/a.bin"}
DRIVE = {"kind": "google_drive", "id": "1JFr8f805nMU"}


@pytest.fixture
def server():
    with serving() as server:
        yield server


class Home:
    """A folder for files with its lock."""

    def __init__(self, root: Path) -> None:
        self.folder, self.lock = root / "files", Lock(root / "data.lock.yaml")

    def get(self, sources=(), mirrors=(), sha256=None, **facts) -> Path:
        facts = {"name": "a.bin", "archive": "none", **facts}
        file = File(sha256=sha256 or "unknown", sources=list(sources), **facts)
        patience = Patience(tries=2, wait=Waits())
        return fetch("set", file, self.folder, self.lock, mirrors, patience)

    def visible(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if not path.name.startswith("."))


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def https(url: str) -> dict[str, str]:
    return {"kind": "https", "url": url}


# --- order, hashes and the lock ----------------------------------------------------------------


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


# --- mirrors -----------------------------------------------------------------------------------


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


# --- Hugging Face ------------------------------------------------------------------------------


def fake_hub(monkeypatch, answers) -> list[dict]:
    calls = []

    def hf_hub_download(repo, path, **options):
        calls.append({"repo": repo, "path": path, **options})
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        target = Path(options["local_dir"]) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with options["tqdm_class"](total=len(answer), initial=0, desc=path, unit="B") as bar:
            bar.update(len(answer))
        target.write_bytes(answer)
        (Path(options["local_dir"]) / ".cache").mkdir(exist_ok=True)
        return str(target)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", hf_hub_download)
    return calls


def test_the_hub(home, monkeypatch):
    calls = fake_hub(monkeypatch, [BODY])
    path = home.get([{**HUB, "revision": "v1"}])
    assert path.read_bytes() == BODY and home.visible() == ["a.bin"]
    assert (calls[0]["repo"], calls[0]["path"]) == ("owner/set", "deep/a.bin")
    assert (calls[0]["repo_type"], calls[0]["revision"]) == ("dataset", "v1")
    source = home.lock.expected("set", "a.bin").source
    assert source == "https://huggingface.co/datasets/owner/set (deep/a.bin)"
    assert hub.page(HuggingFace(**HUB, repo_type="model")) == "https://huggingface.co/owner/set"


def test_the_hub_calls_the_real_client_with_arguments_that_it_knows(monkeypatch):
    import inspect

    known = inspect.signature(huggingface_hub.hf_hub_download).parameters
    assert {"repo_type", "revision", "local_dir", "tqdm_class"} <= set(known)


def test_wrong_bytes_of_the_hub_are_removed(home, monkeypatch, server):
    fake_hub(monkeypatch, [OTHER])
    assert home.get([HUB, https(server.url())], sha256=sha(BODY)).read_bytes() == BODY
    assert home.visible() == ["a.bin"]


RESPONSE = types.SimpleNamespace(headers={}, request=None, status_code=403)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (hub_errors.GatedRepoError("x", response=RESPONSE), "is gated: accept its terms at https"),
        (hub_errors.RepositoryNotFoundError("x", response=RESPONSE), "no such repository"),
        (hub_errors.RevisionNotFoundError("x", response=RESPONSE), "has no revision 'main'"),
        (hub_errors.RemoteEntryNotFoundError("x", response=RESPONSE), "has no file deep/a.bin"),
        (hub_errors.LocalEntryNotFoundError("no net\nmore"), r"cannot be reached \(no net\)"),
        (hub_errors.HfHubHTTPError("500 down", response=RESPONSE), "500 down"),
        (ConnectionError("reset"), "reset"),
        (hub_errors.XetDownloadError("cas"), "XetDownloadError: cas"),
    ],
)
def test_errors_of_the_hub_say_what_to_do(home, monkeypatch, error, says):
    fake_hub(monkeypatch, [error])
    with pytest.raises(FetchError, match=says):
        home.get([HUB])


def test_a_full_disk_in_the_hub_stops(home, monkeypatch, server):
    fake_hub(monkeypatch, [OSError(28, "No space left on device")])
    with pytest.raises(FetchError, match="no space left"):
        home.get([HUB, https(server.url())])
    assert server.requests == []


# --- Google Drive ------------------------------------------------------------------------------


def fake_gdown(monkeypatch, answers) -> list[dict]:
    calls = []

    class DownloadError(Exception):
        pass

    def download(**options):
        here = sorted(path.name for path in Path(options["output"]).parent.iterdir())
        calls.append({**options, "here": here})
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, str):
            raise DownloadError(answer)
        if isinstance(answer, Exception):
            raise answer
        options["progress"](len(answer) // 2, len(answer))
        options["progress"](len(answer), len(answer))
        Path(options["output"]).write_bytes(answer)
        return options["output"]

    module = types.ModuleType("gdown")
    module.download = download
    module.exceptions = types.SimpleNamespace(DownloadError=DownloadError)
    monkeypatch.setitem(sys.modules, "gdown", module)
    return calls


def test_drive(home, monkeypatch):
    calls = fake_gdown(monkeypatch, [BODY])
    assert home.get([DRIVE]).read_bytes() == BODY and home.visible() == ["a.bin"]
    assert calls[0]["id"] == DRIVE["id"] and calls[0]["resume"] and "verify" not in calls[0]
    assert home.lock.expected("set", "a.bin").source == drive.page(GoogleDrive(**DRIVE))


def test_drive_calls_gdown_with_arguments_that_it_knows(home, monkeypatch):
    import inspect

    gdown = pytest.importorskip("gdown")
    signature = inspect.signature(gdown.download)
    assert signature.parameters["verify"].default is True
    calls = fake_gdown(monkeypatch, [BODY])
    home.get([DRIVE])
    assert set(calls[0]) - {"here"} <= set(signature.parameters)
    assert issubclass(gdown.exceptions.FileURLRetrievalError, gdown.exceptions.DownloadError)


def test_the_quota_of_drive_is_said_and_the_next_source_asked(home, monkeypatch, server):
    quota = "Too many users have viewed or downloaded this file recently."
    fake_gdown(monkeypatch, [quota])
    with pytest.raises(FetchError, match=r"quota for this file is used up.*24 hours.*/view and"):
        home.get([DRIVE])
    assert home.get([DRIVE, https(server.url())], sha256=sha(BODY)).read_bytes() == BODY
    assert home.visible() == ["a.bin"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("Cannot retrieve the public link of the file.", "Cannot retrieve .*in a browser from"),
        (requests.ConnectionError("no route"), "no route"),
        (KeyError("Content-Type"), "does not understand the answer"),
        (PAGE, "sent a web page"),
        (b"", "gave an empty file"),
    ],
)
def test_errors_of_drive(home, monkeypatch, answer, says):
    fake_gdown(monkeypatch, [answer])
    with pytest.raises(FetchError, match=says):
        home.get([DRIVE])
    assert not home.lock.path.exists()


def test_drive_without_the_package(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "gdown", None)
    with pytest.raises(FetchError, match=r"pip install 'gdown>=6"):
        home.get([DRIVE])


@pytest.mark.parametrize("known", [True, False])
def test_a_part_of_drive_is_only_gone_on_with_where_a_hash_judges(home, monkeypatch, known):
    folder = home.folder / "a.bin.drive" / DRIVE["id"]
    folder.mkdir(parents=True)
    (folder / "a.bin12345678.part").write_bytes(OTHER)
    calls = fake_gdown(monkeypatch, [OTHER, BODY] if known else [BODY])
    assert home.get([DRIVE], sha256=sha(BODY) if known else None).read_bytes() == BODY
    assert [call["here"] for call in calls] == ([["a.bin12345678.part"], []] if known else [[]])
    assert home.visible() == ["a.bin"]
