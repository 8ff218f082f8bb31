"""Sizes of objects: alpha boxes, a user's file, and OWLv2's boxes at the library's boundary."""

import io
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from replidg.config.inputs import EmbeddedDataset
from replidg.config.similarity import Owlv2Size
from replidg.data import embedded_pictures
from replidg.data.embedded_pictures import object_share
from replidg.data.image_folder import scan
from replidg.models import boxes

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_object_size.py"


def picture(alpha) -> Image.Image:
    pixels = np.full((*np.shape(alpha), 4), 90, np.uint8)
    pixels[..., 3] = alpha
    return Image.fromarray(pixels, "RGBA")


def test_box_of_a_hand_made_picture():
    alpha = np.zeros((10, 8), np.uint8)
    alpha[2, 3] = 255  # a corner of the box …
    alpha[6, 7] = 128  # … and the opposite one, half opaque
    alpha[9, 0] = 127  # nearly transparent: a shadow
    assert object_share(picture(alpha)) == (5 * 5) / 80


def test_whole_pixel_and_none():
    alpha = np.zeros((4, 4), np.uint8)
    assert np.isnan(object_share(picture(alpha)))
    alpha[1, 1] = 255
    assert object_share(picture(alpha)) == 1 / 16
    alpha[:] = 255
    assert np.isnan(object_share(picture(alpha)))  # no background, so no object is known
    alpha[0, 0] = 254
    assert object_share(picture(alpha)) == 1.0
    assert np.isnan(object_share(Image.new("RGB", (4, 4))))


def test_sizes_reach_the_index(tmp_path, monkeypatch):
    def png(image):
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        return buffer.getvalue()

    alpha = np.zeros((4, 4), np.uint8)
    alpha[1:3, 1] = 255
    pictures = [picture(alpha), Image.new("RGB", (4, 4))]
    table = pd.DataFrame({"domain": ["a", "b"], "class_name": "c", "instance": ["x", "y"]})
    table["image_id"] = table["domain"] + "/c/" + table["instance"]
    table = table.assign(caption="", keywords="", licence="MIT", author="", source="")
    table["image"] = [png(image) for image in pictures]
    monkeypatch.setattr(embedded_pictures, "load_table", lambda columns=None: table)
    dataset = EmbeddedDataset(source="embedded", tree=["a", "b"], domains=["a", "b"])
    embedded_pictures.write_tree(dataset, tmp_path)
    index = scan(tmp_path, ["a", "b"])
    assert index["object_share"].dtype == np.float64
    assert index["object_share"][0] == 2 / 16 and np.isnan(index["object_share"][1])
    assert index["caption"].tolist() == ["", ""]  # an empty text is none the less a text


# --- the script ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def script():
    return SimpleNamespace(**runpy.run_path(str(SCRIPT)))


ROWS = pd.DataFrame({"image_id": ["a/c/1.png", "a/c/2.png", "b/c/3.png"]})


def test_alpha_where_the_index_has_none(script, caplog):
    assert np.isnan(script.by_alpha(ROWS)).all()
    assert "no column object_share" in caplog.text
    assert script.by_alpha(ROWS.assign(object_share=[0.5, 0.25, np.nan]))[1] == 0.25


def test_own_file(script, tmp_path):
    path = tmp_path / "sizes.csv"
    path.write_text("image_id,share\nb/c/3.png,0.5\nelse.png,1\na/c/1.png,\n")
    np.testing.assert_array_equal(script.by_table(ROWS, path), [np.nan, np.nan, 0.5])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("image_id,size\na/c/1.png,0.5\n", "must have the columns image_id and share"),
        ("image_id,share\na/c/1.png,0.5\na/c/1.png,0.5\n", "two rows for a/c/1.png"),
        ("image_id,share\na/c/1.png,50\n", "between 0 and 1"),
        ("image_id,share\nx.png,0.5\n", "no size of an image of this data set, e.g. of a/c/1.png"),
    ],
)
def test_own_file_that_does_not_fit(script, tmp_path, content, words):
    path = tmp_path / "sizes.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=words):
        script.by_table(ROWS, path)


# --- OWLv2 ---------------------------------------------------------------------------------------


def test_boxes_are_relative_to_the_padded_square():
    # 200 x 100 pixels: padded below to 200 x 200.
    size = np.array([[200.0, 100.0]])
    whole = np.array([[0.5, 0.25, 1.0, 0.5]])
    assert boxes.shares(whole, size) == pytest.approx([1.0])
    quarter = np.array([[0.25, 0.125, 0.5, 0.25]])
    assert boxes.shares(quarter, size) == pytest.approx([0.25])
    # What reaches beyond the image, into the padding or out of the square, does not count.
    beyond = np.array([[1.0, 0.5, 1.0, 1.0]])
    assert boxes.shares(beyond, size) == pytest.approx([0.5])
    padding = np.array([[0.5, 0.8, 0.2, 0.2]])
    assert boxes.shares(padding, size) == pytest.approx([0.0])
    assert boxes.shares(quarter, size[:, ::-1]) == pytest.approx([0.25])


class FakeProcessor:
    """Stands for Owlv2Processor: texts become code points, images their mean."""

    def __call__(self, text=None, images=None, return_tensors="pt"):
        assert return_tensors == "pt"
        if images is not None:
            mean = float(np.asarray(images, float).mean())
            return {"pixel_values": torch.full((1, 3, 2, 2), mean)}
        assert all(isinstance(one, list) and len(one) == 1 for one in text)
        padded = [[ord(c) for c in one[0].ljust(24)[:24]] for one in text]
        tokens = torch.tensor(padded)
        return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}


