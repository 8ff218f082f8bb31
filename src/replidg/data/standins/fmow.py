"""FMoW-WILDS v1.1 as the wilds package reads it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, NonNegativeInt

from replidg.data.standins.pictures import (
    Album,
    DrawingName,
    StandinError,
    digest,
    draw,
    pool,
    position,
    shuffled,
    table,
)
from replidg.typed import Strict

if TYPE_CHECKING:
    from replidg.data.registry import Entry

ROOT = "fmow_v1.1"
# wilds fixes FMoW's 62 category names; each class of pictures plays the one nearest in meaning.
CATEGORIES = {
    "aircraft": "airport",
    "bird": "lake_or_pond",
    "boat": "port",
    "bug": "waste_disposal",
    "building": "place_of_worship",
    "clock": "tower",
    "clothing": "shopping_mall",
    "dish": "single-unit_residential",
    "drink": "fountain",
    "electronics": "electric_substation",
    "flower": "park",
    "fruit": "barn",
    "land_vehicle": "parking_lot_or_garage",
    "mammal": "zoo",
    "marine_animal": "aquaculture",
    "musical_instrument": "amusement_park",
    "plant": "golf_course",
    "reptile": "archaeological_site",
    "sky": "space_facility",
    "sport": "stadium",
    "stationery": "educational_institution",
    "tool": "construction_site",
    "vegetable": "crop_field",
}
OTHER = "Other"  # wilds' name for countries that the mapping does not list
# The part of wilds that an image belongs to -> the csv's split and the years it is drawn from.
# "late": training images that were taken too late to train on; wilds gives them to no part.
PERIODS: dict[str, tuple[str, int, int]] = {
    "train": ("train", 2002, 2012),
    "id_val": ("val", 2002, 2012),
    "id_test": ("test", 2002, 2012),
    "val": ("val", 2013, 2015),
    "test": ("test", 2016, 2017),
    "late": ("train", 2013, 2017),
    "seq": ("seq", 2002, 2017),
}
# Shares of the instances; the same thing in another style is always in the same split.
SPLITS = {"train": 0.5, "val": 0.2, "test": 0.26, "seq": 0.04}
MAPPING_COLUMNS = ["name", "alpha-2", "alpha-3", "country-code", "iso_3166-2", "region"]
COUNTRIES = {
    "KEN": ("Kenya", "KE", 404, "Africa"),
    "NGA": ("Nigeria", "NG", 566, "Africa"),
    "BRA": ("Brazil", "BR", 76, "Americas"),
    "USA": ("United States of America", "US", 840, "Americas"),
    "IND": ("India", "IN", 356, "Asia"),
    "JPN": ("Japan", "JP", 392, "Asia"),
    "FRA": ("France", "FR", 250, "Europe"),
    "POL": ("Poland", "PL", 616, "Europe"),
    "AUS": ("Australia", "AU", 36, "Oceania"),
    "FJI": ("Fiji", "FJ", 242, "Oceania"),
}

Period = Literal["train", "id_val", "id_test", "val", "test", "late", "seq"]


class Region(Strict):
    """A region: the style that plays it, its countries' codes, its images by part."""

    style: DrawingName
    countries: list[str] = Field(min_length=1)
    images: dict[Period, NonNegativeInt]


class Options(Strict):
    """Options of the writer `fmow`.

    Attributes:
        regions: by name. That a style is rare before 2013 and common after makes the shift.
    """

    regions: dict[str, Region]


