"""Files of Hugging Face and of Google Drive."""

import sys
import types
from pathlib import Path

import huggingface_hub
import pytest
import requests
from broken_server import BODY, OTHER, PAGE, https, sha
from huggingface_hub import errors as hub_errors

from replidg.data.fetch import FetchError, drive, hub
from replidg.data.registry.schema import GoogleDrive, HuggingFace

HUB = {"kind": "huggingface", "repo": "owner/set", "path": "deep/a.bin"}
DRIVE = {"kind": "google_drive", "id": "1JFr8f805nMU"}


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
