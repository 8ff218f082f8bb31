"""Hand-checked labels: which emoji belong to which class and which do not.

The lists for clip-art and photographs are the tables ``clipart.tsv`` and ``photos.tsv`` beside
this file; every entry of all three was looked at on contact sheets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CLASS_OF_SUBGROUP = {
    "animal-mammal": "mammal",
    "animal-bird": "bird",
    "animal-amphibian": "reptile",
    "animal-reptile": "reptile",
    "animal-marine": "marine_animal",
    "animal-bug": "bug",
    "plant-flower": "flower",
    "plant-other": "plant",
    "food-fruit": "fruit",
    "food-vegetable": "vegetable",
    "food-prepared": "dish",
    "food-asian": "dish",
    "food-sweet": "dish",
    "drink": "drink",
    "place-building": "building",
    "place-religious": "building",
    "transport-ground": "land_vehicle",
    "transport-water": "boat",
    "transport-air": "aircraft",
    "time": "clock",
    "sky-weather": "sky",
    "sport": "sport",
    "clothing": "clothing",
    "musical-instrument": "musical_instrument",
    "phone": "electronics",
    "computer": "electronics",
    "light-video": "electronics",
    "book-paper": "stationery",
    "mail": "stationery",
    "writing": "stationery",
    "office": "stationery",
    "tool": "tool",
}
"""Unicode's subgroups of emoji, merged to the classes of the table."""

CLASSES = tuple(sorted(set(CLASS_OF_SUBGROUP.values())))

DROPPED_EMOJI = {
    # parts, traces and homes of animals; a microbe is no bug
    "mammal": "paw_prints pig_nose",
    "bird": "feather wing nest_with_eggs empty_nest",
    "bug": "spider_web microbe",
    # things worn by nobody, or made of petals only in name
    "flower": "rosette",
    "plant": "empty_nest nest_with_eggs",
    # ingredients and containers; a jar of salt is no dish
    "dish": "salt canned_food",
    "drink": "ice chopsticks",
    # rocks, bricks, wood, statues and a chapel drawn as a heart
    "building": "rock wood brick building_construction statue_of_liberty wedding",
    # stops, signs, fuel, wheels and what is worn on feet
    "land_vehicle": (
        "bus_stop station motorway railway_track oil_drum fuel_pump wheel police_car_light "
        "horizontal_traffic_light vertical_traffic_light stop_sign construction roller_skate "
        "skateboard"
    ),
    "boat": "anchor ring_buoy",
    # cable cars, seats and parachutes do not fly by themselves
    "aircraft": "seat parachute suspension_railway mountain_cableway aerial_tramway",
    # weather's tools and leavings, and what is not in the sky
    "sky": (
        "thermometer fire droplet water_wave closed_umbrella umbrella umbrella_on_ground "
        "umbrella_with_rain_drops snowman snowman_without_snow"
    ),
    # clothes that the standard files under sport, and balls' nets
    "sport": "running_shirt martial_arts_uniform",
    # jewels, make-up and shopping
    "clothing": "lipstick ring gem_stone hair_pick prayer_beads shopping_bags folding_hand_fan",
    # lamps without electricity, lenses and film
    "electronics": (
        "magnifying_glass_tilted_left magnifying_glass_tilted_right candle diya_lamp abacus "
        "red_paper_lantern clapper_board film_frames"
    ),
    # mailboxes, parcels, bins and bags
    "stationery": (
        "package wastebasket briefcase ballot_box_with_ballot postbox "
        "closed_mailbox_with_raised_flag closed_mailbox_with_lowered_flag "
        "open_mailbox_with_raised_flag open_mailbox_with_lowered_flag outbox_tray inbox_tray"
    ),
    # weapons, chains, and a cane and a scale that the standard files under tool
    "tool": (
        "balance_scale white_cane bomb dagger crossed_swords shield bow_and_arrow boomerang "
        "water_pistol link chains broken_chain"
    ),
}
"""Emoji whose class would be wrong or misleading, by the class they are dropped from."""

LICENCE_IDS = {
    "Public Domain": "LicenseRef-PublicDomain",
    "Public domain": "LicenseRef-PublicDomain",
    "CC0-1.0": "CC0-1.0",
    "CC-BY-2.0": "CC-BY-2.0",
    "CC-BY-3.0": "CC-BY-3.0",
    "CC-BY-SA 4.0": "CC-BY-SA-4.0",
    "CC-BY-SA-4.0": "CC-BY-SA-4.0",
    "GPLv2+": "GPL-2.0-or-later",
}
"""The licence names in the packages' README files as SPDX identifiers."""


@dataclass(frozen=True)
class Label:
    """What one file of a package shows."""

    class_name: str
    instance: str
    caption: str
    path: str


def slug(text: str) -> str:
    """Return ``text`` in lower case with every run of other characters as one underscore."""
    plain = text.lower().replace("ñ", "n").replace("’", "").replace("'", "")
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def emoji_class(subgroup: str, instance: str) -> str | None:
    """Return the class of an emoji, or ``None`` where it has none or was dropped."""
    class_name = CLASS_OF_SUBGROUP.get(subgroup)
    if class_name and instance in DROPPED_EMOJI.get(class_name, "").split():
        return None
    return class_name


def _rows(name: str, columns: int) -> list[list[str]]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and line[0] != "#"]
    for row in rows:
        if len(row) != columns or (row[0] and row[0] not in CLASSES):
            raise ValueError(f"{name}: bad row {row}")
    return rows


def clipart_labels() -> list[Label]:
    """Return the labels of the clip-art; the caption is the instance in words."""
    rows = _rows("clipart.tsv", 3)
    return [Label(cls, inst, inst.replace("_", " "), path) for cls, inst, path in rows]


def photo_labels(package: str) -> list[Label]:
    """Return the labels of the photographs that come from ``package``."""
    rows = [row for row in _rows("photos.tsv", 4) if row[3].startswith(package + ":")]
    return [Label(*row[:3], row[3].partition(":")[2]) for row in rows]
