"""Downloads: sources in order, hashes, the lock file, room on the disk, safe extraction."""

from __future__ import annotations

from replidg.data.fetch.archive import extract
from replidg.data.fetch.disk import bytes_needed, require_space
from replidg.data.fetch.download import fetch
from replidg.data.fetch.errors import FetchError
from replidg.data.fetch.lock import Lock
from replidg.data.fetch.want import Patience

__all__ = ["FetchError", "Lock", "Patience", "bytes_needed", "extract", "fetch", "require_space"]
