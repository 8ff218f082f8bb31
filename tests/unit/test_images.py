"""Pictures become tensors: decoding, resizing, normalising, loading."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pictures import png
from PIL import Image
from torchvision import transforms as T

from replidg.data.images import (
    ImageError,
    ImageFiles,
    InputSpec,
    decode,
    loader,
    normalise,
    resizer,
)

SPEC = InputSpec(8, "squash", "bilinear", (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_truncated_image_names_the_file(kind, tmp_path):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, kind)
    content = buffer.getvalue()
    path = tmp_path / f"broken.{kind.lower()}"
    # Whatever the length, up to the last block of pixels: never another error, never a picture.
    for length in range(0, len(content) - 40, 37):
        path.write_bytes(content[:length])
        with pytest.raises(ImageError, match=rf"cannot decode {path}.*restore the file"):
            decode(str(path))


def test_missing_file_and_no_image(tmp_path):
    with pytest.raises(ImageError, match=r"none\.png"):
        decode(str(tmp_path / "none.png"))
    (tmp_path / "page.png").write_text("<html>404</html>")
    with pytest.raises(ImageError, match=r"page\.png"):
        decode(str(tmp_path / "page.png"))


def test_a_bad_image_in_a_loader_names_the_file(tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(png(0))
    bad.write_bytes(png(0)[:60])
    with pytest.raises(ImageError, match=r"bad\.png"):
        list(loader([str(good), str(bad)], SPEC, 2, 0))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_every_mode_becomes_rgb(mode, tmp_path):
    path = tmp_path / "image.tif"
    Image.new("RGB", (4, 4), (255, 255, 255)).convert(mode).save(path)
    image = decode(str(path))
    assert image.mode == "RGB" and np.asarray(image).min() >= 254


@given(st.integers(0, 10_000), st.booleans())
def test_normalise_is_torchvisions(seed, channels_last):
    pixels = np.random.default_rng(seed).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    peer = T.Compose([T.ToTensor(), T.Normalize(SPEC.mean, SPEC.std)])
    expected = torch.stack([peer(image) for image in pixels])
    batch = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    got = normalise(batch, SPEC, channels_last)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)
    memory = torch.channels_last if channels_last else torch.contiguous_format
    if channels_last:
        assert got.is_contiguous(memory_format=memory)


@pytest.mark.parametrize("how", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(40, 30), (30, 40), (9, 9), (11, 90)])
@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_resizer_is_torchvisions(resize, size, how):
    image = Image.open(io.BytesIO(png(1, size)))
    mode = T.InterpolationMode(how)
    peer = {
        "squash": T.Resize((8, 8), mode),
        "crop": T.Compose([T.Resize(8, mode), T.CenterCrop(8)]),
    }[resize]
    spec = SPEC._replace(resize=resize, interpolation=how)
    got = resizer(spec)(image)
    assert got.dtype == torch.uint8 and got.shape == (3, 8, 8)
    assert torch.equal(got, T.PILToTensor()(peer(image)))


def test_resize_modes_differ_and_unknown_ones_are_errors():
    image = Image.open(io.BytesIO(png(1, (40, 30))))
    crop = SPEC._replace(resize="crop")
    assert not torch.equal(resizer(SPEC)(image), resizer(crop)(image))
    with pytest.raises(ValueError, match="'stretch'"):
        resizer(SPEC._replace(resize="stretch"))


def test_loader_keeps_the_order(tmp_path):
    paths = []
    for number in range(5):
        paths.append(str(tmp_path / f"{number}.png"))
        Image.new("RGB", (8, 8), (number, 0, 0)).save(paths[-1])
    batches = list(loader(paths[::-1], SPEC, 2, 0))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert torch.cat(batches)[:, 0, 0, 0].tolist() == [4, 3, 2, 1, 0]
    assert len(ImageFiles(paths, SPEC)) == 5
