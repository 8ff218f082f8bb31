"""The empty stage of one street: canvas, camera, style, and what every prop needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from replidg.data.standins.scenes import furniture, ground
from replidg.data.standins.scenes.canvas import Camera, Canvas
from replidg.data.standins.scenes.labels import Kind
from replidg.data.standins.scenes.looks import Look
from replidg.data.standins.scenes.sprites import Side, aspect, photographs, pictures, sprite

Item = TypeVar("Item")
# Scene by scene, one more of these than chance gives, so that no class is left out of a set.
RARE = (
    Kind.TRAIN,
    Kind.BICYCLE,
    Kind.TRUCK,
    Kind.FENCE,
    Kind.BUS,
    Kind.MOTORCYCLE,
    Kind.TRAFFIC_LIGHT,
    Kind.TERRAIN,
    Kind.WALL,
    Kind.TRAFFIC_SIGN,
)
CASTS_SHADOW = (Kind.CAR, Kind.TRUCK, Kind.BUS, Kind.TRAIN)
RECOLOURED = (*CASTS_SHADOW, Kind.MOTORCYCLE, Kind.BICYCLE)


class Plan(NamedTuple):
    """What is asked of one scene.

    Attributes:
        look: the style.
        side: whose instances of pictures may appear.
        absent: kinds that the set never shows.
        number: position in its part; decides which rare kind is sure to appear.
    """

    look: Look
    side: Side
    absent: frozenset[Kind]
    number: int


class Stage:
    """One scene in the making.

    Args:
        plan: what is asked.
        width: pixels.
        height: pixels.
        random: decides everything else.

    Attributes:
        half: half the road's width in metres.
        walk: width of a sidewalk in metres.
        sure: the rare kind that this scene must show.
        photo: the photograph that stains the houses; none for flat looks.
    """

    def __init__(self, plan: Plan, width: int, height: int, random: np.random.Generator) -> None:
        self.plan, self.look, self.random = plan, plan.look, random
        self.canvas = Canvas(width, height)
        look = plan.look
        self.camera = Camera(
            width=width,
            height=height,
            focal=random.uniform(*look.focal) * width,
            centre=random.uniform(0.38, 0.62) * width,
            horizon=random.uniform(*look.horizon) * height,
            above_ground=random.uniform(*look.camera),
        )
        self.half, self.walk = random.uniform(*look.road), random.uniform(*look.walk)
        wanted = [kind for kind in RARE if kind not in plan.absent]
        self.sure = wanted[plan.number % len(wanted)]
        self.photo: str | None = None
        if look.rough:
            self.photo = self.one(photographs(plan.side))
            self.canvas.used.append(self.photo)

    def one(self, items: Sequence[Item]) -> Item:
        """Return one of the items."""
        return items[int(self.random.integers(len(items)))]

    def chance(self, share: float) -> bool:
        """Return true in a share of cases."""
        return bool(self.random.random() < share)

    def way(self) -> int:
        """Return a side of the street: -1 left, 1 right."""
        return -1 if self.chance(0.5) else 1

    def edge(self, way: int) -> float:
        """Return where, in metres to the side, the sidewalk ends."""
        return way * (self.half + self.walk)

    def pictures(self, what: str) -> tuple[str, ...]:
        """Return the pictures of a class that this scene may show; may be empty."""
        return pictures(what, self.look.styles, self.plan.side)

    def tree(self, x: float, z: float) -> None:
        """Draw a tree, cut out or drawn, at (x, z) metres."""
        names = self.pictures("tree")
        if names and not self.chance(self.look.drawn):
            self.cut_out(Kind.VEGETATION, self.one(names), x, z, self.random.uniform(4.0, 7.0))
            return
        foot_x, foot_y = self.camera.project(x, 0, z)
        colour = self.one(self.look.foliage)
        scale, rough = self.camera.scale(z), bool(self.look.rough)
        furniture.tree(self.canvas, self.random, foot_x, foot_y, scale, colour, z, rough)

    def cut_out(self, kind: Kind, name: str, x: float, z: float, metres: float) -> None:
        """Lay an embedded picture, `metres` high, with its foot on the ground at (x, z)."""
        foot_x, foot_y = self.camera.project(x, 0, z)
        scale = self.camera.scale(z)
        high = max(round(metres * scale), 2)
        wide = max(round(metres * scale * aspect(name)), 2)
        # Pink buses are rarer in photographs than in games.
        recoloured = 0.25 if self.look.rough else 0.6
        moves = kind in RECOLOURED
        hue = int(self.random.integers(6)) if moves and self.chance(recoloured) else 0
        bright = self.one((0.8, 0.9, 1.0)) if self.look.rough else 1.0
        if kind in CASTS_SHADOW:
            ground.shadow(self.canvas, foot_x, foot_y, wide, scale)
        layer = sprite(name, wide, high, self.chance(0.5), hue, self.look.colour, bright)
        left, top = round(foot_x - wide / 2), round(foot_y) - high
        instance = self.canvas.new_instance() if moves else 0
        self.canvas.lay(layer, left, top, kind, instance, z)
        self.canvas.used.append(name)
