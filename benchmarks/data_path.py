"""Cases a and b: from JPEG files to batches, and from JPEG files to embeddings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import open_clip
import pandas as pd
import torch
from measure import Missing, Options, Row, Work, compared, interleaved
from open_clip.transform import image_transform
from photos import SIZES, decoded_once, index_of, write_photos
from torch.utils.data import ConcatDataset, DataLoader
from torchvision.datasets import ImageFolder

from replidg.config.inputs import Embedding, Preprocessing
from replidg.data.images import InputSpec, loader, normalise, still_paths
from replidg.models import store
from replidg.models.embed import embed_images

CLIP_BENCHMARK = "clip-benchmark"
FILES, STORE = "ours from files", "ours from a store"
TORCHVISION = "torchvision ImageFolder + open_clip's transforms"
CLIPS_OWN = Preprocessing(resize="model", normalise="model")
INSTALL = (
    "clip-benchmark is not installed: `pip install --no-deps clip-benchmark` into an environment "
    "of its own that sees this one (docs/performance.md)"
)


def build_clip_benchmark(folder: Path, transform: Callable) -> torch.utils.data.Dataset:
    """Return clip-benchmark's data set of a folder of class folders.

    Raises:
        Missing: the package is not installed.
    """
    try:
        from clip_benchmark.datasets.builder import build_dataset
    except ImportError as error:
        raise Missing(f"{INSTALL} ({error})") from error
    # Its name for "class folders below <root>/val"; what they show does not matter here.
    root = folder.parent / f"{folder.name}-root"
    root.mkdir(exist_ok=True)
    if not (root / "val").exists():
        (root / "val").symlink_to(folder, target_is_directory=True)
    return build_dataset("imagenet1k-unverified", root=str(root), transform=transform, split="test")


def data_path(options: Options) -> list[Row]:
    """Case a: images to normalised float batches on the host, in this process."""
    rows = []
    a_class = 32 if options.quick else 128
    spec = clip_spec()
    transform = image_transform(spec.size, is_train=False, mean=spec.mean, std=spec.std)
    for name, size in SIZES.items():
        folder = options.folder / f"photos-{size[0]}"
        packed = options.folder / f"store-{size[0]}"
        paths = write_photos(folder, size, domains=1, a_class=a_class)
        sides: dict[str, Work] = {
            FILES: _ours(paths, spec),
            STORE: _ours(still_paths(decoded_once(index_of(paths), spec, packed), spec), spec),
            TORCHVISION: _loop(ImageFolder(str(folder / "domain0"), transform)),
        }
        peers, missing = [TORCHVISION], None
        try:
            sides[CLIP_BENCHMARK] = _loop(build_clip_benchmark(folder / "domain0", transform))
            peers.append(CLIP_BENCHMARK)
        except Missing as error:
            missing = Row("a", f"data path, {name} files", CLIP_BENCHMARK, note=str(error))
        found = interleaved(sides, options.rounds)
        rows += [
            compared(
                found, own, peer, case="a", what=f"data path, {name}, {own}", unit="image",
                goal=">= 3 x",
            )
            for own in (FILES, STORE) for peer in peers
        ]  # fmt: skip
        rows += [missing] if missing else []
    return rows


def _ours(paths: list[str], spec: InputSpec) -> Work:
    def work() -> int:
        return sum(len(normalise(pixels, spec)) for pixels in loader(paths, spec, 64, 0))

    return work


def _loop(dataset: torch.utils.data.Dataset) -> Work:
    batches = DataLoader(dataset, batch_size=64, shuffle=False, num_workers=0)
    return lambda: sum(len(images) for images, _ in batches)


def clip_spec() -> store.InputSpec:
    """Return the input of OpenAI's CLIP at 224 pixels."""
    return store.InputSpec(224, "crop", "bicubic", *store.CLIP)


def embedding(options: Options) -> list[Row]:
    """Case b: images to a file of embeddings by ViT-B/32 (random weights)."""
    size = SIZES["227 px"]
    batch = 256 if options.cuda else 32
    # A GPU is done with a few thousand pictures in a second: it has each of them several times.
    pictures, times = (3072, 4) if options.cuda else (192, 1)
    paths = write_photos(
        options.folder / "photos-embed", size, domains=1,
        a_class=pictures // (6 if options.quick else 2),
    )  # fmt: skip
    folder = options.folder / "vit"
    torch.manual_seed(0)
    store.save_open_clip(
        folder, open_clip.create_model("ViT-B-32"), open_clip.get_model_config("ViT-B-32")
    )
    backbone = store.load(folder)
    index = index_of(paths)
    stored = decoded_once(index, backbone.spec, options.folder / "store-embed")
    index, stored = (pd.concat([each] * times, ignore_index=True) for each in (index, stored))
    backbone.visual.to(options.device)
    images = torch.zeros(batch, 3, 224, 224, device=options.device)

    def bare() -> int:
        with torch.inference_mode():
            for _ in range(0, len(index), batch):
                backbone.visual(images)
        return len(index)

    sides: dict[str, Work] = {
        FILES: lambda: _embed(backbone, index, batch, options),
        STORE: lambda: _embed(backbone, stored, batch, options),
        "bare forward pass": bare,
    }
    rows = []
    try:
        photos = Path(paths[0]).parents[1]
        sides[CLIP_BENCHMARK] = _clip_benchmark(backbone, photos, batch, times, options)
    except Missing as error:
        rows.append(Row("b", "embedding by ViT-B/32", CLIP_BENCHMARK, note=str(error)))
    found = interleaved(sides, options.rounds)
    goals = {"bare forward pass": ">= 0.97 x"}
    done = [
        compared(
            found, own, peer, case="b", what=f"embedding by ViT-B/32, 227 px, {own}", unit="image",
            goal=goals.get(peer, ""),
        )
        for own in (FILES, STORE) for peer in sides if peer not in (FILES, STORE)
    ]  # fmt: skip
    return done + rows


def _embed(backbone: store.Backbone, index: pd.DataFrame, batch: int, options: Options) -> int:
    out = options.folder / "embedded" / "images.safetensors"
    budget = Embedding(batch_size=batch, threads=options.threads, workers=options.workers)
    embed_images(backbone, index, CLIPS_OWN, budget, False, out, options.folder / "checkpoints")
    shutil.rmtree(out.parent)
    return len(index)


def _clip_benchmark(
    backbone: store.Backbone, folder: Path, batch: int, times: int, options: Options
) -> Work:
    """Return its zero-shot loop, which is what it has for image embeddings, without autocast."""
    transform = image_transform(
        backbone.spec.size, is_train=False, mean=backbone.spec.mean, std=backbone.spec.std
    )
    dataset = ConcatDataset([build_clip_benchmark(folder, transform)] * times)
    from clip_benchmark.metrics.zeroshot_classification import run_classification

    batches = DataLoader(dataset, batch_size=batch, shuffle=False, num_workers=options.workers)
    clip, device = backbone.clip.to(options.device), options.device
    texts = torch.nn.functional.normalize(torch.randn(backbone.dim, 2), dim=0).to(device)
    return lambda: len(run_classification(clip, texts, batches, device, amp=False)[0])
