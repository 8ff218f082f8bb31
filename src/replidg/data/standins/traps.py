"""What a camera trap sees: always the same place, sometimes something in it, by day or night."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance

from replidg.data.standins.looks import infrared, scene
from replidg.data.standins.pictures import cutout


def frame(thing: str | None, behind: str, random: np.random.Generator, dark: bool) -> Image.Image:
    """Return one 64 x 64 RGB image of a camera trap.

    Args:
        thing: id of the cut-out in front, none for an empty frame.
        behind: id of the photograph of the place; seen through a slightly moved window.
        random: decides window, light, and where the thing is.
        dark: taken by infrared flash.
    """
    place = cutout(behind).convert("RGB")
    left, top = (int(value) for value in random.integers(0, 9, 2))
    side = place.width - 8
    view = place.crop((left, top, left + side, top + side)).resize(place.size)
    view = ImageEnhance.Brightness(view).enhance(float(random.uniform(0.75, 1.15)))
    taken = view if thing is None else scene(cutout(thing), random, view)
    return infrared(taken, random) if dark else taken
