"""A server that misbehaves in every way we know, and downloads from it."""

import contextlib
import hashlib
import random
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from replidg.data.fetch import FetchError, Lock, Patience, fetch, http
from replidg.data.registry.schema import File

BODY = random.Random(1).randbytes(300_000)
OTHER = random.Random(2).randbytes(300_000)
PAGE = b"<!DOCTYPE html><html><head><title>Please  log in</title></head></html>"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Answer:
    """What the server does with one request."""

    body: bytes = BODY
    status: int | None = None  # None: 200, or 206 where a range is asked for
    headers: dict[str, str] = field(default_factory=dict)
    tag: str | None = '"one"'
    ranges: bool = True
    if_range: bool = True
    drop_at: int | None = None  # bytes of this answer after which the connection breaks
    length: bool = True
    chunked: bool = False
    wait_at: int | None = None  # bytes after which the server waits for `go`


class Server(ThreadingHTTPServer):
    """Gives the answers in order, the last one for ever; remembers the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = [Answer()]
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.go = threading.Event()

    def handle_error(self, *_) -> None:
        """A broken pipe is what these tests are about."""

    def url(self, path: str = "a.bin") -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"

    @property
    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.requests]


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        server = self.server
        server.requests.append((self.path, dict(self.headers)))
        answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        body, status = answer.body, answer.status
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") in (None, answer.tag) or not answer.if_range
        extra = {"Connection": "close"}
        if status is None:
            status = 200
            if wanted and answer.ranges and same:
                start = int(wanted[1])
                status = 206 if start < len(body) else 416
                extra["Content-Range"] = (
                    f"bytes {start}-{len(body) - 1}/{len(body)}"
                    if status == 206
                    else f"bytes */{len(body)}"
                )
                body = body[start:] if status == 206 else b""
        self.send_response(status)
        if answer.tag:
            extra["ETag"] = answer.tag
        if answer.chunked:
            extra["Transfer-Encoding"] = "chunked"
        elif answer.length:
            extra["Content-Length"] = str(len(body))
        for name, value in {**extra, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.send(body, answer)
        self.close_connection = True

    def send(self, body: bytes, answer: Answer) -> None:
        end = len(body) if answer.drop_at is None else min(len(body), answer.drop_at)
        pause = end if answer.wait_at is None else min(end, answer.wait_at)
        for piece in (body[:pause], body[pause:end]):
            if answer.chunked and piece:
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            else:
                self.wfile.write(piece)
            self.wfile.flush()
            if answer.wait_at is not None:
                self.server.go.wait(30)
        if answer.chunked and answer.drop_at is None:
            self.wfile.write(b"0\r\n\r\n")


@contextlib.contextmanager
def serving():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.go.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Waits:
    """Instead of sleeping."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


KNOWN = sha(BODY)


def get(server, folder: Path, waits=None, sha256=KNOWN, name="a.bin", urls=None, **facts):
    """Fetch `name` from the server's address(es)."""
    facts.setdefault("archive", "none")
    urls = urls or [server.url()]
    sources = [{"kind": "https", "url": url} for url in urls]
    file = File(name=name, sha256=sha256, sources=sources, **facts)
    patience = Patience(tries=4, timeout_s=(5, 5), wait=waits or Waits())
    return fetch("set", file, folder / "files", Lock(folder / "data.lock.yaml"), patience=patience)


def visible(folder: Path) -> list[str]:
    files = folder / "files"
    return sorted(path.name for path in files.iterdir() if not path.name.startswith("."))


def whole(path: Path, folder: Path, body: bytes = BODY) -> None:
    """Check the bytes, and that nothing unfinished stays."""
    assert path.read_bytes() == body
    assert visible(folder) == [path.name]


def fails(server, folder: Path, match: str, **options) -> str:
    with pytest.raises(FetchError, match=match) as caught:
        get(server, folder, **options)
    assert "a.bin" not in visible(folder)
    assert str(caught.value).startswith("set: ")
    return str(caught.value)


def part(folder: Path, content: bytes, server, tag='"one"', total=300_000, url=None) -> None:
    """Put what an earlier run left."""
    files = folder / "files"
    files.mkdir()
    (files / "a.bin.part").write_bytes(content)
    state = http._State(url or server.url(), tag, total)
    http.write_json(files / "a.bin.part.json", vars(state))


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


def https(url: str) -> dict[str, str]:
    return {"kind": "https", "url": url}
