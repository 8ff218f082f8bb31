"""The lock file of downloads, and room on the disk."""

import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile

import pytest
import yaml

from replidg.data.fetch import FetchError, Lock, bytes_needed, require_space
from replidg.data.fetch.amounts import ByteProgress, in_words
from replidg.data.registry.schema import File

A, B = "a" * 64, "b" * 64


@pytest.fixture
def lock(tmp_path):
    return Lock(tmp_path / "config" / "data.lock.yaml")


def test_nothing_is_expected_before_something_is_recorded(lock):
    assert lock.expected("PACS", "PACS.zip") is None
    assert lock.expected_samples("PACS") == {}
    assert not lock.path.exists()


def test_what_is_recorded_is_expected(lock):
    lock.record("VLCS", "VLCS.zip", B, 7, "https://example.org/VLCS.zip")
    lock.record("PACS", "PACS.zip", A, 5, "a mirror")
    lock.record_samples("PACS", {"photo/dog/é.jpg": B, "art/x.jpg": A})
    again = Lock(lock.path)
    recorded = again.expected("PACS", "PACS.zip")
    assert (recorded.sha256, recorded.size, recorded.source) == (A, 5, "a mirror")
    assert again.expected_samples("PACS") == {"photo/dog/é.jpg": B, "art/x.jpg": A}
    assert again.expected("VLCS", "VLCS.zip").sha256 == B and not again.expected_samples("VLCS")


def test_the_file_is_for_people(lock):
    lock.record("b", "z.zip", B, 7, "s")
    lock.record("b", "a.zip", B, 7, "s")
    lock.record("a", "é.zip", A, 5, "s")
    text = lock.path.read_text()
    assert text.startswith("# Written by the workflow; commit it.")
    assert yaml.safe_load(text)["b"]["files"]["z.zip"] == {"sha256": B, "size": 7, "source": "s"}
    assert text.index("\na:") < text.index("\nb:") and text.index("a.zip") < text.index("z.zip")
    assert "é.zip" in text
    other = Lock(lock.path.with_name("other.yaml"))
    for dataset, file, hash_, size in [("a", "é.zip", A, 5), ("b", "a.zip", B, 7)]:
        other.record(dataset, file, hash_, size, "s")
    other.record("b", "z.zip", B, 7, "s")
    assert other.path.read_bytes() == lock.path.read_bytes()


def test_the_first_record_stays(lock):
    lock.record("PACS", "PACS.zip", A, 5, "first")
    before = lock.path.read_bytes()
    lock.record("PACS", "PACS.zip", A, 5, "second")
    assert lock.path.read_bytes() == before
    with pytest.raises(FetchError, match=r"PACS: PACS\.zip from third .*delete PACS / files"):
        lock.record("PACS", "PACS.zip", B, 5, "third")
    assert lock.path.read_bytes() == before


def test_changed_samples_are_an_error(lock):
    lock.record_samples("PACS", {"a.jpg": A, "b.jpg": B})
    lock.record_samples("PACS", {"c.jpg": B})
    assert lock.expected_samples("PACS") == {"a.jpg": A, "b.jpg": B, "c.jpg": B}
    with pytest.raises(FetchError, match=r"PACS: 1 of your images .*b\.jpg.*delete PACS / samples"):
        lock.record_samples("PACS", {"a.jpg": A, "b.jpg": A})


