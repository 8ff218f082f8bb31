"""Fine-tuning stopped by signals, killed while it saves, resumed from damaged checkpoints."""

import io
import logging
import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest
import torch
from training_runs import (
    Killed,
    assert_same,
    begin,
    result,
    settings,
    shares_of,
    stop_before,
    train,
)

from replidg.checkpoints import STOPPED, Checkpoints, stop_on_signal
from replidg.training import trainer

pytestmark = pytest.mark.usefixtures("restored")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_saves_and_exits_with_99(number, index, unbroken, tmp_path):
    run = begin(settings("swad"))
    take = run.train_step

    def step(batch):
        if run.step == 4:
            os.kill(os.getpid(), number)
        return take(batch)

    run.train_step = step
    with pytest.raises(SystemExit) as stopped:
        trainer.fit(run, shares_of(index), Checkpoints(tmp_path, 3600), "stopped")
    assert stopped.value.code == STOPPED == 99
    assert Checkpoints(tmp_path, 0).load()["step"] == 5
    assert_same(result(train(index, tmp_path, "swad"), index), unbroken("swad")[0])


def test_signal_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signal() as stop:
        assert not stop
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop and stop.signal == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


SUBPROCESS = """
    import os, signal, sys
    from pathlib import Path
    import torch
    sys.path.insert(0, sys.argv[1])
    import training_runs as t
    index = t.scan(Path(sys.argv[2]), t.DOMAINS)
    run = t.begin(t.settings("miro_swad"))
    def die(*_):
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[4] == "between steps":
        take = run.train_step
        run.train_step = lambda batch: die() if run.step == 5 else take(batch)
    else:
        save = torch.save
        def half(state, path):
            save(state, path)
            if state["step"] == 6:
                os.truncate(path, os.path.getsize(path) // 2)
                die()
        torch.save = half
    checkpoints = t.Checkpoints(Path(sys.argv[3]), 0)
    t.trainer.fit(run, t.shares_of(index), checkpoints, "killed")
"""


@pytest.mark.parametrize("when", ["between steps", "while saving"])
def test_kill_9_then_resume_is_unbroken(when, index, unbroken, tmp_path):
    root = Path(index["path"][0]).parents[2]
    code = textwrap.dedent(SUBPROCESS)
    arguments = [str(Path(__file__).parent), str(root), str(tmp_path), when]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert Checkpoints(tmp_path, 0).load()["step"] == 5
    assert_same(result(train(index, tmp_path, "miro_swad"), index), unbroken("miro_swad")[0])


def flipped(content: bytes) -> bytes:
    """Flip the bits of one byte of the largest weights; torch alone would not notice."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        records = [info for info in file.infolist() if "/data/" in info.filename]
        record = max(records, key=lambda info: info.file_size)
        place = content.index(file.read(record)) + record.file_size // 2
    return content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]


@pytest.mark.parametrize("damage", ["half", "empty", "garbage", "flipped"])
def test_a_damaged_newest_checkpoint_falls_back(damage, index, unbroken, tmp_path, caplog):
    run = begin(settings("erm"))
    stop_before(run, 6)
    with pytest.raises(Killed):
        trainer.fit(run, shares_of(index), Checkpoints(tmp_path, 0), "dying")
    newest = tmp_path / "newest.pt"
    content = newest.read_bytes()
    newest.write_bytes(
        {
            "half": content[: len(content) // 2],
            "empty": b"",
            "garbage": b"x" * 99,
            "flipped": flipped(content),
        }[damage]
    )
    if damage == "flipped":
        assert torch.load(newest)["step"] == 6
    with caplog.at_level(logging.WARNING):
        assert Checkpoints(tmp_path, 0).load()["step"] == 5
    assert "newest.pt is damaged" in caplog.text
    assert_same(result(train(index, tmp_path, "erm"), index), unbroken("erm")[0])


def test_two_damaged_checkpoints_start_again(index, unbroken, tmp_path, caplog):
    for name in ("newest.pt", "previous.pt"):
        (tmp_path / name).write_bytes(b"x")
    assert_same(result(train(index, tmp_path, "erm"), index), unbroken("erm")[0])
    assert "newest.pt is damaged" in caplog.text and "previous.pt is damaged" in caplog.text


def test_a_damaged_checkpoint_never_replaces_a_whole_one(tmp_path):
    checkpoints = Checkpoints(tmp_path, 0)
    checkpoints.save({"step": 1})
    checkpoints.save({"step": 2})
    checkpoints.newest.write_bytes(b"half")
    again = Checkpoints(tmp_path, 0)
    assert again.load() == {"step": 1}

    def full(state, path):
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(OSError):
            again.save({"step": 3})
    assert Checkpoints(tmp_path, 0).load() == {"step": 1}


def test_what_a_killed_write_left_goes_with_the_next(tmp_path):
    (tmp_path / ".newest.1.part.pt").write_bytes(b"half")
    Checkpoints(tmp_path, 0).save({"step": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["newest.pt"]


def test_checkpoints_keep_two_and_know_when_they_are_due(tmp_path):
    checkpoints = Checkpoints(tmp_path, 1000)
    assert checkpoints.load() is None and not checkpoints.due()
    checkpoints.saved_at -= 1000
    assert checkpoints.due()
    for step in range(3):
        checkpoints.save({"step": step})
    assert not checkpoints.due()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["newest.pt", "previous.pt"]
    assert torch.load(checkpoints.newest)["step"] == 2
    assert torch.load(checkpoints.previous)["step"] == 1
