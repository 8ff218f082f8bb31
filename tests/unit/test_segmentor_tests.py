"""Tests of trained networks: labels, counts, test-time augmentation, what a kill leaves."""

import numpy as np
import pandas as pd
import pytest
import torch
from colour_network import ColourNetwork, blocks, index, paint
from mmseg.models import SegTTAModel
from mmseg.registry import TRANSFORMS
from PIL import Image
from sklearn.metrics import confusion_matrix

from replidg.config.street_classes import CLASSES, IGNORED, PALETTE
from replidg.data.errors import DatasetError
from replidg.data.perturbations import perturb
from replidg.seeds import seed_of
from replidg.segmentation import evaluation, predictions
from replidg.segmentation.predictions import TestImages, View, predicted

SIZES = [(48, 80), (48, 80), (48, 80), (40, 64), (48, 80)]
VIEW = View(size=(80, 48), window=32, stride=24)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return index(tmp_path_factory.mktemp("street"), SIZES)


def truths(rows: pd.DataFrame) -> list[np.ndarray]:
    return [np.asarray(Image.open(path)) for path in rows["mask_path"]]


def share(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Return the share of labelled pixels that are right."""
    kept = truth != IGNORED
    return (predicted == truth)[kept].mean()


@pytest.mark.parametrize("batch_size", [1, 2, 8])
@pytest.mark.parametrize(("window", "stride"), [(32, 24), (30, 30), (100, 64)])
def test_labels_are_right_by_window_and_batch(rows, batch_size, window, stride):
    view = VIEW._replace(window=window, stride=stride, batch_size=batch_size)
    network = ColourNetwork()
    found = list(predicted(network, rows, view))
    for labels, truth, size in zip(found, truths(rows), SIZES, strict=True):
        assert labels.dtype == np.uint8 and labels.shape == size
        if size == (48, 80):  # looked at in its own size
            assert share(labels, truth) == 1
        else:  # enlarged and back: all but the borders of blocks
            assert share(labels, truth) > 0.75
    widest = max(shape[0] for shape in network.seen)
    assert widest == min(batch_size, 3)
    assert all(shape[2] <= window and shape[3] <= window for shape in network.seen)


def test_processes_change_nothing(rows):
    alone = list(predicted(ColourNetwork(), rows, VIEW))
    helped = list(predicted(ColourNetwork(), rows, VIEW._replace(workers=1)))
    assert all((a == b).all() for a, b in zip(alone, helped, strict=True))


def test_augmented_tests_are_mmsegmentations_mean(rows):
    network, view = ColourNetwork(), VIEW._replace(ratios=(0.75, 1.5))
    row = rows.iloc[:1]
    (labels,) = predicted(network, row, view)
    # The library's own: softmax of each look, then the mean.
    looks = []
    for sample in TestImages(row, view)[0]:
        data = network.data_preprocessor(
            {"inputs": [sample["inputs"]], "data_samples": [sample["data_samples"]]}, False
        )
        looks.append(network.predict(data["inputs"], data["data_samples"])[0])
    merger = SegTTAModel.__new__(SegTTAModel)
    torch.nn.Module.__init__(merger)
    merger.module = network
    (merged,) = merger.merge_preds([looks])
    np.testing.assert_array_equal(labels, merged.pred_sem_seg.data[0].numpy())
    assert len(looks) == 4
    assert share(labels, truths(row)[0]) > 0.8


def test_flips_are_turned_back(rows):
    (labels,) = predicted(ColourNetwork(), rows.iloc[:1], VIEW._replace(ratios=(1.0,)))
    assert share(labels, truths(rows)[0]) == 1
    steps = predictions.pipelines(VIEW._replace(ratios=(1.0,)))
    images = [TestImages(rows.iloc[:1], VIEW._replace(ratios=(1.0,)))[0][k] for k in range(2)]
    assert len(steps) == 2
    assert torch.equal(images[0]["inputs"].flip(-1), images[1]["inputs"])


def test_counts_are_sklearns(rows):
    network = ColourNetwork()
    network.colours = network.colours.roll(1, 0)  # every class is taken for the next one or so
    table = evaluation.counted(network, rows.iloc[:3], VIEW)
    found = list(predicted(network, rows.iloc[:3], VIEW))
    for (_, row), labels, truth in zip(
        rows.iloc[:3].iterrows(), found, truths(rows.iloc[:3]), strict=True
    ):
        kept = truth != IGNORED
        expected = confusion_matrix(truth[kept], labels[kept], labels=range(len(CLASSES)))
        own = table[table["image_id"] == row["image_id"]]
        matrix = np.zeros((len(CLASSES), len(CLASSES)), int)
        matrix[own["truth"], own["pred"]] = own["pixels"]
        np.testing.assert_array_equal(matrix, expected)
        assert set(own["condition"]) == {row["condition"]}
    assert (table["pixels"] > 0).all()
    assert table.dtypes[["truth", "pred", "pixels"]].tolist() == ["uint8", "uint8", "int64"]


def test_a_picture_that_is_all_ignored_counts_nothing(tmp_path):
    row = paint(tmp_path, "a", np.full((48, 80), IGNORED, np.uint8))
    table = evaluation.counted(ColourNetwork(), pd.DataFrame([row]), VIEW)
    assert len(table) == 0 and "pixels" in table


def test_labels_that_do_not_fit(tmp_path):
    row = paint(tmp_path, "a", blocks(48, 80, 0))
    Image.fromarray(blocks(48, 64, 0)).save(row["mask_path"])
    with pytest.raises(DatasetError, match=r"a_labels\.png is 64 x 48 pixels and its image 80 x"):
        evaluation.counted(ColourNetwork(), pd.DataFrame([row]), VIEW)
    Image.fromarray(np.full((48, 80), 26, np.uint8)).save(row["mask_path"])
    with pytest.raises(DatasetError, match=r"a_labels\.png has ids \[26\] that are no train ids"):
        evaluation.counted(ColourNetwork(), pd.DataFrame([row]), VIEW)
    Image.fromarray(np.zeros((48, 80, 3), np.uint8)).save(row["mask_path"])
    with pytest.raises(DatasetError, match="no map of train ids"):
        evaluation.counted(ColourNetwork(), pd.DataFrame([row]), VIEW)


def test_corrupted_images_are_what_the_network_sees(rows):
    table = evaluation.corrupted(rows.iloc[3:4], ["fog", "contrast"], [1, 5])
    assert table[["perturbation", "severity"]].to_numpy().tolist() == [
        ["fog", 1], ["fog", 5], ["contrast", 1], ["contrast", 5],
    ]  # fmt: skip
    view = VIEW._replace(scale=0.5, seed=3)
    seen = TestImages(table, view)[1][0]["inputs"].numpy()[::-1].transpose(1, 2, 0)
    steps = predictions.test_pipeline(view.size)[:2]
    results = {"img_path": rows["path"][3]}
    for step in steps:
        results = TRANSFORMS.build(step)(results)
    seed = seed_of(3, "perturbation", "fog", rows["image_id"][3])
    rgb = np.ascontiguousarray(results["img"][..., ::-1])
    np.testing.assert_array_equal(seen, perturb(rgb, "fog", 5, seed, 0.5))
    counts = evaluation.counted(ColourNetwork(), table, view, ("perturbation", "severity"))
    assert set(zip(counts["perturbation"], counts["severity"], strict=True)) == {
        (kind, severity) for kind in ("fog", "contrast") for severity in (1, 5)
    }
    right = counts[counts["truth"] == counts["pred"]].groupby(["perturbation", "severity"])
    accuracy = right["pixels"].sum()
    assert accuracy["contrast", 5] < accuracy["contrast", 1]


def test_pictures(rows):
    table = evaluation.pictured(ColourNetwork(), rows.iloc[:2], VIEW)
    assert table.columns.tolist() == ["image_id", "condition", "path", "mask_path", "png"]
    path = rows["path"][0] + ".panel.png"
    with open(path, "wb") as file:
        file.write(table["png"][0])
    picture = Image.open(path)
    assert picture.mode == "P" and picture.size == (80, 48)
    assert picture.getpalette()[: 3 * len(PALETTE)] == [v for colour in PALETTE for v in colour]
    assert share(np.asarray(picture), truths(rows)[0]) == 1


class Counting:
    """Work that notes its rows, and fails at one."""

    def __init__(self, failing: str = "") -> None:
        self.done: list[str] = []
        self.failing = failing

    def __call__(self, part: pd.DataFrame) -> pd.DataFrame:
        if self.failing in set(part["image_id"]):
            raise KeyboardInterrupt
        self.done += part["image_id"].tolist()
        return part[["image_id"]].assign(value=part["image_id"].str.len())


def test_a_killed_job_goes_on_behind_its_last_shard(rows, tmp_path):
    ids = rows["image_id"].tolist()
    with pytest.raises(KeyboardInterrupt):
        evaluation.sharded(rows, Counting(ids[4]), 2, tmp_path, "work")
    assert len(list(tmp_path.glob("*.parquet"))) == 2
    # The first shard was cut short by something.
    first = tmp_path / "000000000.parquet"
    first.write_bytes(first.read_bytes()[:-20])
    again = Counting()
    table = evaluation.sharded(rows, again, 2, tmp_path, "work")
    assert again.done == [*ids[:2], ids[4]]
    assert table["image_id"].tolist() == ids


def test_shards_belong_to_network_images_and_options(rows, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "model.safetensors").write_bytes(b"weights")
    (run / "segmentor.json").write_text("{}")
    folders = []

    def folder(view=VIEW, rows=rows, kind="confusion"):
        place = evaluation.Workplace(tmp_path / "work", run, 2)
        place.table(rows, Counting(), view, kind)
        folders.append(place.folders[-1])
        return place

    first = folder()
    assert first.folders == folder(VIEW._replace(workers=3)).folders and folders[0].is_dir()
    folder(VIEW._replace(window=16))
    folder(rows=rows.iloc[:3])
    folder(kind="panels")
    folder(rows=evaluation.corrupted(rows, ["fog"], [1]))
    folder(rows=evaluation.corrupted(rows, ["snow"], [1]))
    (run / "model.safetensors").write_bytes(b"other weights")
    folder()
    assert len(set(folders)) == 7
    first.clear()
    first.clear()
    assert first.folders == [] and not folders[0].exists() and folders[2].exists()


def test_code_is_part_of_the_key(tmp_path):
    (tmp_path / "segmentation").mkdir()
    file = tmp_path / "segmentation" / "predictions.py"
    file.write_text("a = 1\n")
    before = evaluation.code_version(tmp_path)
    file.write_text("a = 2\n")
    assert evaluation.code_version(tmp_path) != before
