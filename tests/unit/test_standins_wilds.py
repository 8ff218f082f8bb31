"""The WILDS stand-ins, read by the wilds package itself."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from standin_trees import nearest_classes, provenance, tree

from replidg.compat import prepare_wilds
from replidg.data import registry
from replidg.data.standins.fmow import CATEGORIES
from replidg.data.standins.pictures import table

SPLITS = ["train", "id_val", "id_test", "val", "test"]


@cache
def dataset(key: str):
    prepare_wilds()
    from wilds import get_dataset

    return get_dataset(key, root_dir=str(tree(key)), download=False)


def rows_of(key: str, split: str) -> np.ndarray:
    return dataset(key).get_subset(split).indices


def test_fmow_has_the_numbers_that_the_options_say():
    regions = registry.load("fmow").standin.options["regions"]
    data = dataset("fmow")
    names = data.metadata_map["region"]
    for split in SPLITS:
        rows = rows_of("fmow", split)
        found = pd.Series([names[int(i)] for i in data.metadata_array[rows, 0]]).value_counts()
        wanted = {name: region["images"].get(split, 0) for name, region in regions.items()}
        assert found.to_dict() == wanted, split
    # Sequestered rows are gone, rows that came too late for training are in no split.
    late = sum(region["images"].get("late", 0) for region in regions.values())
    assert (data.split_array == -1).sum() == late == 16
    everything = sum(sum(region["images"].values()) for region in regions.values())
    assert len(data) == everything - 10


def test_fmow_labels_are_right_by_row_number():
    """Row n of the table is image n, also behind the sequestered rows that wilds drops."""
    from wilds.datasets.fmow_dataset import categories

    data, rows = dataset("fmow"), provenance("fmow")
    assert set(CATEGORIES.values()) <= set(categories)
    assert len(set(CATEGORIES.values())) == len(CATEGORIES) == 23
    back = {category: class_name for class_name, category in CATEGORIES.items()}
    paths = [f"fmow_v1.1/images/rgb_img_{row}.png" for row in data.full_idxs]
    labels = [back[categories[int(label)]] for label in data.y_array]
    assert labels == rows.loc[paths, "class_name"].tolist()
    picked = slice(None, None, 9)
    seen = nearest_classes([tree("fmow") / path for path in paths[picked]])
    assert all(label in found for label, found in zip(labels[picked], seen, strict=True))


def test_fmow_styles_are_regions_and_shift_over_time():
    data = dataset("fmow")
    names = data.metadata_map["region"]
    paths = [f"fmow_v1.1/images/rgb_img_{row}.png" for row in data.full_idxs]
    style = provenance("fmow").loc[paths, "domain"].to_numpy()
    region = np.array([names[int(i)] for i in data.metadata_array[:, 0]])
    known = registry.load("fmow").standin.options["regions"]
    for name in known:
        assert set(style[region == name]) == {known[name]["style"]}
    share = lambda split: np.isin(style[rows_of("fmow", split)], ["photo", "fluent_3d"]).mean()  # noqa: E731
    assert share("train") < 0.12 and share("val") > 0.4 and share("test") > 0.6
    years = data.metadata_array[:, 1].numpy() + 2002
    assert years[rows_of("fmow", "train")].max() <= 2012
    assert set(years[rows_of("fmow", "val")]) == {2013, 2014, 2015}
    assert set(years[rows_of("fmow", "test")]) == {2016, 2017}


@pytest.mark.parametrize("split", ["val", "test"])
def test_fmow_trains_on_nothing_that_it_is_tested_on(split):
    paths = pd.Series([f"fmow_v1.1/images/rgb_img_{row}.png" for row in dataset("fmow").full_idxs])
    instance = provenance("fmow").loc[paths, "instance"].to_numpy()
    train = set(instance[rows_of("fmow", "train")])
    assert not train & set(instance[rows_of("fmow", split)])
    assert not train & set(instance[rows_of("fmow", f"id_{split}")])


@pytest.mark.parametrize("key", ["fmow", "iwildcam"])
def test_perfect_predictions_score_one(key):
    data = dataset(key)
    subset = data.get_subset("test")
    results, _ = data.eval(subset.y_array, subset.y_array, subset.metadata_array)
    assert results["acc_avg"] == 1.0
    picture, label, _ = subset[0]
    assert picture.size == (64, 64) and int(label) == int(subset.y_array[0])


def test_fmow_metadata_has_the_official_columns():
    folder = tree("fmow") / "fmow_v1.1"
    metadata = pd.read_csv(folder / "rgb_metadata.csv")
    assert list(metadata) == [
        "split", "img_filename", "img_path", "spatial_reference", "epsg", "category", "visible",
        "img_width", "img_height", "country_code", "cloud_cover", "timestamp", "lat", "lon",
        "region",
    ]  # fmt: skip
    assert metadata["timestamp"].str.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").all()
    assert set(metadata["split"]) == {"train", "val", "test", "seq"}
    mapping = pd.read_csv(folder / "country_code_mapping.csv").set_index("alpha-3")["region"]
    region = metadata["country_code"].map(mapping).fillna("Other")
    assert (region == metadata["region"]).all()


def test_iwildcam_has_the_numbers_that_the_options_say():
    options = registry.load("iwildcam").standin.options
    found = {split: len(rows_of("iwildcam", split)) for split in SPLITS}
    assert found == options["images"]


def test_iwildcam_labels_are_right():
    data, rows = dataset("iwildcam"), provenance("iwildcam")
    classes = registry.load("iwildcam").standin.classes
    assert data.n_classes == len(classes) == 12
    paths = [f"iwildcam_v2.0/train/{name}" for name in data._input_array]
    found = rows.loc[paths, "class_name"].replace("", "empty").fillna("empty").tolist()
    assert found == [classes[int(label)] for label in data.y_array]
    counts = pd.Series(found).value_counts()
    assert counts.max() > 5 * counts.min()
    assert 0.1 < counts["empty"] / len(found) < 0.4


def test_iwildcam_traps_of_val_and_test_are_unseen():
    data, rows = dataset("iwildcam"), provenance("iwildcam")
    paths = pd.Series([f"iwildcam_v2.0/train/{name}" for name in data._input_array])
    locations, sequences = (data.metadata_array[:, column].numpy() for column in (0, 1))
    made_of = rows.loc[paths].reset_index()
    seen = {split: rows_of("iwildcam", split) for split in SPLITS}
    for split in ("val", "test"):
        assert not set(locations[seen["train"]]) & set(locations[seen[split]])
        things = made_of.loc[seen[split]].query("class_name == class_name and class_name != ''")
        trained = made_of.loc[seen["train"]].query("class_name == class_name and class_name != ''")
        assert not set(things["domain"]) & set(trained["domain"])
        assert not set(made_of.loc[seen["train"], "image_id"]) & set(
            made_of.loc[seen[split], "image_id"]
        )
    for split in ("id_val", "id_test"):
        assert set(locations[seen[split]]) <= set(locations[seen["train"]])
        things = made_of.loc[seen[split]].query("class_name == class_name and class_name != ''")
        assert not set(trained["instance"]) & set(things["instance"])
    for one in SPLITS:
        for other in SPLITS:
            if one != other:
                assert not set(sequences[seen[one]]) & set(sequences[seen[other]])


def test_iwildcam_tables_have_the_official_columns():
    folder = tree("iwildcam") / "iwildcam_v2.0"
    metadata = pd.read_csv(folder / "metadata.csv")
    assert list(metadata) == [
        "Unnamed: 0", "split", "location_remapped", "location", "sequence_remapped", "seq_id", "y",
        "category_id", "datetime", "filename", "image_id",
    ]  # fmt: skip
    for column in ("location_remapped", "sequence_remapped", "y"):
        assert sorted(set(metadata[column])) == list(range(metadata[column].max() + 1))
    assert metadata["filename"].is_unique
    assert metadata.groupby("sequence_remapped")["location"].nunique().max() == 1
    categories = pd.read_csv(folder / "categories.csv")
    assert list(categories) == ["y", "category_id", "name"]
    assert categories["category_id"].is_unique
    unused = categories.query("y == 99999")["name"].tolist()
    assert unused == registry.load("iwildcam").standin.options["unused_categories"]
    known = categories.query("y != 99999").sort_values("y")["name"].tolist()
    assert known == registry.load("iwildcam").standin.classes
    assert set(known) - {"empty"} <= set(table()["class_name"])
