"""`<domain>/<class>/<image>`: PACS, VLCS, OfficeHome, DomainNet, and the embedded pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt

from replidg.config.inputs import EmbeddedDataset
from replidg.data.embedded_pictures import write_tree
from replidg.data.standins.pictures import (
    Album,
    DrawingName,
    StandinError,
    choose,
    digest,
    draw,
    size_of,
    standin_classes,
)
from replidg.typed import Strict

if TYPE_CHECKING:
    from replidg.data.registry import Entry


class Duplicates(Strict):
    """Files that are there twice, and the list that names the second ones.

    Attributes:
        list: name of the list, one path a line.
        per_domain: how many there are in each domain.
    """

    list: str
    per_domain: PositiveInt


class Options(Strict):
    """Options of the writer `domain_folders`.

    Attributes:
        domains: official domain -> `<style>` or `<style>/<look>`.
        per_class: most images of a class in a domain.
        names: official domain -> template of a file's name with the fields `c` (number of the
            class, from 1), `n` (number in the class, from 1), `id` (a 16-digit number).
        unknown_classes: classes that open-set benchmarks keep out of training; for the reader.
        duplicates: for DomainNet, which has some.
        same_as: key of another set whose pictures these are too.
    """

    domains: dict[str, DrawingName] = Field(min_length=1)
    per_class: PositiveInt
    names: dict[str, str]
    unknown_classes: tuple[str, ...] = ()
    duplicates: Duplicates | None = None
    same_as: str | None = None


def write_domain_folders(entry: Entry, folder: Path) -> None:
    """Write a leave-one-domain-out set.

    Raises:
        StandinError: options and page disagree, or a style lacks a class.
    """
    options = Options.model_validate(entry.standin.options)
    classes = standin_classes(entry)
    for what, found, wanted in (
        ("options.domains", set(options.domains), set(entry.domains)),
        ("options.names", set(options.names), set(entry.domains)),
        ("options.unknown_classes", set(options.unknown_classes) | set(classes), set(classes)),
    ):
        if found != wanted:
            raise StandinError(f"{entry.name}.yaml: standin.{what}: {sorted(found ^ wanted)}")
    album = Album(folder)
    twice: list[str] = []
    for domain, drawing in options.domains.items():
        first: list[tuple[str, str, bytes]] = []
        for index, class_name in enumerate(classes, start=1):
            purpose = f"{options.same_as or entry.name}/{domain}"
            chosen = choose(drawing, class_name, options.per_class, purpose)
            for number, image_id in enumerate(chosen, start=1):
                name = _name(options.names[domain], index, number, f"{purpose}/{image_id}")
                path = f"{domain}/{class_name}/{name}"
                picture = draw(image_id, drawing.look, purpose)
                content = album.add(path, image_id, picture, size_of(image_id, drawing.look))
                if number == 1:
                    first.append((path, image_id, content))
        if options.duplicates is not None:
            twice += _copies(album, first[: options.duplicates.per_domain], options.names[domain])
    if options.duplicates is not None:
        album.put(options.duplicates.list, "".join(f"{path}\n" for path in sorted(twice)))
    album.close()


def _name(template: str, class_number: int, number: int, key: str) -> str:
    unique = int.from_bytes(digest(key)[:8], "big") % 10**16
    return template.format(c=class_number, n=number, id=f"{unique:016d}")


def _copies(album: Album, originals: list[tuple[str, str, bytes]], template: str) -> list[str]:
    """Write second files of the same bytes into the same class folders; returns their paths."""
    paths = []
    for path, image_id, content in originals:
        class_folder = Path(path).parent
        # Far above the highest number of a class, so that no name meets another.
        name = _name(template, 999, 999, f"copy of {path}")
        copy = (class_folder / name).as_posix()
        album.note(copy, image_id)
        album.put(copy, content)
        paths.append(copy)
    return paths


class NoOptions(Strict):
    """A writer that has nothing to choose."""


def write_pictures(entry: Entry, folder: Path) -> None:
    """Write all embedded pictures as `<domain>/<class>/<instance>.png` with their metadata."""
    NoOptions.model_validate(entry.standin.options)
    tree = list(entry.domains)
    write_tree(EmbeddedDataset(source="embedded", tree=tree, domains=tree), folder)
