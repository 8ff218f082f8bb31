"""Read `<wnid>/<image>`: ImageNet, its test sets, and what is converted to its classes."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pandas as pd

from replidg.config.names import nearest
from replidg.data.errors import DatasetError
from replidg.data.image_folder import image_names, subfolders
from replidg.data.readers.source import Source, looked_up
from replidg.data.registry.schema import imagenet_synsets

ACCEPTED = "accepted.csv"
#: ObjectNet's images have a red border of this width, which must be cut off.
OBJECTNET_BORDER_PX = 2


def frames(source: Source) -> Iterator[pd.DataFrame]:
    """Yield one frame with `synset`, `accepted` and `border_px`.

    A set may hold some of the classes only (ImageNet-A and -R have 200): labels stay positions in
    the whole list.

    Raises:
        DatasetError: a folder is no class, or there is no image.
    """
    classes = _classes(source)
    readable = dict(zip(classes, _readable(classes), strict=True))
    labels = {wnid: label for label, wnid in enumerate(classes)}
    rows = [
        (image_id, str(source.folder / image_id), labels[wnid], readable[wnid], wnid)
        for wnid in _folders(source, labels)
        for image_id in _images(source, wnid)
    ]
    if not rows:
        raise DatasetError(f"{_root(source)}: no image in the folders <wnid> of this data set")
    index = pd.DataFrame(rows, columns=["image_id", "path", "label", "class_name", "synset"])
    index = index.sort_values("image_id", ignore_index=True)
    index.insert(4, "domain", source.entry.domains[0])
    index.insert(5, "split", source.entry.reader.split)
    index["accepted"] = _accepted(index, source.folder / ACCEPTED, labels)
    conversion = source.entry.conversion
    is_objectnet = conversion is not None and conversion.kind == "objectnet"
    index["border_px"] = OBJECTNET_BORDER_PX if is_objectnet else 0
    yield index


def _accepted(index: pd.DataFrame, path: Path, labels: dict[str, int]) -> pd.Series:
    """Return the labels that count as right, joined by ";": ObjectNet's classes cover several."""
    if not path.is_file():
        return index["label"].astype("str")
    synsets = looked_up(index["synset"], path, "wnid", "accepted")
    joined = {}
    for text in synsets.unique():
        unknown = [wnid for wnid in text.split(";") if wnid not in labels]
        if unknown:
            raise DatasetError(f"{path}: {unknown} are no classes of this data set")
        joined[text] = ";".join(str(labels[wnid]) for wnid in text.split(";"))
    return synsets.map(joined).astype("str")


def names(source: Source) -> list[str]:
    """Return the readable names of the synsets in label order; two may have the same one."""
    return _readable(_classes(source))


def _classes(source: Source) -> list[str]:
    if source.classes is None:
        raise DatasetError(
            f"{source.entry.name}.yaml: a set of synsets needs 'classes', in label order: a set "
            "with some of ImageNet's classes would get labels of its own"
        )
    return source.classes


def _root(source: Source) -> Path:
    return source.folder / source.entry.reader.root


def _folders(source: Source, labels: dict[str, int]) -> list[str]:
    root = _root(source)
    if not root.is_dir():
        raise DatasetError(f"{source.entry.name}: there is no folder {root}")
    found = subfolders(root)
    for name in found:
        if name not in labels:
            hint = nearest(name, labels) if len(labels) < 50 else "expected names like n01440764"
            raise DatasetError(
                f"{root / name} is no synset of {source.entry.title}; {hint}. Remove the folder, "
                "or, if all folders are named otherwise, this is not the layout of the registry"
            )
    return found


def _images(source: Source, wnid: str) -> list[str]:
    root = _root(source)
    prefix = (root / wnid).relative_to(source.folder).as_posix()
    return [f"{prefix}/{name}" for name in image_names(root / wnid)]


def _readable(wnids: list[str]) -> list[str]:
    official, others = _official_names(), _lemmas()
    unknown = [wnid for wnid in wnids if wnid not in official and wnid not in others]
    if unknown:
        raise DatasetError(f"no name is known for {unknown[:5]}; expected synset ids of WordNet")
    return [official.get(wnid) or others[wnid] for wnid in wnids]


@cache
def _official_names() -> dict[str, str]:
    """Return the 1,000 names that CLIP papers prompt with, as open_clip ships them, by wnid."""
    path = _inside("open_clip", "zero_shot_metadata.py")
    # Run alone: importing open_clip would import torch.
    spec = importlib.util.spec_from_file_location("open_clip_names", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(zip(imagenet_synsets(), module.IMAGENET_CLASSNAMES, strict=True))


@cache
def _lemmas() -> dict[str, str]:
    """Return the first lemma of each synset of ImageNet-21k, from timm's list."""
    lines = _inside("timm", "data/_info/imagenet_synset_to_lemma.txt").read_text().splitlines()
    pairs = (line.split("\t", 1) for line in lines if line)
    return {wnid: lemmas.split(",")[0].strip() for wnid, lemmas in pairs}


def _inside(package: str, path: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{package} is not installed; run ./replidg once")
    return Path(found.origin).parent / path
