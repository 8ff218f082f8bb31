"""Downloads from a server that misbehaves in every way we know."""

import time

import pytest
import requests
from broken_server import BODY, OTHER, PAGE, Answer, Waits, fails, get, serving, sha, visible, whole
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replidg.data.fetch import Lock, Patience, fetch, http
from replidg.data.registry.schema import File


@pytest.fixture
def waits():
    return Waits()


def test_a_plain_download(server, tmp_path, waits):
    whole(get(server, tmp_path, waits), tmp_path)
    assert server.ranges == [None] and not waits.seconds
    assert server.requests[0][1]["Accept-Encoding"] == "identity"
    get(server, tmp_path, waits)  # it is there
    assert len(server.requests) == 1


def test_a_dropped_connection_goes_on_at_the_right_byte(server, tmp_path, waits):
    server.answers = [Answer(drop_at=100_000), Answer(drop_at=50_000), Answer()]
    whole(get(server, tmp_path, waits), tmp_path)
    assert server.ranges == [None, "bytes=100000-", "bytes=150000-"]
    assert [headers.get("If-Range") for _, headers in server.requests[1:]] == ['"one"'] * 2
    assert len(waits.seconds) == 2 and all(0.5 <= wait <= 1 for wait in waits.seconds)


def test_a_truncated_body_is_never_whole(server, tmp_path):
    server.answers = [Answer(drop_at=100_000, ranges=False)]
    text = fails(server, tmp_path, "the connection (ended|broke)", sha256="unknown")
    assert "given up after 4 tries without progress" in text and server.url() in text
    assert not (tmp_path / "data.lock.yaml").exists()


def test_a_server_that_ignores_range_starts_over_and_ends(server, tmp_path, waits):
    server.answers = [Answer(drop_at=100_000), Answer(ranges=False)]
    whole(get(server, tmp_path, waits), tmp_path)
    assert server.ranges == [None, "bytes=100000-"]


@pytest.mark.parametrize(
    "content_range", ["bytes 5-299999/300000", "bytes 100000-299999/400000", "nonsense", ""]
)
def test_a_piece_that_does_not_fit_starts_over(server, tmp_path, content_range):
    wrong = Answer(body=BODY[100_000:], status=206, headers={"Content-Range": content_range})
    server.answers = [Answer(drop_at=100_000), wrong, Answer()]
    whole(get(server, tmp_path), tmp_path)
    assert server.ranges == [None, "bytes=100000-", None]


def test_a_piece_shorter_than_the_rest_is_gone_on_with(server, tmp_path):
    headers = {"Content-Range": "bytes 100000-199999/300000"}
    short = Answer(body=BODY[100_000:200_000], status=206, headers=headers)
    server.answers = [Answer(drop_at=100_000), short, Answer()]
    whole(get(server, tmp_path), tmp_path)
    assert server.ranges == [None, "bytes=100000-", "bytes=200000-"]


def test_a_file_that_changes_between_two_attempts_is_not_mixed(server, tmp_path):
    server.answers = [Answer(drop_at=100_000), Answer(body=OTHER, tag='"two"')]
    whole(get(server, tmp_path, sha256="unknown"), tmp_path, OTHER)
    assert server.ranges == [None, "bytes=100000-"]


def test_a_changed_file_of_a_server_that_ignores_if_range(server, tmp_path):
    changed = Answer(body=OTHER, tag='"two"', if_range=False)
    server.answers = [Answer(drop_at=100_000), changed]
    whole(get(server, tmp_path, sha256="unknown"), tmp_path, OTHER)
    assert server.ranges == [None, "bytes=100000-", None]


def test_a_weak_tag_is_no_validator(server, tmp_path):
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    weak = {"tag": 'W/"one"', "headers": {"Last-Modified": date}, "if_range": False}
    server.answers = [Answer(drop_at=100_000, **weak), Answer(**weak)]
    whole(get(server, tmp_path), tmp_path)
    assert server.requests[1][1]["If-Range"] == date


