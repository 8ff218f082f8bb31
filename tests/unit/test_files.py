"""Whole files, stable hashes and seeds."""

import errno
import hashlib
import json
import os

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from replidg import files
from replidg.files import sha256_file, stable_hash, whole_file, write_json
from replidg.seeds import seed_of, seeded


def left_over(folder) -> list[str]:
    return [path.name for path in folder.iterdir() if ".part" in path.name]


def test_a_whole_file_appears_at_the_end_only(tmp_path):
    path = tmp_path / "deep" / "table.parquet"
    with whole_file(path) as temporary:
        # pandas and safetensors choose the format by the suffix; a rename must stay on one disk.
        assert temporary.suffix == ".parquet" and temporary.parent == path.parent
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new" and not left_over(path.parent)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("existed", [True, False])
def test_an_exception_leaves_the_old_file(error, existed, tmp_path):
    path = tmp_path / "file.txt"
    if existed:
        path.write_text("old")
    with pytest.raises(error), whole_file(path) as temporary:
        temporary.write_text("half")
        raise error
    assert (path.read_text() == "old") if existed else not path.exists()
    assert not left_over(tmp_path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(call, tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, call, full)
    with pytest.raises(OSError, match="No space left"), whole_file(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "old" and not left_over(tmp_path)


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), whole_file(path):
        pass
    assert path.read_text() == "old"


def test_bytes_are_on_disk_before_the_rename(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        own = getattr(os, name)
        monkeypatch.setattr(
            files.os, name, lambda *a, own=own, name=name: (calls.append(name), own(*a))
        )
    with whole_file(tmp_path / "file.txt") as temporary:
        temporary.write_text("x")
    assert calls == ["fsync", "replace"]


def test_write_json(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [1.5, None]})
    assert (tmp_path / "a.json").read_text() == (
        '{\n  "b": 1,\n  "a": [\n    1.5,\n    null\n  ]\n}\n'
    )
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"b": object()})
    assert json.loads((tmp_path / "a.json").read_text())["b"] == 1


@given(st.binary(max_size=5000))
def test_sha256_file(content):
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        assert sha256_file(file.name) == hashlib.sha256(content).hexdigest()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=5), st.randoms())
def test_hash_ignores_key_order(content, random):
    items = list(content.items())
    random.shuffle(items)
    assert stable_hash(dict(items)) == stable_hash(content)


@given(JSON, JSON)
def test_hash_tells_values_apart(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (stable_hash(one) == stable_hash(other)) is same


def test_hash_is_a_known_value():
    # printf '{"a":[1,2],"b":"x"}' | sha256sum
    assert (
        stable_hash({"b": "x", "a": [1, 2]})
        == (hashlib.sha256(b'{"a":[1,2],"b":"x"}').hexdigest()[:16])
    )
    assert len(stable_hash({}, 40)) == 40


# --- seeds -------------------------------------------------------------------------------------


def test_seed_is_the_same_in_every_process_and_version():
    assert seed_of(0, "order", 3) == 228291028133782092
    assert seed_of(0, "order", 4) != seed_of(0, "order", 3) != seed_of(1, "order", 3)


@given(st.lists(st.integers() | st.text("abc", min_size=1), min_size=1, max_size=4))
def test_seeds_fit_torch_and_numpy(parts):
    seed = seed_of(*parts)
    assert 0 <= seed < 2**63
    torch.Generator().manual_seed(seed)
    np.random.default_rng(seed)


def test_seeded_draws_from_the_seed_and_goes_on_as_before():
    torch.manual_seed(1)
    first, second = torch.rand(3), torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(3), first)
    with seeded(42):
        inside = torch.rand(3)
    assert torch.equal(inside, torch.rand(3, generator=torch.Generator().manual_seed(42)))
    assert torch.equal(torch.rand(3), second)


def test_seeded_restores_after_an_error():
    torch.manual_seed(1)
    state = torch.get_rng_state()
    with pytest.raises(ValueError), seeded(42):
        torch.rand(3)
        raise ValueError
    assert torch.equal(torch.get_rng_state(), state)