@pytest.mark.parametrize(
    "content",
    [
        b"PACS: [",
        b"just text",
        b"- 1\n",
        b"PACS: {files: {a.zip: {sha256: 12, size: 1, source: s}}}",
        b"PACS: {files: {a.zip: {size: 1, source: s}}}",
        b"PACS: {unknown: {}}",
        b"PACS: {samples: {a.jpg: " + b"x" * 64 + b"}}",
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_file_is_an_error_and_stays(lock, content):
    lock.path.parent.mkdir()
    lock.path.write_bytes(content)
    for call in (
        lambda: lock.expected("PACS", "a.zip"),
        lambda: lock.expected_samples("PACS"),
        lambda: lock.record("PACS", "a.zip", A, 1, "s"),
        lambda: lock.record_samples("PACS", {"a.jpg": A}),
    ):
        with pytest.raises(FetchError, match=r"data\.lock\.yaml is damaged; restore it"):
            call()
    assert lock.path.read_bytes() == content


def test_an_empty_file_is_an_empty_record(lock):
    lock.path.parent.mkdir()
    lock.path.write_text("# a comment\n")
    lock.record("PACS", "a.zip", A, 1, "s")
    assert lock.expected("PACS", "a.zip").size == 1


WRITER = """
import sys, time
from pathlib import Path
from replidg.data.fetch.lock import Lock
own = Lock._read
def slow(self):  # what is between reading and writing takes long enough for the other to come
    content = own(self)
    time.sleep(0.005)
    return content
Lock._read = slow
Path(sys.argv[1]).parent.mkdir(exist_ok=True)
Path(sys.argv[1] + sys.argv[2]).touch()
while not all(Path(sys.argv[1] + name).exists() for name in "xy"):
    time.sleep(0.001)
for number in range(15):
    Lock(Path(sys.argv[1])).record("set", f"{sys.argv[2]}{number}", "a" * 64, number, "s")
"""


def test_two_processes_record_at_once(lock):
    jobs = [subprocess.Popen([sys.executable, "-c", WRITER, str(lock.path), name]) for name in "xy"]
    while any(job.poll() is None for job in jobs):
        lock.expected("set", "x0")  # a reader never sees half a file
    assert [job.returncode for job in jobs] == [0, 0]
    files = yaml.safe_load(lock.path.read_text())["set"]["files"]
    assert set(files) == {f"{name}{number}" for name in "xy" for number in range(15)}


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "config").write_text("a file, not a folder")
    with pytest.raises(FetchError, match="cannot be written"):
        Lock(tmp_path / "config" / "data.lock.yaml").record("PACS", "a", A, 1, "s")


# --- room on the disk --------------------------------------------------------------------------


def file_of(name="a.zip", archive="zip", **facts) -> File:
    return File(name=name, archive=archive, **facts)


def test_a_disk_too_small_is_said_with_numbers(tmp_path):
    require_space(tmp_path / "not" / "there", 1, "PACS")
    with pytest.raises(FetchError, match=r"unpacking PACS needs 1000\.0 TB in .*GB|TB are free"):
        require_space(tmp_path / "not" / "there", 10**15, "unpacking PACS")


def test_the_need_shrinks_with_what_is_here(tmp_path):
    file = file_of(size=1000)
    assert bytes_needed(file, tmp_path) == 1000 + 1200
    assert bytes_needed(file, tmp_path, extracted=5000) == 6000
    (tmp_path / "a.zip.part").write_bytes(b"x" * 400)
    assert bytes_needed(file, tmp_path, extracted=5000) == 5600
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("x", b"0" * 9000)
    assert bytes_needed(file, tmp_path) == 9000
    assert bytes_needed(file_of(archive="none"), tmp_path) == 0


def test_tars_are_estimated(tmp_path):
    for name, mode in (("a.tar", "w"), ("b.tar", "w:gz")):
        with tarfile.open(tmp_path / name, mode) as tar:
            member = tarfile.TarInfo("x")
            member.size = 4000
            tar.addfile(member, io.BytesIO(hashlib.sha256().digest() * 125))
    plain, packed = ((tmp_path / name).stat().st_size for name in ("a.tar", "b.tar"))
    assert bytes_needed(file_of("a.tar", "tar"), tmp_path) == plain
    assert bytes_needed(file_of("b.tar", "tar"), tmp_path) == round(1.2 * packed)


def test_a_broken_zip_is_said(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 and no end")
    with pytest.raises(FetchError, match=r"a\.zip is no whole zip archive"):
        bytes_needed(file_of(), tmp_path)


def test_bytes_in_words():
    assert [in_words(size) for size in (0, 999, 1000, 2_500_000, 3e9, 138e9, 4e12)] == [
        "0 bytes", "999 bytes", "1.0 kB", "2.5 MB", "3.0 GB", "138.0 GB", "4.0 TB",
    ]  # fmt: skip


def test_progress_counts_whole_megabytes_and_ends_full():
    with ByteProgress(2_500_000, "work", done=1_000_000) as progress:
        inner = progress._progress
        assert (inner.total, inner.done) == (3, 1)
        progress.add(900_000)
        assert inner.done == 1
        progress.add(200_000)
        assert inner.done == 2
        progress.at(0)  # a new start
        progress.at(2_500_000)
        assert inner.done == 3
    with ByteProgress(None, "work") as progress:
        progress.add(3_000_000)
        assert "time left unknown" in progress._progress.line()
