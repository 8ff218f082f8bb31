"""Read FMoW and iWildCam through the wilds package: its splits, labels and metadata."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from replidg.data.errors import DatasetError
from replidg.data.readers.source import Source

logger = logging.getLogger(__name__)

COLUMNS = ["image_id", "path", "label", "class_name", "domain", "split"]


def frames(source: Source) -> Iterator[pd.DataFrame]:
    """Yield one frame with all images of wilds' five splits.

    Rows that wilds puts into no split (FMoW: sequestered ones, and training images taken after the
    training years) are left out; nothing may be trained or tested on them.

    Raises:
        DatasetError: the wilds package cannot read the folder, or images are missing.
    """
    dataset = _open(source)
    describe = _fmow if source.entry.reader.dataset == "fmow" else _iwildcam
    index = describe(dataset)
    index["image_id"] = f"{Path(dataset.data_dir).name}/" + index["image_id"]
    index["label"] = dataset.y_array.numpy()
    index["class_name"] = index["label"].map(dict(enumerate(_class_names(dataset))))
    split_names = {number: name for name, number in dataset.split_dict.items()}
    index["split"] = pd.Series(dataset.split_array).map(split_names)
    unused = index["split"].isna()
    if unused.any():
        logger.info("%s: %d rows are in no split", source.entry.name, int(unused.sum()))
    index = index[~unused]
    if source.entry.reader.dataset == "fmow":
        index = _of_domains(index, source)
    index["path"] = [str(source.folder / image_id) for image_id in index["image_id"]]
    _check_images(index, source)
    extras = [name for name in index.columns if name not in COLUMNS]
    yield index[COLUMNS + extras].sort_values("image_id", ignore_index=True)


def names(source: Source) -> list[str]:
    """Return the classes: FMoW's categories, or the names in iWildCam's categories.csv."""
    return _class_names(_open(source))


def _open(source: Source) -> Any:
    from replidg.compat import prepare_wilds

    prepare_wilds()
    from wilds import get_dataset

    name = source.entry.reader.dataset
    try:
        return get_dataset(name, root_dir=str(source.folder), download=False)
    except FileNotFoundError as error:
        raise DatasetError(
            f"{source.folder}: the wilds package needs {name}_v<version>/ with its csv files and "
            f"RELEASE_v<version>.txt (an empty file of that name will do): {error}"
        ) from error
    except (AssertionError, KeyError, ValueError) as error:
        rule = (
            "; y, location_remapped and sequence_remapped must each be 0, 1, ... without a gap"
            if isinstance(error, AssertionError)
            else ""
        )
        raise DatasetError(
            f"{source.folder}: the wilds package cannot read the csv files of {name}: "
            f"{error!r}{rule}; restore them from the original archive"
        ) from error


def _fmow(dataset: Any) -> pd.DataFrame:
    """Describe FMoW; wilds itself refuses rows outside the years 2002 to 2017."""
    values = dict(zip(dataset.metadata_fields, dataset.metadata_array.numpy().T, strict=True))
    rows = dataset.metadata.iloc[dataset.full_idxs]
    # A country that the mapping lists without a region is in none, as one that it does not list.
    regions = [
        name if isinstance(name, str) else "Other" for name in dataset.metadata_map["region"]
    ]
    region = np.asarray(regions, dtype=object)[values["region"]]
    times = pd.to_datetime(rows["timestamp"].to_numpy(), format="ISO8601", utc=True)
    return pd.DataFrame(
        {
            "image_id": [f"images/rgb_img_{row}.png" for row in dataset.full_idxs],
            "domain": region,
            "region": region,
            "year": np.asarray(dataset.metadata_map["year"])[values["year"]],
            "timestamp": times.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "country": rows["country_code"].fillna("").to_numpy(),
        }
    )


def _iwildcam(dataset: Any) -> pd.DataFrame:
    """Describe iWildCam; the camera's clock has no time zone."""
    values = dict(zip(dataset.metadata_fields, dataset.metadata_array.numpy().T, strict=True))
    parts = ["year", "month", "day", "hour", "minute", "second"]
    times = pd.to_datetime(pd.DataFrame({part: values[part] for part in parts}))
    return pd.DataFrame(
        {
            "image_id": [f"train/{name}" for name in dataset._input_array],
            "domain": values["location"].astype(str),
            "location": values["location"],
            "sequence": values["sequence"],
            "timestamp": times.dt.strftime("%Y-%m-%dT%H:%M:%S"),
        }
    )


def _class_names(dataset: Any) -> list[str]:
    if dataset.dataset_name == "fmow":
        from wilds.datasets.fmow_dataset import categories

        return list(categories)
    path = Path(dataset.data_dir) / "categories.csv"
    if not path.is_file():
        raise DatasetError(f"{path} is missing: it names the classes of iWildCam")
    table = pd.read_csv(path, keep_default_na=False)
    if "name" not in table:
        raise DatasetError(f"{path} has no column 'name'; it has {list(table.columns)}")
    # The rows are in label order; where the labels are written beside them, those count.
    by_label = dict(zip(table.get("y", table.index), table["name"], strict=True))
    nameless = [label for label in range(dataset.n_classes) if label not in by_label]
    if nameless:
        raise DatasetError(f"{path} has no row for the labels {nameless[:10]} of metadata.csv")
    return [by_label[label] for label in range(dataset.n_classes)]


def _of_domains(index: pd.DataFrame, source: Source) -> pd.DataFrame:
    strange = sorted(set(index["domain"]) - set(source.entry.domains))
    if strange:
        raise DatasetError(
            f"{source.folder}: country_code_mapping.csv gives the regions {strange}, which "
            f"{source.entry.name}.yaml does not know ({', '.join(source.entry.domains)})"
        )
    return index[index["domain"].isin(source.domains)]


def _check_images(index: pd.DataFrame, source: Source) -> None:
    """Compare with one listing of each image folder; asking for each file would take minutes."""
    places = {os.path.dirname(path) for path in index["path"]}
    present = {f"{place}/{name}" for place in places for name in _listing(place)}
    missing = [path for path in index["path"] if path not in present]
    if missing:
        raise DatasetError(
            f"{len(missing)} of {len(index)} images of {source.entry.title} are missing, e.g. "
            f"{missing[0]}; restore them from the original archive"
        )


def _listing(folder: str) -> list[str]:
    return os.listdir(folder) if os.path.isdir(folder) else []
