"""What a run cost, in what its configuration differs from the default, and all else about it."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from replidg.config import ConfigError, load
from replidg.files import whole_file
from replidg.reporting.provenance import (
    NO_GPU,
    config_yaml,
    dataset_facts,
    git_state,
    hardware,
    model_facts,
    package_versions,
    stage_times,
    without_secrets,
)

_UNSET = "(not set)"


class Change(NamedTuple):
    """One key whose value differs: where it is, the default and this run's value, in words."""

    key: str
    default: str
    here: str


def costs(
    stages: Iterable[Mapping[str, Any]], gpus: Mapping[str, int], gpu_found: bool
) -> dict[str, Any]:
    """Sum what Snakemake measured of each job.

    Args:
        stages: `replidg.reporting.provenance.stage_times`.
        gpus: how many GPUs a job of each rule asks for, by folder of its benchmark files.
        gpu_found: whether the machine has a GPU.

    Returns:
        `cpu_hours` (None where no file says), `job_hours`, `gpu_hours`: the time of the jobs that
        ask for a GPU times how many, None where there was none to use. It counts the whole time of
        a job, loading included. `energy` is in words, since nothing measures it.
    """
    stages = list(stages)
    cpu = [stage["cpu_seconds"] for stage in stages if stage["cpu_seconds"] is not None]
    asked = sum(gpus.get(stage["rule"], 0) * (stage["seconds"] or 0.0) for stage in stages) / 3600
    return {
        "cpu_hours": sum(cpu) / 3600 if cpu else None,
        "job_hours": sum(stage["seconds"] or 0.0 for stage in stages) / 3600,
        "gpu_hours": asked if gpu_found else None,
        "gpu_jobs_hours": asked,
        "energy": "unknown: nothing measured it",
    }


def default_config(root: Path) -> tuple[dict[str, Any] | None, str]:
    """Return the configuration that is shipped, with defaults filled in, and where it is from.

    That of the commit, so that an edited `config.yaml` shows up as a difference; without git, the
    file of the checkout.

    Args:
        root: of the checkout.
    """
    text, source = _committed(root), "config.yaml as committed"
    if text is None:
        source = "config.yaml of the checkout"
        try:
            text = (root / "config.yaml").read_text(encoding="utf-8")
        except OSError:
            return None, "the default configuration was not found"
    try:
        return load(yaml.safe_load(text)).model_dump(mode="json"), source
    except (yaml.YAMLError, ConfigError):
        return None, f"{source} does not fit this version"


def _committed(root: Path) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "show", "HEAD:./config.yaml"],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout


def config_difference(default: Mapping[str, Any], here: Mapping[str, Any]) -> list[Change]:
    """Return the keys that differ, in the order of this run's configuration; no credentials.

    A table that only one side has is one change and not one a key.

    Args:
        default: with defaults filled in.
        here: likewise.
    """
    return list(_differences(without_secrets(default), without_secrets(here), ""))


def _differences(default: Any, here: Any, place: str) -> Iterator[Change]:
    if isinstance(default, Mapping) and isinstance(here, Mapping):
        for key in [*here, *(key for key in default if key not in here)]:
            inner = f"{place}.{key}" if place else str(key)
            yield from _differences(default.get(key, _UNSET), here.get(key, _UNSET), inner)
    elif default != here:
        yield Change(place, _words(default), _words(here))


def _words(value: Any) -> str:
    """Return a value as YAML on one line."""
    if value is _UNSET:
        return _UNSET
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True)
    return " ".join(text.removesuffix("\n...\n").split())


def write_record(path: str | Path, provenance: Mapping[str, Any]) -> None:
    """Write what `collect` returned as JSON, for programs, under a temporary name first."""
    changes = provenance.get("changes")
    plain = {
        **provenance, "changes": None if changes is None else [c._asdict() for c in changes],
    }  # fmt: skip
    with whole_file(path) as unfinished:
        text = json.dumps(plain, indent=1, ensure_ascii=False, default=str)
        unfinished.write_text(text + "\n", encoding="utf-8")


def rerun_command(target: str, configfiles: Iterable[str] = ()) -> str:
    """Return the command that makes one target with the same configuration files.

    Args:
        target: name of an artefact, paper or stage.
        configfiles: overlays as they were given.
    """
    files = [shlex.quote(str(path)) for path in configfiles]
    return " ".join(["./replidg", target, *(["--configfile", *files] if files else [])])


def collect(
    root: Path,
    config: Mapping[str, Any],
    benchmarks: Path,
    verified: Iterable[Path] = (),
    models: Iterable[Path] = (),
    gpus: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Return everything the report says about where its numbers come from.

    Args:
        root: A folder of the checkout.
        config: The config of the run.
        benchmarks: Folder of Snakemake's benchmark files.
        verified: `.verified.json` files of the data sets.
        models: `zero_shot.json` files of the models.
        gpus: how many GPUs a job of each rule asks for, by folder of its benchmark files.
    """
    machine, stages = hardware(), stage_times(benchmarks)
    default, source = default_config(root)
    return {
        "git": git_state(root),
        "config": config_yaml(config),
        "changes": None if default is None else config_difference(default, config),
        "default": source,
        "versions": package_versions(),
        "hardware": machine,
        "stages": stages,
        "costs": costs(stages, gpus or {}, gpu_found=machine["GPU"] != NO_GPU),
        "datasets": dataset_facts(verified),
        "models": model_facts(models),
    }
