"""The stand-ins for what wheels do not bring: mmcv's ops, torch_scatter, wilds' time formats."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from replidg.compat import mmcv_ops, torch_scatter

CLASSES = 5


@pytest.fixture(scope="module")
def mask2former():
    """mmseg's shipped Mask2Former: fewer layers, no weights, a 64 x 64 crop."""
    if mmcv_ops.prepare_mmseg() == "compiled":
        pytest.skip("mmcv's ops are compiled here; the stand-in is not in use")
    import mmseg
    from mmengine.config import Config
    from mmseg.registry import MODELS
    from mmseg.utils import register_all_modules

    register_all_modules()
    config = (
        Path(mmseg.__file__).parent
        / ".mim/configs/mask2former/mask2former_r50_8xb2-90k_cityscapes-512x1024.py"
    )
    model = Config.fromfile(config).model
    model.data_preprocessor.size = (64, 64)
    model.data_preprocessor.type = "SegDataPreProcessor"
    model.backbone.update(depth=18, norm_cfg=dict(type="BN"), init_cfg=None)
    head = model.decode_head
    head.update(in_channels=[64, 128, 256, 512], num_classes=CLASSES, num_queries=10)
    head.loss_cls.class_weight = [1.0] * CLASSES + [0.1]
    head.train_cfg.num_points = 64
    head.pixel_decoder.encoder.num_layers = 1
    head.transformer_decoder.num_layers = 1
    torch.manual_seed(0)
    return MODELS.build(model)


def make_batch():
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    generator = torch.Generator().manual_seed(0)
    samples = []
    for _ in range(2):
        labels = torch.arange(64).div(16, rounding_mode="floor").expand(1, 64, 64).clone()
        sample = SegDataSample(gt_sem_seg=PixelData(data=labels))
        sample.set_metainfo(dict(img_shape=(64, 64), ori_shape=(64, 64), pad_shape=(64, 64)))
        samples.append(sample)
    images = torch.randint(0, 256, (2, 3, 64, 64), generator=generator, dtype=torch.uint8)
    return {"inputs": list(images), "data_samples": samples}


def test_mask2former_trains_on_cpu(mask2former):
    mask2former.train()
    data = mask2former.data_preprocessor(make_batch(), training=True)
    losses = mask2former(**data, mode="loss")
    loss, _ = mask2former.parse_losses(losses)
    loss.backward()
    assert torch.isfinite(loss)
    attention = mask2former.decode_head.pixel_decoder.encoder.layers[0].self_attn
    gradient = attention.sampling_offsets.weight.grad
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0


def test_mask2former_predicts(mask2former):
    mask2former.eval()
    data = mask2former.data_preprocessor(make_batch(), training=False)
    with torch.inference_mode():
        results = mask2former(**data, mode="predict")
    labels = results[0].pred_sem_seg.data
    assert labels.shape == (1, 64, 64)
    assert labels.max() < CLASSES


def test_deformable_attention_never_takes_the_compiled_path(mask2former):
    from mmcv.ops import multi_scale_deform_attn

    assert multi_scale_deform_attn.IS_CUDA_AVAILABLE is False


def test_a_missing_op_says_what_to_do(mask2former):
    with pytest.raises(NotImplementedError, match=r"nms.*compile"):
        sys.modules[mmcv_ops.EXT].nms(torch.zeros(1, 4))


def test_environment_report_works_without_ops(mask2former):
    from mmcv.ops import get_compiler_version, get_compiling_cuda_version
    from mmcv.utils.ext_loader import check_ops_exist

    assert get_compiler_version() == "n/a"
    assert get_compiling_cuda_version() == "not available"
    check_ops_exist()


def test_preparing_twice_changes_nothing(mask2former):
    stand_in = sys.modules[mmcv_ops.EXT]
    assert mmcv_ops.prepare_mmseg() == "pytorch"
    assert sys.modules[mmcv_ops.EXT] is stand_in


