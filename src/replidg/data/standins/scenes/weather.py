"""Night, fog, rain and snow on a finished scene; what the pixels show stays as it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from replidg.data.standins.scenes.canvas import Camera, Canvas, Lamp
from replidg.data.standins.scenes.ground import clouded, headlight_pool
from replidg.data.standins.scenes.labels import Kind

Weather = Callable[[Canvas, Camera, np.random.Generator], np.ndarray]
GROUND = (
    Kind.ROAD,
    Kind.LANE_MARKING,
    Kind.CROSSWALK,
    Kind.MANHOLE,
    Kind.SIDEWALK,
    Kind.CURB,
    Kind.TERRAIN,
)


def clear(canvas: Canvas, camera: Camera, random: np.random.Generator) -> np.ndarray:
    """Return the scene by day, (H, W, 3) float, 0 to 255."""
    return canvas.rgb.copy()


def fog(canvas: Canvas, camera: Camera, random: np.random.Generator) -> np.ndarray:
    """Mix with grey by distance: exp(-beta z) of the light comes through (Koschmieder's law)."""
    beta = random.uniform(0.035, 0.085)
    grey = np.array((1.0, 1.0, 1.02)) * random.uniform(168, 214)
    through = np.exp(-beta * np.minimum(canvas.depth, 300.0))[..., None]
    # Fog near the ground is not even.
    drift = 1 + 0.12 * clouded(random, canvas.width, canvas.height)[..., None]
    return canvas.rgb * through + grey * (1 - through) * np.clip(drift, 0.8, 1.15)


def night(canvas: Canvas, camera: Camera, random: np.random.Generator) -> np.ndarray:
    """Darken, then add what shines: windows, lamps, and our own headlights on the road."""
    dusk = random.uniform(0.13, 0.24)
    rgb = canvas.rgb * dusk * np.array((0.95, 0.92, 1.1))
    sky = canvas.kind == Kind.SKY
    rgb[sky] = rgb[sky] * 0.3 + np.array((16, 14, 22)) * random.uniform(0.4, 1.2)
    rgb += canvas.lit[..., None] * np.array((235, 190, 110)) * random.uniform(0.5, 1.0)
    light = np.zeros_like(rgb)
    centre, ahead = canvas.width / 2, camera.project(0, 0, 9.0)[1]
    for way in (-1, 1):
        pool = headlight_pool(centre + way * 0.1 * canvas.width, ahead, camera.scale(9.0))
        # Of the ground only what lies ahead is lit, and it reflects in its own colour.
        light += _glow(canvas, pool, flat=0.4)[..., None] * canvas.rgb * 0.46
    for lamp in canvas.lamps:
        # However near a lamp is, it must not flood the picture.
        lamp = lamp._replace(radius=min(lamp.radius, 0.02 * canvas.width))
        strength = _glow(canvas, lamp)[..., None] + 0.15 * _glow(canvas, lamp, wider=3.5)[..., None]
        light += strength * np.array(lamp.colour)
    return rgb + light


def _glow(canvas: Canvas, lamp: Lamp, wider: float = 1.0, flat: float = 1.0) -> np.ndarray:
    """Return a round (or `flat`) spot of light, (H, W), 1 in its middle."""
    radius = lamp.radius * wider
    across = (np.arange(canvas.width) + 0.5 - lamp.x) / radius
    down = (np.arange(canvas.height) + 0.5 - lamp.y) / (radius * flat)
    return np.exp(-(down[:, None] ** 2)) * np.exp(-(across[None] ** 2))


def rain(canvas: Canvas, camera: Camera, random: np.random.Generator) -> np.ndarray:
    """Grey light, a wet road that mirrors, drops in the air and on the windscreen."""
    grey = canvas.rgb.mean(-1, keepdims=True)
    rgb = (grey + (canvas.rgb - grey) * 0.7) * random.uniform(0.72, 0.9)
    overcast = np.array((170, 174, 180)) * random.uniform(0.8, 1.05)
    sky = canvas.kind == Kind.SKY
    rgb[sky] = overcast + 0.15 * (canvas.rgb[sky] - 200)
    mist = np.exp(-0.014 * np.minimum(canvas.depth, 200.0))[..., None]
    rgb = rgb * mist + overcast * (1 - mist)
    rgb = _mirrored(canvas, camera, random, rgb)
    streaks = _streaks(canvas, random, int(random.integers(60, 140)))
    rgb += streaks[..., None] * 70
    return _drops(canvas, random, rgb)


def _mirrored(
    canvas: Canvas, camera: Camera, random: np.random.Generator, rgb: np.ndarray
) -> np.ndarray:
    """Mix the ground with what stands above it, upside down and smeared."""
    below = np.arange(canvas.height) - camera.horizon
    source = np.clip(np.round(camera.horizon - 0.85 * below), 0, canvas.height - 1).astype(int)
    image = rgb[source]
    smeared = (image + np.roll(image, 2, 0) + np.roll(image, -2, 0) + np.roll(image, 1, 1)) / 4
    puddles = np.clip(0.45 + 0.5 * clouded(random, canvas.width, canvas.height), 0.1, 0.8)
    share = np.where(np.isin(canvas.kind, GROUND), puddles, 0.0)[..., None]
    return rgb * (1 - share) * 0.95 + smeared * share


def _streaks(canvas: Canvas, random: np.random.Generator, count: int) -> np.ndarray:
    """Return falling drops, short slanted lines, (H, W), 0 to 1."""
    drawn = np.zeros((canvas.height, canvas.width), np.float32)
    slant = random.uniform(-0.3, 0.3)
    for _ in range(count):
        x, y = random.uniform(0, canvas.width), random.uniform(0, canvas.height)
        length, strength = int(random.integers(4, 14)), random.uniform(0.2, 0.9)
        rows = np.arange(int(y), min(int(y) + length, canvas.height))
        columns = (x + slant * (rows - y)).astype(int) % canvas.width
        drawn[rows, columns] = np.maximum(drawn[rows, columns], strength)
    return drawn


def _drops(canvas: Canvas, random: np.random.Generator, rgb: np.ndarray) -> np.ndarray:
    """Look through drops on the glass: round spots in which the scene is blurred."""
    image = Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))
    small = image.resize((max(canvas.width // 7, 1), max(canvas.height // 7, 1)))
    blurred = np.asarray(small.resize(image.size, Image.Resampling.BICUBIC), np.float32)
    mask = np.zeros((canvas.height, canvas.width), np.float32)
    for _ in range(int(random.integers(4, 12))):
        place = Lamp(
            random.uniform(0, canvas.width),
            random.uniform(0, canvas.height),
            random.uniform(0.012, 0.04) * canvas.width,
            (0, 0, 0),
        )
        mask = np.maximum(mask, np.clip(1.6 * _glow(canvas, place), 0, 1))
    mask = mask[..., None] * 0.85
    return rgb * (1 - mask) + (blurred * 1.08 + 6) * mask


def snow(canvas: Canvas, camera: Camera, random: np.random.Generator) -> np.ndarray:
    """Grey-white sky, snow on the ground and on top of things, flakes in the air."""
    grey = canvas.rgb.mean(-1, keepdims=True)
    rgb = (grey + (canvas.rgb - grey) * 0.7) * 0.85
    white = np.array((236, 239, 246)) * random.uniform(0.86, 1.0)
    sky = canvas.kind == Kind.SKY
    rgb[sky] = np.array((206, 210, 216)) * random.uniform(0.85, 1.05) + 0.1 * (rgb[sky] - 180)
    patchy = clouded(random, canvas.width, canvas.height)
    for kinds, cover in (
        ((Kind.TERRAIN,), 0.93),
        ((Kind.SIDEWALK, Kind.CURB), random.uniform(0.6, 0.9)),
        (GROUND[:4], random.uniform(0.15, 0.6)),
        ((Kind.VEGETATION,), random.uniform(0.2, 0.45)),
    ):
        share = np.clip(cover + 0.5 * patchy, 0, 0.96) * np.isin(canvas.kind, kinds)
        rgb += (white - rgb) * share[..., None]
    rgb += (white - rgb) * (_tops(canvas) * 0.85)[..., None]
    haze = np.exp(-0.012 * np.minimum(canvas.depth, 200.0))[..., None]
    rgb = rgb * haze + white * 0.92 * (1 - haze)
    for size in (1, 1, 2):
        flakes = random.random((canvas.height // size + 1, canvas.width // size + 1)) < 0.006
        flakes = np.kron(flakes, np.ones((size, size)))[: canvas.height, : canvas.width]
        rgb += (white - rgb) * (0.8 * flakes)[..., None]
    return rgb


def _tops(canvas: Canvas) -> np.ndarray:
    """Return where something ends below something farther away: there snow lies."""
    tops = np.zeros((canvas.height, canvas.width), np.float32)
    upper = np.full_like(canvas.depth, np.inf)
    for thick in (1, 2):
        upper[thick:] = canvas.depth[:-thick]
        tops = np.maximum(tops, (upper > 1.5 * canvas.depth) / thick)
    tops[np.isin(canvas.kind, (*GROUND, Kind.SKY, Kind.EGO))] = 0
    return tops.astype(np.float32)


CONDITIONS: dict[str, Weather] = {"fog": fog, "night": night, "rain": rain, "snow": snow}