def test_redirects(server, tmp_path):
    server.answers = [Answer(b"", 302, {"Location": "/there/b.bin"}), Answer()]
    whole(get(server, tmp_path), tmp_path)
    assert [path for path, _ in server.requests] == ["/a.bin", "/there/b.bin"]


def test_a_circle_of_redirects_ends(server, tmp_path):
    server.answers = [Answer(b"", 302, {"Location": "/a.bin"})]
    fails(server, tmp_path, "redirects")


def test_a_redirect_to_an_unencrypted_address_is_refused(server, tmp_path, monkeypatch):
    own = requests.get
    monkeypatch.setattr(
        http.requests, "get", lambda url, **rest: own(url.replace("https", "http"), **rest)
    )
    url = server.url().replace("http", "https")
    fails(server, tmp_path, "redirects to the unencrypted http://127", urls=[url])


def test_tls_is_verified(server, tmp_path, monkeypatch):
    def no(url, **options):
        assert options["verify"] is True
        raise requests.exceptions.SSLError("self-signed certificate")

    monkeypatch.setattr(http.requests, "get", no)
    waits = Waits()
    fails(server, tmp_path, "certificate cannot be verified: self-signed", waits=waits)
    assert not waits.seconds


@pytest.mark.parametrize("status", [401, 403, 404, 410, 451])
def test_a_refusal_goes_to_the_next_source_at_once(server, tmp_path, waits, status):
    server.answers = [Answer(b"", status), Answer()]
    urls = [server.url("first.bin"), server.url("second.bin")]
    whole(get(server, tmp_path, waits, urls=urls), tmp_path)
    assert [path for path, _ in server.requests] == ["/first.bin", "/second.bin"]
    assert not waits.seconds


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_waited_for(server, tmp_path, waits, status):
    server.answers = [Answer(b"", status, {"Retry-After": "17"}), Answer(b"", status), Answer()]
    whole(get(server, tmp_path, waits), tmp_path)
    assert waits.seconds[0] == 17 and 2 <= waits.seconds[1] <= 4


def test_retry_after_as_a_date(server, tmp_path, waits):
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
    server.answers = [Answer(b"", 503, {"Retry-After": later}), Answer()]
    get(server, tmp_path, waits)
    assert 50 <= waits.seconds[0] <= 60


def test_a_server_that_asks_for_too_long_a_wait_is_given_up(server, tmp_path, waits):
    server.answers = [Answer(b"", 429, {"Retry-After": "86400"})]
    fails(server, tmp_path, "429 .*asks to wait 86400 s", waits=waits)
    assert not waits.seconds


def test_tries_without_progress_are_bounded_and_progress_resets_them(server, tmp_path, waits):
    server.answers = [Answer(b"", 503)]
    fails(server, tmp_path, "503 .*given up after 4 tries", waits=waits)
    assert len(server.requests) == 4 and len(waits.seconds) == 3
    assert waits.seconds[0] < waits.seconds[2]
    server.requests.clear()
    # Three failures between any two steps forward: more than four in all.
    busy = [Answer(b"", 503)] * 3
    server.answers = [*busy, Answer(drop_at=100_000), *busy, Answer(drop_at=1000), *busy, Answer()]
    whole(get(server, tmp_path), tmp_path)
    assert len(server.requests) == 12


def test_no_server_at_all(server, tmp_path, waits):
    fails(server, tmp_path, "no answer", waits=waits, urls=["http://127.0.0.1:9/a.bin"])
    assert len(waits.seconds) == 3


