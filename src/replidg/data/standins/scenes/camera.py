"""From a composed scene to the picture that a set's camera would have taken."""

from __future__ import annotations

import numpy as np

from replidg.data.standins.scenes.canvas import Camera, Canvas
from replidg.data.standins.scenes.labels import Kind
from replidg.data.standins.scenes.looks import Look
from replidg.data.standins.scenes.sprites import Side, photographs, surface
from replidg.data.standins.scenes.weather import Weather

# How rough each kind is, and over how many pixels of a photograph its surface stretches.
SURFACES = {
    Kind.ROAD: (0.5, 20),
    Kind.SIDEWALK: (0.8, 28),
    Kind.TERRAIN: (1.4, 40),
    Kind.WALL: (1.1, 40),
    Kind.VEGETATION: (1.5, 48),
    Kind.BUILDING: (0.5, 32),
}
GRAIN = 0.4


def roughen(canvas: Canvas, look: Look, side: Side, random: np.random.Generator) -> None:
    """Give surfaces the brightness of photographs, as far as the look is rough."""
    if not look.rough:
        return
    names = photographs(side)
    grain = random.normal(0, 1, canvas.kind.shape).astype(np.float32)
    for kind, (strength, patch) in SURFACES.items():
        texture, name = surface(names, random, canvas.width, canvas.height, patch)
        canvas.used.append(name)
        change = look.rough * strength * (texture + GRAIN * grain) * (canvas.kind == kind)
        canvas.rgb += change[..., None]


def develop(
    canvas: Canvas, camera: Camera, look: Look, weather: Weather, random: np.random.Generator
) -> np.ndarray:
    """Return the picture, (H, W, 3) uint8: weather, optics, sensor, colours of the camera."""
    rgb = weather(canvas, camera, random)
    if look.blur:
        import cv2

        rgb = cv2.GaussianBlur(rgb.astype(np.float32), (0, 0), look.blur)
    if look.gamma != 1.0:
        rgb = 255 * (np.clip(rgb, 0, 255) / 255) ** look.gamma
    rgb = rgb * np.array(look.tint)
    if look.noise:
        rgb = rgb + random.normal(0, look.noise, rgb.shape)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
