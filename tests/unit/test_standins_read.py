"""Stand-ins through the same conversion and readers as the real data sets."""

from pathlib import Path

import pandas as pd
import pytest
from standin_trees import KEYS, provenance, tree

from replidg.data import convert, readers, registry
from replidg.data.standins.fmow import CATEGORIES
from replidg.data.standins.wordnet import PICTURES

LISTS = [key for key in KEYS if registry.load(key).reader.kind == "web_list"]


def read(key: str, tmp_path: Path) -> pd.DataFrame:
    entry, folder = registry.load(key), tree(key)
    classes = entry.class_list(standin=True)
    if entry.conversion is not None:
        folder = tmp_path
        convert.convert(entry, tree(key), folder, classes)
    return pd.concat(readers.chunks(entry, folder, classes, None, standin=True))


@pytest.mark.parametrize("key", sorted(set(KEYS) - {"pictograms", *LISTS}))
def test_every_row_of_the_index_has_the_class_of_its_picture(key, tmp_path):
    index = read(key, tmp_path)
    entry = registry.load(key)
    known = provenance(key)["class_name"].fillna("")
    shown = [
        known[Path(path).resolve().relative_to(tree(key).resolve()).as_posix()]
        for path in index["path"]
    ]
    if entry.reader.kind == "synsets":
        assert index["synset"].map(PICTURES).tolist() == shown
        assert set(index["border_px"]) == {2 if key == "objectnet" else 0}
    elif key == "fmow":
        assert index["class_name"].tolist() == [CATEGORIES[name] for name in shown]
    else:
        assert index["class_name"].tolist() == [name or "empty" for name in shown]
    if entry.reader.kind == "wilds":
        assert set(index["split"]) == {"train", "id_val", "id_test", "val", "test"}
    else:
        assert set(index["domain"]) == set(entry.domains)
    if "hdg_role" in index:
        unknown = set(index.loc[index["hdg_role"] == "unknown", "class_name"])
        assert unknown == set(entry.standin.options["unknown_classes"])


@pytest.mark.parametrize("key", LISTS)
def test_lists_are_read_whole(key, tmp_path):
    index = read(key, tmp_path)
    parts = registry.load(key).standin.options["parts"]
    rows = {domain: part["rows"] for domain, part in parts.items()}
    assert index["domain"].value_counts().to_dict() == rows
    assert (index["label"] == -1).all()
