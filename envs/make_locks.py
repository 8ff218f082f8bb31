"""Make the lock files and the conda environment again from the requirements.

Run `python envs/make_locks.py` after a change to a `*.in` file. It needs uv on the path (or named
by $UV). `--upgrade` takes newer versions; without it, pins that still fit are kept. `--yaml-only`
rewrites environment.yaml from the lock and needs neither uv nor a network.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ENVS = Path(__file__).resolve().parent
PYTHON = "3.11"
# One entry of a lock: name==version, maybe a marker, at the start of a line.
PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*\\?$"
)

HEADER = """\
# Made by `python envs/make_locks.py` from {source}: change that, not this file.
# Pins for Linux and macOS, Python 3.11 to 3.13, with hashes. Install with
#     pip install --no-deps --require-hashes -r {target}
"""

YAML = """\
# Made by `python envs/make_locks.py` from requirements.lock: the same pins, for conda or mamba.
# Conda hands pip no hashes and resolves dependencies: `./replidg` and the containers do it better.
# The last line: mmdetection declares imaug and never imports it; 0.4.3 wants an old numpy.
#     conda env create -f envs/environment.yaml
name: replidg
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - pip
  - git
  - pip:
{pins}
      - "imaug!=0.4.3"
"""


def read_pins(lock):
    """Return (name, version, marker or None) of every entry of a lock file."""
    matches = (PIN.match(line) for line in Path(lock).read_text().splitlines())
    return [(m["name"], m["version"], m["marker"]) for m in matches if m]


def format_yaml(pins):
    """Return the text of environment.yaml for a list of pins."""
    lines = []
    for name, version, marker in pins:
        requirement = f"{name}=={version}" + (f" ; {marker}" if marker else "")
        lines.append(f'      - "{requirement}"')
    return YAML.format(pins="\n".join(lines))


def drop_entries(text, names):
    """Return a lock's text without the entries of `names` (and their hashes and comments)."""
    kept, skipping = [], False
    for line in text.splitlines(keepends=True):
        if line[:1] not in (" ", "#", "\n"):
            match = PIN.match(line.rstrip("\n"))
            skipping = bool(match) and match["name"] in names
        if not skipping:
            kept.append(line)
    return "".join(kept)


def compile_lock(uv, source, target, *extra):
    """Run uv on one requirements file and put our own header on top (uv's names machine paths)."""
    command = [uv, "pip", "compile", "--universal", "--generate-hashes", "--no-header"]
    command += ["--python-version", PYTHON, "--overrides", "overrides.txt", "--quiet"]
    command += ["--output-file", target, *extra, source]
    subprocess.run(command, cwd=ENVS, check=True)
    path = ENVS / target
    path.write_text(
        HEADER.format(source=f"envs/{source}", target=f"envs/{target}") + path.read_text()
    )


def main(argv=None):
    """Remake requirements.lock, requirements-test.lock and environment.yaml."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take newer versions")
    parser.add_argument("--yaml-only", action="store_true", help="only derive environment.yaml")
    args = parser.parse_args(argv)
    if not args.yaml_only:
        uv = os.environ.get("UV", "uv")
        upgrade = ["--upgrade"] if args.upgrade else []
        compile_lock(uv, "requirements.in", "requirements.lock", *upgrade)
        # The constraint keeps shared packages at the main lock's version; they are dropped after.
        constraint = ["-c", "requirements.lock"]
        compile_lock(uv, "requirements-test.in", "requirements-test.lock", *constraint, *upgrade)
        test_lock = ENVS / "requirements-test.lock"
        # What the main lock has for some systems only may be needed on all of them here.
        pins = read_pins(ENVS / "requirements.lock")
        shared = {name for name, _, marker in pins if marker is None}
        test_lock.write_text(drop_entries(test_lock.read_text(), shared))
    pins = read_pins(ENVS / "requirements.lock")
    (ENVS / "environment.yaml").write_text(format_yaml(pins))
    print(f"{len(pins)} pins", file=sys.stderr)


if __name__ == "__main__":
    main()