class FakeModel(torch.nn.Module):
    """Stands for Owlv2ForObjectDetection: box and score follow from pixels and text."""

    calls = 0

    def forward(self, pixel_values, input_ids, attention_mask):
        type(self).calls += 1
        assert len(pixel_values) == len(input_ids) == len(attention_mask)
        grey = pixel_values[:, 0, 0, 0] / 255
        right = torch.tensor(
            [bytes(row.tolist()).decode().strip() == "a photo of a red cat" for row in input_ids]
        )
        size = torch.where(right, grey, 0.9)
        side = torch.stack([size, size], dim=1)
        good = torch.cat([side / 2, side], dim=1)
        bad = torch.tensor([0.5, 0.5, 0.1, 0.1]).expand_as(good)
        return SimpleNamespace(
            logits=torch.tensor([[-3.0], [2.0], [-1.0]]).expand(len(good), 3, 1),
            pred_boxes=torch.stack([bad, good, bad], dim=1),
        )


@pytest.fixture
def transformers(monkeypatch):
    FakeModel.calls = 0
    asked = []

    def processor(name):
        asked.append(name)
        return FakeProcessor()

    fake = SimpleNamespace(
        Owlv2Processor=SimpleNamespace(from_pretrained=processor),
        Owlv2ForObjectDetection=SimpleNamespace(from_pretrained=lambda name: FakeModel()),
        asked=asked,
    )
    monkeypatch.setitem(sys.modules, "transformers", fake)
    return fake


@pytest.fixture
def images(tmp_path):
    rows = []
    for number in range(7):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (8, 8), (51 + 20 * number,) * 3).save(path)
        rows.append((f"{number}.png", str(path), "red_cat"))
    return pd.DataFrame(rows, columns=["image_id", "path", "class_name"])


HOW = Owlv2Size(source="owlv2", model="some/model")


def measured(images, tmp_path, how=HOW, **changed):
    budget = {"batch_size": 2, "workers": 0, "shard_size": 3} | changed
    return boxes.measure(images, how, checkpoints=tmp_path / "kept", **budget)


def test_best_box_of_the_class(transformers, images, tmp_path):
    expected = [((51 + 20 * n) / 255) ** 2 for n in range(7)]
    np.testing.assert_allclose(measured(images, tmp_path), expected, rtol=1e-5)
    assert transformers.asked == ["some/model"]
    assert not list((tmp_path / "kept").rglob("*.npy"))
    for changed in ({"batch_size": 7}, {"shard_size": 100}, {"workers": 1}):
        np.testing.assert_allclose(measured(images, tmp_path, **changed), expected, rtol=1e-5)


def test_the_text_is_the_images_own_class(transformers, images, tmp_path):
    images.loc[4, "class_name"] = "dog"
    assert measured(images, tmp_path)[4] == pytest.approx(0.81)


def test_boxes_of_low_scores(transformers, images, tmp_path):
    # The best logit is 2: a score of 0.8808.
    assert not np.isnan(
        measured(images, tmp_path, HOW.model_copy(update={"min_score": 0.88}))
    ).any()
    assert np.isnan(measured(images, tmp_path, HOW.model_copy(update={"min_score": 0.89}))).all()


def test_gone_on_with_behind_the_last_whole_shard(transformers, images, tmp_path, caplog):
    whole = measured(images, tmp_path)
    Path(images["path"][5]).rename(tmp_path / "away.png")
    with pytest.raises(ValueError, match=r"5\.png"):
        measured(images, tmp_path)
    (first,) = (tmp_path / "kept").rglob("*.npy")
    (tmp_path / "away.png").rename(images["path"][5])
    FakeModel.calls = 0
    np.testing.assert_array_equal(measured(images, tmp_path), whole)
    assert FakeModel.calls == 3  # 2 + 1 batches for shards two and three
    first.parent.mkdir()
    first.write_bytes(b"half")
    np.testing.assert_array_equal(measured(images, tmp_path), whole)
    assert "damaged" in caplog.text


def test_without_the_package(images, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(boxes.BoxesError, match="pip install transformers"):
        measured(images, tmp_path)


def test_without_the_weights(transformers, images, tmp_path):
    def fail(name):
        raise OSError("no network")

    transformers.Owlv2ForObjectDetection.from_pretrained = fail
    with pytest.raises(boxes.BoxesError, match=r"cannot load some/model: no network; download"):
        measured(images, tmp_path)


def test_a_tiny_real_model(images):
    transformers = pytest.importorskip("transformers")
    config = transformers.Owlv2Config(
        text_config={"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
                     "num_attention_heads": 2, "vocab_size": 200},
        vision_config={"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
                       "num_attention_heads": 2, "image_size": 32, "patch_size": 16},
        projection_dim=8,
    )  # fmt: skip
    detector = boxes.Detector.__new__(boxes.Detector)
    detector.processor = FakeProcessor()
    detector.model = transformers.Owlv2ForObjectDetection(config).eval()
    share, score = detector.best(torch.rand(2, 3, 32, 32), np.full((2, 2), 9.0), ["cat", "dog"])
    assert share.shape == score.shape == (2,)
    assert ((share >= 0) & (share <= 1)).all() and ((score > 0) & (score < 1)).all()
