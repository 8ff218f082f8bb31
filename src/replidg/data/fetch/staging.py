"""The folder that an archive is unpacked into before anybody sees it, and the rules for it.

One set of rules for all formats. tarfile's own filter="data" is not enough: Python 3.11.0 to
3.11.3 have none, later ones had holes through links (CVE-2025-4517 and its kin, mended in 3.11.13),
and zip and rar have links too. Here no link exists while files are written, so that nothing can be
written through one.
"""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import IO, Any

from replidg.data.fetch.errors import FetchError

logger = logging.getLogger(__name__)
CHUNK = 1 << 20
#: Images are compressed already; bombs have 1,000 and more. Small archives may have any ratio.
MAX_RATIO = 200
MAX_DEPTH = 100
RATIO_FROM = 64_000_000


class Staging:
    """Takes an archive's members, in any order, and holds them to the rules.

    Names are relative and stay inside; links point inside; there are no devices; owners, modes and
    times of the archive are ignored, so no setuid bits; of two members of one name the later wins,
    as in tar.

    Args:
        root: an empty folder.
        archive: for messages, and its size for the compression ratio.
        max_bytes: cap on the sum of the files' bytes.
        max_files: cap on the number of members, folders and links too.
    """

    def __init__(
        self, root: Path, archive: Path, max_bytes: int | None, max_files: int | None
    ) -> None:
        self.root, self.archive = root, archive
        self._max_bytes, self._max_files = max_bytes, max_files
        self._archive_bytes = archive.stat().st_size
        self.bytes = self._out = 0
        self._members = 0
        self._files: set[str] = set()
        self._folders: set[str] = {""}
        self._links: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._files) + len(self._links)

    def folder(self, name: str) -> None:
        """Take a folder.

        Raises:
            FetchError: as for all members, if it breaks a rule.
        """
        name = self._admit(name)
        if name in self._links:
            raise self.error(f"{name!r} is both a link and a folder")
        self._make(name)

    def file(self, name: str, content: IO[Any]) -> None:
        """Take a file's bytes."""
        path = self._free(name)
        with open(path, "xb") as file:
            while chunk := content.read(CHUNK):
                self.count(len(chunk))
                file.write(chunk)

    def hard_link(self, name: str, target: str) -> None:
        """Take another name, `name`, of the file `target` of this archive."""
        target = self._inside(target)
        if target not in self._files:
            raise self.error(f"{name!r} is a hard link to {target!r}, which is no file before it")
        if self._inside(name) == target:
            raise self.error(f"{name!r} is a hard link to itself")
        os.link(self.root / target, self._free(name))

    def link(self, name: str, target: str) -> None:
        """Take a symbolic link; it is made at the end."""
        if target.startswith("/") or not target or "\0" in target:
            raise self.error(f"the link {name!r} points outside, to {target!r}")
        name = self._admit(name)
        goal = os.path.normpath(os.path.join(os.path.dirname(name), target))
        if goal == ".." or goal.startswith("../"):
            raise self.error(f"the link {name!r} points outside, to {target!r}")
        if name in self._folders:
            raise self.error(f"{name!r} is both a link and a folder")
        self._remove(name)
        self._make(os.path.dirname(name))
        self._links[name] = target

    def finish(self) -> int:
        """Make the links and return the number of files, links included.

        Raises:
            FetchError: through other links, a link points outside.
        """
        for name, target in self._links.items():
            if name in self._folders or os.path.lexists(self.root / name):
                raise self.error(f"{name!r} is both a link and something else")
            os.symlink(target, self.root / name)
        real_root = os.path.realpath(self.root)
        for name, target in self._links.items():
            goal = os.path.realpath(self.root / name)
            if goal != real_root and not goal.startswith(real_root + os.sep):
                raise self.error(f"the link {name!r} points outside, to {target!r}")
            self._refuse_circle(name)
        return len(self)

    def _refuse_circle(self, name: str) -> None:
        """Refuse links that lead to themselves: readers of the folder would fall over them."""
        try:
            os.stat(self.root / name)
        except (FileNotFoundError, NotADirectoryError):
            return  # it leads nowhere, which hurts nobody
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise self.error(f"the links around {name!r} go in a circle") from None

    def count(self, count: int, padding: bool = False) -> None:
        """Count bytes that come out of the archive; padding belongs to no file.

        Raises:
            FetchError: there are more than the cap, or far more than the archive's size explains.
        """
        self.bytes += 0 if padding else count
        self._out += count
        if self._max_bytes is not None and self.bytes > self._max_bytes:
            raise self.error(f"it holds more than the {self._max_bytes:,} bytes that are allowed")
        if self._out > max(RATIO_FROM, MAX_RATIO * self._archive_bytes):
            raise self.error(f"it unpacks to more than {MAX_RATIO} times its size: a bomb")

    def error(self, reason: str) -> FetchError:
        """Return an error that names the archive and what to do."""
        return FetchError(
            f"{self.archive}: refused, because {reason}. Nothing was unpacked. Get it from its "
            "owner again; if it is really so, unpack it by hand and set data_root to the folder"
        )

    def _inside(self, name: str) -> str:
        """Return a member's name without "." parts, if it stays inside."""
        if name.startswith("/") or "\0" in name:
            raise self.error(f"{name!r} is an absolute name")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise self.error(f"{name!r} leads outside")
        if len(parts) > MAX_DEPTH:
            raise self.error(f"{name[:60]!r}… is nested deeper than {MAX_DEPTH} folders")
        return "/".join(parts)

    def _admit(self, name: str) -> str:
        self._members += 1
        if self._max_files is not None and self._members > self._max_files:
            raise self.error(f"it holds more than the {self._max_files:,} members that are allowed")
        return self._inside(name)

    def _free(self, name: str) -> Path:
        """Return where a file can be created; an earlier member of that name goes."""
        name = self._admit(name)
        if not name or name in self._folders:
            raise self.error(f"{name!r} is both a file and a folder")
        self._remove(name)
        self._make(os.path.dirname(name))
        self._files.add(name)
        return self.root / name

    def _remove(self, name: str) -> None:
        if name in self._files or name in self._links:
            logger.warning("%s: %s is there twice; the later one counts", self.archive.name, name)
        if name in self._files:
            # Unlinked, not overwritten: it may have other names.
            (self.root / name).unlink()
            self._files.discard(name)
        self._links.pop(name, None)

    def _make(self, name: str) -> None:
        if name in self._folders:
            return
        self._make(os.path.dirname(name))
        if name in self._files or name in self._links:
            raise self.error(f"{name!r} is both a folder and something else")
        (self.root / name).mkdir()
        self._folders.add(name)


def merge(source: Path, into: Path) -> None:
    """Move what is in one folder into another of the same disk, replacing files.

    Raises:
        FetchError: a folder is where a file belongs.
    """
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        target = into / entry.name
        if entry.is_dir(follow_symlinks=False) and target.is_dir() and not target.is_symlink():
            merge(Path(entry.path), target)
            continue
        if target.is_dir() and not target.is_symlink():
            raise FetchError(f"{target} is a folder, but a file of the archive belongs there")
        if target.is_symlink() or (target.exists() and entry.is_dir(follow_symlinks=False)):
            target.unlink()
        os.replace(entry.path, target)
