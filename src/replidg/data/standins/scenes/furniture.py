"""Poles, traffic lights, signs, fences, walls, trees, bins: what stands along a street."""

from __future__ import annotations

import numpy as np

from replidg.data.standins.scenes.canvas import Camera, Canvas, Colour, Lamp, Pen, mixed
from replidg.data.standins.scenes.labels import Kind

METAL = ((120, 124, 128), (86, 92, 96), (150, 152, 150), (74, 84, 78))
RED, AMBER, GREEN = (236, 52, 44), (250, 178, 40), (60, 214, 110)
OFF = (44, 40, 38)
BARK = (92, 70, 52)


def _metal(random: np.random.Generator) -> Colour:
    return METAL[int(random.integers(len(METAL)))]


def street_lamp(
    canvas: Canvas,
    random: np.random.Generator,
    x: float,
    y: float,
    scale: float,
    way: int,
    depth: float,
) -> None:
    """Draw a lamp post with its foot at (x, y) and an arm to `way`."""
    height = random.uniform(5.5, 8.0) * scale
    arm, thick = way * random.uniform(0.9, 1.6) * scale, max(0.2 * scale, 1.5)
    pen = Pen(canvas, (x - 2 * scale, y - height - scale, x + 2 * scale, y))
    colour = _metal(random)
    pen.line([(x, y), (x, y - height)], thick, colour)
    pen.line([(x, y - height), (x + arm, y - height - 0.25 * scale)], 0.8 * thick, colour)
    pen.line(
        [(x + 0.7 * arm, y - height - 0.2 * scale), (x + arm, y - height - 0.2 * scale)],
        1.6 * thick,
        mixed(colour, (240, 240, 230), 0.5),
    )
    pen.lay(Kind.POLE, 0, depth)
    canvas.lamps.append(Lamp(x + arm, y - height, max(0.7 * scale, 2.5), (255, 214, 150)))


def bollard(
    canvas: Canvas, random: np.random.Generator, x: float, y: float, scale: float, depth: float
) -> None:
    """Draw a bare pole, man-high or as high as a house."""
    height = random.choice([1.1, 3.0, 5.0]) * scale
    pen = Pen(canvas, (x - scale, y - height, x + scale, y))
    pen.line([(x, y), (x, y - height)], max(0.16 * scale, 1.4), _metal(random))
    pen.lay(Kind.POLE, 0, depth)


def traffic_light(
    canvas: Canvas, random: np.random.Generator, x: float, y: float, scale: float, depth: float
) -> None:
    """Draw a pole with a traffic light on top."""
    height, wide, high = random.uniform(2.6, 3.6) * scale, 0.42 * scale, 1.45 * scale
    wide, high = max(wide, 2.0), max(high, 6.0)
    pen = Pen(canvas, (x - 2 * wide, y - height - high, x + 2 * wide, y))
    pen.line([(x, y), (x, y - height)], max(0.15 * scale, 1.3), _metal(random))
    pen.lay(Kind.POLE, 0, depth)
    top = y - height - high * 0.6
    shell = (34, 36, 38) if random.random() < 0.8 else (226, 178, 40)
    pen.box(x - wide, top, x + wide, top + high, shell)
    shining = int(random.integers(3))
    for place, colour in enumerate((RED, AMBER, GREEN)):
        middle = top + high * (place + 0.5) / 3
        radius = min(wide * 0.78, high / 6.6)
        pen.oval(
            x - radius,
            middle - radius,
            x + radius,
            middle + radius,
            colour if place == shining else mixed(OFF, colour, 0.15),
        )
        if place == shining:
            canvas.lamps.append(Lamp(x, middle, max(1.3 * radius, 1.5), colour))
    pen.lay(Kind.TRAFFIC_LIGHT, canvas.new_instance(), depth)


def traffic_sign(
    canvas: Canvas, random: np.random.Generator, x: float, y: float, scale: float, depth: float
) -> None:
    """Draw a pole with a sign of one of six common shapes."""
    height = random.uniform(1.9, 2.8) * scale
    half = max(random.uniform(0.5, 0.72) * scale, 2.8)
    pen = Pen(canvas, (x - 3 * half, y - height - 2 * half, x + 3 * half, y))
    pen.line([(x, y), (x, y - height)], max(0.13 * scale, 1.3), _metal(random))
    pen.lay(Kind.POLE, 0, depth)
    middle = y - height - half * 0.6
    _plate(pen, int(random.integers(6)), x, middle, half)
    pen.lay(Kind.TRAFFIC_SIGN, canvas.new_instance(), depth)


