"""The picture being drawn: colours, and for every pixel exactly what it shows and how far it is.

Everything is laid on as a layer with alpha, from far to near; a pixel belongs to the layer that
last covered at least half of it. Colours in layers are premultiplied by alpha, 0 to 255.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from replidg.data.standins.scenes.labels import Kind

OVERSAMPLED = 3
FARTHEST = 1000.0
Colour = tuple[float, float, float]
Point = tuple[float, float]


class Lamp(NamedTuple):
    """Something that shines at night: centre and radius in pixels, colour, pixels it must own."""

    x: float
    y: float
    radius: float
    colour: Colour


class Camera(NamedTuple):
    """A level pinhole camera; X to the right, Y up from the ground, Z ahead, in metres."""

    width: int
    height: int
    focal: float
    centre: float
    horizon: float
    above_ground: float

    def scale(self, z: float) -> float:
        """Return pixels per metre at distance `z`."""
        return self.focal / z

    def project(self, x: float, y: float, z: float) -> Point:
        """Return the pixel coordinates of a point in space."""
        scale = self.focal / z
        return self.centre + x * scale, self.horizon + (self.above_ground - y) * scale

    def ground_depth(self) -> np.ndarray:
        """Return the distance of the ground seen in each row, (H,); the farthest above it."""
        below = np.arange(self.height) + 0.5 - self.horizon
        depth = self.focal * self.above_ground / np.maximum(below, 1e-6)
        return np.minimum(depth, FARTHEST).astype(np.float32)


class Canvas:
    """Colours (H, W, 3) float, kinds, instances, distances and light (H, W).

    Attributes:
        rgb: 0 to 255.
        kind: values of `Kind`, uint8.
        instance: 0 for none, else a number of its own for each thing.
        depth: metres.
        lit: share of a pixel that shines by itself at night, windows above all.
        lamps: what shines and throws light around it.
        used: ids of the embedded pictures in the scene.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.rgb = np.zeros((height, width, 3), np.float32)
        self.kind = np.full((height, width), Kind.UNLABELLED, np.uint8)
        self.instance = np.zeros((height, width), np.uint16)
        self.depth = np.full((height, width), FARTHEST, np.float32)
        self.lit = np.zeros((height, width), np.float32)
        self.lamps: list[Lamp] = []
        self.used: list[str] = []
        self._instances = 0

    def new_instance(self) -> int:
        """Return a number that no thing has yet."""
        self._instances += 1
        return self._instances

    def lay(
        self,
        layer: np.ndarray,
        left: int,
        top: int,
        kind: Kind,
        instance: int = 0,
        depth: float | np.ndarray = FARTHEST,
        lit: np.ndarray | None = None,
    ) -> None:
        """Lay a layer, (h, w, 4) float premultiplied, with its corner at `left`, `top`.

        Args:
            layer: what to lay; parts outside the canvas are cut off.
            left: column of the layer's first pixel; may be negative.
            top: row of it.
            kind: what its pixels show where alpha is at least one half.
            instance: the thing they belong to.
            depth: its distance, one number or one a pixel of the layer.
            lit: (h, w), share of light of its own.
        """
        x0, y0 = max(left, 0), max(top, 0)
        x1 = min(left + layer.shape[1], self.width)
        y1 = min(top + layer.shape[0], self.height)
        if x0 >= x1 or y0 >= y1:
            return
        inner = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        outer = np.s_[y0:y1, x0:x1]
        part = layer[inner]
        alpha = part[..., 3:] / 255
        self.rgb[outer] = part[..., :3] + self.rgb[outer] * (1 - alpha)
        alpha = alpha[..., 0]
        self.lit[outer] *= 1 - alpha
        if lit is not None:
            self.lit[outer] += lit[inner]
        owned = alpha >= 0.5
        self.kind[outer][owned] = kind
        self.instance[outer][owned] = instance
        near = np.broadcast_to(depth, layer.shape[:2])[inner]
        self.depth[outer][owned] = near[owned]

    def shade(self, mask: np.ndarray, left: int, top: int) -> None:
        """Darken by 1 - `mask`, (h, w), without a change of what the pixels show."""
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + mask.shape[1], self.width), min(top + mask.shape[0], self.height)
        if x0 < x1 and y0 < y1:
            part = mask[y0 - top : y1 - top, x0 - left : x1 - left, None]
            self.rgb[y0:y1, x0:x1] *= 1 - part


