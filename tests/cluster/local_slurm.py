"""A real Slurm on this machine for as long as a test needs it: munge, accounting, two nodes, GPUs.

It lives in one folder and on ports of its own, beside an installed Slurm if there is one, and its
daemons are children of this process that die with it. The nodes claim more CPUs than there are,
and their GPUs are files: the scheduler is real, the hardware is not.
"""

import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd", "slurmdbd", "mariadbd", "mariadb-install-db", "setpriv")
SBIN = f"{os.environ['PATH']}:/usr/sbin:/sbin"
NODES, CPUS, MEMORY_MB, GPUS = 2, 4, 16000, 3


def missing() -> str | None:
    """Return why this machine cannot run it, or None."""
    absent = [name for name in DAEMONS if shutil.which(name, path=SBIN) is None]
    if absent:
        return (
            f"no {', '.join(absent)} here; on a Debian machine that may get them, as root: "
            "tests/cluster/install.sh"
        )
    if os.geteuid() != 0:
        return "slurmd and munged need root here"
    with tempfile.TemporaryDirectory() as folder:
        try:
            make_gpu(Path(folder) / "gpu")
        except PermissionError:
            return "devices cannot be made here, and GPUs are devices for slurmd"
    return None


def make_gpu(path: Path) -> None:
    """Make a device that behaves like /dev/null, which slurmd takes for a GPU."""
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def wait_until(holds: Callable[[], object], what: str, timeout: float = 60.0) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: it did not come about.
    """
    end = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {timeout:.0f} s")
        time.sleep(0.2)


class LocalSlurm:
    """The cluster.

    Args:
        root: an empty folder with a short path, since sockets lie in it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.conf = root / "etc/slurm.conf"
        self.control, self.database, *self.node_ports = free_ports(2 + NODES)
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        # The plugin's job step drops SLURM_CONF before it calls srun, so srun gets it here again.
        self.environ = {
            "SLURM_CONF": str(self.conf),
            "PATH": f"{root / 'bin'}:{os.environ['PATH']}",
        }

    def start(self) -> None:
        """Start all daemons and wait until the nodes are idle."""
        self._write_files()
        self._start_accounting()
        self._daemon("slurmctld", "slurmctld", "-D")
        wait_until(lambda: self.asks("scontrol", "ping"), "slurmctld")
        for node in range(1, NODES + 1):
            self.start_node(node)
        wait_until(lambda: self.say("sinfo", "-hN", "-p", "cpu", "-o%t").count("idle") == NODES,
                   "idle nodes")  # fmt: skip

    def start_node(self, node: int) -> None:
        """Start a node's daemon, at first or again."""
        self._daemon(f"slurmd-n{node}", "slurmd", "-D", "-N", f"n{node}")

    def kill_node(self, node: int) -> None:
        """End all that runs on a node at once, as a power cut does."""
        self.daemons.pop(f"slurmd-n{node}").kill()
        for pid in self._processes(f"SLURMD_NODENAME=n{node}"):
            _kill(pid)

    def stop(self) -> None:
        """End all jobs and daemons."""
        if "slurmctld" in self.daemons:
            self.asks("scancel", "--user=root", "--signal=KILL", "--full")
            self.asks("scancel", "--user=root")
        for name in reversed(list(self.daemons)):
            daemon = self.daemons.pop(name)
            daemon.terminate()
            try:
                daemon.wait(15)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for pid in self._processes("SLURMD_NODENAME="):
            _kill(pid)

    def say(self, *command: str) -> str:
        """Return what a Slurm command prints."""
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, env=os.environ | self.environ
        )
        return done.stdout

    def asks(self, *command: str) -> bool:
        """Tell whether a Slurm command succeeds."""
        try:
            self.say(*command)
        except subprocess.CalledProcessError:
            return False
        return True

    def _daemon(self, name: str, *command: str, **environ: str) -> None:
        log = (self.root / f"log/{name}.out").open("ab")
        self.daemons[name] = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | self.environ | {"PATH": SBIN} | environ,
            start_new_session=True,
        )

    def _processes(self, entry: str) -> list[int]:
        """Return processes of this cluster's jobs, and the step daemons above them."""
        found = set()
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                entries = path.read_bytes().decode(errors="replace").split("\0")
                parent = int((path.parent / "stat").read_text().rsplit(")", 1)[1].split()[1])
                above = Path(f"/proc/{parent}/comm").read_text().strip()
            except OSError:  # it has just ended, or is another user's
                continue
            own = f"SLURM_CONF={self.conf}" in entries
            if own and any(each.startswith(entry) for each in entries):
                found |= {int(path.parent.name), *([parent] if above == "slurmstepd" else [])}
        return sorted(found)

    def _start_accounting(self) -> None:
        socket_path, data = self.root / "run/mysqld.sock", self.root / "mysql"
        self._daemon(
            "munged", "munged", "--foreground", "--force", f"--key-file={self.root / 'munge/key'}",
            f"--socket={self.root / 'run/munge.socket'}", f"--pid-file={self.root / 'run/m.pid'}",
            f"--log-file={self.root / 'log/munged.log'}", f"--seed-file={self.root / 'munge/seed'}",
        )  # fmt: skip
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root",
             "--auth-root-authentication-method=socket", "--skip-test-db"],
            check=True, capture_output=True,
        )  # fmt: skip
        self._daemon(
            "mariadbd", "mariadbd", "--no-defaults", "--user=root", f"--datadir={data}",
            f"--socket={socket_path}", f"--pid-file={self.root / 'run/mariadbd.pid'}",
            "--skip-networking", "--innodb-buffer-pool-size=64M", "--performance-schema=OFF",
            "--innodb-lock-wait-timeout=900", "--innodb-flush-log-at-trx-commit=2",
        )  # fmt: skip
        wait_until(lambda: (self.root / "run/munge.socket").exists(), "munged")
        wait_until(socket_path.exists, "mariadbd")
        # libmariadb takes the socket from the environment.
        self._daemon("slurmdbd", "slurmdbd", "-D", MYSQL_UNIX_PORT=str(socket_path))
        wait_until(lambda: self.asks("sacctmgr", "-n", "show", "cluster"), "slurmdbd")
        for made in (
            ["cluster", "replidgtest"],
            ["account", "test", "description=test", "organization=test"],
            ["user", "root", "account=test", "defaultaccount=test"],
        ):
            self.say("sacctmgr", "-i", "-Q", "add", *made)

    def _write_files(self) -> None:
        for name in ("etc", "run", "log", "state", "spool", "dev", "munge", "bin"):
            (self.root / name).mkdir()
        (self.root / "run").chmod(0o755)
        for private in ("munge", "log"):
            (self.root / private).chmod(0o700)
        key = self.root / "munge/key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        for gpu in range(GPUS):
            make_gpu(self.root / f"dev/nvidia{gpu}")
        srun = self.root / "bin/srun"
        real = shutil.which("srun")
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec {real} "$@"\n')
        srun.chmod(0o755)
        template = Path(__file__).parent
        values = {
            "root": self.root, "host": socket.gethostname().split(".")[0],
            "control": self.control, "database": self.database,
        }  # fmt: skip
        text = (template / "slurm.conf").read_text().format(**values)
        for number, port in enumerate(self.node_ports, 1):
            text += (
                f"NodeName=n{number} NodeHostname={values['host']} NodeAddr=127.0.0.1 Port={port} "
                f"CPUs={CPUS} RealMemory={MEMORY_MB} Gres=gpu:fake:{GPUS} State=UNKNOWN\n"
            )
        self.conf.write_text(text)
        (self.root / "etc/gres.conf").write_text(
            f"NodeName=n[1-{NODES}] Name=gpu Type=fake File={self.root}/dev/nvidia[0-{GPUS - 1}]\n"
        )
        dbd = self.root / "etc/slurmdbd.conf"
        dbd.write_text((template / "slurmdbd.conf").read_text().format(**values))
        dbd.chmod(0o600)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
