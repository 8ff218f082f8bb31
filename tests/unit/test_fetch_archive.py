"""Archives are unpacked whole, or not at all."""

import gzip
import random
import shutil
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from archives import (
    TREE,
    left_over,
    make_tar,
    make_zip,
    rar4,
    refused,
    small_disk,
    special,
    tree,
    unpack,
)

from replidg.data.fetch import FetchError, archive, disk


def build(kind: str, path: Path) -> Path:
    if kind == "zip":
        return make_zip(path, TREE.items())
    if kind == "rar":
        path.write_bytes(rar4(TREE.items()))
        return path
    if kind == "tar_of_tars":
        inner = {}
        for stem, ending, mode in (("n01", ".tar", "w"), ("n02", ".tar.gz", "w:gz")):
            part = make_tar(path.with_name("part"), [(f"{stem}_1.JPEG", stem.encode())], mode)
            inner[stem + ending] = part.read_bytes()
            part.unlink()
        return make_tar(path, [*inner.items(), ("README", b"text")])
    return make_tar(path, TREE.items(), kind)


EXPECTED = {
    "tar_of_tars": {"n01/n01_1.JPEG": b"n01", "n02/n02_1.JPEG": b"n02", "README": b"text"},
}
KINDS = ["zip", "rar", "tar_of_tars", "w", "w:gz", "w:bz2", "w:xz"]


