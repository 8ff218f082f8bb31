"""Hints for names that are nearly right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint with the nearest valid name, or all of them when none is near.

    Letters count the same in either case.
    """
    known = sorted(known)
    folded = {candidate.casefold(): candidate for candidate in known}
    match = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    if match:
        return f"did you mean {folded[match[0]]!r}?"
    return f"known: {', '.join(known) or 'none'}"
