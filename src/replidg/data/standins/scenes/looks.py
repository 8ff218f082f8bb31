"""How each set's streets look: whose drawings, which colours, which camera, how rough."""

from __future__ import annotations

from typing import NamedTuple

from replidg.data.standins.scenes.canvas import Colour

Range = tuple[float, float]


class Look(NamedTuple):
    """The style of a set.

    Attributes:
        styles: domains of the embedded pictures.
        drawn: share of vehicles and trees that are drawn, not cut out of pictures.
        rough: how much the surfaces' brightness varies, of 255; 0 paints flat.
        noise: standard deviation of the sensor's noise, of 255.
        blur: standard deviation of the optics' blur in pixels.
        colour: saturation of the cut-outs.
        tint: factors of red, green, blue of the whole image.
        gamma: of the whole image; above 1 is darker.
        focal: focal length as a share of the width.
        horizon: as a share of the height.
        camera: height above the ground in metres.
        road: half the road's width in metres.
        walk: width of a sidewalk in metres.
        blocks: weights of what lines the street: facades, houses, park, wall.
        crowd: factor on the number of things.
        ego: share of images that show the camera's own car.
        asphalt, paving, grass: colours of the ground.
        sky: colours at the top and above the horizon, several pairs.
        facades, foliage, walls, fences, cloth, paint: colours to choose from.
    """

    styles: tuple[str, ...]
    drawn: float
    rough: float
    noise: float
    blur: float
    colour: float
    tint: Colour
    gamma: float
    focal: Range
    horizon: Range
    camera: Range
    road: Range
    walk: Range
    blocks: tuple[float, float, float, float]
    crowd: float
    ego: float
    asphalt: Colour
    paving: Colour
    grass: Colour
    sky: tuple[tuple[Colour, Colour], ...]
    facades: tuple[Colour, ...]
    foliage: tuple[Colour, ...]
    walls: tuple[Colour, ...]
    fences: tuple[Colour, ...]
    cloth: tuple[Colour, ...]
    paint: tuple[Colour, ...]


def _colours(text: str) -> tuple[Colour, ...]:
    return tuple(tuple(bytes.fromhex(code)) for code in text.split())  # type: ignore[misc]


_BRIGHT = _colours("d63031 0984e3 fdcb6e 00b894 6c5ce7 2d3436 f5f6fa e17055")
_MUTED = _colours("343a46 5c6068 863a36 3a5076 968c7c bab6ae 485442 242428")
_CARS = _colours("bcbec2 3c3e42 1c1e22 801e1e 283e68 e2e2de 6e706c 5c5646")