def kind_of(kind: str) -> str:
    return "tar" if kind.startswith("w") else kind


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_packed_is_unpacked(kind, tmp_path):
    if kind == "rar":
        pytest.importorskip("rarfile")
    path = build(kind, tmp_path / "set.archive")
    before = path.read_bytes()
    assert unpack(path, kind_of(kind), tmp_path / "deep" / "into") == 3
    assert tree(tmp_path / "deep" / "into") == EXPECTED.get(kind, TREE)
    assert path.read_bytes() == before and not left_over(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_or_damaged_archive_is_never_taken_as_whole(kind, tmp_path):
    """Cut anywhere, or with a byte changed: an error, or exactly the files (slack in a format)."""
    if kind == "rar":
        pytest.importorskip("rarfile")
    whole = build(kind, tmp_path / "whole").read_bytes()
    draw = random.Random(0)
    cuts = [whole[: draw.randrange(len(whole))] for _ in range(25)]
    # Exactly between two members is where tarfile itself would not notice.
    cuts += [whole[:512], whole[: len(whole) // 1024 * 512]]
    flips = []
    for _ in range(25):
        position = draw.randrange(len(whole))
        changed = bytearray(whole)
        changed[position] ^= 1 << draw.randrange(8)
        flips.append(bytes(changed))
    path, errors = tmp_path / "set.archive", 0
    for content in cuts + flips:
        path.write_bytes(content)
        try:
            unpack(path, kind_of(kind), tmp_path / "into")
        except FetchError as error:
            errors += 1
            assert str(path) in str(error)
            assert not (tmp_path / "into").exists()
        else:
            found = tree(tmp_path / "into")
            # An uncompressed tar has a check sum for its headers only.
            if content in cuts and kind != "rar":
                assert found == EXPECTED.get(kind, TREE)
            shutil.rmtree(tmp_path / "into")
        assert not left_over(tmp_path)
    assert errors > 20


def test_a_tar_cut_between_two_members_is_an_error(tmp_path):
    path = make_tar(tmp_path / "a.tar", [("1", b"x" * 512), ("2", b"y" * 512)])
    path.write_bytes(path.read_bytes()[: 2 * 512])
    with tarfile.open(path) as tar:
        assert tar.getnames() == ["1"]  # what tarfile makes of it
    refused(path, "tar", "damaged or cut off.*end mark")
    path.write_bytes(make_tar(path, [("1", b"x"), ("2", b"y")]).read_bytes()[:1024] + b"?" * 512)
    refused(path, "tar", "damaged or cut off.*end mark")


def test_the_check_sum_of_a_gz_is_looked_at(tmp_path):
    path = make_tar(tmp_path / "a.tgz", [("1", b"x" * 512)], "w:gz")
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)
    refused(path, "tar", "CRC")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar_of_tars", "rar"])
def test_a_web_page_is_no_archive(kind, tmp_path):
    if kind == "rar":
        pytest.importorskip("rarfile")
    (tmp_path / "a").write_text("<html>quota</html>")
    refused(tmp_path / "a", kind, "no whole")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_caps(kind, tmp_path):
    members = [(f"f{number}", b"x" * 100) for number in range(5)]
    path = (make_zip if kind == "zip" else make_tar)(tmp_path / "a", members)
    refused(path, kind, "more than the 499 bytes", max_bytes=499)
    refused(path, kind, "more than the 4 members", max_files=4)
    assert unpack(path, kind, tmp_path / "good", max_bytes=500, max_files=5) == 5


def test_bombs(tmp_path):
    zeros = b"\0" * 90_000_000
    zipped = make_zip(tmp_path / "a.zip", [("zeros", zeros)])
    refused(zipped, "zip", "more than 200 times its size: a bomb")
    refused(make_tar(tmp_path / "a.tgz", [("zeros", zeros)], "w:gz"), "tar", "a bomb")
    # After the end mark, where tarfile does not look.
    tar = make_tar(tmp_path / "b.tar", [("x", b"1")]).read_bytes()
    (tmp_path / "b.tgz").write_bytes(gzip.compress(tar + zeros))
    refused(tmp_path / "b.tgz", "tar", "a bomb")


def test_a_sparse_tar_bomb(tmp_path):
    """A tar of a kilobyte that says it holds 8 GB of holes."""
    info = special("holes", tarfile.GNUTYPE_SPARSE)
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    struct.pack_into("12s12s", header, 386, b"%011o" % 1, b"%011o" % 0)
    struct.pack_into("12s", header, 483, b"%011o" % (8 * 2**30 - 1))
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    (tmp_path / "a.tar").write_bytes(bytes(header) + b"\0" * 1024)
    refused(tmp_path / "a.tar", "tar", "a bomb|damaged|no space")


def test_several_archives_go_into_one_folder(tmp_path):
    into = tmp_path / "into"
    unpack(make_zip(tmp_path / "1.zip", [("rgb/a", b"1"), ("list", b"old")]), "zip", into)
    (into / "mine").write_text("stays")
    unpack(make_tar(tmp_path / "2.tar", [("rgb/b", b"2"), ("list", b"new")]), "tar", into)
    assert tree(into) == {"rgb/a": b"1", "rgb/b": b"2", "list": b"new", "mine": b"stays"}
    assert not left_over(tmp_path)


def test_a_folder_of_the_user_is_not_written_through(tmp_path):
    """A linked folder in `into` is the user's own; the archive's folder takes its place."""
    (tmp_path / "users").mkdir()
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "rgb").symlink_to(tmp_path / "users")
    unpack(make_zip(tmp_path / "1.zip", [("rgb/a", b"1")]), "zip", tmp_path / "into")
    assert not list((tmp_path / "users").iterdir()) and (tmp_path / "into/rgb/a").exists()


def test_a_file_does_not_replace_a_folder(tmp_path):
    (tmp_path / "into" / "x" / "y").mkdir(parents=True)
    with pytest.raises(FetchError, match="x is a folder"):
        unpack(make_zip(tmp_path / "1.zip", [("x", b"1")]), "zip", tmp_path / "into")
    assert (tmp_path / "into/x/y").is_dir() and not left_over(tmp_path)


def test_what_a_killed_job_left_is_removed(tmp_path):
    stale = tmp_path / ".a.zip.unpacking"
    stale.mkdir()
    (stale / "half").write_text("x")
    unpack(make_zip(tmp_path / "a.zip", [("x", b"1")]), "zip", tmp_path / "into")
    assert tree(tmp_path / "into") == {"x": b"1"} and not stale.exists()


def test_a_kill_leaves_no_folder(tmp_path):
    make_zip(tmp_path / "a.zip", [(f"f{number}", b"x") for number in range(200)])
    code = (
        "import os, sys; from pathlib import Path\n"
        "from replidg.data.fetch import extract, staging\n"
        "own = staging.Staging.file\n"
        "def file(self, name, content):\n"
        "    if name == 'f100': os.kill(os.getpid(), 9)\n"
        "    own(self, name, content)\n"
        "staging.Staging.file = file\n"
        "extract(Path(sys.argv[1]), 'zip', Path(sys.argv[2]), max_bytes=None, max_files=None)\n"
    )
    job = [sys.executable, "-c", code, str(tmp_path / "a.zip"), str(tmp_path / "into")]
    assert subprocess.run(job).returncode == -9
    assert not (tmp_path / "into").exists() and left_over(tmp_path)
    assert unpack(tmp_path / "a.zip", "zip", tmp_path / "into") == 200
    assert len(tree(tmp_path / "into")) == 200 and not left_over(tmp_path)


def test_a_full_disk_leaves_nothing(tmp_path):
    # Larger than estimated: 8 MB of text in a few kB of tar.gz.
    path = make_tar(tmp_path / "a.tgz", [("1", b"1"), ("text", b"x" * 8_000_000)], "w:gz")
    with small_disk(tmp_path / "disk") as folder:
        with pytest.raises(FetchError, match=r"a\.tgz: no space left while unpacking to .*disk"):
            unpack(path, "tar", folder / "into")
        assert not list(folder.iterdir())
        zipped = make_zip(tmp_path / "a.zip", [("text", b"x" * 8_000_000)])
        with pytest.raises(FetchError, match=r"unpacking a\.zip needs 8\.0 MB in .*disk"):
            unpack(zipped, "zip", folder / "into")
        assert not list(folder.iterdir())


def test_kinds_are_those_of_the_registry():
    from replidg.data.registry.schema import File

    kinds = set(File.model_fields["archive"].annotation.__args__)
    assert set(archive.KINDS) == kinds - {"none"}
    assert disk.extracted_bytes(Path("no such file"), "none") == 0
