"""What goes wrong when files are fetched."""

from __future__ import annotations

import errno

#: Disk or quota is full: no other source helps.
FULL = {errno.ENOSPC, errno.EDQUOT}


class FetchError(ValueError):
    """A file cannot be had, is not what it should be, or cannot be unpacked.

    The message names data set, file, source and remedy.
    """


class SourceFailed(Exception):
    """One source cannot give the file; the next one may. The message is the reason alone."""


class Damaged(Exception):
    """An archive's bytes are not what its format wants; the message says where."""
