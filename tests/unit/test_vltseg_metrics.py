"""IoU from confusions, against sklearn, mmsegmentation and numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, jaccard_score
from vltseg_runs import confusions

from replidg.config.street_classes import CLASSES, PALETTE
from replidg.metrics import segmentation as seg

SIZE = len(CLASSES)


def maps(seed=0, classes=SIZE, images=4, side=24):
    """Return true and predicted maps; the predictions are right in about half of the pixels."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, (images, side, side))
    pred = np.where(random.random(truth.shape) < 0.5, truth, random.permutation(truth.ravel())[0])
    return truth, np.where(random.random(truth.shape) < 0.2, (truth + 1) % classes, pred)


def test_scores_are_sklearn_s():
    truth, pred = maps(classes=11)
    areas = seg.read_areas(confusions(truth, pred))
    counts = confusion_matrix(truth.ravel(), pred.ravel(), labels=range(SIZE))
    assert (areas.right.sum(0) == np.diag(counts)).all()
    assert (areas.truth.sum(0) == counts.sum(1)).all()
    assert (areas.pred.sum(0) == counts.sum(0)).all()
    expected = jaccard_score(truth.ravel(), pred.ravel(), labels=range(11), average=None)
    found = seg.class_iou(areas)
    assert found[:11] == pytest.approx(100 * expected)
    assert np.isnan(found[11:]).all()
    assert float(seg.mean_iou(areas)) == pytest.approx(100 * expected.mean())


def test_scores_are_mmsegmentation_s():
    from replidg.compat import prepare_mmseg

    prepare_mmseg()
    import torch
    from mmseg.datasets import CityscapesDataset
    from mmseg.evaluation import IoUMetric

    truth, pred = maps(1, classes=9)
    pred[0, 0, 0], truth[0, 0, 1] = 17, 15  # only predicted, only true
    sums = [
        torch.stack(each).sum(0)
        for each in zip(
            *(
                IoUMetric.intersect_and_union(torch.tensor(p), torch.tensor(t), SIZE, 255)
                for t, p in zip(truth, pred, strict=True)
            ),
            strict=True,
        )
    ]
    theirs = IoUMetric.total_area_to_metrics(*sums, ["mIoU"])["IoU"]
    areas = seg.read_areas(confusions(truth, pred))
    np.testing.assert_allclose(seg.class_iou(areas), 100 * theirs, rtol=1e-6)
    assert float(seg.mean_iou(areas)) == pytest.approx(100 * np.nanmean(theirs))
    # Names and colours, too.
    assert CityscapesDataset.METAINFO["classes"] == CLASSES
    assert [tuple(each) for each in CityscapesDataset.METAINFO["palette"]] == list(PALETTE)


def test_hand_values():
    # Class 0: 3 right, 4 true, 4 predicted: 3/5. Class 1: 1 right, 2, 1: 1/2. Class 2: predicted
    # once and never true: 0. Sixteen classes are nowhere: not in the mean.
    table = pd.DataFrame(
        [("a", "", 0, 0, 3), ("a", "", 0, 2, 1), ("b", "", 1, 1, 1), ("b", "", 1, 0, 1)],
        columns=seg.COLUMNS,
    )
    areas = seg.read_areas(table)
    assert seg.class_iou(areas)[:3] == pytest.approx([60, 50, 0])
    assert float(seg.mean_iou(areas)) == pytest.approx(110 / 3)
    # Always 0 is right in 4 of 6 pixels, and 0 for the one other class.
    assert seg.constant_iou(areas) == pytest.approx(100 * 4 / 6 / 2)
    # Image b alone: class 1 has 1 of 2, class 0 is predicted once and never true.
    weights = np.array([[0, 1], [1, 1], [2, 2]])
    assert seg.mean_iou(areas, weights) == pytest.approx([25, 110 / 3, 110 / 3])
    assert seg.relative_performance([40, 60], 80) == pytest.approx(62.5)


def test_conditions_are_parts():
    truth, pred = maps()
    table = confusions(truth, pred, ["fog", "night", "fog", "night"])
    areas = seg.read_areas(table)
    fog = areas.where("fog")
    assert fog.images == ("image0", "image2")
    expected = seg.read_areas(table[table["condition"] == "fog"])
    assert (fog.right == expected.right).all()
    assert float(seg.mean_iou(fog)) == float(seg.mean_iou(expected))


def test_a_bootstrap_is_paired_and_around_the_value():
    truth, pred = maps(images=40)
    areas = seg.read_areas(confusions(truth, pred))
    weights = seg.resampled(40, 300, [0, 1])
    assert (weights.sum(1) == 40).all()
    drawn = seg.seeds_mean([areas, areas], weights)
    assert drawn == pytest.approx(seg.mean_iou(areas, weights))
    low, high = seg.interval(drawn, 0.95)
    assert low < float(seg.mean_iou(areas)) < high
    # A resample is what the same images written twice would score.
    twice = pd.concat(
        [confusions(truth[[n]], pred[[n]]).assign(image_id=str(p)) for p, n in enumerate([3, 3, 7])]
    )
    one = np.zeros((1, 40))
    places = list(areas.images)
    one[0, places.index("image3")], one[0, places.index("image7")] = 2, 1
    assert seg.mean_iou(areas, one) == pytest.approx([float(seg.mean_iou(seg.read_areas(twice)))])


def test_same_class_next():
    values = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.8], [1, 0.05]])
    # Pixel 4 lies between the first two: they are next to it, and it to them.
    assert seg.same_class_next(values, np.array([0, 0, 1, 1, 0])) == 100
    assert seg.same_class_next(values, np.array([0, 0, 1, 1, 2])) == 40


def test_wrong_files_are_told():
    table = confusions(*maps())
    with pytest.raises(ValueError, match=r"my\.parquet lack the columns"):
        seg.read_areas(table.drop(columns="pixels"), "my.parquet")
    with pytest.raises(ValueError, match="no row"):
        seg.read_areas(table.iloc[:0])
    with pytest.raises(ValueError, match="outside 0 to 18"):
        seg.read_areas(table.assign(truth=255))
    two = table.copy()
    two.loc[0, "condition"] = "fog"
    with pytest.raises(ValueError, match="two conditions"):
        seg.read_areas(two)
    other = seg.read_areas(table.assign(image_id="x" + table["image_id"]))
    with pytest.raises(ValueError, match="different images"):
        seg.seeds_mean([seg.read_areas(table), other])