def _plate(pen: Pen, shape: int, x: float, y: float, half: float) -> None:
    white, red, blue = (244, 244, 240), (204, 28, 36), (24, 80, 170)
    if shape == 0:  # a limit
        pen.oval(x - half, y - half, x + half, y + half, red)
        pen.oval(x - 0.7 * half, y - 0.7 * half, x + 0.7 * half, y + 0.7 * half, white)
        pen.box(x - 0.3 * half, y - 0.3 * half, x + 0.3 * half, y + 0.3 * half, (30, 30, 30))
    elif shape == 1:  # a warning
        for size, colour in ((1.1, red), (0.65, white)):
            low, wide = y + 0.75 * half * size, 1.05 * half * size
            pen.polygon([(x - wide, low), (x + wide, low), (x, y - 1.0 * half * size)], colour)
    elif shape == 2:  # stop
        turn = np.linspace(0, 2 * np.pi, 9)[:-1] + np.pi / 8
        pen.polygon([(x + half * np.cos(a), y + half * np.sin(a)) for a in turn], red)
        pen.box(x - 0.6 * half, y - 0.18 * half, x + 0.6 * half, y + 0.18 * half, white)
    elif shape == 3:  # a direction
        pen.oval(x - half, y - half, x + half, y + half, blue)
        pen.line([(x - 0.4 * half, y), (x + 0.4 * half, y)], 0.35 * half, white)
    elif shape == 4:  # parking
        pen.box(x - 0.9 * half, y - half, x + 0.9 * half, y + half, blue)
        pen.box(x - 0.35 * half, y - 0.55 * half, x + 0.2 * half, y + 0.55 * half, white)
    else:  # priority
        turn = np.linspace(0, 2 * np.pi, 5)[:-1]
        for size, colour in ((1.15, white), (0.8, (248, 196, 20))):
            corners = [(x + half * size * np.cos(a), y + half * size * np.sin(a)) for a in turn]
            pen.polygon(corners, colour)


def bin_(
    canvas: Canvas, random: np.random.Generator, x: float, y: float, scale: float, depth: float
) -> None:
    """Draw a bin; sets without a class for it ignore it."""
    wide, high = 0.35 * scale, random.uniform(0.9, 1.2) * scale
    pen = Pen(canvas, (x - wide, y - high, x + wide, y))
    colour = ((60, 74, 62), (70, 74, 84), (120, 70, 40))[int(random.integers(3))]
    pen.box(x - 0.8 * wide, y - 0.9 * high, x + 0.8 * wide, y, colour)
    pen.box(x - wide, y - high, x + wide, y - 0.85 * high, mixed(colour, (0, 0, 0), 0.4))
    pen.lay(Kind.STATIC, 0, depth)


def fence(
    canvas: Canvas,
    camera: Camera,
    random: np.random.Generator,
    x: float,
    z: tuple[float, float],
    colour: Colour,
) -> None:
    """Draw a fence along the street at `x` metres, from `z[0]` (near) to `z[1]`."""
    height, solid = random.uniform(1.1, 1.7), random.random() < 0.5
    corners = _upright(camera, x, height, z)
    pen = Pen(canvas, _around(corners))
    pen.polygon(corners, mixed(colour, (20, 20, 20), 0.25), 0.92 if solid else 0.6)
    count = int(np.clip((z[1] - z[0]) / 0.7, 3, 40))
    for step in np.linspace(0, 1, count + 1):
        # Evenly spaced in the world, so crowded far away.
        near = z[0] + (z[1] - z[0]) * step
        wide = max(camera.scale(near) * (0.22 if solid else 0.1), 0.8)
        pen.line([camera.project(x, 0, near), camera.project(x, height, near)], wide, colour)
    for level in (0.25, 0.95):
        ends = [camera.project(x, height * level, far) for far in z]
        pen.line(ends, max(0.09 * camera.scale(z[0]), 0.8), mixed(colour, (255, 255, 255), 0.15))
    pen.lay(Kind.FENCE, 0, sum(z) / 2)


