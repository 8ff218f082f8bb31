"""Write src/replidg/budget/flops.csv: operations of one forward pass of each architecture.

Counted by torch's FlopCounterMode at random weights; towers on tensors without data, so that
nothing is computed. No checkpoint is read. A multiplication and an addition are two operations.
Only matrix products, convolutions and attention count, which is all but a few per cent. Run it
after an architecture was added:

    python tools/count_flops.py
"""

from __future__ import annotations

import argparse
import copy
import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import open_clip
import timm
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from replidg.config import Config, vltseg_arms
from replidg.config.files import read
from replidg.config.inputs import OpenClipModel, TimmModel
from replidg.config.vltseg_parts import Arm, Encoder, Scale, SegmentorTraining
from replidg.files import whole_file
from replidg.models import lite  # noqa: F401  (registers the demo's tower)

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "src/replidg/budget/flops.csv"
COLUMNS = ["architecture", "part", "size", "gflop", "values", "source"]
Row = tuple[str, str, int, float, int]
Key = tuple[str, str, int]


def counted(
    make: Callable[[], nn.Module],
    run: Callable[[nn.Module], object],
    device: str | None = "meta",
) -> tuple[float, int]:
    """Return gigaflops of a forward pass, and the number of weights.

    Attention is made of matrix products for it: fused, some kinds of it are not counted.
    """
    model = make().eval()
    if device is not None:
        model = model.to(device)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run(model)
    return counter.get_total_flops() / 1e9, sum(p.numel() for p in model.parameters())


def clip_rows(name: str) -> Iterator[Row]:
    """Yield the image tower, at its own size, and the text tower of a CLIP."""
    config = open_clip.get_model_config(name)
    size, length = config["vision_cfg"]["image_size"], config["text_cfg"].get("context_length", 77)

    def make() -> nn.Module:
        return open_clip.create_model(name)

    with torch.device("meta"):
        pixels, tokens = torch.zeros(1, 3, size, size), torch.zeros(1, length, dtype=torch.long)
    gflop, values = counted(make, lambda model: model.encode_image(pixels))
    image = sum(p.numel() for p in make().visual.parameters())
    yield name, "image", size, gflop, image
    gflop, _ = counted(make, lambda model: model.encode_text(tokens))
    yield name, "text", length, gflop, values - image


def timm_rows(name: str, size: int | None) -> Iterator[Row]:
    """Yield a vision-only tower."""
    own = {} if size is None or not name.startswith("vit") else {"img_size": size}
    side = size or timm.get_pretrained_cfg(name).input_size[1]
    gflop, values = counted(
        lambda: timm.create_model(name, num_classes=0, **own),
        lambda model: model(torch.zeros(1, 3, side, side, device="meta")),
    )
    yield name, "image", side, gflop, values


def tower_of(config: Config, model: str) -> tuple[str, str, int | None]:
    """Return architecture, timm's name of its tower, and SAM's grid."""
    chosen = config.models[model]
    if isinstance(chosen, TimmModel):
        name = chosen.name.split(".")[0]
        return chosen.name, name, 64 if name.startswith("samvit") else None
    vision = open_clip.get_model_config(chosen.name)["vision_cfg"]
    own = (
        f"vit_{'large' if vision.get('width') == 1024 else 'base'}_patch{vision.get('patch_size')}"
    )
    return chosen.name, vision.get("timm_model_name") or f"{own}_clip_224", None


