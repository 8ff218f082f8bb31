"""Archives are unpacked whole and by the rules, or not at all."""

import contextlib
import gzip
import io
import os
import random
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replidg.data.fetch import FetchError, archive, disk, extract
from replidg.data.fetch.staging import MAX_DEPTH

TREE = {"set/photo/dog/1.jpg": b"one" * 1000, "set/photo/cat/2.jpg": b"", "set/list.txt": b"text"}
NO_CAP = {"max_bytes": None, "max_files": None}


def unpack(path: Path, kind: str, into: Path, **caps) -> int:
    return extract(path, kind, into, **{**NO_CAP, **caps})


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def left_over(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if "unpacking" in path.name]


def refused(path: Path, kind: str, match: str, **caps) -> None:
    """Check that `path` is refused by name, and that nothing of it stays."""
    into = path.parent / "into"
    outside = sorted(path.parent.iterdir())
    with pytest.raises(FetchError, match=match) as caught:
        unpack(path, kind, into, **caps)
    assert str(path) in str(caught.value)
    assert sorted(path.parent.iterdir()) == outside and not into.exists()


def make_tar(path: Path, members, mode="w") -> Path:
    """Write (TarInfo or name, bytes) pairs."""
    with tarfile.open(path, mode) as tar:
        for member, content in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            if content is not None:
                info.size = len(content)
            tar.addfile(info, None if content is None else io.BytesIO(content))
    return path


def special(name: str, type_: bytes, linkname: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = type_, linkname, mode
    return info


def make_zip(path: Path, members, compression=zipfile.ZIP_DEFLATED) -> Path:
    """Write (name or ZipInfo, bytes) pairs."""
    with zipfile.ZipFile(path, "w", compression) as zipped:
        for member, content in members:
            zipped.writestr(member, content)
    return path


def zip_entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def rar4(members, damage=False) -> bytes:
    """Write a RAR 4 archive of stored (name, bytes) by hand, after the published format note."""

    def block(kind: int, flags: int, body: bytes) -> bytes:
        head = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
        return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head

    out = b"Rar!\x1a\x07\x00" + block(0x73, 0, b"\0" * 6)
    for name, content in members:
        raw, folder = name.encode(), name.endswith("/")
        sizes = struct.pack("<II", len(content), len(content))
        rest = struct.pack("<IIBBHI", zlib.crc32(content), 0x21_0000, 20, 0x30, len(raw), 0o100644)
        body = sizes + b"\x03" + rest + raw  # host 3: Unix
        out += block(0x74, 0x8000 | (0xE0 if folder else 0), body)
        out += content[:-1] + b"?" if damage and content else content
    return out + block(0x7B, 0x4000, b"")


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


# --- names and links ---------------------------------------------------------------------------

BAD_NAMES = ["../evil", "a/../../evil", "/tmp/evil", "a/./../..//evil", "..", "/" * 3 + "evil"]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("kind", ["zip", "tar", "tar_of_tars"])
def test_names_outside_are_refused(kind, name, tmp_path):
    if kind == "zip":
        path = make_zip(tmp_path / "a.zip", [("good", b"1"), (name, b"evil")])
    else:
        path = make_tar(tmp_path / "a.tar", [("good", b"1"), (name, b"evil")])
    if kind == "tar_of_tars":
        inner = path.read_bytes()
        path.unlink()
        path = make_tar(tmp_path / "b.tar", [("n01.tar", inner)])
    refused(path, kind, "absolute name|leads outside")


def test_a_backslash_of_windows_is_a_slash_and_no_way_out(tmp_path):
    path = make_zip(tmp_path / "a.zip", [("set\\photo\\1.jpg", b"1")])
    assert unpack(path, "zip", tmp_path / "good") == 1
    assert tree(tmp_path / "good") == {"set/photo/1.jpg": b"1"}
    refused(make_zip(tmp_path / "b.zip", [("a\\..\\..\\evil", b"1")]), "zip", "leads outside")


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "a/../../.."])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_symlinks_outside_are_refused(kind, target, tmp_path):
    if kind == "zip":
        path = make_zip(tmp_path / "a.zip", [(zip_entry("x/link", stat.S_IFLNK | 0o777), target)])
    else:
        path = make_tar(tmp_path / "a.tar", [(special("x/link", tarfile.SYMTYPE, target), None)])
    refused(path, kind, "the link 'x/link' points outside")


def test_symlinks_that_lead_out_together_are_refused(tmp_path):
    """Each alone stays inside by its letters; followed one after the other they leave."""
    links = [("d/deep", "."), ("d/deep2", "deep/.."), ("up", "d/deep2/..")]
    path = make_tar(
        tmp_path / "a.tar",
        [(special(name, tarfile.SYMTYPE, target), None) for name, target in links],
    )
    refused(path, "tar", "points outside")


