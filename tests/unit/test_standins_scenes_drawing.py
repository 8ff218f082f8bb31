"""How street scenes are drawn: alpha decides the mask, weather changes only the picture."""

import numpy as np
import pytest

from replidg.data.standins import scenes
from replidg.data.standins.pictures import cutout, generator
from replidg.data.standins.scenes.camera import develop
from replidg.data.standins.scenes.canvas import Camera, Canvas, Pen
from replidg.data.standins.scenes.labels import IDS, Kind
from replidg.data.standins.scenes.layout import compose
from replidg.data.standins.scenes.looks import ACDC, GTA5
from replidg.data.standins.scenes.sprites import (
    INSTANCES,
    pictures,
    side_of,
    sprite,
    trimmed,
    turned,
)
from replidg.data.standins.scenes.stage import Plan
from replidg.data.standins.scenes.weather import CONDITIONS, clear, fog

CAR = "noto/land_vehicle/taxi"


def stage(look, number=0, side="seen", absent=frozenset()):
    return compose(Plan(look, side, absent, number), 160, 96, generator("test", number))


def test_a_sprite_owns_the_pixels_that_it_half_covers():
    canvas = Canvas(80, 60)
    canvas.rgb[:] = 100.0
    canvas.kind[:] = Kind.ROAD
    layer = sprite(CAR, 40, 30, False, 0, 1.0, 1.0)
    canvas.lay(layer, 10, 20, Kind.CAR, 7, 12.0)
    owned = np.zeros((60, 80), bool)
    owned[20:50, 10:50] = layer[..., 3] >= 127.5
    assert owned.sum() > 400
    assert ((canvas.kind == Kind.CAR) == owned).all()
    assert ((canvas.instance == 7) == owned).all()
    assert ((canvas.depth == 12.0) == owned).all()
    # Opaque: the sprite's colour. Outside: untouched. Between: by alpha.
    alpha = layer[..., 3:] / 255
    inside = canvas.rgb[20:50, 10:50]
    assert np.allclose(inside, layer[..., :3] + 100 * (1 - alpha), atol=1e-3)
    assert (canvas.rgb[:20] == 100).all()


def test_a_sprite_is_the_embedded_picture():
    """Enlarged nothing, shrunk nothing: the trimmed cut-out, premultiplied."""
    picture = trimmed(CAR)
    layer = sprite(CAR, picture.width, picture.height, False, 0, 1.0, 1.0)
    pixels = np.asarray(picture, np.float32)
    solid = pixels[..., 3] == 255
    assert solid.sum() > 1000
    assert np.allclose(layer[solid], pixels[solid], atol=1)
    assert picture.width <= cutout(CAR).width
    flipped = sprite(CAR, picture.width, picture.height, True, 0, 1.0, 1.0)
    assert (flipped == layer[:, ::-1]).all()


def test_layers_are_cut_at_the_edges():
    for left, top in ((-30, -20), (70, 50), (-200, 0), (0, 500)):
        canvas = Canvas(80, 60)
        canvas.lay(sprite(CAR, 40, 30, False, 0, 1.0, 1.0), left, top, Kind.CAR)
        whole = sprite(CAR, 40, 30, False, 0, 1.0, 1.0)[..., 3] >= 127.5
        y, x = np.nonzero(whole)
        inside = (y + top >= 0) & (y + top < 60) & (x + left >= 0) & (x + left < 80)
        assert (canvas.kind == Kind.CAR).sum() == inside.sum()


def test_shapes_cover_their_area_and_blend_without_a_fringe():
    canvas = Canvas(60, 40)
    canvas.rgb[:] = 50.0
    pen = Pen(canvas, (0, 0, 60, 40))
    pen.polygon([(10, 5), (40, 5), (40, 25), (10, 25)], (200, 50, 50))
    pen.lay(Kind.WALL)
    assert abs(int((canvas.kind == Kind.WALL).sum()) - 600) <= 40
    # Between the two colours everywhere; straight alpha would overshoot at the rim.
    assert canvas.rgb[..., 0].max() <= 201
    assert np.allclose(canvas.rgb[..., 1:], 50, atol=1.5)


def test_the_camera_sees_near_things_large_and_low():
    camera = Camera(200, 100, 160.0, 100.0, 40.0, 1.5)
    assert camera.project(0, 1.5, 7.0) == (100.0, 40.0)
    feet = [camera.project(0, 0, z)[1] for z in (5.0, 10.0, 20.0)]
    assert feet == sorted(feet, reverse=True)
    assert feet[0] - 40 == pytest.approx(2 * (feet[1] - 40))
    row = round(feet[1])
    assert camera.ground_depth()[row] == pytest.approx(10.0, rel=0.1)


def test_hues_turn_and_grey_stays():
    red, grey = np.array([[200.0, 0.0, 0.0]]), np.array([[90.0, 90.0, 90.0]])
    assert len({tuple(turned(red, hue)[0]) for hue in range(6)}) == 6
    assert (turned(red, 6) == red).all()
    assert all((turned(grey, hue) == grey).all() for hue in range(6))


