"""Read `<domain>/<class>/<image>`, with the class ids of the open-set benchmark HDG.

`labels/hdg_classes.csv` holds that benchmark's classes (arXiv 2404.09011) as the class lists in the
authors' repository znchen666/HDG number them (facts only): OfficeHome's are not in alphabetical
order, and the last ones of each data set are the unknown classes of the target domain.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

import pandas as pd

from replidg.config.names import nearest
from replidg.data import image_folder
from replidg.data.embedded_pictures import PROVENANCE
from replidg.data.errors import DatasetError
from replidg.data.readers.source import Source

#: Data sets of the benchmark -> whose class ids they have.
HDG = {
    "PACS": "PACS",
    "office_home": "office_home",
    "domain_net": "domain_net",
    "domain_net_cleaned": "domain_net",
}


def frames(source: Source) -> Iterator[pd.DataFrame]:
    """Yield one frame; `hdg_label` and `hdg_role` for the data sets of that benchmark.

    Raises:
        DatasetError: a domain or class folder is missing, or there is one too many.
    """
    if source.classes is not None:
        _check_classes(source, source.classes)
    index = image_folder.scan(source.folder, source.domains, source.classes)
    if source.standin and "object_share" not in index:
        index = _with_sizes(index, source)
    yield _with_hdg(index, source) if source.entry.name in HDG else index


def names(source: Source) -> list[str]:
    """Return the class folders in label order."""
    if source.classes is not None:
        return source.classes
    return image_folder.class_names(source.folder, source.domains)


def _check_classes(source: Source, classes: list[str]) -> None:
    """Compare the class folders of all domains, also of those not read, with the known ones."""
    known, seen = set(classes), set()
    for domain in source.entry.domains:
        place = source.folder / domain
        found = image_folder.subfolders(place) if place.is_dir() else []
        for name in found:
            if name not in known:
                raise DatasetError(
                    f"{place / name} is no class of {source.entry.title}; {nearest(name, known)} "
                    "Rename the folder, or remove it if it belongs to something else"
                )
        seen.update(found)
    missing = [name for name in classes if name not in seen]
    if missing:
        raise DatasetError(
            f"{source.folder}: no domain has a folder for {len(missing)} of {len(classes)} classes "
            f"of {source.entry.title}, e.g. {missing[0]!r}; the copy is not complete, or unpacked "
            "only in part: restore it (an empty folder will do for a class without images)"
        )


def _with_sizes(index: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Add the size of each image's object, as the stand-in's writer knew it; NaN where unknown."""
    made = source.folder / PROVENANCE
    if not made.is_file():  # camera traps: the converted tree has only the images
        return index
    sizes = pd.read_csv(made).set_index("path")["object_share"]
    return index.assign(object_share=index["image_id"].map(sizes).astype("float64"))


def _with_hdg(index: pd.DataFrame, source: Source) -> pd.DataFrame:
    if source.standin and source.entry.standin.classes is not None:
        unknown = _unknown_standins(source)
        role = index["class_name"].map(lambda name: "unknown" if name in unknown else "known")
        return index.assign(hdg_label=index["label"], hdg_role=role.astype("str"))
    facts = hdg_classes(HDG[source.entry.name])
    label = index["class_name"].map(facts["hdg_label"]).fillna(-1).astype("int64")
    role = index["class_name"].map(facts["hdg_role"]).fillna("").astype("str")
    return index.assign(hdg_label=label, hdg_role=role)


def hdg_classes(dataset: str) -> pd.DataFrame:
    """Return the benchmark's classes of a data set: `hdg_label`, `hdg_role` by class folder."""
    table = pd.read_csv(str(resources.files("replidg.data") / "labels" / "hdg_classes.csv"))
    return table[table["dataset"] == dataset].set_index("class_name")


def _unknown_standins(source: Source) -> set[str]:
    """Return which classes of a stand-in play the benchmark's unknown ones."""
    page, standin = f"{source.entry.name}.yaml", source.entry.standin
    if "unknown_classes" not in standin.options:
        raise DatasetError(
            f"{page}: standin.options.unknown_classes must list the stand-in's classes that the "
            "open-set benchmark treats as unknown"
        )
    unknown = set(standin.options["unknown_classes"])
    for name in sorted(unknown - set(standin.classes or [])):
        hint = nearest(name, standin.classes or [])
        raise DatasetError(f"{page}: standin.options.unknown_classes: no class {name!r}; {hint}")
    return unknown
