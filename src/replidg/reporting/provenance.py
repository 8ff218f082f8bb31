"""What made these results: code, settings, packages, machine, time, data and models.

A source that is missing (no git, no GPU, no benchmark file) is an answer rather than an error.
"""

from __future__ import annotations

import csv
import json
import math
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

#: Distributions whose versions matter to the numbers.
PACKAGES: tuple[str, ...] = (
    "snakemake",
    "torch",
    "torchvision",
    "open_clip_torch",
    "timm",
    "wilds",
    "onedl-mmengine",
    "onedl-mmcv",
    "onedl-mmsegmentation",
    "onedl-mmdetection",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "pyarrow",
    "safetensors",
    "matplotlib",
    "pillow",
)

REMOVED = "(removed)"
NO_GPU = "none found"

_SECRET_WORD = re.compile(
    "token|password|passwd|passphrase|pwd|secrets?|credentials?|apikey|auth|authorization|bearer"
    "|cookies?"
)
_SECRET_PAIRS = re.compile(r"(?:api|access|private|secret|signing|ssh)_?keys?(?:_|$)")
_SECRET_VALUE = re.compile(
    r"\b(?:hf|ghp|gho|ghs|glpat|github_pat|sk|xox[abp])[_-][A-Za-z0-9_-]{16,}"
    r"|\bAKIA[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_URL_KEY = re.compile(r"(?i)(?<=[?&])[a-z_-]*(?:token|key|secret|signature|password)=[^&#\s]+")


def git_state(root: Path) -> dict[str, Any]:
    """Return the commit that is checked out, and whether files differ from it.

    Args:
        root: A folder of the checkout.

    Returns:
        `commit` and `short` (None without one), `dirty`, and `note` for the page.
    """
    none = {"commit": None, "short": None, "dirty": False}
    if shutil.which("git") is None or _git(root, "rev-parse", "--git-dir") is None:
        return {**none, "note": "not a git checkout"}
    commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return {**none, "note": "a git checkout without a commit"}
    dirty = bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
    note = f"{commit[:10]}, with changes that are not committed" if dirty else commit[:10]
    return {"commit": commit, "short": commit[:10], "dirty": dirty, "note": note}


def _git(root: Path, *arguments: str) -> str | None:
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    return _output(["git", "-C", str(root), *arguments], environment)


def _output(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str | None:
    """Return what a command prints, or None if it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, env=environment, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()


def is_secret_key(key: str, value: Any = None) -> bool:
    """Tell whether a config key sounds like a credential.

    Words count, not letters: `hub_token` and `apiKey` do, `tokenizer` and `max_tokens: 77` do not.
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
    words = re.sub(r"[^a-z0-9]+", "_", words).strip("_")
    if _SECRET_PAIRS.search(words):
        return True
    if "tokens" in words.split("_") and not isinstance(value, int | float):
        return True
    return any(_SECRET_WORD.fullmatch(word) for word in words.split("_"))


def without_secrets(value: Any) -> Any:
    """Return a copy of a config without credentials, and with the home folder as `~`."""
    if isinstance(value, Mapping):
        return {
            str(key): without_secrets(item)
            for key, item in value.items()
            if not is_secret_key(str(key), item)
        }
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [without_secrets(item) for item in items]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _clean_text(str(value))


def _clean_text(text: str) -> str:
    for pattern, instead in ((_SECRET_VALUE, REMOVED), (_URL_LOGIN, ""), (_URL_KEY, REMOVED)):
        text = pattern.sub(instead, text)
    home = os.path.expanduser("~").rstrip("/")
    return re.sub(re.escape(home) + r"(?=/|$)", "~", text) if home else text


def config_yaml(config: Mapping[str, Any]) -> str:
    """Return the config as YAML without credentials, in its own order."""
    clean = without_secrets(config)
    return yaml.safe_dump(clean, sort_keys=False, allow_unicode=True, width=88) if clean else ""


def package_versions(names: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the installed version of each distribution, without importing any."""
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def hardware() -> dict[str, str]:
    """Return processor, cores, memory, GPUs, operating system and Python, in words."""
    import psutil

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "Processor": _processor(),
        "Cores": f"{usable} usable of {os.cpu_count()}",
        "Memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "GPU": _gpus(),
        "System": _system(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def _system() -> str:
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        name = None
    kernel = f"{platform.system()} {platform.release()} {platform.machine()}"
    return f"{name} ({kernel})" if name else kernel


def _gpus() -> str:
    query = "--query-gpu=name,memory.total,driver_version"
    if shutil.which("nvidia-smi") is None:
        return NO_GPU
    text = _output(["nvidia-smi", query, "--format=csv,noheader"])
    if not text:
        return "nvidia-smi is there but gave no answer"
    return "; ".join(line.strip() for line in text.splitlines())


def stage_times(folder: Path) -> list[dict[str, Any]]:
    """Sum Snakemake's benchmark files per rule.

    Args:
        folder: Holds `<rule>/<anything>.tsv`.

    Returns:
        One dict a rule (`rule`, `jobs`, `seconds`, `cpu_seconds`, `max_memory_mb`), the longest
        first. A field that no file of the rule fills is None.
    """
    rules: dict[str, list[dict[str, str]]] = {}
    for path in sorted(Path(folder).glob("**/*.tsv")):
        rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
        try:
            with path.open(encoding="utf-8", newline="") as lines:
                rules.setdefault(rule, []).extend(csv.DictReader(lines, delimiter="\t"))
        except (OSError, UnicodeDecodeError, csv.Error):
            continue
    stages = [_stage(rule, rows) for rule, rows in rules.items() if rows]
    return sorted(stages, key=lambda stage: (-(stage["seconds"] or 0.0), stage["rule"]))


def _stage(rule: str, rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    seconds, cpu, memory = (
        [number for row in rows if (number := _number(row.get(column))) is not None]
        for column in ("s", "cpu_time", "max_rss")
    )
    return {
        "rule": rule,
        "jobs": len(rows),
        "seconds": math.fsum(seconds) if seconds else None,
        "cpu_seconds": math.fsum(cpu) if cpu else None,
        "max_memory_mb": max(memory, default=None),
    }


def _number(text: Any) -> float | None:
    """Return a number, or None for `-`, `NA` and other marks of a missing one."""
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def dataset_facts(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Return what the check of each data set recorded, from its `.verified.json`."""
    facts = []
    for path in map(Path, paths):
        found = _read_json(path)
        record = without_secrets(found) if isinstance(found, dict) else {"note": "unreadable"}
        facts.append({"dataset": path.parent.name, **record})
    return sorted(facts, key=lambda fact: str(fact["dataset"]))


def model_facts(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Return the zero-shot accuracies of each model.

    Args:
        paths: `<model>/<dataset>/zero_shot.json` or `<model>/zero_shot.json` files, each a dict
            with `dataset` and `rows`, or a list of such dicts.
    """
    facts = []
    for path in map(Path, paths):
        found = _read_json(path)
        for record in found if isinstance(found, list) else [found]:
            if isinstance(record, dict):
                rows = [row for row in record.get("rows", []) if isinstance(row, dict)]
                own = path.parent.name == record.get("dataset")
                model = path.parent.parent.name if own else path.parent.name
                facts.append({"model": model, **record, "rows": rows})
    return sorted(facts, key=lambda fact: (str(fact["model"]), str(fact.get("dataset", ""))))
