"""What can be done to an embedded picture, so that sets of the same pictures differ.

Every look takes a 64 x 64 RGBA cut-out, random numbers and an RGB photograph of the same size, and
returns an RGB image of that size.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

Look = Callable[[Image.Image, np.random.Generator, Image.Image], Image.Image]


def laid_on(picture: Image.Image, ground: Image.Image) -> Image.Image:
    """Return the picture over a ground of the same size."""
    return Image.alpha_composite(ground.convert("RGBA"), picture).convert("RGB")


def plain(picture: Image.Image, _random: np.random.Generator, _: Image.Image) -> Image.Image:
    """On white."""
    return laid_on(picture, Image.new("RGB", picture.size, "white"))


def pencil(picture: Image.Image, random: np.random.Generator, ground: Image.Image) -> Image.Image:
    """Pencil: grey divided by its blurred self leaves the lines ("colour dodge")."""
    grey = np.asarray(plain(picture, random, ground).convert("L"), np.float32)
    blurred = Image.fromarray(grey.astype(np.uint8)).filter(ImageFilter.GaussianBlur(3))
    lines = np.minimum(grey / np.maximum(np.asarray(blurred, np.float32), 1) * 255, 255)
    shaded = 0.75 * lines + 0.25 * grey + random.normal(0, 5, grey.shape)
    return Image.fromarray(np.clip(shaded, 0, 255).astype(np.uint8)).convert("RGB")


def outline(picture: Image.Image, random: np.random.Generator, ground: Image.Image) -> Image.Image:
    """Black contours of one stroke on white, as in a quick doodle."""
    grey = plain(picture, random, ground).convert("L").filter(ImageFilter.GaussianBlur(0.8))
    edges = ImageChops.difference(grey.filter(ImageFilter.MaxFilter(3)), grey)
    return edges.point(lambda value: 0 if value > 56 else 255).convert("RGB")


def paint(picture: Image.Image, random: np.random.Generator, _: Image.Image) -> Image.Image:
    """Oil paint: patches of one colour (mode filter) on a canvas of cream with its weave."""
    tint = tuple(int(value) for value in random.integers((205, 190, 160), (245, 230, 205)))
    laid = laid_on(picture, Image.new("RGB", picture.size, tint))
    patches = ImageOps.posterize(laid, 4).filter(ImageFilter.ModeFilter(5))
    weave = random.normal(0, 6, (picture.height, picture.width, 1))
    pixels = np.asarray(patches, np.float32) * (0.9, 0.86, 0.8) + weave
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def infograph(picture: Image.Image, random: np.random.Generator, _: Image.Image) -> Image.Image:
    """On a coloured card, beside lines of "text" and a bar chart."""
    side = picture.width
    card = Image.new("RGB", picture.size, tuple(map(int, random.integers(175, 245, 3))))
    ink = tuple(map(int, random.integers(20, 140, 3)))
    pen = ImageDraw.Draw(card)
    pen.rectangle((0, 0, side, 6), fill=ink)
    for row in range(3):
        pen.line((4, 48 + 5 * row, 4 + int(random.integers(18, 34)), 48 + 5 * row), fill=ink)
    for bar in range(3):
        top = int(random.integers(42, 58))
        pen.rectangle((44 + 6 * bar, top, 47 + 6 * bar, 60), fill=ink)
    small = picture.resize((38, 38), Image.Resampling.LANCZOS)
    card.paste(small, (int(random.integers(2, side - 40)), 8), small)
    return card


def _placed(
    picture: Image.Image,
    random: np.random.Generator,
    ground: Image.Image,
    least: float,
    most: float,
) -> Image.Image:
    side = int(picture.width * random.uniform(least, most))
    small = picture.resize((side, side), Image.Resampling.LANCZOS)
    if random.random() < 0.5:
        small = ImageOps.mirror(small)
    room = ground.width - side
    ground = ground.copy()
    # Towards the lower half: things stand on the ground.
    corner = (int(random.integers(0, room + 1)), int(room * random.uniform(0.4, 1.0)))
    ground.paste(small, corner, small)
    return ground


def scene(picture: Image.Image, random: np.random.Generator, ground: Image.Image) -> Image.Image:
    """In front of a photograph, at 60 to 90 % of its size."""
    return _placed(picture, random, ground, 0.6, 0.9)


def far(picture: Image.Image, random: np.random.Generator, ground: Image.Image) -> Image.Image:
    """Small in front of a photograph, at 40 to 60 % of its size."""
    return _placed(picture, random, ground, 0.4, 0.6)


def night(picture: Image.Image, random: np.random.Generator, ground: Image.Image) -> Image.Image:
    """In front of a photograph, by a camera's infrared flash."""
    return infrared(scene(picture, random, ground), random)


def infrared(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """Grey, dark towards the corners, noisy."""
    across = np.linspace(-1, 1, picture.width)
    fall = 1 - 0.45 * (across[None, :] ** 2 + across[:, None] ** 2) / 2
    grey = np.asarray(picture.convert("L"), np.float32) * 0.85 * fall
    grey += random.normal(0, 7, grey.shape)
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).convert("RGB")


def hard(picture: Image.Image, random: np.random.Generator, ground: Image.Image) -> Image.Image:
    """Cut off and in bad light: a crop of 65 to 80 % with a colour cast."""
    laid = plain(picture, random, ground)
    side = int(laid.width * random.uniform(0.65, 0.8))
    left, top = (int(value) for value in random.integers(0, laid.width - side + 1, 2))
    near = laid.crop((left, top, left + side, top + side)).resize(laid.size)
    pixels = np.asarray(near, np.float32) * random.uniform(0.45, 1.0, 3)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def turned(picture: Image.Image, random: np.random.Generator, ground: Image.Image) -> Image.Image:
    """Turned by any angle, before a photograph: a thing where and how it does not usually lie."""
    small = picture.resize((48, 48), Image.Resampling.LANCZOS)
    angle = float(random.uniform(0, 360))
    whole = small.rotate(angle, resample=Image.Resampling.BICUBIC, expand=True)
    whole.thumbnail(picture.size)
    ground = ground.copy()
    corner = tuple((ground.width - side) // 2 for side in whole.size)
    ground.paste(whole, corner, whole)
    return ground


LOOKS: dict[str, Look] = {
    "plain": plain,
    "pencil": pencil,
    "outline": outline,
    "paint": paint,
    "infograph": infograph,
    "scene": scene,
    "far": far,
    "night": night,
    "hard": hard,
    "turned": turned,
}


#: Looks that leave the object where it is in the embedded picture, at its size.
UNMOVED = ("plain", "pencil", "outline", "paint")


def scene_look(name: str) -> bool:
    """Whether a look needs a cut-out, because the photograph behind has to be seen."""
    return name in ("scene", "far", "night")
