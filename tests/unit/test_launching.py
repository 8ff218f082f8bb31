"""A job's script that starts its own processes by torchrun, is stopped, and goes on."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from replidg import processes
from replidg.checkpoints import STOPPED

SCRIPT = """
    import atexit, json, os, sys, time
    from pathlib import Path
    os.environ.setdefault("LAUNCHER", str(os.getpid()))
    from replidg import processes
    import torch
    # Registered first, called last.
    state = lambda: b"joined." if torch.distributed.is_initialized() else b"parted."
    atexit.register(lambda: os.write(1, state()))
    processes.launch(2)
    from replidg.checkpoints import Checkpoints, keep, resume, stop_on_signal

    class Sum:
        '''Adds up what all processes have.'''
        step, total = 0, 0.0

        def state_dict(self):
            return {"step": self.step, "total": self.total}

        def load_state_dict(self, state):
            self.step, self.total = state["step"], state["total"]

        def take(self):
            own = torch.tensor([float(10 * self.step + processes.rank())])
            self.total += processes.together(own).sum().item()
            self.step += 1

    folder, number = Path(sys.argv[1]), sys.argv[2]
    run, points = Sum(), Checkpoints(folder / "points", 3600)
    resume(run, points, "sum")
    first = run.step
    with stop_on_signal() as stop:
        while run.step < 9:
            run.take()
            if number != "none" and run.step == 4 and processes.is_main():
                # What asks the launcher to stop comes back from torchrun; the step waits for it.
                os.kill(int(os.environ["LAUNCHER"]), int(number))
                while not stop:
                    time.sleep(0.01)
            keep(run, points, stop, "sum")
    if processes.is_main():
        (folder / "out.json").write_text(json.dumps([first, run.total, processes.count()]))
"""


def test_a_script_starts_its_processes_and_stops_them(tmp_path):
    """SIGUSR1 reaches them too, though torchrun knows SIGTERM alone."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, str(script), str(tmp_path)]
    stopped = subprocess.run([*command, str(int(signal.SIGUSR1))], capture_output=True, text=True)
    assert stopped.returncode == STOPPED, stopped.stderr
    assert not (tmp_path / "out.json").exists()
    done = subprocess.run([*command, "none"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # Two processes and what started them; gloo's threads can abort one that ends without parting.
    assert done.stdout == 3 * "parted."
    total = sum(20 * step + 1 for step in range(9))
    assert json.loads((tmp_path / "out.json").read_text()) == [4, total, 2]


def test_one_process_starts_no_other(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    processes.launch(1)
    assert processes.count() == 1 and processes.is_main()
    assert processes.agreed([True, False]) == [True, False]


def test_too_few_gpus_are_told(monkeypatch):
    monkeypatch.setattr(processes.torch.cuda, "device_count", lambda: 2)
    with pytest.raises(RuntimeError, match="4 in the configuration, but this job sees 2"):
        processes.launch(4)


def test_an_error_of_the_processes_is_an_error_of_the_job():
    assert processes.run([sys.executable, "-c", "raise SystemExit(3)"]) == 3
    before = signal.getsignal(signal.SIGTERM)
    # Asked to stop, whatever torchrun makes of it, the job was stopped.
    code = f"import os, signal; os.kill({os.getpid()}, signal.SIGTERM); signal.pause()"
    assert processes.run([sys.executable, "-c", code]) == STOPPED
    assert signal.getsignal(signal.SIGTERM) is before
