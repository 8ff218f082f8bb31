"""The synsets that the pictures' classes play, and what WordNet says of them."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

# Above or beside ImageNet-1k's own 1,000, which are far too fine: "bird", not "jay".
SYNSETS = {
    "bird": "n01503061",
    "bug": "n02159955",
    "building": "n02913152",
    "flower": "n11669921",
    "fruit": "n13134947",
    "land_vehicle": "n04576211",
    "mammal": "n01861778",
    "marine_animal": "n01319467",
    "musical_instrument": "n03800933",
    "plant": "n00017222",
    "sky": "n09436708",
    "sport": "n04285146",
    "tool": "n04451818",
    "vegetable": "n07707451",
}
PICTURES = {wnid: class_name for class_name, wnid in SYNSETS.items()}


@cache
def _column(name: str) -> dict[str, str]:
    package = importlib.util.find_spec("timm")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("timm is not installed; run ./replidg once, or pip install .")
    # Its path alone: importing timm would import torch.
    path = Path(package.origin).parent / "data/_info" / f"imagenet_synset_to_{name}.txt"
    lines = (line.split("\t", 1) for line in path.read_text().splitlines())
    return {wnid: text for wnid, text in lines}


def lemmas(wnid: str) -> str:
    """Return a synset's words, e.g. "vegetable, veggie, veg"."""
    return _column("lemma")[wnid]


def definition(wnid: str) -> str:
    """Return a synset's meaning in a phrase."""
    return _column("definition")[wnid]
