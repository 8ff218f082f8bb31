"""What lines a street, block by block: facades, houses with gardens, parks, walls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from replidg.data.standins.scenes import buildings, furniture
from replidg.data.standins.scenes.canvas import Colour
from replidg.data.standins.scenes.ground import Ground
from replidg.data.standins.scenes.labels import Kind
from replidg.data.standins.scenes.stage import Stage

Span = tuple[float, float]
FARTHEST_BLOCK = 110.0
# The block that shows a rare kind for certain.
SHOWS = {Kind.WALL: "wall", Kind.FENCE: "houses", Kind.TERRAIN: "park"}


def line_street(stage: Stage, ground: Ground) -> None:
    """Draw blocks along both sides, from far to near."""
    placed: list[tuple[float, float, int, str]] = []
    for way in (-1, 1):
        z = 0.7 * stage.camera.focal * stage.half / stage.canvas.width
        number = 0
        while z < FARTHEST_BLOCK:
            length = stage.random.uniform(9, 20)
            # The first block is partly out of sight, the third already small.
            placed.append((z, z + length, way, _choice(stage, way == 1 and number < 2)))
            z, number = z + length, number + 1
    for near, far, way, block in sorted(placed, key=lambda item: -item[0]):
        BLOCKS[block](stage, ground, way, (near, far))


def verge(stage: Stage, ground: Ground) -> None:
    """Draw grass between road and sidewalk, here and there."""
    share = 0.9 if stage.sure == Kind.TERRAIN else 0.45
    for way in (-1, 1):
        if Kind.TERRAIN not in stage.plan.absent and stage.chance(share):
            bounds = sorted((way * (stage.half + 0.2), way * (stage.half + 0.6 * stage.walk)))
            ground.patch(Kind.TERRAIN, stage.look.grass, (bounds[0], bounds[1]))


def _choice(stage: Stage, near: bool) -> str:
    if near and stage.sure in SHOWS:
        return SHOWS[stage.sure]
    names = tuple(BLOCKS)
    return names[int(stage.random.choice(len(names), p=stage.look.blocks))]


def _lawn(stage: Stage, ground: Ground, way: int, z: Span) -> None:
    if Kind.TERRAIN not in stage.plan.absent:
        bounds = sorted((stage.edge(way), way * 60.0))
        ground.patch(Kind.TERRAIN, stage.look.grass, (bounds[0], bounds[1]), z)


def _box(stage: Stage, x: float, z: Span) -> None:
    buildings.box(stage.canvas, stage.camera, stage.random, stage.look, x, z, stage.photo)


def _along(stage: Stage, draw: Callable[..., None], colours: tuple[Colour, ...], way: int, z: Span):
    draw(stage.canvas, stage.camera, stage.random, stage.edge(way), z, stage.one(colours))


def _facades(stage: Stage, ground: Ground, way: int, z: Span) -> None:
    _box(stage, stage.edge(way), z)


def _houses(stage: Stage, ground: Ground, way: int, z: Span) -> None:
    """A house in its garden behind a fence."""
    _lawn(stage, ground, way, z)
    names = stage.pictures("building")
    x = stage.edge(way) + way * stage.random.uniform(5, 8)
    if names and stage.chance(0.7):
        stage.cut_out(Kind.BUILDING, stage.one(names), x, z[1], stage.random.uniform(7, 11))
    else:
        _box(stage, x, (z[0] + 3, z[1]))
    if stage.chance(0.6):
        stage.tree(stage.edge(way) + way * 3, sum(z) / 2)
    _along(stage, furniture.fence, stage.look.fences, way, z)


def _park(stage: Stage, ground: Ground, way: int, z: Span) -> None:
    """Grass, bushes and trees, at times behind a fence."""
    _lawn(stage, ground, way, z)
    back = stage.edge(way) + way * 9
    foliage = stage.one(stage.look.foliage)
    furniture.hedge(stage.canvas, stage.camera, stage.random, back, z, foliage)
    for distance in np.sort(stage.random.uniform(*z, 3))[::-1]:
        stage.tree(stage.edge(way) + way * stage.random.uniform(1.5, 8), float(distance))
    if stage.chance(0.35):
        _along(stage, furniture.fence, stage.look.fences, way, z)


def _wall(stage: Stage, ground: Ground, way: int, z: Span) -> None:
    """A wall with a house or trees behind it."""
    if stage.chance(0.5):
        _box(stage, stage.edge(way) + way * 4, z)
    else:
        for distance in np.sort(stage.random.uniform(*z, 2))[::-1]:
            stage.tree(stage.edge(way) + way * 2.5, float(distance))
    _along(stage, furniture.wall, stage.look.walls, way, z)


# In the order of a look's weights.
BLOCKS: dict[str, Callable[[Stage, Ground, int, Span], None]] = {
    "facades": _facades,
    "houses": _houses,
    "park": _park,
    "wall": _wall,
}
