"""Downloads over https that go on where they stopped."""

from __future__ import annotations

import json
import logging
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3

from replidg.data.fetch import headers
from replidg.data.fetch.amounts import ByteProgress
from replidg.data.fetch.checks import web_page
from replidg.data.fetch.disk import require_space
from replidg.data.fetch.errors import SourceFailed
from replidg.data.fetch.want import Candidate, Want
from replidg.data.registry.schema import Https
from replidg.files import write_json

logger = logging.getLogger(__name__)
LONGEST_BACKOFF_S = 60.0
#: A piece that a reset connection may take with it.
CHUNK = 1 << 16
#: Answers that may be better in a while; every other 4xx will not be.
TRANSIENT = {408, 425, 429}
# The broken pipe of urllib3 is an OSError of its own; ours (a full disk) must not look like it.
_BROKEN = (urllib3.exceptions.HTTPError, requests.RequestException)


class _Transient(Exception):
    """This attempt failed; the next may not. `after` is the server's own wish in seconds."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


@dataclass
class _State:
    """What `<name>.part.json` remembers about `<name>.part`."""

    url: str = ""
    validator: str | None = None
    total: int | None = None


def public(url: str) -> str:
    """Return an address without password and query, which may be secret, for messages."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "…" if parts.query else "", ""))


def download(source: Https, want: Want) -> Candidate:
    """Download to `<name>.part`, resuming what an earlier run left there.

    Bytes of another address are gone on with only where a known sha256 will judge the whole.

    Raises:
        SourceFailed: the server refuses, or was tried often enough without a new byte.
        FetchError: the disk is too small.
    """
    return _Download(source.url, want).run()


