"""Persons and riders as jointed figures, and the two-wheelers that no picture shows."""

from __future__ import annotations

import numpy as np

from replidg.data.standins.scenes.canvas import Canvas, Colour, Pen, mixed
from replidg.data.standins.scenes.labels import Kind

SKIN = ((241, 194, 160), (224, 172, 135), (198, 134, 96), (141, 85, 54), (92, 60, 44))
HAIR = ((40, 30, 24), (92, 64, 40), (180, 150, 96), (120, 118, 116))
RUBBER = (34, 34, 38)


def _pick(random: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return colours[int(random.integers(len(colours)))]


def person(
    canvas: Canvas,
    random: np.random.Generator,
    x: float,
    y: float,
    scale: float,
    cloth: tuple[Colour, ...],
    depth: float,
) -> None:
    """Draw a walking or standing person with the feet at (x, y); `scale` is pixels a metre."""
    size = scale * random.uniform(0.88, 1.06)
    pen = Pen(canvas, (x - 0.7 * size, y - 1.95 * size, x + 0.7 * size, y + 0.1 * size))
    top, legs = _pick(random, cloth), mixed(_pick(random, cloth), (30, 34, 48), 0.5)
    skin, hair = _pick(random, SKIN), _pick(random, HAIR)
    stride = float(random.uniform(-0.32, 0.32))
    hip, chest = y - 0.88 * size, y - 1.42 * size
    for way in (-1, 1):
        foot = x + way * (0.09 + abs(stride)) * size * 0.8
        knee = (x + foot) / 2 + 0.05 * size * np.sign(stride)
        tone = legs if way > 0 else mixed(legs, (0, 0, 0), 0.2)
        points = [(x + way * 0.07 * size, hip), (knee, y - 0.45 * size), (foot, y)]
        pen.line(points, max(0.17 * size, 1.2), tone)
        hand = x - way * (0.2 + 0.7 * abs(stride)) * size
        arm = [(x + way * 0.2 * size, chest), (hand, y - 0.82 * size)]
        pen.line(arm, max(0.12 * size, 1.0), mixed(top, (0, 0, 0), 0.15))
    shoulders, waist = 0.25 * size, 0.18 * size
    pen.polygon(
        [(x - shoulders, chest), (x + shoulders, chest), (x + waist, hip), (x - waist, hip)], top
    )
    if random.random() < 0.3:
        pen.oval(x - 0.3 * size, chest, x - 0.08 * size, hip, mixed(top, (60, 40, 20), 0.6))
    pen.oval(x - 0.14 * size, y - 1.76 * size, x + 0.14 * size, y - 1.4 * size, skin)
    pen.oval(x - 0.145 * size, y - 1.79 * size, x + 0.145 * size, y - 1.6 * size, hair)
    pen.lay(Kind.PERSON, canvas.new_instance(), depth)


def rider(
    canvas: Canvas,
    random: np.random.Generator,
    seat: tuple[float, float],
    scale: float,
    way: int,
    cloth: tuple[Colour, ...],
    depth: float,
    motor: bool,
) -> None:
    """Draw someone who sits at `seat` and looks to `way` (-1 left, 1 right)."""
    x, y = seat
    size = scale
    pen = Pen(canvas, (x - 0.9 * size, y - 1.2 * size, x + 0.9 * size, y + 0.9 * size))
    top, legs = _pick(random, cloth), mixed(_pick(random, cloth), (30, 34, 48), 0.5)
    skin, helmet = _pick(random, SKIN), _pick(random, cloth)
    lean = way * size * (0.12 if motor else 0.24)
    neck = (x + lean, y - 0.56 * size)
    knee, foot = (x + way * 0.34 * size, y + 0.16 * size), (x + way * 0.22 * size, y + 0.58 * size)
    pen.line([(x, y), knee, foot], max(0.19 * size, 1.2), legs)
    pen.line([(x, y), neck], max(0.36 * size, 1.8), top)
    hand = (x + way * 0.55 * size, y - 0.18 * size)
    pen.line([neck, (x + way * 0.36 * size, y - 0.28 * size), hand], max(0.13 * size, 1.0), top)
    head = (neck[0] + way * 0.05 * size, neck[1] - 0.22 * size)
    radius = 0.17 * size if motor else 0.145 * size
    pen.oval(head[0] - radius, head[1] - radius, head[0] + radius, head[1] + 1.15 * radius, skin)
    pen.oval(
        head[0] - 1.1 * radius,
        head[1] - 1.2 * radius,
        head[0] + 1.1 * radius,
        head[1] + (0.6 if motor else 0.0) * radius,
        helmet,
    )
    kind = Kind.MOTORCYCLIST if motor else Kind.RIDER
    pen.lay(kind, canvas.new_instance(), depth)


def bicycle(
    canvas: Canvas,
    x: float,
    y: float,
    scale: float,
    way: int,
    colour: Colour,
    depth: float,
    instance: int,
) -> None:
    """Draw a bicycle from the side, its wheels on the ground at `y`."""
    size = scale
    pen = Pen(canvas, (x - 1.0 * size, y - 1.2 * size, x + 1.0 * size, y))
    radius, tyre = 0.36 * size, max(0.085 * size, 1.2)
    back, front = x - way * 0.54 * size, x + way * 0.54 * size
    hub = y - radius
    for wheel in (back, front):
        # A spoked disc counts as bicycle, as annotators outline it.
        spokes = (wheel - radius, y - 2 * radius, wheel + radius, y)
        pen.polygon(
            [(wheel + radius * np.cos(a), hub + radius * np.sin(a)) for a in _TURN],
            (126, 126, 128),
            0.55,
        )
        pen.ring(*spokes, tyre, RUBBER)
    crank, saddle = (x - way * 0.06 * size, hub), (x - way * 0.22 * size, y - 0.88 * size)
    bar = (x + way * 0.4 * size, y - 0.92 * size)
    tube = max(0.075 * size, 1.1)
    for points in (
        [(back, hub), crank, (bar[0], bar[1] + 0.12 * size), saddle, (back, hub)],
        [(front, hub), bar],
        [crank, saddle],
    ):
        pen.line(points, tube, colour)
    pen.line([bar, (bar[0] - way * 0.12 * size, bar[1] - 0.06 * size)], tube, RUBBER)
    pen.line(
        [(saddle[0] - 0.1 * size, saddle[1]), (saddle[0] + 0.1 * size, saddle[1])],
        tube * 1.5,
        RUBBER,
    )
    pen.lay(Kind.BICYCLE, instance, depth)


def motorcycle(
    canvas: Canvas,
    x: float,
    y: float,
    scale: float,
    way: int,
    colour: Colour,
    depth: float,
    instance: int,
) -> None:
    """Draw a motorcycle from the side, its wheels on the ground at `y`."""
    size = scale
    pen = Pen(canvas, (x - 1.15 * size, y - 1.25 * size, x + 1.15 * size, y))
    radius = 0.33 * size
    back, front = x - way * 0.66 * size, x + way * 0.66 * size
    for wheel in (back, front):
        pen.oval(wheel - radius, y - 2 * radius, wheel + radius, y, RUBBER)
        pen.oval(
            wheel - radius / 2,
            y - 1.5 * radius,
            wheel + radius / 2,
            y - radius / 2,
            (150, 152, 156),
        )
    dark = mixed(colour, (0, 0, 0), 0.45)
    pen.polygon(_along(x, y, size, way, (-0.4, 0.3), (0.35, 0.3), (0.45, 0.7), (-0.5, 0.66)), dark)
    pen.polygon(
        _along(x, y, size, way, (-0.9, 0.78), (-0.1, 0.7), (-0.1, 0.86), (-0.85, 0.94)), RUBBER
    )
    pen.polygon(
        _along(x, y, size, way, (-0.12, 0.64), (0.5, 0.7), (0.42, 1.02), (0.0, 0.98)), colour
    )
    pen.line(
        _along(x, y, size, way, (0.66, 0.33), (0.4, 1.12)), max(0.1 * size, 1.2), (120, 122, 128)
    )
    pen.line(_along(x, y, size, way, (0.4, 1.12), (0.24, 1.16)), max(0.08 * size, 1.2), RUBBER)
    pen.oval(
        x + way * 0.52 * size - 0.1 * size,
        y - 1.0 * size,
        x + way * 0.52 * size + 0.1 * size,
        y - 0.8 * size,
        (240, 236, 200),
    )
    pen.lay(Kind.MOTORCYCLE, instance, depth)


_TURN = np.linspace(0, 2 * np.pi, 17)[:-1]


def _along(x: float, y: float, size: float, way: int, *points: tuple[float, float]):
    """Place points given in metres ahead of and above the middle of the vehicle's foot."""
    return [(x + way * ahead * size, y - above * size) for ahead, above in points]
