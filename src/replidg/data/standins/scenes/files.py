"""The official files of street scenes: names, folders and label formats of the six sets."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from replidg.data.standins.pictures import KEPT, Album, digest, table
from replidg.data.standins.scenes import labels, mapillary
from replidg.data.standins.scenes.labels import THINGS

CITIES = {
    "train": "aachen bochum bremen cologne darmstadt dusseldorf erfurt hamburg hanover jena "
    "krefeld monchengladbach strasbourg stuttgart tubingen ulm weimar zurich",
    "val": "frankfurt lindau munster",
    "test": "berlin bielefeld bonn leverkusen mainz munich",
}
# Of train, val, test. Frames of different parts must not share a name: flattened, they meet.
SEQUENCES = {
    "fog": ("GOPR0475", "GOPR0476", "GOPR0477"),
    "night": ("GOPR0351", "GOPR0376", "GP010397"),
    "rain": ("GOPR0400", "GP010400", "GP020400"),
    "snow": ("GOPR0122", "GP010122", "GP010176"),
}
MAPILLARY_PARTS = {"train": "training", "val": "validation", "test": "testing"}
JPEG_QUALITY = 92


class Shot(NamedTuple):
    """A picture, what it shows, and where it belongs.

    Attributes:
        rgb: (H, W, 3) uint8.
        kinds: (H, W) uint8, values of `Kind`.
        instances: (H, W) uint16, 0 for none.
        used: ids of the embedded pictures in it.
        part: train, val or test.
        number: position in its part, from 0.
        condition: of ACDC, else "".
        reference: the same scene in clear weather, where the set has that.
    """

    rgb: np.ndarray
    kinds: np.ndarray
    instances: np.ndarray
    used: list[str]
    part: str
    number: int
    condition: str = ""
    reference: np.ndarray | None = None


class SceneAlbum(Album):
    """An album with a row for every picture in every scene; the same ones come again and again."""

    def note(self, path: str, image_id: str, share: float | None = None) -> None:
        """Say that `path` shows, among others, an embedded picture."""
        self._rows.append({"path": path, **_source(image_id), "object_share": share})


@cache
def _source(image_id: str) -> dict[str, str]:
    return dict(table().loc[image_id, KEPT].astype(str))


def png(pixels: np.ndarray, palette: np.ndarray | None = None) -> bytes:
    """Return pixels as PNG: (H, W, 3) uint8 colours, or (H, W) uint8 or uint16 values.

    Args:
        pixels: what to write.
        palette: (256, 3) uint8; makes a palette PNG whose indices are the values.
    """
    image = Image.fromarray(pixels)
    if palette is not None:
        image.putpalette(palette.tobytes())
    target = io.BytesIO()
    image.save(target, "PNG", compress_level=6)
    return target.getvalue()


def jpeg(pixels: np.ndarray) -> bytes:
    """Return colours as JPEG."""
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


def gta5(album: Album, shot: Shot) -> None:
    """Write `images/00001.png` and `labels/00001.png`, a palette of Cityscapes' ids."""
    name = f"{shot.number + 1:05d}.png"
    _picture(album, shot, f"images/{name}", png(shot.rgb))
    ids = labels.official(shot.kinds, "cityscapes")
    album.put(f"labels/{name}", png(ids, labels.cityscapes_colours()))


def synthia(album: Album, shot: Shot) -> None:
    """Write RGB, GT/COLOR, and GT/LABELS: 16-bit, red the class, green the instance."""
    import cv2

    name, root = f"{shot.number:07d}.png", "RAND_CITYSCAPES"
    _picture(album, shot, f"{root}/RGB/{name}", png(shot.rgb))
    ids = labels.official(shot.kinds, "synthia")
    album.put(f"{root}/GT/COLOR/{name}", png(labels.synthia_colours()[ids]))
    # OpenCV's order is blue, green, red.
    things = np.where(np.isin(shot.kinds, THINGS), shot.instances, 0)
    channels = np.stack([np.zeros_like(things), things, ids.astype(np.uint16)], axis=-1)
    done, content = cv2.imencode(".png", channels)
    if not done:
        raise OSError(f"OpenCV could not encode {name}")
    album.put(f"{root}/GT/LABELS/{name}", content.tobytes())


def cityscapes(album: Album, shot: Shot) -> None:
    """Write leftImg8bit, and gtFine's four files; those of the test part are blank."""
    cities = CITIES[shot.part].split()
    city, sequence = cities[shot.number % len(cities)], shot.number // len(cities)
    stem = f"{shot.part}/{city}/{city}_{sequence:06d}_000019"
    _picture(album, shot, f"leftImg8bit/{stem}_leftImg8bit.png", png(shot.rgb))
    ids = labels.official(shot.kinds, "cityscapes")
    if shot.part == "test":
        # As published: of the test labels only what is no class, like the own car, is told.
        ids = np.where(ids == 1, ids, 0).astype(np.uint8)
    colours = labels.cityscapes_colours()[ids]
    opaque = np.full((*ids.shape, 1), 255, np.uint8)
    album.put(f"gtFine/{stem}_gtFine_labelIds.png", png(ids))
    album.put(f"gtFine/{stem}_gtFine_color.png", png(np.concatenate([colours, opaque], -1)))
    numbered = _numbered(ids, shot.instances, ids >= 24, 1000)
    album.put(f"gtFine/{stem}_gtFine_instanceIds.png", png(numbered))
    outlines = json.dumps(polygons(ids, shot.instances))
    album.put(f"gtFine/{stem}_gtFine_polygons.json", outlines)