def test_a_server_that_falls_silent(server, tmp_path, waits, monkeypatch):
    server.answers = [Answer(wait_at=100_000), Answer()]
    monkeypatch.setattr(Patience, "__init__", lambda self, **_: vars(self).update(
        tries=4, timeout_s=(5, 0.3), wait=waits, longest_wait_s=1
    ))  # fmt: skip
    whole(get(server, tmp_path, waits), tmp_path)
    assert len(server.ranges) == 2 and server.ranges[1] is not None and len(waits.seconds) == 1


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/zip"])
@pytest.mark.parametrize("sha256", ["unknown", sha(BODY)])
def test_a_log_in_page_is_not_the_file(server, tmp_path, content_type, sha256):
    server.answers = [Answer(b"\n <!-- hello -->\n" + PAGE, headers={"Content-Type": content_type})]
    fails(server, tmp_path, r"sent a web page \('Please log in'\)", sha256=sha256, archive="zip")
    assert visible(tmp_path) == []


def test_a_wrong_file_goes_to_the_next_source(server, tmp_path):
    server.answers = [Answer(OTHER), Answer()]
    urls = [server.url("first.bin"), server.url("second.bin")]
    whole(get(server, tmp_path, urls=urls), tmp_path)
    server.answers = [Answer(OTHER)]
    (tmp_path / "files" / "a.bin").unlink()
    text = fails(server, tmp_path, "no source gave a.bin", urls=urls)
    assert text.count(f"gave other bytes: sha256 {sha(OTHER)}, expected {sha(BODY)}") == 2
    assert all(url in text for url in urls) and visible(tmp_path) == []


def test_a_wrong_size_is_seen_before_the_download(server, tmp_path):
    fails(server, tmp_path, "has 300,000 bytes, expected 7", size=7)
    server.answers = [Answer(chunked=True)]
    fails(server, tmp_path, "gave 300,000 bytes, expected 7", size=7)


def test_chunked_without_a_length(server, tmp_path):
    server.answers = [Answer(chunked=True, drop_at=100_000), Answer(chunked=True)]
    whole(get(server, tmp_path, sha256="unknown"), tmp_path)


def test_without_any_length_a_known_hash_judges(server, tmp_path):
    server.answers = [Answer(length=False)]
    whole(get(server, tmp_path), tmp_path)
    (tmp_path / "files" / "a.bin").unlink()
    fails(server, tmp_path, "does not say how long", sha256="unknown")
    server.answers = [Answer(length=False, drop_at=1000)]
    fails(server, tmp_path, "gave other bytes")


def test_an_empty_file_is_not_one(server, tmp_path):
    server.answers = [Answer(b"")]
    fails(server, tmp_path, "gave an empty file", sha256="unknown")


def test_a_gz_labelled_as_an_encoding_stays_compressed(server, tmp_path):
    server.answers = [Answer(headers={"Content-Encoding": "gzip"})]
    whole(get(server, tmp_path), tmp_path)


def test_secrets_of_an_address_are_not_told(server, tmp_path):
    server.answers = [Answer(b"", 404)]
    url = server.url("a.bin?token=SECRET").replace("127", "user:SECRET@127")
    assert "SECRET" not in fails(server, tmp_path, "404", urls=[url])
    assert server.requests[0][0] == "/a.bin?token=SECRET"
    url = url.replace(str(server.server_port), "9")
    assert "SECRET" not in fails(server, tmp_path, "no answer", urls=[url])


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.builds(
            Answer,
            drop_at=st.integers(0, 120_000),
            ranges=st.sampled_from([True, True, True, False]),
            status=st.sampled_from([None, None, None, 503, 429]),
            chunked=st.booleans(),
        ),
        max_size=6,
    ),
    st.booleans(),
    st.booleans(),
)
def test_whatever_breaks_the_bytes_are_the_same(tmp_path_factory, answers, known, chunked):
    folder = tmp_path_factory.mktemp("drops")
    with serving() as server:
        server.answers = [*answers, Answer(chunked=chunked)]
        patience = Patience(tries=10, timeout_s=(5, 5), wait=Waits())
        file = File(
            name="a.bin",
            archive="none",
            sha256=sha(BODY) if known else "unknown",
            sources=[{"kind": "https", "url": server.url()}],
        )
        lock = Lock(folder / "lock.yaml")
        whole(fetch("set", file, folder / "files", lock, patience=patience), folder)
