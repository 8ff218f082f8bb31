"""Sky and ground of a street: clouds, road with its markings, sidewalks, grass."""

from __future__ import annotations

import numpy as np
from PIL import Image

from replidg.data.standins.scenes.canvas import FARTHEST, Camera, Canvas, Colour, Lamp, Pen, mixed
from replidg.data.standins.scenes.labels import Kind
from replidg.data.standins.scenes.looks import Look

PAINT = (226, 224, 214)
# Nearer than anything in sight.
NEAREST = 0.5
BEYOND = 400.0


def clouded(random: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Return smooth noise of several sizes, (height, width), about -1 to 1."""
    total = np.zeros((height, width), np.float32)
    for cells, weight in ((2, 0.5), (5, 0.3), (11, 0.2)):
        coarse = random.uniform(-1, 1, (cells, 2 * cells)).astype(np.float32)
        grown = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        total += weight * np.asarray(grown)
    return total


def sky(canvas: Canvas, camera: Camera, random: np.random.Generator, look: Look) -> None:
    """Fill the whole canvas with sky: a gradient, and clouds."""
    top, low = look.sky[int(random.integers(len(look.sky)))]
    share = np.clip(np.arange(canvas.height) / camera.horizon, 0, 1)[:, None, None]
    canvas.rgb[:] = np.array(top) * (1 - share) + np.array(low) * share
    canvas.kind[:] = Kind.SKY
    canvas.depth[:] = FARTHEST
    if look.rough:
        cover = np.clip(clouded(random, canvas.width, canvas.height) + 0.1, 0, 1)[..., None]
        canvas.rgb += (np.array((244, 244, 244)) - canvas.rgb) * cover * random.uniform(0.3, 1.0)
        return
    pen = Pen(canvas, (0, 0, canvas.width, camera.horizon))
    for _ in range(int(random.integers(0, 4))):
        x, y = random.uniform(0, canvas.width), random.uniform(0.02, 0.75) * camera.horizon
        size = random.uniform(0.03, 0.07) * canvas.width
        for shift in (-1.1, -0.3, 0.6, 1.3):
            radius = size * random.uniform(0.5, 0.9)
            middle = x + shift * size
            pen.oval(
                middle - radius,
                y - 0.7 * radius,
                middle + radius,
                y + 0.6 * radius,
                mixed((255, 255, 255), low, 0.15),
            )
    pen.lay(Kind.SKY)


class Ground:
    """Draws flat things; coordinates are metres to the side (x) and ahead (z)."""

    def __init__(self, canvas: Canvas, camera: Camera) -> None:
        self.canvas, self.camera = canvas, camera
        self.depth = camera.ground_depth()
        self.pen = Pen(canvas, (0, camera.horizon, canvas.width, canvas.height))

    def patch(
        self,
        kind: Kind,
        colour: Colour,
        x: tuple[float, float],
        z: tuple[float, float] = (NEAREST, BEYOND),
    ) -> None:
        """Fill a rectangle on the ground."""
        self.quad(colour, x, z)
        self.lay(kind)

    def quad(self, colour: Colour, x: tuple[float, float], z: tuple[float, float]) -> None:
        """Add a rectangle to what `lay` will lay."""
        points = [(x[0], z[0]), (x[1], z[0]), (x[1], z[1]), (x[0], z[1])]
        self.pen.polygon([self.camera.project(a, 0, b) for a, b in points], colour)

    def lay(self, kind: Kind) -> None:
        """Lay what was added."""
        self.pen.lay(kind, 0, self.depth)


def plain(ground: Ground, look: Look) -> None:
    """Cover everything below the horizon with paving; the rest comes on top."""
    ground.patch(Kind.SIDEWALK, mixed(look.paving, (0, 0, 0), 0.08), (-BEYOND, BEYOND))


def road(ground: Ground, random: np.random.Generator, look: Look, half: float, walk: float) -> None:
    """Draw the road, `half` metres to each side, sidewalks of `walk` metres, curbs, markings."""
    for way in (-1, 1):
        inner, outer = sorted((way * half, way * (half + walk)))
        ground.patch(Kind.SIDEWALK, look.paving, (inner, outer))
    for way in (-1, 1):
        inner, outer = sorted((way * (half - 0.05), way * (half + 0.2)))
        ground.patch(Kind.CURB, mixed(look.paving, (255, 255, 255), 0.3), (inner, outer))
    ground.patch(Kind.ROAD, look.asphalt, (-half, half))
    dashes = np.arange(2.0, 60.0, 6.0)
    lanes = (0.0,) if half < 5.5 else (-half / 3, half / 3)
    for lane in lanes:
        for start in dashes + random.uniform(0, 3):
            ground.quad(PAINT, (lane - 0.1, lane + 0.1), (float(start), float(start) + 3))
    if random.random() < 0.5:
        for way in (-1, 1):
            edge = way * (half - 0.5)
            ground.quad(PAINT, (edge - 0.08, edge + 0.08), (NEAREST, 80.0))
    ground.lay(Kind.LANE_MARKING)
    if random.random() < 0.25:
        start = random.uniform(8, 22)
        for x in np.arange(-half + 0.4, half - 0.4, 1.1):
            ground.quad(PAINT, (float(x), float(x) + 0.55), (start, start + 3.0))
        ground.lay(Kind.CROSSWALK)
    if random.random() < 0.3:
        x, z = random.uniform(-0.6 * half, 0.6 * half), random.uniform(5, 12)
        centre_x, centre_y = ground.camera.project(x, 0, z)
        wide, high = 0.45 * ground.camera.scale(z), 0.12 * ground.camera.scale(z)
        ground.pen.oval(
            centre_x - wide,
            centre_y - high,
            centre_x + wide,
            centre_y + high,
            mixed(look.asphalt, (0, 0, 0), 0.45),
        )
        ground.lay(Kind.MANHOLE)


def rails(ground: Ground, x: float, look: Look) -> None:
    """Draw two rails in the road, where a tram runs."""
    for way in (-0.72, 0.72):
        ground.quad(
            mixed(look.asphalt, (0, 0, 0), 0.4), (x + way - 0.07, x + way + 0.07), (NEAREST, 80.0)
        )
    ground.lay(Kind.ROAD)


def own_car(canvas: Canvas, random: np.random.Generator, look: Look) -> None:
    """Draw the hood of the car that the camera is in."""
    high = random.uniform(0.04, 0.1) * canvas.height
    wide, foot = canvas.width, canvas.height
    paint = look.paint[int(random.integers(len(look.paint)))]
    pen = Pen(canvas, (0, foot - 1.3 * high, wide, foot))
    pen.oval(-0.05 * wide, foot - high, 1.05 * wide, foot + 2 * high, paint)
    pen.oval(
        0.1 * wide,
        foot - 0.75 * high,
        0.9 * wide,
        foot + 2 * high,
        mixed(paint, (255, 255, 255), 0.12),
    )
    pen.lay(Kind.EGO, 0, 1.0)


def shadow(canvas: Canvas, x: float, y: float, wide: float, scale: float) -> None:
    """Darken the ground below a thing that stands at (x, y), `wide` pixels across."""
    high = max(0.35 * scale, 1.0)
    half = 0.56 * wide
    left, top = int(np.floor(x - half)), int(np.floor(y - high))
    columns = (np.arange(left, int(np.ceil(x + half)) + 1) + 0.5 - x) / half
    rows = (np.arange(top, int(np.ceil(y + high)) + 1) + 0.5 - y) / high
    inside = 1 - (columns[None] ** 2 + rows[:, None] ** 2)
    canvas.shade(0.5 * np.clip(1.6 * inside, 0, 1).astype(np.float32), left, top)


def headlight_pool(x: float, y: float, scale: float) -> Lamp:
    """Return the light that our own car throws on the road."""
    return Lamp(x, y, 4.5 * scale, (255, 240, 205))