def segmentor_rows(config: Config, encoder: Encoder, decoder: str, crop: int) -> Iterator[Row]:
    """Yield a segmentation network (tower, pyramid and decoder, no loss), and its tower alone."""
    from replidg.segmentation.build import build
    from replidg.segmentation.plan import Plan

    architecture, tower, grid = tower_of(config, encoder.model)
    sides = {"train_size": (crop, crop), "test_size": (crop, crop), "crop": crop}
    plan = Plan(
        name="count", arm=Arm(encoder="e", decoder="d"), encoder=encoder,
        decoder=config.vltseg.decoders[decoder],
        scale=Scale(**sides, window=crop, stride=crop, iterations=1, batch_size=1),
        training=SegmentorTraining(), seed=0, model="", weights_sha256="",
        tower={"name": tower, "args": {}, "grid": grid}, mean=(0, 0, 0), std=(1, 1, 1),
    )  # fmt: skip

    whole = build(plan, load=False).eval()
    values = sum(p.numel() for p in whole.parameters())
    shapes: list[torch.Size] = []

    def encode(network: nn.Module) -> None:
        with torch.device("meta"):
            shapes.extend(m.shape for m in network.encode_maps(torch.zeros(1, 3, crop, crop)))

    def decode(network: nn.Module) -> object:
        maps = network.backbone.pyramid_of([torch.randn(shape) for shape in shapes])
        maps = network.neck(maps) if network.with_neck else maps
        if config.vltseg.decoders[decoder].kind == "fpn":
            return network.decode_head(maps)
        from mmseg.structures import SegDataSample

        sides = {"img_shape": (crop, crop), "batch_input_shape": (crop, crop)}
        return network.decode_head(maps, [SegDataSample(metainfo=sides)])

    # What the decoder does depends on data, so it computes; the tower need not.
    head = copy.deepcopy(whole.decode_head), copy.deepcopy(whole.backbone.pyramid)
    encoder, own = counted(lambda: whole.backbone, encode)
    whole.decode_head, whole.backbone.pyramid = head
    rest, _ = counted(lambda: whole, decode, None)
    yield architecture, "encoder", crop, encoder, own
    yield architecture, decoder, crop, encoder + rest, values


def rows(config: Config, known: set[Key]) -> Iterator[Row]:
    """Yield every architecture that the configuration uses and the table has not yet."""
    clips = {m.name for m in config.models.values() if isinstance(m, OpenClipModel)}
    for name in sorted(clips | {config.forgotten.training.clip.architecture}):
        if not any(key[:2] == (name, "text") for key in known):
            yield from clip_rows(name)
    sizes = {m.name: m.image_size for m in config.models.values() if isinstance(m, TimmModel)}
    nets = config.forgotten.training.resnets
    towers = {*sizes.items(), (nets.architecture, nets.train_size)}
    for name, size in sorted(towers, key=str):
        side = size or timm.get_pretrained_cfg(name).input_size[1]
        # SAM's tower is only used with a decoder, at its sizes.
        if not name.startswith("samvit") and (name, "image", side) not in known:
            yield from timm_rows(name, size)
    seen = set(known)
    for arm in vltseg_arms.arms(config).values():
        encoder = config.vltseg.encoders[arm.encoder]
        for kind in sorted({config.vltseg.sources[s].kind for s in arm.sources}):
            crop = getattr(config.vltseg.scales, kind).crop
            key = (tower_of(config, encoder.model)[0], arm.decoder, crop)
            if key not in seen:
                seen.add(key)
                yield from segmentor_rows(config, encoder, arm.decoder, crop)


def main() -> None:
    """Add what is missing to the table; `--anew` counts everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--anew", action="store_true", help="count what is in the table again")
    anew = parser.parse_args().anew
    config = read([ROOT / "config.yaml", ROOT / "config/full.yaml"])
    source = f"counted with FlopCounterMode at random weights, torch {torch.__version__}"
    lines: dict[Key, list[str]] = {}
    if TABLE.is_file() and not anew:
        with TABLE.open(newline="") as file:
            lines = {(r[0], r[1], int(r[2])): r for r in list(csv.reader(file))[1:]}
    for architecture, part, size, gflop, values in rows(config, set(lines)):
        print(f"{architecture} {part} {size}: {gflop:.4g} GFLOP, {values:,}", flush=True)
        line = [architecture, part, str(size), f"{gflop:.4g}", str(values), source]
        lines[architecture, part, size] = line
        with whole_file(TABLE) as temporary, temporary.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *lines.values()])


if __name__ == "__main__":
    main()