def bdd100k(album: Album, shot: Shot) -> None:
    """Write images/10k, and masks of train ids with their coloured copies."""
    name = digest("bdd100k", shot.part, shot.number).hex()
    stem = f"{shot.part}/{name[:8]}-{name[8:16]}"
    _picture(album, shot, f"images/10k/{stem}.jpg", jpeg(shot.rgb))
    if shot.part == "test":
        return
    ids = labels.train_ids(shot.kinds, "cityscapes")
    album.put(f"labels/sem_seg/masks/{stem}.png", png(ids))
    coloured = png(labels.train_id_colours()[ids])
    album.put(f"labels/sem_seg/colormaps/{stem}.png", coloured)


def mapillary_vistas(album: Album, shot: Shot) -> None:
    """Write images, labels (palette) and instances (256 times the label, plus a number)."""
    if shot.part == "train" and shot.number == 0:
        album.put("config.json", json.dumps(mapillary.config(), indent=4))
    part = MAPILLARY_PARTS[shot.part]
    key = digest("mapillary_vistas", shot.part, shot.number)[:16]
    name = base64.urlsafe_b64encode(key).decode().rstrip("=")
    _picture(album, shot, f"{part}/images/{name}.jpg", jpeg(shot.rgb))
    if shot.part == "test":
        return
    ids = labels.official(shot.kinds, "mapillary")
    album.put(f"{part}/labels/{name}.png", png(ids, mapillary.colours()))
    numbers = _numbered(ids, shot.instances, mapillary.with_instances()[ids], 256)
    numbers = np.where(numbers < 256, numbers * 256, numbers).astype(np.uint16)
    album.put(f"{part}/instances/{name}.png", png(numbers))


def acdc(album: Album, shot: Shot) -> None:
    """Write the adverse picture, its clear reference, and three label files but for test."""
    sequence = SEQUENCES[shot.condition][("train", "val", "test").index(shot.part)]
    stem = f"{sequence}/{sequence}_frame_{shot.number + 1:06d}"
    folder = f"{shot.condition}/{shot.part}"
    _picture(album, shot, f"rgb_anon/{folder}/{stem}_rgb_anon.png", png(shot.rgb))
    if shot.reference is not None:
        path = f"rgb_anon/{folder}_ref/{stem}_rgb_ref_anon.png"
        _picture(album, shot, path, png(shot.reference))
    if shot.part == "test":
        return
    ids = labels.official(shot.kinds, "cityscapes")
    train_ids = labels.train_ids(shot.kinds, "cityscapes")
    album.put(f"gt/{folder}/{stem}_gt_labelIds.png", png(ids))
    album.put(f"gt/{folder}/{stem}_gt_labelTrainIds.png", png(train_ids))
    coloured = png(labels.cityscapes_colours()[ids])
    album.put(f"gt/{folder}/{stem}_gt_labelColor.png", coloured)


WRITERS: dict[str, Callable[[Album, Shot], None]] = {
    "gta5": gta5,
    "synthia": synthia,
    "cityscapes": cityscapes,
    "bdd100k": bdd100k,
    "mapillary_vistas": mapillary_vistas,
    "acdc": acdc,
}


def _picture(album: Album, shot: Shot, path: str, content: bytes) -> None:
    for image_id in sorted(set(shot.used)):
        album.note(path, image_id)
    album.put(path, content)


def _numbered(ids: np.ndarray, instances: np.ndarray, counted: np.ndarray, base: int) -> np.ndarray:
    """Return `base` * id + number of the thing within its class where counted, else the id."""
    numbered = ids.astype(np.uint16)
    for label in np.unique(ids[counted]):
        own = (ids == label) & counted
        for number, thing in enumerate(np.unique(instances[own])):
            numbered[own & (instances == thing)] = int(label) * base + number
    return numbered


def polygons(ids: np.ndarray, instances: np.ndarray) -> dict[str, Any]:
    """Return what polygons.json holds: outer outlines of things and areas, largest first.

    Filled in order they give nearly the label image; holes and what touches only by a corner are
    lost, as in annotations by hand.
    """
    found = []
    for label, name in labels.CITYSCAPES_NAMES.items():
        own = ids == label
        if label == 0 or not own.any():
            continue
        areas = [own & (instances == thing) for thing in np.unique(instances[own])]
        for area in areas if label >= 24 else [own]:
            found += [(size, name, outline) for size, outline in _outlines(area)]
    found.sort(key=lambda item: -item[0])
    height, width = ids.shape
    objects = [{"label": name, "polygon": outline} for _, name, outline in found]
    return {"imgHeight": height, "imgWidth": width, "objects": objects}


def _outlines(area: np.ndarray) -> list[tuple[int, list[list[int]]]]:
    import cv2

    contours, _ = cv2.findContours(
        area.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    outlines = [contour[:, 0].tolist() for contour in contours if len(contour) >= 3]
    return [(int(cv2.contourArea(np.array(outline))), outline) for outline in outlines]