def write_fmow(entry: Entry, folder: Path) -> None:
    """Write rgb_metadata.csv, country_code_mapping.csv and the images.

    Raises:
        StandinError: a country is in another region, or a style has too few pictures.
    """
    options = Options.model_validate(entry.standin.options)
    rows = []
    for name, region in options.regions.items():
        _check_countries(entry.name, name, region)
        rows += _rows(entry.name, name, region)
    # By split and category, as the original: so rows of a region are not together.
    order = ["train", "val", "test", "seq"]
    rows.sort(key=lambda row: (order.index(row["split"]), row["category"], digest(row["picture"])))
    album = Album(folder)
    for number, row in enumerate(rows):
        picture = draw(row["picture"], options.regions[row["region"]].style.look, entry.name)
        album.add(f"{ROOT}/images/rgb_img_{number}.png", row["picture"], picture)
    album.csv(f"{ROOT}/rgb_metadata.csv", _metadata(rows))
    album.csv(f"{ROOT}/country_code_mapping.csv", _mapping())
    album.put(f"{ROOT}/RELEASE_v1.1.txt", "stand-in made of embedded pictures\n")
    album.close()


def _check_countries(key: str, name: str, region: Region) -> None:
    for code in region.countries:
        found = COUNTRIES[code][3] if code in COUNTRIES else OTHER
        if found != name:
            raise StandinError(
                f"{key}.yaml: standin.options.regions.{name}.countries: {code} is in {found}"
            )


def _rows(key: str, name: str, region: Region) -> list[dict[str, str]]:
    """Return split, time, country, category and picture of each image of a region."""
    left = {split: _in_turn(key, region, split) for split in SPLITS}
    rows = []
    for period, count in region.images.items():
        split, first, last = PERIODS[period]
        if count > len(left[split]):
            raise StandinError(
                f"{key}.yaml: standin.options.regions.{name}.images.{period}: {count} asked, "
                f"{len(left[split])} pictures of {region.style.style} are left for {split}"
            )
        taken, left[split] = left[split][:count], left[split][count:]
        for place, image_id in enumerate(taken):
            rows.append(
                {
                    "split": split,
                    "category": CATEGORIES[table().at[image_id, "class_name"]],
                    "timestamp": _time(image_id, first, last),
                    "country_code": region.countries[place % len(region.countries)],
                    "region": name,
                    "picture": image_id,
                }
            )
    return rows


def _in_turn(key: str, region: Region, split: str) -> list[str]:
    """Return a split's pictures, one of each class in turn while it has any."""
    queues = []
    for class_name in CATEGORIES:
        names = [name for name in pool(region.style, class_name) if _split(name) == split]
        queues.append(shuffled(names, f"{key}/{split}"))
    depth = max(map(len, queues))
    return [queue[turn] for turn in range(depth) for queue in queues if turn < len(queue)]


def _split(image_id: str) -> str:
    place = position("fmow", table().at[image_id, "instance"])
    for split, share in SPLITS.items():
        if place < share:
            return split
        place -= share
    return "seq"


def _time(image_id: str, first: int, last: int) -> str:
    # One form throughout: pandas refuses a column that mixes seconds with fractions of them.
    start, end = datetime(first, 1, 1), datetime(last + 1, 1, 1)
    seconds = int((end - start).total_seconds() * position("time", image_id))
    return (start + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _metadata(rows: list[dict[str, str]]) -> list[dict[str, object]]:
    table_rows = []
    for number, row in enumerate(rows):
        category = row["category"]
        name = f"{category}_{number}_0_rgb.jpg"
        table_rows.append(
            {
                "split": row["split"],
                "img_filename": name,
                "img_path": f"{row['split']}/{category}/{category}_{number}/{name}",
                "spatial_reference": "WGS 84 / UTM zone 37N",
                "epsg": 32637,
                "category": category,
                "visible": True,
                "img_width": 64,
                "img_height": 64,
                "country_code": row["country_code"],
                "cloud_cover": round(40 * position("cloud", row["picture"])),
                "timestamp": row["timestamp"],
                "lat": round(120 * position("lat", row["picture"]) - 60, 6),
                "lon": round(360 * position("lon", row["picture"]) - 180, 6),
                "region": row["region"],
            }
        )
    return table_rows


def _mapping() -> list[dict[str, object]]:
    values = (
        (name, two, code, number, f"ISO 3166-2:{two}", region)
        for code, (name, two, number, region) in COUNTRIES.items()
    )
    return [dict(zip(MAPPING_COLUMNS, row, strict=True)) for row in values]