def test_compiled_ops_are_used_where_they_exist(monkeypatch):
    monkeypatch.delitem(sys.modules, mmcv_ops.EXT, raising=False)
    monkeypatch.setattr(mmcv_ops.importlib.util, "find_spec", lambda name: object())
    assert mmcv_ops.prepare_mmseg() == "compiled"
    assert mmcv_ops.EXT not in sys.modules


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scatter_mean_equals_numpy(dtype):
    rng = np.random.default_rng(0)
    index = rng.integers(0, 7, 200)
    index[index == 3] = 2  # group 3 stays empty
    values = rng.normal(size=200)
    ours = torch_scatter.scatter(
        src=torch.tensor(values, dtype=dtype), index=torch.tensor(index), dim_size=9, reduce="mean"
    )
    groups = [values[index == group] for group in range(9)]
    expected = [group.mean() if len(group) else 0 for group in groups]
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_scatter_without_dim_size_and_with_integers():
    index = torch.tensor([0, 0, 2])
    means = torch_scatter.scatter(torch.tensor([1, 2, -3]), index, reduce="mean")
    assert means.tolist() == [1, 0, -3]
    empty = torch.zeros(0, dtype=torch.long)
    assert torch_scatter.scatter(torch.zeros(0), empty, reduce="mean").tolist() == []


@pytest.mark.parametrize("change", [{"reduce": "sum"}, {"dim": 1}, {"out": torch.zeros(2)}])
def test_scatter_refuses_what_it_does_not_do(change):
    call = {"src": torch.ones(2), "index": torch.tensor([0, 1]), "reduce": "mean"} | change
    with pytest.raises(NotImplementedError):
        torch_scatter.scatter(**call)


def write_fmow(root):
    """FMoW in the official layout, with a sequestered row and mixed timestamps."""
    folder = root / "fmow_v1.1"
    (folder / "images").mkdir(parents=True)
    (folder / "RELEASE_v1.1.txt").write_text("")
    rows = [
        ("train", "2010-03-01T09:36:40Z", "airport", "USA"),
        ("seq", "2010-03-01T09:36:40Z", "airport", "USA"),
        ("val", "2010-03-01T09:36:40.250Z", "zoo", "FRA"),
        ("test", "2010-03-01T09:36:40Z", "zoo", "USA"),
        ("val", "2014-03-01T09:36:40.5Z", "zoo", "FRA"),
        ("test", "2016-03-01T09:36:40Z", "airport", "FRA"),
        ("test", "2017-03-01T09:36:40.125Z", "zoo", "USA"),
        ("test", "2017-03-01T09:36:40Z", "zoo", "USA"),
    ]
    frame = pd.DataFrame(rows, columns=["split", "timestamp", "category", "country_code"])
    frame.to_csv(folder / "rgb_metadata.csv", index=False)
    mapping = pd.DataFrame({"alpha-3": ["USA", "FRA"], "region": ["Americas", "Europe"]})
    mapping.to_csv(folder / "country_code_mapping.csv", index=False)
    for number in range(len(rows)):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / "images" / f"rgb_img_{number}.png")


def test_fmow_loads_mixed_timestamps_and_evaluates(tmp_path):
    torch_scatter.prepare_wilds()
    torch_scatter.prepare_wilds()
    from wilds import get_dataset

    write_fmow(tmp_path)
    fmow = get_dataset("fmow", root_dir=tmp_path, download=False)
    sizes = {split: len(fmow.get_subset(split)) for split in fmow.split_dict}
    assert sizes == {"train": 1, "id_val": 1, "id_test": 1, "val": 1, "test": 3}
    test = fmow.get_subset("test")
    assert test[0][0].getpixel((0, 0)) == (5, 0, 0)  # file number = row number, seq included

    truth = test.y_array
    wrong_in_europe = truth.clone()
    wrong_in_europe[0] = (truth[0] + 1) % 62
    results, text = fmow.eval(wrong_in_europe, truth, test.metadata_array)
    assert results["acc_avg"] == pytest.approx(2 / 3)
    assert results["acc_year:2017"] == 1
    assert results["acc_region:Europe"] == 0
    assert results["acc_worst_year"] == 0
    assert results["acc_worst_region"] == 0
    assert "Worst-group" in text
