"""Buildings as boxes along the street: facade textures with windows, seen in perspective."""

from __future__ import annotations

import numpy as np

from replidg.data.standins.scenes.canvas import FARTHEST, Camera, Canvas, Colour, Point, mixed
from replidg.data.standins.scenes.labels import Kind
from replidg.data.standins.scenes.looks import Look
from replidg.data.standins.scenes.sprites import grain

STOREY = 3.2
BAY = 2.8
# Pixels of texture per bay and storey.
CELL = 12
WARPED = 2


def facade(
    random: np.random.Generator,
    look: Look,
    bays: int,
    storeys: int,
    base: Colour,
    photo: str | None,
) -> np.ndarray:
    """Return a facade, (h, w, 5) float: colours 0 to 255, alpha 255, light of its own 0 to 1.

    Args:
        random: what varies.
        look: its colours; rough looks have uneven windows and stains.
        bays: windows across.
        storeys: windows up.
        base: the wall's colour.
        photo: embedded photograph whose brightness stains the wall.
    """
    height, width = storeys * CELL, bays * CELL
    texture = np.zeros((height, width, 5), np.float32)
    texture[..., :3], texture[..., 3] = base, 255
    if photo is not None:
        rows = np.arange(height) * 61 // height
        columns = np.arange(width) * 61 // width
        texture[..., :3] += look.rough * grain(photo)[rows[:, None], columns[None], None]
    frame = mixed(base, (255, 255, 255), 0.35)
    glass = (70, 84, 98) if look.rough else (92, 132, 176)
    left, top = int(random.integers(2, 4)), int(random.integers(2, 4))
    for storey in range(storeys):
        shop = storey == storeys - 1 and random.random() < 0.5
        for bay in range(bays):
            lit = random.random() < 0.35
            y, x = storey * CELL, bay * CELL
            tone = mixed(glass, (200, 214, 226), random.uniform(0, 0.5 if look.rough else 0.15))
            if shop:
                window = np.s_[y + 3 : y + CELL, x + 1 : x + CELL - 1]
                texture[y + 1 : y + 3, x : x + CELL, :3] = look.paint[bays % len(look.paint)]
            else:
                window = np.s_[y + top : y + CELL - 2, x + left : x + CELL - left]
                outer = np.s_[y + top - 1 : y + CELL - 1, x + left - 1 : x + CELL - left + 1]
                texture[outer][..., :3] = frame
            texture[window][..., :3] = tone
            texture[window][..., 4] = 0.8 * lit
        if random.random() < 0.4:
            texture[(storey + 1) * CELL - 1, :, :3] = mixed(base, (0, 0, 0), 0.25)
    texture[0, :, :3] = mixed(base, (60, 40, 30), 0.6)
    return texture


def warp(
    canvas: Canvas, texture: np.ndarray, corners: list[Point], kind: Kind, depth: float
) -> None:
    """Lay a texture, (h, w, 5), over a quadrilateral: top left, top right, bottom right, left."""
    import cv2

    across, down = [x for x, _ in corners], [y for _, y in corners]
    left, top = max(int(np.floor(min(across))), 0), max(int(np.floor(min(down))), 0)
    right = min(int(np.ceil(max(across))), canvas.width)
    bottom = min(int(np.ceil(max(down))), canvas.height)
    if right - left < 1 or bottom - top < 1:
        return
    height, width = texture.shape[:2]
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) - 0.5
    target = (np.array(corners, np.float32) - (left, top)) * WARPED - 0.5
    matrix = cv2.getPerspectiveTransform(source, target.astype(np.float32))
    size = ((right - left) * WARPED, (bottom - top) * WARPED)
    large = cv2.warpPerspective(texture, matrix, size, flags=cv2.INTER_LINEAR)
    small = cv2.resize(large, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    canvas.lay(small[..., :4], left, top, kind, 0, min(depth, FARTHEST), small[..., 4])


def box(
    canvas: Canvas,
    camera: Camera,
    random: np.random.Generator,
    look: Look,
    x: float,
    z: tuple[float, float],
    photo: str | None,
) -> None:
    """Draw a building whose side stands along the street at `x` metres, from `z[0]` to `z[1]`.

    Its front, which faces the camera, shows where nothing stands before it.
    """
    base = look.facades[int(random.integers(len(look.facades)))]
    storeys = int(random.integers(2, 7))
    height = storeys * STOREY
    beyond = x + np.sign(x) * 14
    left, right = min(x, beyond), max(x, beyond)
    front = [
        camera.project(left, height, z[0]),
        camera.project(right, height, z[0]),
        camera.project(right, 0, z[0]),
        camera.project(left, 0, z[0]),
    ]
    # As read from the street: on the left the near end is the left one.
    first, last = (z[0], z[1]) if x < 0 else (z[1], z[0])
    side = [
        camera.project(x, height, first),
        camera.project(x, height, last),
        camera.project(x, 0, last),
        camera.project(x, 0, first),
    ]
    # The sun stands to the left, ahead.
    light_front, light_side = (0.78, 0.92) if x < 0 else (1.0, 0.68)
    for corners, bays, light, depth in (
        (front, 5, light_front, z[0]),
        (side, max(2, round((z[1] - z[0]) / BAY)), light_side, sum(z) / 2),
    ):
        if max(a for a, _ in corners) > 0 and min(a for a, _ in corners) < camera.width:
            shaded = mixed(base, (0, 0, 0), 1 - light)
            texture = facade(random, look, bays, storeys, shaded, photo)
            warp(canvas, texture, corners, Kind.BUILDING, depth)


def skyline(
    canvas: Canvas, camera: Camera, random: np.random.Generator, look: Look, photo: str | None
) -> None:
    """Draw the houses far away at the end of the street."""
    x = -0.1 * canvas.width
    depth = 150.0
    while x < canvas.width:
        wide = random.uniform(0.05, 0.12) * canvas.width
        high = random.uniform(0.05, 0.22) * canvas.height
        base = look.facades[int(random.integers(len(look.facades)))]
        hazy = mixed(base, look.sky[0][1], 0.35)
        texture = facade(random, look, 4, int(random.integers(3, 7)), hazy, photo)
        top, foot = camera.horizon - high, camera.horizon + 1
        quad = [(x, top), (x + wide, top), (x + wide, foot), (x, foot)]
        warp(canvas, texture, quad, Kind.BUILDING, depth)
        x += wide * random.uniform(0.9, 1.5)