class Pen:
    """Draws shapes, in pixels of the canvas, into one layer with smooth edges.

    Args:
        canvas: where the layer goes.
        box: left, top, right, bottom that the shapes stay in; what is outside is cut off.
    """

    def __init__(self, canvas: Canvas, box: Sequence[float]) -> None:
        self.canvas = canvas
        self.left = int(np.clip(np.floor(box[0]) - 1, 0, canvas.width))
        self.top = int(np.clip(np.floor(box[1]) - 1, 0, canvas.height))
        right = int(np.clip(np.ceil(box[2]) + 1, self.left, canvas.width))
        bottom = int(np.clip(np.ceil(box[3]) + 1, self.top, canvas.height))
        self.size = (right - self.left, bottom - self.top)
        # Out of sight is drawn too, on one pixel that nobody sees: callers need no second path.
        shape = (max(self.size[0], 1) * OVERSAMPLED, max(self.size[1], 1) * OVERSAMPLED)
        # Four plain bands: of an RGBA image Pillow would divide the means by alpha again.
        self.image = Image.new("CMYK", shape)
        self.draw = ImageDraw.Draw(self.image)

    def _at(self, points: Sequence[Point]) -> list[Point]:
        return [
            ((x - self.left) * OVERSAMPLED - 0.5, (y - self.top) * OVERSAMPLED - 0.5)
            for x, y in points
        ]

    def polygon(self, points: Sequence[Point], colour: Colour, alpha: float = 1.0) -> None:
        """Fill a polygon."""
        self.draw.polygon(self._at(points), fill=ink(colour, alpha))

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """Fill an upright rectangle."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour)

    def oval(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        """Fill an ellipse."""
        (left, top), (right, bottom) = self._at([(x0, y0), (x1, y1)])
        self.draw.ellipse((left, top, max(right, left), max(bottom, top)), fill=ink(colour))

    def ring(
        self, x0: float, y0: float, x1: float, y1: float, width: float, colour: Colour
    ) -> None:
        """Draw an ellipse's outline, inside the box."""
        (left, top), (right, bottom) = self._at([(x0, y0), (x1, y1)])
        thick = max(1, round(width * OVERSAMPLED))
        box = (left, top, max(right, left), max(bottom, top))
        self.draw.ellipse(box, outline=ink(colour), width=thick)

    def line(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """Draw a line with round ends."""
        placed = self._at(points)
        thick = max(1, round(width * OVERSAMPLED))
        self.draw.line(placed, fill=ink(colour), width=thick, joint="curve")
        half = thick / 2
        for x, y in (placed[0], placed[-1]):
            self.draw.ellipse((x - half, y - half, x + half, y + half), fill=ink(colour))

    def layer(self) -> np.ndarray:
        """Return what is drawn, (h, w, 4) float."""
        return np.asarray(self.image.reduce(OVERSAMPLED), np.float32)

    def lay(self, kind: Kind, instance: int = 0, depth: float | np.ndarray = FARTHEST) -> None:
        """Lay the drawing on the canvas and start anew with an empty one."""
        if min(self.size) > 0:
            layer = self.layer()
            if isinstance(depth, np.ndarray):
                depth = np.broadcast_to(depth[self.top : self.top + self.size[1], None], self._hw)
            self.canvas.lay(layer, self.left, self.top, kind, instance, depth)
        self.image.paste((0, 0, 0, 0), (0, 0, *self.image.size))

    @property
    def _hw(self) -> tuple[int, int]:
        return self.size[1], self.size[0]


def ink(colour: Colour, alpha: float = 1.0) -> tuple[int, int, int, int]:
    """Return a colour as premultiplied bytes; transparent pixels are all zero, so means blend."""
    red, green, blue = (min(max(round(part * alpha), 0), 255) for part in colour)
    return red, green, blue, round(255 * alpha)


def mixed(one: Colour, two: Colour, share: float) -> Colour:
    """Return `one` with a share of `two`."""
    return tuple(a + (b - a) * share for a, b in zip(one, two, strict=True))  # type: ignore[return-value]
