"""The data registry: one page a data set, `<name>.yaml`, typed and validated.

Needs neither torch nor Snakemake: the configuration is checked against it before any job starts.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml
from pydantic import ValidationError

from replidg.data.registry.schema import Entry

__all__ = ["Entry", "RegistryError", "load", "names"]


class RegistryError(ValueError):
    """A page of the registry is missing or wrong; the message names it."""


@cache
def names() -> tuple[str, ...]:
    """Return the keys of all data sets, sorted without regard to case."""
    pages = resources.files(__name__).iterdir()
    found = (page.name.removesuffix(".yaml") for page in pages if page.name.endswith(".yaml"))
    return tuple(sorted(found, key=str.lower))


@cache
def load(name: str) -> Entry:
    """Return a data set's page.

    Raises:
        RegistryError: there is no such page, or it breaks the schema.
    """
    if name not in names():
        raise RegistryError(f"no data set {name!r}; there are {', '.join(names())}")
    page = resources.files(__name__) / f"{name}.yaml"
    try:
        return Entry.model_validate({"name": name, **yaml.safe_load(page.read_text())})
    except ValidationError as error:
        raise RegistryError(f"{page.name}: {error}") from None
