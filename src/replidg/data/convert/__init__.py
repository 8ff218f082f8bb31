"""Conversions: from a data set's official layout to the tree that its reader reads.

The source is never changed. Images become relative links to it; label maps are written new.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from replidg.data.convert import (
    camera_traps,
    duplicates_removed,
    flatten,
    numeric_folders,
    objectnet,
    train_ids,
    validation_labels,
)
from replidg.data.convert.tree import ConversionError, forget_ways, link
from replidg.data.registry.schema import Entry
from replidg.typed import Strict

__all__ = ["KINDS", "ConversionError", "convert", "link", "options_of"]
logger = logging.getLogger(__name__)


class Kind(NamedTuple):
    """A kind of conversion: the table of its options, and the function that does it."""

    options: type[Strict]
    run: Callable[[Entry, Any, Path, Path, list[str] | None], dict[str, Any]]


KINDS = {
    "camera_traps": Kind(camera_traps.Options, camera_traps.run),
    "duplicates_removed": Kind(duplicates_removed.Options, duplicates_removed.run),
    "train_ids": Kind(train_ids.Options, train_ids.run),
    "flatten": Kind(flatten.Options, flatten.run),
    "numeric_folders": Kind(numeric_folders.Options, numeric_folders.run),
    "objectnet": Kind(objectnet.Options, objectnet.run),
    "validation_labels": Kind(validation_labels.Options, validation_labels.run),
}


def options_of(entry: Entry) -> Strict:
    """Return the options of an entry's conversion, checked.

    Raises:
        ConversionError: the entry has no conversion, or its options are wrong.
    """
    if entry.conversion is None:
        raise ConversionError(f"{entry.name} needs no conversion: its reader reads it as it is")
    try:
        return KINDS[entry.conversion.kind].options.model_validate(entry.conversion.options)
    except ValidationError as error:
        raise ConversionError(f"{entry.name}.yaml, conversion.options: {error}") from None


def convert(entry: Entry, source: Path, out: Path, classes: list[str] | None) -> dict[str, Any]:
    """Make the tree that the entry's reader reads.

    Args:
        entry: page of the data set.
        source: the data set in its official layout; nothing in it is changed.
        out: an existing, empty folder. It may be renamed afterwards, at the same depth.
        classes: class folder names in label order, or None where the files decide.

    Returns:
        Facts about the result, for the log and `.verified.json`: what was kept, and what was
        dropped for which reason.

    Raises:
        ConversionError: the options are wrong, or the source is incomplete or broken.
    """
    options = options_of(entry)
    if not out.is_dir() or any(out.iterdir()):
        raise ConversionError(f"{out} must be an empty folder")
    forget_ways()
    kind = entry.conversion.kind
    logger.info("%s: converting %s to %s (%s)", entry.name, source, out, kind)
    facts = {"kind": kind, **KINDS[kind].run(entry, options, Path(source), out, classes)}
    logger.info("%s: %s", entry.name, facts)
    return facts
