"""What the headers of an HTTP answer say (RFC 9110)."""

from __future__ import annotations

import email.utils
import re
import time

import requests


def length(response: requests.Response) -> int | None:
    """Return the bytes that the body will have."""
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None


def range_total(response: requests.Response, offset: int) -> int | None:
    """Return the whole file's size if the piece starts at `offset`, else None."""
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", ""))
    return int(found[3]) if found and int(found[1]) == offset else None


def unsatisfied_total(response: requests.Response) -> int | None:
    """Return the whole file's size as an answer 416 says it."""
    found = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def validator(response: requests.Response) -> str | None:
    """Return what If-Range may hold: a strong ETag, else the date of the last change."""
    tag = response.headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")


def retry_after(response: requests.Response) -> float:
    """Return the seconds that the server wants us to wait; it may give a date instead."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return 0.0
