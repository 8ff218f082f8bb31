"""Logging for scripts: everything a job says ends in the rule's log file."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from types import TracebackType


def _for_console(record: logging.LogRecord) -> bool:
    """Keep the console for warnings and progress; on a terminal a bar shows the progress."""
    if record.name == "replidg.progress":
        return not sys.stderr.isatty()
    return record.levelno >= logging.WARNING and record.name != "root"


def setup(path: str | Path) -> None:
    """Send log records and an uncaught exception's traceback to `path`, warnings to stderr too.

    Args:
        path: the rule's log file; its folder is made if it is missing.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    console = logging.StreamHandler(sys.stderr)
    console.addFilter(_for_console)
    logging.basicConfig(
        level=os.environ.get("REPLIDG_LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=[logging.FileHandler(path, mode="a"), console],
        force=True,
    )
    logging.captureWarnings(True)

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None):
        logging.getLogger("replidg").error("%s", error, exc_info=(kind, error, trace))

    sys.excepthook = report
