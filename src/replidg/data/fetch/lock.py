"""The record of what was downloaded: hashes that the registry does not know.

Read without a lock, because the file is replaced in one step; written under one, because several
jobs record at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import yaml
from filelock import FileLock, Timeout
from pydantic import Field, NonNegativeInt, ValidationError

from replidg.data.fetch.errors import FetchError
from replidg.files import whole_file
from replidg.typed import Strict

logger = logging.getLogger(__name__)
WAIT_S = 60.0
HEADER = """\
# Written by the workflow; commit it. What the registry does not say about the data sets' files:
#   files    sha256, bytes and source of each download whose hash its owner does not publish,
#            recorded the first time; every later download must have the same bytes.
#   samples  sha256 of some images of a folder of yours (data_root), recorded the first time,
#            so that a change of the folder between two runs is seen.
# Where a change was meant, delete the lines concerned; they are recorded anew.
"""
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Recorded(Strict):
    """What was downloaded once."""

    sha256: Hash
    size: NonNegativeInt
    source: str


class _Section(Strict):
    files: dict[str, Recorded] = Field(default={})
    samples: dict[str, Hash] = Field(default={})


class Lock:
    """`config/data.lock.yaml`: data set -> `files` (name -> record) and `samples` (path -> sha256).

    Args:
        path: the YAML file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def expected(self, dataset: str, file: str) -> Recorded | None:
        """Return what was recorded for a file of a data set, or None.

        Raises:
            FetchError: the lock file is damaged.
        """
        return self._section(dataset).files.get(file)

    def expected_samples(self, dataset: str) -> dict[str, str]:
        """Return relative path -> sha256 as recorded for a user's folder; empty if nothing is.

        Raises:
            FetchError: the lock file is damaged.
        """
        return dict(self._section(dataset).samples)

    def record(self, dataset: str, file: str, sha256: str, size: int, source: str) -> None:
        """Record a file's bytes; what is recorded already stays.

        Raises:
            FetchError: other bytes are recorded, or the lock file is damaged or cannot be written.
        """
        new = Recorded(sha256=sha256, size=size, source=source)

        def change(section: _Section) -> _Section:
            old = section.files.get(file)
            if old is not None and old.sha256 != sha256:
                raise FetchError(
                    f"{dataset}: {file} from {source} has sha256 {sha256}, but {self.path} has "
                    f"{old.sha256} (from {old.source}); if the new one is meant, delete "
                    f"{dataset} / files / {file} there"
                )
            return section.model_copy(update={"files": {file: new, **section.files}})

        self._change(dataset, change)

    def record_samples(self, dataset: str, samples: Mapping[str, str]) -> None:
        """Record relative path -> sha256 of images of a user's folder, beside those recorded.

        Raises:
            FetchError: a path is recorded with another hash, or as for `record`.
        """

        def change(section: _Section) -> _Section:
            both = samples.keys() & section.samples.keys()
            changed = sorted(path for path in both if samples[path] != section.samples[path])
            if changed:
                raise FetchError(
                    f"{dataset}: {len(changed)} of your images are not those of the first run, "
                    f"e.g. {changed[0]}; restore them, or delete {dataset} / samples in {self.path}"
                )
            return _Section(files=section.files, samples={**section.samples, **samples})

        self._change(dataset, change)

    def _section(self, dataset: str) -> _Section:
        return self._read().get(dataset, _Section())

    def _read(self) -> dict[str, _Section]:
        try:
            content = yaml.safe_load(self.path.read_text(encoding="utf-8"))
            if content is None:
                content = {}
            if not isinstance(content, dict):
                raise ValueError("it is not a mapping of data sets")
            return {str(key): _Section.model_validate(value) for key, value in content.items()}
        except FileNotFoundError:
            return {}
        except (yaml.YAMLError, UnicodeDecodeError, ValidationError, ValueError) as error:
            raise FetchError(
                f"{self.path} is damaged; restore it from git, or mend it by hand (deleting it "
                f"gives up the recorded hashes): {error}"
            ) from None

    def _change(self, dataset: str, change: Callable[[_Section], _Section]) -> None:
        guard = self.path.with_name(f".{self.path.name}.lock")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(guard, timeout=WAIT_S):
                # Read again: another job may have recorded something since.
                content = self._read()
                old = content.get(dataset, _Section())
                content[dataset] = change(old)
                if content[dataset] != old:
                    self._write(content)
        except Timeout:
            raise FetchError(
                f"{self.path}: another process has held {guard} for {WAIT_S:.0f} s; if none "
                "runs, delete that file"
            ) from None
        except OSError as error:
            raise FetchError(
                f"{self.path} cannot be written: {error}; the record of {dataset} is needed to "
                "check later downloads"
            ) from error

    def _write(self, content: Mapping[str, _Section]) -> None:
        plain = {key: section.model_dump(exclude_defaults=True) for key, section in content.items()}
        text = yaml.safe_dump(plain, sort_keys=True, allow_unicode=True, width=1000)
        with whole_file(self.path) as temporary:
            temporary.write_text(HEADER + text, encoding="utf-8")
        logger.info("recorded in %s", self.path)
