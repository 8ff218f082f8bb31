"""Cars, trucks, buses and trains drawn as seen from behind or ahead."""

from __future__ import annotations

import numpy as np

from replidg.data.standins.scenes.canvas import Canvas, Colour, Lamp, Pen, mixed
from replidg.data.standins.scenes.labels import Kind

GLASS, TYRE = (46, 58, 70), (24, 24, 26)
# Width and height in metres.
SIZES = {
    Kind.CAR: (1.9, 1.55),
    Kind.TRUCK: (2.5, 3.5),
    Kind.BUS: (2.6, 3.2),
    Kind.TRAIN: (2.7, 3.8),
}
TAIL, HEAD = (226, 40, 36), (255, 248, 214)


def vehicle(
    canvas: Canvas,
    random: np.random.Generator,
    kind: Kind,
    x: float,
    y: float,
    scale: float,
    paint: Colour,
    depth: float,
    instance: int,
) -> None:
    """Draw a vehicle whose wheels touch the ground at (x, y); `scale` is pixels a metre."""
    metres = np.array(SIZES[kind]) * random.uniform(0.93, 1.07, 2)
    wide, high = metres[0] * scale, metres[1] * scale
    pen = Pen(canvas, (x - 0.6 * wide, y - 1.05 * high, x + 0.6 * wide, y))
    ahead = bool(random.random() < 0.4)
    _SHAPES[kind](pen, x, y, wide, high, paint, ahead)
    pen.lay(kind, instance, depth)
    for way in (-1, 1):
        lamp_x, lamp_y = x + way * 0.36 * wide, y - _LAMPS[kind] * high
        radius = max(0.09 * scale, 0.8)
        colour = HEAD if ahead else TAIL
        canvas.lamps.append(Lamp(lamp_x, lamp_y, radius * (2.4 if ahead else 1.2), colour))


def _wheels(pen: Pen, x: float, y: float, wide: float, high: float) -> None:
    for way in (-1, 1):
        middle = x + way * 0.36 * wide
        pen.box(middle - 0.09 * wide, y - high, middle + 0.09 * wide, y, TYRE)


def _lights(pen: Pen, x: float, y: float, wide: float, thick: float, ahead: bool) -> None:
    for way in (-1, 1):
        middle = x + way * 0.36 * wide
        size = 0.09 * wide
        colour = HEAD if ahead else TAIL
        pen.oval(middle - size, y - thick, middle + size, y + thick, colour)


def _car(
    pen: Pen, x: float, y: float, wide: float, high: float, paint: Colour, ahead: bool
) -> None:
    _wheels(pen, x, y, wide, 0.3 * high)
    half = wide / 2
    pen.polygon(
        [
            (x - 0.72 * half, y - high),
            (x + 0.72 * half, y - high),
            (x + 0.95 * half, y - 0.55 * high),
            (x - 0.95 * half, y - 0.55 * high),
        ],
        mixed(paint, (255, 255, 255), 0.15),
    )
    pen.polygon(
        [
            (x - 0.62 * half, y - 0.93 * high),
            (x + 0.62 * half, y - 0.93 * high),
            (x + 0.82 * half, y - 0.58 * high),
            (x - 0.82 * half, y - 0.58 * high),
        ],
        mixed(GLASS, (170, 190, 210), 0.35 if ahead else 0.1),
    )
    pen.box(x - half, y - 0.56 * high, x + half, y - 0.16 * high, paint)
    pen.box(x - half, y - 0.26 * high, x + half, y - 0.14 * high, mixed(paint, (0, 0, 0), 0.5))
    _lights(pen, x, y - 0.44 * high, wide, 0.055 * high, ahead)
    pen.box(x - 0.24 * half, y - 0.36 * high, x + 0.24 * half, y - 0.26 * high, (232, 232, 226))