@pytest.mark.parametrize("links", [{"a": "a"}, {"a": "a/a"}, {"a": "b", "b": "./a"}])
def test_links_in_a_circle_are_refused(links, tmp_path):
    path = make_tar(
        tmp_path / "a.tar",
        [(special(name, tarfile.SYMTYPE, target), None) for name, target in links.items()],
    )
    refused(path, "tar", "go in a circle")


def test_nothing_is_written_through_a_link(tmp_path):
    """Before CVE-2025-4517 was mended, tarfile could be led out so."""
    (tmp_path / "target").mkdir()
    for later in ("link/evil", "link"):
        path = make_tar(
            tmp_path / "a.tar",
            [("real/1", b"1"), (special("link", tarfile.SYMTYPE, "real"), None), (later, b"new")],
        )
        if later == "link":  # the same name: the later one counts
            assert unpack(path, "tar", tmp_path / "into") == 2
            assert tree(tmp_path / "into") == {"real/1": b"1", "link": b"new"}
        else:
            refused(path, "tar", "both a folder and something else")


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "missing", "link"])
def test_hard_links_outside_are_refused(target, tmp_path):
    path = make_tar(
        tmp_path / "a.tar",
        [("1", b"1"), (special("link", tarfile.LNKTYPE, target), None)],
    )
    refused(path, "tar", "hard link|leads outside|absolute")


def test_links_inside_stay_links(tmp_path):
    path = make_tar(
        tmp_path / "a.tar",
        [
            (special("x/first", tarfile.SYMTYPE, "../y/1.jpg"), None),  # before its target
            ("y/1.jpg", b"one"),
            (special("x/hard", tarfile.LNKTYPE, "y/1.jpg"), None),
            (special("x/dangling", tarfile.SYMTYPE, "not/there"), None),
        ],
    )
    into = tmp_path / "into"
    assert unpack(path, "tar", into) == 4
    assert os.readlink(into / "x/first") == "../y/1.jpg"
    assert (into / "x/first").read_bytes() == (into / "x/hard").read_bytes() == b"one"
    assert (into / "x/hard").samefile(into / "y/1.jpg")
    zipped = make_zip(
        tmp_path / "a.zip", [(zip_entry("l", stat.S_IFLNK | 0o777), "1"), ("1", b"one")]
    )
    unpack(zipped, "zip", tmp_path / "zipped")
    assert os.readlink(tmp_path / "zipped/l") == "1"


def test_an_overwritten_file_does_not_change_its_other_names(tmp_path):
    path = make_tar(
        tmp_path / "a.tar",
        [("1", b"old"), (special("2", tarfile.LNKTYPE, "1"), None), ("1", b"new")],
    )
    assert unpack(path, "tar", tmp_path / "into") == 2
    assert tree(tmp_path / "into") == {"1": b"new", "2": b"old"}


