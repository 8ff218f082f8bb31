"""Archives of formats that need more than Python, and of those that are not read."""

import struct
import sys
import zlib

import pytest
from archives import make_zip, rar4, refused, tree, unpack


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