class _Download:
    def __init__(self, url: str, want: Want) -> None:
        self.url, self.want = url, want
        self.part, self.memory = want.beside(".part"), want.beside(".part.json")
        self.state = self._remembered()
        self.best = self._offset()
        self.resumed = self.best > 0
        self.progress: ByteProgress | None = None

    def run(self) -> Candidate:
        if self.resumed and self.best == self.state.total:  # killed before the check
            return Candidate(self.part, resumed=True)
        failures = 0
        patience = self.want.patience
        try:
            while True:
                try:
                    self._attempt()
                    return Candidate(self.part, self.resumed)
                except _Transient as error:
                    # Only bytes never had before count: a server that ignores Range and always
                    # breaks at the same place must not keep us for ever.
                    failures = 0 if self._offset() > self.best else failures + 1
                    self.best = max(self.best, self._offset())
                    self._pause(error, failures, patience.tries)
        finally:
            if self.progress is not None:
                self.progress.close()

    def _pause(self, error: _Transient, failures: int, tries: int) -> None:
        if failures >= tries:
            raise SourceFailed(f"{error}; given up after {tries} tries without progress") from None
        if error.after > self.want.patience.longest_wait_s:
            raise SourceFailed(f"{error}; it asks to wait {error.after:.0f} s") from None
        backoff = min(LONGEST_BACKOFF_S, 2.0**failures) * random.SystemRandom().uniform(0.5, 1.0)
        seconds = max(error.after, backoff)
        logger.info("%s: %s; trying again in %.0f s", public(self.url), error, seconds)
        self.want.patience.wait(seconds)

    def _attempt(self) -> None:
        offset = self._offset()
        try:
            response = requests.get(
                self.url,
                headers=self._request_headers(offset),
                stream=True,
                timeout=self.want.patience.timeout_s,
                verify=True,
            )
        except requests.exceptions.SSLError as error:
            raise SourceFailed(f"its TLS certificate cannot be verified: {error}") from None
        except (requests.ConnectionError, requests.Timeout) as error:
            raise _Transient(f"no answer ({_short(error)})") from None
        except requests.RequestException as error:  # e.g. too many redirects, a bad address
            raise SourceFailed(_short(error)) from None
        with response:
            if self.url.startswith("https:") and not response.url.startswith("https:"):
                raise SourceFailed(f"redirects to the unencrypted {public(response.url)}")
            self._answer(response, offset)

    def _request_headers(self, offset: int) -> dict[str, str]:
        asked = {"User-Agent": "replidg", "Accept-Encoding": "identity"}
        if offset:
            asked["Range"] = f"bytes={offset}-"
            if self.state.url == self.url and self.state.validator:
                asked["If-Range"] = self.state.validator
        return asked

    def _answer(self, response: requests.Response, offset: int) -> None:
        status = response.status_code
        if status == 206 and offset:
            total = headers.range_total(response, offset)
            if total is None or self.state.total not in (None, total) or self._changed(response):
                self._forget()
                raise _Transient("the server's piece does not fit ours; starting over")
            self._begin(response, total, offset)
            self._receive(_chunks(response), offset, total)
        elif status == 416 and offset:
            total = headers.unsatisfied_total(response)
            if total != offset:
                self._forget()
                raise _Transient("our part is longer than the server's file; starting over")
        elif status == 200:
            if offset:
                logger.info("%s: sent from the beginning; starting over", public(self.url))
            self.resumed = False
            total = headers.length(response)
            if total is None and not response.raw.chunked and not self._judged():
                raise SourceFailed(
                    "does not say how long the file is, and neither its size nor its hash is known"
                )
            # A page is refused before our part is dropped for it.
            chunks = _chunks(response)
            first = next(chunks, b"")
            if reason := web_page(first, self.want.name):
                raise SourceFailed(reason)
            self._begin(response, total, 0)
            self._receive(chain([first], chunks), 0, total)
        elif status in TRANSIENT or status >= 500:
            raise _Transient(f"{status} {response.reason}", headers.retry_after(response))
        else:
            raise SourceFailed(f"{status} {response.reason}")

    def _begin(self, response: requests.Response, total: int | None, offset: int) -> None:
        """Check what can be known before the bytes come, and remember whose they are."""
        if total is not None and self.want.size not in (None, total):
            raise SourceFailed(f"has {total:,} bytes, expected {self.want.size:,}")
        what = f"{self.want.dataset}: downloading {self.want.name}"
        if not offset:
            # The old bytes go before the new name is remembered, never the other way round.
            self._forget()
        if total is not None:
            require_space(self.want.folder, total - offset, what)
        self.state = _State(self.url, headers.validator(response), total)
        write_json(self.memory, asdict(self.state))
        if self.progress is None:
            self.progress = ByteProgress(total or self.want.size, what, offset)

    def _receive(self, chunks: Iterable[bytes], offset: int, total: int | None) -> None:
        """Append the answer to the part; what came before a break stays."""
        position = offset
        with open(self.part, "ab" if offset else "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                position += len(chunk)
                if self.progress is not None:
                    self.progress.at(position)
        if total is not None and position < total:
            raise _Transient(f"the connection ended at byte {position:,} of {total:,}")
        if total is not None and position > total:
            self._forget()
            raise _Transient(f"{position:,} bytes came instead of {total:,}; starting over")

    def _judged(self) -> bool:
        return self.want.sha256 is not None or self.want.size is not None

    def _changed(self, response: requests.Response) -> bool:
        """Tell a server that ignores If-Range and sends the rest of another file."""
        now = headers.validator(response)
        return (
            self.state.url == self.url
            and None not in (now, self.state.validator)
            and (now != self.state.validator)
        )

    def _remembered(self) -> _State:
        """Return whose the part is; an empty state if it cannot be gone on with."""
        try:
            state = _State(**json.loads(self.memory.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return _State()
        same = state.url == self.url and state.validator is not None
        return state if same or self.want.sha256 is not None else _State()

    def _forget(self) -> None:
        remove_part(self.want)
        self.state = _State()

    def _offset(self) -> int:
        """Return how many bytes we have; a part of unknown origin stays until others come."""
        return self.part.stat().st_size if self.state.url and self.part.exists() else 0


def remove_part(want: Want) -> None:
    """Remove what an unfinished download left."""
    want.beside(".part").unlink(missing_ok=True)
    want.beside(".part.json").unlink(missing_ok=True)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Yield the bytes as on the wire: a .gz that the server labels an encoding stays one."""
    while True:
        try:
            chunk = response.raw.read(CHUNK, decode_content=False)
        except _BROKEN as error:
            raise _Transient(f"the connection broke ({_short(error)})") from None
        if not chunk:
            return
        yield chunk


def _short(error: Exception) -> str:
    text = re.sub(r"\?\S*", "?…", " ".join(str(error).split()))  # a query may hold a secret
    return text[:200] or type(error).__name__