def _truck(
    pen: Pen, x: float, y: float, wide: float, high: float, paint: Colour, ahead: bool
) -> None:
    _wheels(pen, x, y, wide, 0.22 * high)
    half = wide / 2
    pen.box(x - half, y - high, x + half, y - 0.16 * high, mixed(paint, (240, 240, 236), 0.35))
    if ahead:
        pen.box(x - 0.92 * half, y - 0.72 * high, x + 0.92 * half, y - 0.14 * high, paint)
        pen.box(
            x - 0.8 * half,
            y - 0.66 * high,
            x + 0.8 * half,
            y - 0.42 * high,
            mixed(GLASS, (170, 190, 210), 0.3),
        )
        pen.box(x - 0.5 * half, y - 0.32 * high, x + 0.5 * half, y - 0.2 * high, (40, 40, 42))
    else:
        pen.line([(x, y - 0.96 * high), (x, y - 0.2 * high)], 0.02 * wide, (60, 60, 60))
        pen.box(x - half, y - 0.24 * high, x + half, y - 0.14 * high, (60, 58, 56))
    _lights(pen, x, y - 0.2 * high, wide, 0.03 * high, ahead)


def _bus(
    pen: Pen, x: float, y: float, wide: float, high: float, paint: Colour, ahead: bool
) -> None:
    _wheels(pen, x, y, wide, 0.2 * high)
    half = wide / 2
    pen.box(x - half, y - 0.97 * high, x + half, y - 0.1 * high, paint)
    pen.oval(x - half, y - high, x + half, y - 0.9 * high, paint)
    pen.box(
        x - 0.88 * half,
        y - 0.8 * high,
        x + 0.88 * half,
        y - 0.42 * high,
        mixed(GLASS, (170, 190, 210), 0.3),
    )
    pen.box(x - 0.6 * half, y - 0.94 * high, x + 0.6 * half, y - 0.84 * high, (24, 22, 18))
    pen.box(x - 0.45 * half, y - 0.92 * high, x + 0.45 * half, y - 0.86 * high, (250, 190, 50))
    _lights(pen, x, y - 0.24 * high, wide, 0.04 * high, ahead)


def _train(
    pen: Pen, x: float, y: float, wide: float, high: float, paint: Colour, ahead: bool
) -> None:
    half = wide / 2
    pen.line(
        [(x - 0.5 * half, y - 1.04 * high), (x + 0.5 * half, y - 1.04 * high)],
        0.04 * wide,
        (60, 60, 62),
    )
    pen.line([(x, y - 0.9 * high), (x, y - 1.04 * high)], 0.04 * wide, (60, 60, 62))
    pen.box(x - 0.8 * half, y - 0.12 * high, x + 0.8 * half, y, (44, 44, 46))
    pen.polygon(
        [
            (x - 0.7 * half, y - 0.96 * high),
            (x + 0.7 * half, y - 0.96 * high),
            (x + half, y - 0.5 * high),
            (x + 0.94 * half, y - 0.06 * high),
            (x - 0.94 * half, y - 0.06 * high),
            (x - half, y - 0.5 * high),
        ],
        paint,
    )
    pen.polygon(
        [
            (x - 0.6 * half, y - 0.84 * high),
            (x + 0.6 * half, y - 0.84 * high),
            (x + 0.8 * half, y - 0.48 * high),
            (x - 0.8 * half, y - 0.48 * high),
        ],
        mixed(GLASS, (170, 190, 210), 0.2),
    )
    pen.box(x - 0.97 * half, y - 0.4 * high, x + 0.97 * half, y - 0.32 * high, (238, 238, 234))
    _lights(pen, x, y - 0.22 * high, wide, 0.035 * high, ahead)


_SHAPES = {Kind.CAR: _car, Kind.TRUCK: _truck, Kind.BUS: _bus, Kind.TRAIN: _train}
_LAMPS = {Kind.CAR: 0.44, Kind.TRUCK: 0.2, Kind.BUS: 0.24, Kind.TRAIN: 0.22}
