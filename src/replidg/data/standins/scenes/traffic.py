"""What moves and stands on a street: vehicles, riders, people, lamps, lights, signs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from replidg.data.standins.scenes import furniture, ground, people, vehicles
from replidg.data.standins.scenes.canvas import Canvas
from replidg.data.standins.scenes.ground import Ground
from replidg.data.standins.scenes.labels import Kind
from replidg.data.standins.scenes.sprites import aspect
from replidg.data.standins.scenes.stage import Stage

# Height of cut-outs in metres; they keep their own proportions.
HEIGHTS = {
    Kind.CAR: 1.6,
    Kind.TRUCK: 3.2,
    Kind.BUS: 3.1,
    Kind.TRAIN: 3.6,
    Kind.MOTORCYCLE: 1.35,
    Kind.BICYCLE: 1.2,
}
LANES = (0.28, 0.5, 0.8)
TRIES = 12
# Of the narrower of two things, what may hide behind the other.
OVERLAP = 0.4


class Thing(NamedTuple):
    """Something to be drawn at a distance."""

    z: float
    draw: Callable[[], None]


class Traffic:
    """Collects things in sight of each other's gaps, then draws them from far to near."""

    def __init__(self, stage: Stage, plane: Ground) -> None:
        self.stage, self.plane = stage, plane
        self.things: list[Thing] = []
        self.taken: list[tuple[float, float]] = []

    def populate(self) -> None:
        """Place and draw everything."""
        # The small ones first: they need a free view.
        for draw, kind, mean in (
            (furniture.traffic_light, Kind.TRAFFIC_LIGHT, 0.9),
            (furniture.traffic_sign, Kind.TRAFFIC_SIGN, 1.2),
        ):
            for _ in range(self._count(mean) + (self.stage.sure == kind)):
                self._beside(draw, nearest=5.5, farthest=22.0)
        self._vehicles()
        for _ in range(self._count(4.5)):
            self._beside(self._person, nearest=5.0)
        for _ in range(self._count(1.6)):
            self._beside(self._lamp, nearest=7.0)
        for _ in range(self._count(0.8)):
            self._beside(furniture.bollard, nearest=6.0)
        for _ in range(self._count(0.5)):
            self._beside(furniture.bin_, nearest=6.0)
        for _ in range(self._count(0.8)):
            z = self._distance(9, 40)
            x = self.stage.way() * (self.stage.half + 0.7 * self.stage.walk)
            self.things.append(Thing(z, partial(self.stage.tree, x, z)))
        for thing in sorted(self.things, key=lambda thing: -thing.z):
            thing.draw()

    def _vehicles(self) -> None:
        for kind, chance in ((Kind.TRUCK, 0.3), (Kind.BUS, 0.3), (Kind.TRAIN, 0.3)):
            if self._wanted(kind, chance):
                self._road_user(kind)
        for kind, chance in ((Kind.MOTORCYCLE, 0.5), (Kind.BICYCLE, 0.7)):
            number = int(self._wanted(kind, chance))
            for _ in range(number + int(self.stage.chance(0.35 * number))):
                self._two_wheeler(kind)
        for _ in range(self._count(4.0) + 1):
            self._road_user(Kind.CAR)

    def _count(self, mean: float) -> int:
        return int(self.stage.random.poisson(mean * self.stage.look.crowd))

    def _wanted(self, kind: Kind, chance: float) -> bool:
        drawn = self.stage.chance(chance)
        return kind not in self.stage.plan.absent and (drawn or self.stage.sure == kind)

    def _distance(self, nearest: float, farthest: float) -> float:
        return float(np.exp(self.stage.random.uniform(np.log(nearest), np.log(farthest))))

    def _take(self, x: float, z: float, wide: float) -> bool:
        """Take the place of a thing `wide` metres across, if it hides none and is not hidden."""
        scale = self.stage.camera.scale(z)
        centre = self.stage.camera.project(x, 0, z)[0]
        left, right = centre - wide * scale / 2, centre + wide * scale / 2
        if not 0 <= centre < self.stage.canvas.width:
            return False
        for other_left, other_right in self.taken:
            shared = min(right, other_right) - max(left, other_left)
            if shared > OVERLAP * min(right - left, other_right - other_left):
                return False
        self.taken.append((left, right))
        return True

    def _road_user(self, kind: Kind) -> None:
        stage = self.stage
        names = stage.pictures(kind.name.lower())
        name = stage.one(names) if names and not stage.chance(stage.look.drawn) else None
        wide = HEIGHTS[kind] * aspect(name) if name else 2.2
        for _ in range(TRIES):
            z = self._distance(6.5 if kind == Kind.CAR else 9.0, 38.0)
            x = stage.way() * stage.one(LANES) * stage.half
            if self._take(x, z, wide):
                if kind == Kind.TRAIN:
                    ground.rails(self.plane, x, stage.look)
                self.things.append(Thing(z, partial(self._draw_vehicle, kind, name, x, z)))
                return

    def _draw_vehicle(self, kind: Kind, name: str | None, x: float, z: float) -> None:
        stage = self.stage
        if name is not None:
            metres = HEIGHTS[kind] * stage.random.uniform(0.94, 1.06)
            stage.cut_out(kind, name, x, z, metres)
            return
        foot, scale = stage.camera.project(x, 0, z), stage.camera.scale(z)
        ground.shadow(stage.canvas, *foot, 2.1 * scale, scale)
        paint, instance = stage.one(stage.look.paint), stage.canvas.new_instance()
        vehicles.vehicle(stage.canvas, stage.random, kind, *foot, scale, paint, z, instance)

    def _two_wheeler(self, kind: Kind) -> None:
        stage = self.stage
        ridden = stage.chance(0.65)
        for _ in range(TRIES):
            z = self._distance(5.5, 18.0)
            parked = 1.0 + 0.4 * stage.walk / stage.half
            lane = stage.random.uniform(0.2, 0.95) if ridden else parked
            x = stage.way() * lane * stage.half
            if self._take(x, z, 2.0):
                draw = partial(self._draw_two_wheeler, kind, x, z, ridden)
                self.things.append(Thing(z, draw))
                return

    def _draw_two_wheeler(self, kind: Kind, x: float, z: float, ridden: bool) -> None:
        stage = self.stage
        (foot_x, foot_y), scale = stage.camera.project(x, 0, z), stage.camera.scale(z)
        way, motor = stage.way(), kind == Kind.MOTORCYCLE
        names = stage.pictures(kind.name.lower())
        ground.shadow(stage.canvas, foot_x, foot_y, 1.8 * scale, 0.6 * scale)
        if names and not stage.chance(stage.look.drawn):
            stage.cut_out(kind, stage.one(names), x, z, HEIGHTS[kind])
        else:
            draw = people.motorcycle if motor else people.bicycle
            paint, instance = stage.one(stage.look.paint), stage.canvas.new_instance()
            draw(stage.canvas, foot_x, foot_y, scale, way, paint, z, instance)
        if ridden:
            seat = (foot_x - way * 0.25 * scale, foot_y - (0.85 if motor else 0.95) * scale)
            cloth = stage.look.cloth
            people.rider(stage.canvas, stage.random, seat, scale, way, cloth, z, motor)

    def _beside(self, draw: Callable[..., None], nearest: float, farthest: float = 32.0) -> None:
        """Place something on a sidewalk where it is in sight."""
        stage = self.stage
        for _ in range(TRIES):
            z = self._distance(nearest, farthest)
            x = stage.way() * (stage.half + stage.random.uniform(0.08, 0.8) * stage.walk)
            if self._take(x, z, 0.8):
                foot, scale = stage.camera.project(x, 0, z), stage.camera.scale(z)
                task = partial(draw, stage.canvas, stage.random, *foot, scale, depth=z)
                self.things.append(Thing(z, task))
                return

    def _person(
        self,
        canvas: Canvas,
        random: np.random.Generator,
        x: float,
        y: float,
        scale: float,
        depth: float,
    ) -> None:
        ground.shadow(canvas, x, y, 0.7 * scale, 0.4 * scale)
        people.person(canvas, random, x, y, scale, self.stage.look.cloth, depth)

    def _lamp(
        self,
        canvas: Canvas,
        random: np.random.Generator,
        x: float,
        y: float,
        scale: float,
        depth: float,
    ) -> None:
        way = 1 if x < self.stage.camera.centre else -1
        furniture.street_lamp(canvas, random, x, y, scale, way, depth)