def wall(
    canvas: Canvas,
    camera: Camera,
    random: np.random.Generator,
    x: float,
    z: tuple[float, float],
    colour: Colour,
) -> None:
    """Draw a wall along the street at `x` metres, from `z[0]` (near) to `z[1]`."""
    height = random.uniform(1.6, 2.8)
    corners = _upright(camera, x, height, z)
    pen = Pen(canvas, _around(corners))
    pen.polygon(corners, colour)
    for level in np.arange(0.4, height, 0.4):
        ends = [camera.project(x, level, far) for far in z]
        pen.line(ends, max(0.04 * camera.scale(z[0]), 0.3), mixed(colour, (0, 0, 0), 0.22))
    top = [camera.project(x, height, far) for far in z]
    pen.line(top, max(0.14 * camera.scale(z[0]), 0.7), mixed(colour, (255, 255, 255), 0.3))
    pen.lay(Kind.WALL, 0, sum(z) / 2)


def tree(
    canvas: Canvas,
    random: np.random.Generator,
    x: float,
    y: float,
    scale: float,
    colour: Colour,
    depth: float,
    rough: bool,
) -> None:
    """Draw a tree with its foot at (x, y): a trunk, and clumps of leaves, more where `rough`."""
    height = random.uniform(4.0, 7.5) * scale
    pen = Pen(canvas, (x - 0.6 * height, y - 1.1 * height, x + 0.6 * height, y))
    pen.line([(x, y), (x, y - 0.6 * height)], max(0.3 * scale, 1.4), BARK)
    clumps = 26 if rough else 7
    for number in range(clumps):
        angle, reach = random.uniform(0, 2 * np.pi), np.sqrt(random.random()) * 0.3 * height
        radius = height * (random.uniform(0.07, 0.15) if rough else random.uniform(0.15, 0.22))
        middle_x, middle_y = (
            x + 1.1 * reach * np.cos(angle),
            y - 0.68 * height + reach * np.sin(angle),
        )
        # Light falls from above: the later, upper clumps are brighter.
        light = (number / clumps - 0.5) * 0.5 - np.sin(angle) * 0.15
        tone = mixed(colour, (255, 255, 200) if light > 0 else (0, 10, 0), abs(light))
        pen.oval(middle_x - radius, middle_y - radius, middle_x + radius, middle_y + radius, tone)
    pen.lay(Kind.VEGETATION, 0, depth)


def hedge(
    canvas: Canvas,
    camera: Camera,
    random: np.random.Generator,
    x: float,
    z: tuple[float, float],
    colour: Colour,
) -> None:
    """Draw a row of bushes along the street at `x` metres, from `z[0]` (near) to `z[1]`."""
    height = random.uniform(1.0, 2.6)
    corners = _upright(camera, x, height * 1.4, z)
    pen = Pen(canvas, _around(corners))
    pen.polygon(_upright(camera, x, height * 0.8, z), mixed(colour, (0, 0, 0), 0.3))
    for far in np.sort(random.uniform(z[0], z[1], 30))[::-1]:
        centre_x, centre_y = camera.project(x, height * random.uniform(0.25, 0.9), float(far))
        radius = camera.scale(float(far)) * height * random.uniform(0.14, 0.28)
        tone = mixed(
            colour, (220, 230, 150) if random.random() < 0.5 else (0, 10, 0), random.uniform(0, 0.3)
        )
        pen.oval(centre_x - radius, centre_y - radius, centre_x + radius, centre_y + radius, tone)
    pen.lay(Kind.VEGETATION, 0, sum(z) / 2)


def _upright(camera: Camera, x: float, height: float, z: tuple[float, float]):
    return [
        camera.project(x, 0, z[0]),
        camera.project(x, height, z[0]),
        camera.project(x, height, z[1]),
        camera.project(x, 0, z[1]),
    ]


def _around(points: list[tuple[float, float]]) -> tuple[float, float, float, float]:
    across, down = [x for x, _ in points], [y for _, y in points]
    return min(across), min(down), max(across), max(down)