GTA5 = Look(
    styles=("fluent_3d", "fluent_flat"),
    drawn=0.35,
    rough=0.0,
    noise=0.0,
    blur=0.0,
    colour=1.0,
    tint=(1.0, 0.99, 0.94),
    gamma=1.0,
    focal=(0.62, 0.8),
    horizon=(0.38, 0.48),
    camera=(1.6, 2.3),
    road=(3.8, 6.2),
    walk=(4.0, 7.0),
    blocks=(0.42, 0.2, 0.23, 0.15),
    crowd=1.0,
    ego=0.25,
    asphalt=(108, 108, 112),
    paving=(196, 188, 172),
    grass=(134, 176, 74),
    sky=(((74, 144, 226), (190, 222, 248)), ((92, 170, 236), (250, 226, 190))),
    facades=_colours("e0c496 c68462 a8b2c4 e8e2d4 966e60 788ca0"),
    foliage=_colours("488c3a 629e3e 3a7642"),
    walls=_colours("b0aaa0 ba8c70"),
    fences=_colours("966a46 cecece 606870"),
    cloth=_BRIGHT,
    paint=_BRIGHT,
)
SYNTHIA = Look(
    styles=("twemoji",),
    drawn=0.35,
    rough=0.0,
    noise=0.0,
    blur=0.0,
    colour=1.0,
    tint=(0.98, 1.0, 1.05),
    gamma=0.95,
    focal=(0.5, 0.75),
    horizon=(0.22, 0.42),
    camera=(2.2, 4.5),
    road=(4.0, 6.2),
    walk=(5.0, 8.0),
    blocks=(0.6, 0.15, 0.13, 0.12),
    crowd=1.2,
    ego=0.0,
    asphalt=(84, 86, 94),
    paving=(168, 150, 150),
    grass=(120, 170, 90),
    sky=(((58, 108, 196), (150, 190, 236)), ((120, 160, 220), (228, 236, 246))),
    facades=_colours("ba4a42 ecd6a0 7e96b8 ceced6 dea068 605470"),
    foliage=_colours("288048 4a9636 789628"),
    walls=_colours("c8785a 9696a0"),
    fences=_colours("465060 e8e8ec 80543c"),
    cloth=_BRIGHT,
    paint=_BRIGHT,
)
CITYSCAPES = Look(
    styles=("photo", "openclipart", "noto"),
    drawn=0.45,
    rough=13.0,
    noise=4.0,
    blur=0.45,
    colour=0.62,
    tint=(0.90, 0.97, 0.92),
    gamma=1.12,
    focal=(0.75, 0.95),
    horizon=(0.4, 0.48),
    camera=(1.25, 1.7),
    road=(3.4, 5.2),
    walk=(3.2, 5.5),
    blocks=(0.55, 0.12, 0.21, 0.12),
    crowd=1.15,
    ego=0.6,
    asphalt=(96, 98, 96),
    paving=(138, 132, 130),
    grass=(104, 120, 74),
    sky=(((182, 194, 204), (226, 230, 230)), ((150, 176, 204), (222, 228, 232))),
    facades=_colours("ac9e88 8e7464 beb8ac 767474 a68468 ccc4b2"),
    foliage=_colours("40522e 546436 32422c"),
    walls=_colours("847e78 766256"),
    fences=_colours("544e44 707070 3a423e"),
    cloth=_MUTED,
    paint=_CARS,
)
BDD100K = CITYSCAPES._replace(
    styles=("photo", "openclipart", "noto_v1"),
    rough=15.0,
    noise=6.0,
    blur=0.6,
    colour=0.7,
    tint=(1.0, 0.97, 0.92),
    gamma=1.0,
    focal=(0.65, 0.85),
    horizon=(0.42, 0.54),
    camera=(1.3, 1.9),
    road=(4.4, 7.2),
    walk=(3.4, 6.0),
    blocks=(0.4, 0.18, 0.27, 0.15),
    crowd=1.0,
    ego=0.5,
    asphalt=(112, 108, 104),
    paving=(158, 150, 140),
    grass=(132, 130, 84),
    sky=(
        ((96, 148, 210), (206, 222, 236)),
        ((170, 180, 190), (232, 230, 222)),
        ((120, 150, 190), (250, 222, 186)),
    ),
    facades=_colours("baa082 96604e c4beb6 82868c d6c8ac 685854"),
)
MAPILLARY = CITYSCAPES._replace(
    styles=("photo", "openclipart", "noto", "noto_v1"),
    rough=14.0,
    noise=5.0,
    blur=0.4,
    colour=0.75,
    tint=(0.98, 0.98, 0.98),
    gamma=0.95,
    focal=(0.6, 1.0),
    horizon=(0.34, 0.52),
    camera=(1.4, 2.6),
    road=(3.0, 6.5),
    walk=(3.0, 6.5),
    blocks=(0.42, 0.2, 0.25, 0.13),
    crowd=0.95,
    ego=0.3,
    asphalt=(122, 118, 114),
    paving=(168, 158, 146),
    grass=(116, 134, 72),
    sky=(
        ((84, 140, 204), (200, 220, 236)),
        ((190, 200, 210), (236, 236, 234)),
        ((60, 110, 180), (180, 206, 230)),
    ),
    facades=_colours("cab08c a86c54 d8d2c6 78828a bc963c 78544e"),
)
# ACDC's own streets: Swiss, narrower, greener, another lens than Cityscapes'.
ACDC = CITYSCAPES._replace(
    focal=(0.7, 0.9),
    horizon=(0.4, 0.5),
    camera=(1.3, 1.8),
    road=(3.2, 5.0),
    blocks=(0.42, 0.16, 0.28, 0.14),
    crowd=1.0,
    ego=0.4,
    noise=4.0,
    blur=0.5,
    grass=(98, 118, 70),
)