def test_both_sides_of_the_split_have_sprites_of_their_own():
    for look in {scenes.SETS[key].look for key in scenes.SETS}:
        for what in INSTANCES:
            seen, unseen = (set(pictures(what, look.styles, s)) for s in ("seen", "unseen"))
            assert not seen & unseen
        assert pictures("car", look.styles, "seen")
        assert pictures("car", look.styles, "unseen")
    assert {side_of(name) for names in INSTANCES.values() for name in names.split()} == {
        "seen",
        "unseen",
    }


def test_kinds_have_ids_in_every_family():
    assert set(IDS) == set(Kind)
    train = [IDS[Kind(number)] for number in range(19)]
    for family in ("cityscapes", "synthia", "mapillary"):
        assert len({getattr(ids, family) for ids in train}) == 19


@pytest.mark.parametrize("number", range(6))
def test_a_street_has_its_ground_below_and_its_sky_above(number):
    street = stage(GTA5, number)
    kind, horizon = street.canvas.kind, street.camera.horizon
    rows = np.arange(96) + 0.5
    assert rows[(kind == Kind.SKY).any(1)].max() < horizon + 1
    assert rows[(kind == Kind.ROAD).any(1)].min() > horizon - 1
    assert (kind == Kind.ROAD).mean() > 0.15
    assert Kind.UNLABELLED not in kind
    assert ((street.canvas.instance > 0) <= np.isin(kind, range(6, 26))).all()


def test_kinds_that_a_set_lacks_are_never_drawn():
    absent = frozenset({Kind.TERRAIN, Kind.TRUCK, Kind.TRAIN})
    for number in range(10):
        assert not np.isin(stage(GTA5, number, absent=absent).canvas.kind, list(absent)).any()


@pytest.mark.parametrize("condition", CONDITIONS)
def test_weather_leaves_the_mask_and_the_scene_alone(condition):
    street = stage(ACDC)
    kind, rgb = street.canvas.kind.copy(), street.canvas.rgb.copy()
    picture = develop(
        street.canvas, street.camera, ACDC, CONDITIONS[condition], generator(condition)
    )
    assert (street.canvas.kind == kind).all()
    assert (street.canvas.rgb == rgb).all()
    assert (picture.shape, picture.dtype) == ((96, 160, 3), np.uint8)


def grey(pictures):
    return [np.asarray(picture, np.float32).mean(-1) for picture in pictures]


def test_the_four_conditions_differ_from_clear_weather():
    options = scenes.Options(images={"train": 4, "val": 0, "test": 0})
    found = list(scenes.shots("acdc", options))
    by = {name: [shot for shot in found if shot.condition == name] for name in CONDITIONS}
    sides = {
        name: (grey(shot.rgb for shot in shots), grey(shot.reference for shot in shots))
        for name, shots in by.items()
    }
    for adverse, normal in zip(*sides["night"], strict=True):
        assert adverse.mean() < 0.5 * normal.mean()
    # A grey car close by keeps its contrast in any fog.
    contrast = [adverse.std() / normal.std() for adverse, normal in zip(*sides["fog"], strict=True)]
    assert max(contrast) < 1.2
    assert np.mean(contrast) < 0.85
    for shot in by["snow"]:
        lawn = np.isin(shot.kinds, [Kind.TERRAIN, Kind.SIDEWALK])
        assert shot.rgb[lawn].mean() > shot.reference[lawn].mean() + 15
    for shot in by["rain"]:
        saturation = [np.ptp(p.astype(float), axis=-1).mean() for p in (shot.rgb, shot.reference)]
        assert saturation[0] < 0.85 * saturation[1]
    # What is near is less foggy than what is far.
    for shot in by["fog"]:
        change = np.abs(shot.rgb.astype(float) - shot.reference).mean(-1)
        assert change[shot.kinds == Kind.BUILDING].mean() > change[-20:].mean()


def test_fog_follows_the_distance():
    canvas = Canvas(64, 64)
    canvas.rgb[:] = 0.0
    canvas.depth[:] = np.linspace(1, 200, 64)[:, None]
    seen = fog(canvas, Camera(64, 64, 60.0, 32.0, 0.0, 1.5), generator("fog")).mean((1, 2))
    assert seen[0] < 0.15 * seen[-1]
    assert seen[20] < seen[60]


def test_clear_weather_is_the_scene():
    street = stage(GTA5)
    assert (clear(street.canvas, street.camera, generator(0)) == street.canvas.rgb).all()


def test_games_are_flat_and_cameras_are_not():
    """Variation inside a patch of road: paint against asphalt with sensor noise."""
    spread = {}
    for key in ("gta5", "synthia", "cityscapes", "bdd100k", "mapillary_vistas"):
        parts = scenes.SETS[key].parts
        images = dict.fromkeys(parts, 0) | {"train": 6}
        rough = []
        for shot in scenes.shots(key, scenes.Options(images=images)):
            road = shot.kinds == Kind.ROAD
            inside = road[:, 1:] & road[:, :-1]
            steps = np.abs(np.diff(shot.rgb.astype(float).mean(-1), axis=1))[inside]
            rough.append(np.median(steps))
        spread[key] = float(np.mean(rough))
    assert max(spread["gta5"], spread["synthia"]) < 0.5
    assert min(spread["cityscapes"], spread["bdd100k"], spread["mapillary_vistas"]) > 1.0
