"""Write src/replidg/budget/rates.csv: pictures that one core reads and prepares in a second.

Pictures of typical sizes are made from the embedded photographs (smoother than real ones, so that
real ones may take longer), written to a temporary folder, and read as trainings read them:
decoded, cropped at random to 224 pixels, jittered. Counted is the processor's time, so that other
work on the machine matters little. Run it on an idle machine of the kind that you plan for:

    python tools/measure_decoding.py
"""

from __future__ import annotations

import csv
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from replidg.config.methods import Augmentation
from replidg.data.embedded_pictures import decoded, load_table, on_white
from replidg.data.images import InputSpec
from replidg.training.data import AugmentedImages

TABLE = Path(__file__).resolve().parents[1] / "src/replidg/budget/rates.csv"
COLUMNS = ["kind", "images_a_core_second", "width", "height", "format", "source"]
#: Kind -> width, height, format: DomainBed's small copies, ImageNet's usual size, street scenes.
KINDS = {
    "small": (227, 227, "jpg"),
    "photo": (500, 375, "jpg"),
    "street": (2048, 1024, "png"),
}
COUNT, ROUNDS = 24, 5


def processor() -> str:
    """Return the name of this machine's processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def per_second(read: Callable[[int], object]) -> float:
    """Return the median over rounds of pictures a second of one core's time."""
    rates = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for place in range(COUNT):
            read(place)
        rates.append(COUNT / (time.process_time() - start))
    return float(np.median(rates))


def main() -> None:
    """Measure and write the table."""
    torch.set_num_threads(1)
    table = load_table()
    chosen = table[table["domain"] == "photo"]["image"][:COUNT]
    photos = [on_white(decoded(content)) for content in chosen]
    spec = InputSpec(224, "squash", "bilinear", (0.5,) * 3, (0.5,) * 3)
    source = f"measured by tools/measure_decoding.py on one core ({processor()})"
    with tempfile.TemporaryDirectory() as folder, TABLE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for kind, (width, height, ending) in KINDS.items():
            paths = []
            for place, photo in enumerate(photos):
                paths.append(f"{folder}/{kind}{place}.{ending}")
                photo.resize((width, height), Image.Resampling.BICUBIC).save(paths[-1])
            images = AugmentedImages(paths, spec, Augmentation())
            rate = per_second(lambda place, images=images: images[place, place])
            print(f"{kind}: {rate:.0f} images a second")
            writer.writerow([kind, f"{rate:.3g}", width, height, ending, source])


if __name__ == "__main__":
    main()