@pytest.mark.parametrize("type_", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_refused(type_, tmp_path):
    refused(make_tar(tmp_path / "a.tar", [(special("x", type_), None)]), "tar", "device or pipe")
    entry = zip_entry("x", stat.S_IFCHR | 0o644)
    refused(make_zip(tmp_path / "a.zip", [(entry, b"")]), "zip", "device or pipe")


def test_modes_are_not_taken_over(tmp_path):
    path = make_tar(tmp_path / "a.tar", [(special("x", tarfile.REGTYPE, mode=0o6777), b"1")])
    unpack(path, "tar", tmp_path / "tar")
    entry = zip_entry("x", stat.S_IFREG | 0o6777)
    unpack(make_zip(tmp_path / "a.zip", [(entry, b"1")]), "zip", tmp_path / "zip")
    for kind in ("tar", "zip"):
        assert not (tmp_path / kind / "x").stat().st_mode & 0o7111


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_of_two_members_of_one_name_the_later_counts(kind, tmp_path):
    members = [("a/1", b"first"), ("b", b"b"), ("./a//1", b"second")]
    make = make_zip if kind == "zip" else make_tar
    assert unpack(make(tmp_path / "a", members), kind, tmp_path / "into") == 2
    assert tree(tmp_path / "into") == {"a/1": b"second", "b": b"b"}


@pytest.mark.parametrize("members", [[("a", b"1"), ("a/b", b"2")], [("a/b", b"2"), ("a", b"1")]])
def test_a_name_cannot_be_file_and_folder(members, tmp_path):
    refused(make_zip(tmp_path / "a.zip", members), "zip", "both a")


def test_names_too_deep_or_too_long(tmp_path):
    deep = "d/" * (MAX_DEPTH + 1) + "x"
    refused(make_tar(tmp_path / "a.tar", [(deep, b"1")]), "tar", "nested deeper than 100")
    very_deep = "d/" * 20_000 + "x"
    refused(make_tar(tmp_path / "a.tar", [(very_deep, b"1")]), "tar", "nested deeper than 100")
    refused(make_tar(tmp_path / "a.tar", [("x" * 300, b"1")]), "tar", "cannot be unpacked")


# --- caps --------------------------------------------------------------------------------------


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


# --- where it goes -----------------------------------------------------------------------------


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


@contextlib.contextmanager
def small_disk(folder: Path, size: str = "2m"):
    """Mount a tmpfs; skip where that is not allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a full disk needs `mount -t tmpfs`, which only root may do")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


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


# --- formats that need more --------------------------------------------------------------------


def test_zstd_is_named(tmp_path):
    (tmp_path / "a.tar.zst").write_bytes(b"\x28\xb5\x2f\xfd" + b"\0" * 600)
    refused(tmp_path / "a.tar.zst", "tar", "zstd")


def test_an_encrypted_zip_is_named(tmp_path):
    path = make_zip(tmp_path / "a.zip", [("x", b"1")])
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    refused(path, "zip", "'x' is encrypted")


def test_a_zip_of_unknown_compression_names_another_way(tmp_path):
    path = make_zip(tmp_path / "a.zip", [("x", b"1")])
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):  # 9 is Deflate64, of Windows
        struct.pack_into("<H", content, content.index(mark) + at, 9)
    path.write_bytes(content)
    refused(path, "zip", "unpack it with another program")


def test_rar_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rarfile", None)
    (tmp_path / "a.rar").write_bytes(rar4([("x", b"1")]))
    refused(tmp_path / "a.rar", "rar", "pip install 'rarfile")


def test_rar_rules_and_damage(tmp_path):
    pytest.importorskip("rarfile")
    path = tmp_path / "a.rar"
    path.write_bytes(rar4([("set/", b""), ("set/1.jpg", b"one")]))
    assert unpack(path, "rar", tmp_path / "good") == 1
    assert tree(tmp_path / "good") == {"set/1.jpg": b"one"}
    path.write_bytes(rar4([("set/1.jpg", b"one")], damage=True))
    refused(path, "rar", "damaged or cut off.*CRC")
    path.write_bytes(rar4([("../evil", b"one")]))
    refused(path, "rar", "leads outside")
    path.write_bytes(rar4([("a", b"one")] * 3))
    refused(path, "rar", "more than the 2 members", max_files=2)


def test_a_compressed_rar_needs_a_program(tmp_path, monkeypatch):
    rarfile = pytest.importorskip("rarfile")

    def none(*_, **__):
        raise rarfile.RarCannotExec("Cannot find working tool")

    monkeypatch.setattr(rarfile, "tool_setup", none)
    content = rar4([("x", b"one")])
    head = content.index(b"\x74\x00\x80") - 2
    changed = bytearray(content)
    changed[head + 25] = 0x33  # "normal" compression
    size = struct.unpack_from("<H", changed, head + 5)[0]
    crc = zlib.crc32(bytes(changed[head + 2 : head + size])) & 0xFFFF
    struct.pack_into("<H", changed, head, crc)
    (tmp_path / "a.rar").write_bytes(changed)
    refused(tmp_path / "a.rar", "rar", "apt install unar.*conda install")


NAMES = st.text(st.sampled_from("ab./\\"), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(NAMES, st.sampled_from(["file", "folder", "symlink", "hard"]), NAMES), max_size=5
    )
)
def test_no_archive_writes_outside(tmp_path_factory, members):
    home = tmp_path_factory.mktemp("fuzz") / "x" / "y"
    home.mkdir(parents=True)
    types = {"folder": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}
    path = make_tar(
        home / "archive.tar",
        [
            (name, b"1") if kind == "file" else (special(name, types[kind], target), None)
            for name, kind, target in members
        ],
    )
    into = home / "into"
    try:
        unpack(path, "tar", into)
    except FetchError:
        assert not into.exists()
    assert {entry.name for entry in home.iterdir()} <= {"archive.tar", "into"}
    for entry in into.rglob("*"):
        assert into.resolve() in (entry.resolve(), *entry.resolve().parents)


def test_kinds_are_those_of_the_registry():
    from replidg.data.registry.schema import File

    kinds = set(File.model_fields["archive"].annotation.__args__)
    assert set(archive.KINDS) == kinds - {"none"}
    assert disk.extracted_bytes(Path("no such file"), "none") == 0
