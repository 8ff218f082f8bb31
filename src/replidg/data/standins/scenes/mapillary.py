"""The 66 labels of Mapillary Vistas v1.2, as its config.json lists them.

Names, colours and instance flags are facts of the data set, read in a public print of the file.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# name | readable | colour; "*" marks classes with instances. The place is the label id.
_LABELS = """\
animal--bird | Bird | 165 42 42 *
animal--ground-animal | Ground Animal | 0 192 0 *
construction--barrier--curb | Curb | 196 196 196
construction--barrier--fence | Fence | 190 153 153
construction--barrier--guard-rail | Guard Rail | 180 165 180
construction--barrier--other-barrier | Barrier | 90 120 150
construction--barrier--wall | Wall | 102 102 156
construction--flat--bike-lane | Bike Lane | 128 64 255
construction--flat--crosswalk-plain | Crosswalk - Plain | 140 140 200 *
construction--flat--curb-cut | Curb Cut | 170 170 170
construction--flat--parking | Parking | 250 170 160
construction--flat--pedestrian-area | Pedestrian Area | 96 96 96
construction--flat--rail-track | Rail Track | 230 150 140
construction--flat--road | Road | 128 64 128
construction--flat--service-lane | Service Lane | 110 110 110
construction--flat--sidewalk | Sidewalk | 244 35 232
construction--structure--bridge | Bridge | 150 100 100
construction--structure--building | Building | 70 70 70
construction--structure--tunnel | Tunnel | 150 120 90
human--person | Person | 220 20 60 *
human--rider--bicyclist | Bicyclist | 255 0 0 *
human--rider--motorcyclist | Motorcyclist | 255 0 100 *
human--rider--other-rider | Other Rider | 255 0 200 *
marking--crosswalk-zebra | Lane Marking - Crosswalk | 200 128 128 *
marking--general | Lane Marking - General | 255 255 255
nature--mountain | Mountain | 64 170 64
nature--sand | Sand | 230 160 50
nature--sky | Sky | 70 130 180
nature--snow | Snow | 190 255 255
nature--terrain | Terrain | 152 251 152
nature--vegetation | Vegetation | 107 142 35
nature--water | Water | 0 170 30
object--banner | Banner | 255 255 128 *
object--bench | Bench | 250 0 30 *
object--bike-rack | Bike Rack | 100 140 180 *
object--billboard | Billboard | 220 220 220 *
object--catch-basin | Catch Basin | 220 128 128 *
object--cctv-camera | CCTV Camera | 222 40 40 *
object--fire-hydrant | Fire Hydrant | 100 170 30 *
object--junction-box | Junction Box | 40 40 40 *
object--mailbox | Mailbox | 33 33 33 *
object--manhole | Manhole | 100 128 160 *
object--phone-booth | Phone Booth | 142 0 0 *
object--pothole | Pothole | 70 100 150
object--street-light | Street Light | 210 170 100 *
object--support--pole | Pole | 153 153 153 *
object--support--traffic-sign-frame | Traffic Sign Frame | 128 128 128 *
object--support--utility-pole | Utility Pole | 0 0 80 *
object--traffic-light | Traffic Light | 250 170 30 *
object--traffic-sign--back | Traffic Sign (Back) | 192 192 192 *
object--traffic-sign--front | Traffic Sign (Front) | 220 220 0 *
object--trash-can | Trash Can | 140 140 20 *
object--vehicle--bicycle | Bicycle | 119 11 32 *
object--vehicle--boat | Boat | 150 0 255 *
object--vehicle--bus | Bus | 0 60 100 *
object--vehicle--car | Car | 0 0 142 *
object--vehicle--caravan | Caravan | 0 0 90 *
object--vehicle--motorcycle | Motorcycle | 0 0 230 *
object--vehicle--on-rails | On Rails | 0 80 100
object--vehicle--other-vehicle | Other Vehicle | 128 64 64 *
object--vehicle--trailer | Trailer | 0 0 110 *
object--vehicle--truck | Truck | 0 0 70 *
object--vehicle--wheeled-slow | Wheeled Slow | 0 0 192 *
void--car-mount | Car Mount | 32 32 32
void--ego-vehicle | Ego Vehicle | 120 10 10
void--unlabeled | Unlabeled | 0 0 0
"""


def labels() -> list[dict[str, Any]]:
    """Return the entries of `labels` in config.json, in the order of the ids."""
    entries = []
    for line in _LABELS.splitlines():
        name, readable, rest = (part.strip() for part in line.split("|"))
        numbers = rest.rstrip(" *").split()
        entries.append(
            {
                "color": [int(number) for number in numbers],
                "instances": rest.endswith("*"),
                "readable": readable,
                "name": name,
                "evaluate": name != "void--unlabeled",
            }
        )
    return entries


def colours() -> np.ndarray:
    """Return the palette of the label images, (256, 3) uint8."""
    palette = np.zeros((256, 3), np.uint8)
    listed = [entry["color"] for entry in labels()]
    palette[: len(listed)] = listed
    return palette


def with_instances() -> np.ndarray:
    """Return, for each of 256 ids, whether the class has instances."""
    flags = np.zeros(256, bool)
    listed = [entry["instances"] for entry in labels()]
    flags[: len(listed)] = listed
    return flags


def config() -> dict[str, Any]:
    """Return the content of config.json."""
    return {
        "labels": labels(),
        "version": "1.2",
        "mapping": "public",
        "folder_structure": "{split}/{content}/{image_id}.{extension}",
    }
