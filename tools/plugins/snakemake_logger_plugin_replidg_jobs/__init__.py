"""Snakemake's logger plugin `replidg-jobs`: writes every job of a dry run as a line of JSON.

`./replidg budget` starts a dry run with it (`replidg.budget.plan`). It uses the public interface of
logger plugins, so the plan costs what the dry run does. The package imports no Snakemake; that is
why this file lies here.
"""

import json
from dataclasses import dataclass, field
from logging import LogRecord
from pathlib import Path
from typing import Any, Optional

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Options of the plugin."""

    file: Optional[Path] = field(  # noqa: UP045  (the registry reads no other form)
        default=None, metadata={"help": "where the jobs are written to"}
    )


class LogHandler(LogHandlerBase):
    """Writes `JOB_INFO` events; all else goes to the console as without the plugin."""

    def __post_init__(self) -> None:
        """Open the file.

        Raises:
            ValueError: no file is named.
        """
        if self.settings is None or self.settings.file is None:
            raise ValueError("replidg-jobs: name the file with --logger-replidg-jobs-file")
        self.stream = open(self.settings.file, "w")  # noqa: SIM115  (closed by `close`)

    def emit(self, record: LogRecord) -> None:
        """Write a job; other events are passed over."""
        if getattr(record, "event", None) == LogEvent.JOB_INFO:
            self.stream.write(json.dumps(described(record.__dict__)) + "\n")

    def close(self) -> None:
        """Write what is left."""
        self.stream.close()
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """It leaves the console to Snakemake."""
        return False

    @property
    def writes_to_file(self) -> bool:
        """It writes no log that Snakemake would show."""
        return False

    @property
    def has_filter(self) -> bool:
        """It sees every event."""
        return True

    @property
    def has_formatter(self) -> bool:
        """It formats by itself."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """Files tell the dependencies."""
        return False


def described(event: dict[str, Any]) -> dict[str, Any]:
    """Return what the budget reads of a job's event."""
    resources = event["resources"]
    asked = dict(resources.items()) if hasattr(resources, "items") else dict(resources)
    kept = ("gpu", "nodes", "mem_mb", "runtime")
    return {
        "rule": event["rule_name"],
        "benchmark": event["benchmark"],
        "wildcards": dict(event["wildcards"] or {}),
        "input": [str(path) for path in event["input"] or []],
        "output": [str(path) for path in event["output"] or []],
        "threads": event["threads"],
        "resources": {key: asked[key] for key in kept if isinstance(asked.get(key), int)},
    }
