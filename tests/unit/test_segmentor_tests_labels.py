"""Street scenes through conversion, index, mmsegmentation's loaders and our tests: same labels."""

import numpy as np
import pandas as pd
import pytest
from mmseg.registry import DATASETS
from scene_trees import IMAGES, expected, page, tree

from replidg.config.street_classes import CLASSES, IGNORED
from replidg.data import convert, readers
from replidg.segmentation import registered  # noqa: F401 - fills the registries
from replidg.segmentation.evaluation import read_labels
from replidg.segmentation.pipelines import train_pipeline


@pytest.fixture(scope="module", params=IMAGES)
def prepared(request, tmp_path_factory):
    """Key, folder as it is read, and index of a data set's stand-in."""
    entry, folder = page(request.param), tree(request.param)
    if entry.conversion is not None:
        folder = tmp_path_factory.mktemp(request.param)
        convert.convert(entry, tree(request.param), folder, None)
    return entry, folder, pd.concat(readers.chunks(entry, folder, None, None, standin=True))


def test_training_and_test_see_the_labels_that_were_drawn(prepared):
    entry, folder, index = prepared
    part = entry.reader.parts["train"]
    dataset = DATASETS.build(
        {
            "type": entry.reader.dataset,
            "data_root": str(folder),
            "data_prefix": {"img_path": part.images, "seg_map_path": part.labels},
            "img_suffix": entry.reader.img_suffix,
            "seg_map_suffix": entry.reader.seg_map_suffix,
            # Up to the labels; what follows is random.
            "pipeline": train_pipeline((64, 64), 32, 0.75)[:2],
        }
    )
    assert tuple(dataset.metainfo["classes"]) == CLASSES
    rows = index[index["split"] == "train"].set_index("path")
    loaded = {each["img_path"]: each for each in dataset}
    assert {path for path in loaded} == set(rows.index)
    found = []
    for path, row in rows.iterrows():
        labels = read_labels(row["mask_path"])
        np.testing.assert_array_equal(labels, loaded[path]["gt_seg_map"])
        assert loaded[path]["img"].shape[:2] == labels.shape
        found.append(labels.tobytes())
    # By name of the class alone, as the composer drew them; in any order.
    drawn = [mask.tobytes() for mask in expected(entry.name, "train")]
    assert sorted(found) == sorted(drawn)


def test_all_nineteen_classes_are_met(prepared):
    entry, _, index = prepared
    masks = index.loc[index["mask_path"] != "", "mask_path"]
    met = set().union(*(np.unique(read_labels(path)).tolist() for path in masks))
    # SYNTHIA has no terrain, truck and train (Ros et al. 2016); its stand-in has none either.
    assert met - {IGNORED} <= set(range(19)) - ({9, 14, 16} if entry.name == "synthia" else set())
    assert len(met) > 12
