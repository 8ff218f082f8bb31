"""Downloads go on with what an earlier run left, where that is safe."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from archives import small_disk
from broken_server import BODY, OTHER, PAGE, Answer, fails, get, part, sha, whole


def test_an_earlier_part_is_gone_on_with(server, tmp_path):
    part(tmp_path, BODY[:123_456], server)
    whole(get(server, tmp_path, sha256="unknown"), tmp_path)
    assert server.ranges == ["bytes=123456-"]


def test_a_finished_part_needs_no_request(server, tmp_path):
    part(tmp_path, BODY, server)
    whole(get(server, tmp_path), tmp_path)
    assert server.requests == []


def test_a_finished_part_of_unknown_length_is_asked_about(server, tmp_path):
    part(tmp_path, BODY, server, total=None)
    whole(get(server, tmp_path, sha256="unknown"), tmp_path)
    assert server.ranges == [f"bytes={len(BODY)}-"]  # answered 416 with the same size


@pytest.mark.parametrize("total", [None, len(BODY)])
def test_a_part_longer_than_the_file_starts_over(server, tmp_path, total):
    part(tmp_path, BODY + b"more", server, total=total)
    whole(get(server, tmp_path), tmp_path)
    assert server.ranges == [f"bytes={len(BODY) + 4}-", None]


def test_a_part_without_its_memory_starts_over(server, tmp_path):
    part(tmp_path, BODY[:1000], server)
    (tmp_path / "files" / "a.bin.part.json").write_text("{broken")
    whole(get(server, tmp_path), tmp_path)
    assert server.ranges == [None]


def test_a_part_that_cannot_be_checked_starts_over(server, tmp_path):
    """No validator and no hash: the file may have changed since."""
    part(tmp_path, OTHER[:1000], server, tag=None)
    whole(get(server, tmp_path, sha256="unknown"), tmp_path)
    assert server.ranges == [None]


def test_a_part_of_another_address_serves_where_a_hash_judges(server, tmp_path):
    part(tmp_path, BODY[:1000], server, url="http://127.0.0.1:9/a.bin", tag='"other"')
    whole(get(server, tmp_path), tmp_path)
    assert server.ranges == ["bytes=1000-"] and "If-Range" not in server.requests[0][1]


def test_a_spoilt_part_costs_one_more_download_and_not_the_source(server, tmp_path):
    part(tmp_path, OTHER[:1000], server)
    whole(get(server, tmp_path), tmp_path)
    assert server.ranges == ["bytes=1000-", None]


def test_a_part_survives_a_log_in_page(server, tmp_path):
    part(tmp_path, BODY[:1000], server)
    server.answers = [Answer(PAGE, status=200), Answer()]
    fails(server, tmp_path, "Please log in")
    whole(get(server, tmp_path), tmp_path)
    assert server.ranges == ["bytes=1000-"] * 2


def test_a_part_of_another_address_survives_a_refusal(server, tmp_path):
    part(tmp_path, BODY[:1000], server, url=server.url("second.bin"))
    server.answers = [Answer(b"", 404), Answer()]
    urls = [server.url("first.bin"), server.url("second.bin")]
    whole(get(server, tmp_path, sha256="unknown", urls=urls), tmp_path)
    assert server.ranges == [None, "bytes=1000-"]


KILLED = """
import sys
from pathlib import Path
from broken_server import get, sha, BODY
class server:
    url = staticmethod(lambda: sys.argv[1])
get(server, Path(sys.argv[2]), sha256=sys.argv[3])
"""


@pytest.mark.parametrize("sha256", ["unknown", sha(BODY)])
def test_a_killed_download_resumes_at_the_right_byte(server, tmp_path, sha256):
    server.answers = [Answer(wait_at=200_000), Answer()]
    job = subprocess.Popen(
        [sys.executable, "-c", KILLED, server.url(), str(tmp_path), sha256],
        cwd=Path(__file__).parent,
    )
    unfinished = tmp_path / "files" / "a.bin.part"
    deadline = time.monotonic() + 30
    while not (unfinished.exists() and unfinished.stat().st_size > 100_000):
        assert time.monotonic() < deadline and job.poll() is None
        time.sleep(0.01)
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert not (tmp_path / "files" / "a.bin").exists()
    here = unfinished.stat().st_size
    assert 100_000 < here <= 200_000
    whole(get(server, tmp_path, sha256=sha256), tmp_path)
    assert server.ranges == [None, f"bytes={here}-"]


def test_a_full_disk_stops_with_the_part_kept(server, tmp_path):
    big = random.Random(3).randbytes(3_000_000)
    with small_disk(tmp_path / "files") as folder:
        server.answers = [Answer(big)]
        fails(server, tmp_path, r"downloading a\.bin needs 3\.0 MB in .*MB are free")
        server.answers = [Answer(big, chunked=True)]
        fails(server, tmp_path, r"no space left in .*files .*goes on where it stopped")
        assert 1_000_000 < (folder / "a.bin.part").stat().st_size < 3_000_000
        assert len(server.requests) == 2
