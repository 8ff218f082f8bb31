"""Stand-ins: miniatures of the data sets, in their official layouts.

Real in a stand-in: every picture (photographs and drawings that ship with the package), the class
that its folder or metadata says (FMoW's fixed category names apart; `fmow.CATEGORIES` says which
class plays which), folder names, patterns of file names, formats, and metadata files with the
official columns. The domain shifts are real too: other styles of drawing, other ways of taking the
picture (`looks`), other shares of styles over time.

Not real: the data set. A stand-in holds none of its images, has other classes and far fewer
pictures; coordinates, dates, addresses and probabilities in file names are made up. Numbers
measured on it say nothing about the original, only that everything between works.

`write` is all that others need. The same page gives the same bytes. `.standin.csv` beside the set
says which picture each file was made of, with its licence.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from replidg.data.standins.pictures import StandinError

if TYPE_CHECKING:
    from replidg.data.registry import Entry

__all__ = ["WRITERS", "StandinError", "write"]

# Kind -> module and function; imported when asked for, since most callers need one.
WRITERS = {
    "camera_traps": "camera_traps:write_camera_traps",
    "domain_folders": "folders:write_domain_folders",
    "fmow": "fmow:write_fmow",
    "iwildcam": "iwildcam:write_iwildcam",
    "objectnet": "objectnet:write_objectnet",
    "pictures": "folders:write_pictures",
    "scenes": "scenes:write_scenes",
    "synsets": "synsets:write_synsets",
    "web_lists": "web_lists:write_web_lists",
}


def write(entry: Entry, folder: Path) -> None:
    """Write the stand-in of a data set below `folder`.

    Args:
        entry: the data set's page; `standin` says which writer, classes and options.
        folder: made if it is missing; should be empty.

    Raises:
        StandinError: the page's standin block is wrong; the message names page and key.
    """
    if entry.standin.writer not in WRITERS:
        raise StandinError(
            f"{entry.name}.yaml: standin.writer: no writer {entry.standin.writer!r}; "
            f"there are {', '.join(WRITERS)}"
        )
    module, function = WRITERS[entry.standin.writer].split(":")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        getattr(importlib.import_module(f"{__name__}.{module}"), function)(entry, folder)
    except ValidationError as error:
        raise StandinError(f"{entry.name}.yaml: standin.options: {error}") from None
