"""The embedded picture table keeps its schema, its labels and its licences."""

from __future__ import annotations

import io
import re
import tomllib
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
EMBEDDED = ROOT / "src/replidg/data/embedded"
TABLE = EMBEDDED / "pictures.parquet"
MAX_BYTES = 9_000_000
COLUMNS = [
    ("image_id", pa.string()),
    ("domain", pa.string()),
    ("class_name", pa.string()),
    ("instance", pa.string()),
    ("caption", pa.string()),
    ("keywords", pa.string()),
    ("has_alpha", pa.bool_()),
    ("licence", pa.string()),
    ("author", pa.string()),
    ("source", pa.string()),
    ("image", pa.binary()),
]
EMOJI_DOMAINS = {"noto", "noto_v1", "fluent_3d", "fluent_flat", "noto_mono", "twemoji"}
DOMAINS = EMOJI_DOMAINS | {"photo", "openclipart"}
CLASSES = set(
    [
        "aircraft",
        "bird",
        "boat",
        "bug",
        "building",
        "clock",
        "clothing",
        "dish",
        "drink",
        "electronics",
        "flower",
        "fruit",
        "land_vehicle",
        "mammal",
        "marine_animal",
        "musical_instrument",
        "plant",
        "reptile",
        "sky",
        "sport",
        "stationery",
        "tool",
        "vegetable",
    ]
)
# A label that went wrong once: (class, pattern of the instance).
SLIPS = [
    ("bird", r"feather|wing|nest|bat$|manager"),
    ("building", r"^rock|brick|wood|statue|christ|mountain|canyon|wedding"),
    ("mammal", r"paw|pig_nose|dolphin|whale|orca|sea_lion|seal$|scratch|edward_bear"),
    ("marine_animal", r"grenade|otter"),
    ("bug", r"web|microbe|virus"),
    ("land_vehicle", r"bus_stop|traffic_light|station|fuel_pump|sign|wheel$|oil_drum"),
    ("boat", r"anchor|buoy|knot|diagram"),
    ("aircraft", r"seat|cable|tramway|railway|parachut"),
    ("tool", r"scale|cane|bomb|dagger|sword|shield|key$|lock|magnifying|thermometer"),
    ("fruit", r"pie|juice|tree|grenade|tote|avocado"),
    ("vegetable", r"tomato"),
    ("musical_instrument", r"record|vinyl|note|clef|jukebox|bach|mute|boombox|microphone"),
    ("plant", r"saw|pruner|ball|pepper|eggplant$"),
    ("sky", r"thermometer|umbrella|fire$|snowman|droplet"),
    ("sport", r"yoga|asana|shirt|shoe|ticket|cap$|trophy"),
    ("clothing", r"lipstick|^ring|gem|hair_pick"),
    ("electronics", r"magnifying|candle|lantern|abacus"),
    ("stationery", r"mailbox|post_?box|wastebasket|package"),
    ("dish", r"^salt|campfire|^potato$"),
    ("flower", r"rosette|plastic|cactus"),
]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """The table as a frame."""
    return pq.read_table(TABLE).to_pandas()


@pytest.fixture(scope="module")
def decoded(frame: pd.DataFrame) -> list[Image.Image]:
    """Every picture, decoded."""
    images = []
    for data in frame["image"]:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            images.append(image)
    return images


def test_schema_and_size() -> None:
    """The columns, their order and types hold, and the file is small."""
    schema = pq.read_schema(TABLE)
    assert [(field.name, field.type) for field in schema] == COLUMNS
    assert TABLE.stat().st_size <= MAX_BYTES


def test_ids(frame: pd.DataFrame) -> None:
    """Identifiers are unique, sorted and say what the other columns say."""
    ids = frame["image_id"].tolist()
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    for row in frame.itertuples():
        stem = f"{row.domain}/{row.class_name or 'background'}/{row.instance}"
        assert re.fullmatch(r"[a-z0-9_-]+(/[a-z0-9_-]+){2}", row.image_id)
        assert re.fullmatch(re.escape(stem) + r"(-\d+)?", row.image_id)


def test_values(frame: pd.DataFrame) -> None:
    """Nothing is missing, captions are short lower-case phrases."""
    assert not frame.isna().any().any()
    filled = ["domain", "instance", "caption", "licence", "author", "source"]
    assert (frame[filled].map(str.strip) == frame[filled]).all().all()
    assert (frame[filled] != "").all().all()
    captions = frame["caption"]
    assert (captions == captions.str.lower()).all()
    assert not captions.str.contains(r"[!?;“”]|\.$|^(?:an?|the) ").any()
    assert captions.str.len().max() <= 60
    assert frame["source"].str.fullmatch(r"\S+ \S+: .+").all()
    assert not frame["author"].str.contains(r"@|HASH\(").any()


def test_domains_and_classes(frame: pd.DataFrame) -> None:
    """At least five pictogram domains, the photos, and all classes in four domains."""
    domains = set(frame["domain"])
    assert domains <= DOMAINS
    assert "photo" in domains
    assert len(domains - {"photo"}) >= 5
    assert set(frame["class_name"]) - {""} == CLASSES
    assert set(frame.loc[frame["class_name"] == "", "domain"]) <= {"photo"}
    counts = frame.groupby(["class_name", "domain"]).size().unstack(fill_value=0)
    enough = (counts.loc[sorted(CLASSES)] >= 5).sum(axis=1)
    assert enough.min() >= 4, enough[enough < 4].to_dict()


def test_pictures_decode(frame: pd.DataFrame, decoded: list[Image.Image]) -> None:
    """Every picture is a 64-pixel WebP, RGBA exactly where the flag says so."""
    for row, image in zip(frame.itertuples(), decoded, strict=True):
        assert image.format == "WEBP", row.image_id
        assert image.size == (64, 64), row.image_id
        assert image.mode == ("RGBA" if row.has_alpha else "RGB"), row.image_id
        if row.has_alpha:
            low, high = image.getchannel("A").getextrema()
            assert low < 255 and high > 0, row.image_id


def test_alpha_by_domain(frame: pd.DataFrame, decoded: list[Image.Image]) -> None:
    """Pictograms are cut out, photos are of both kinds, and line glyphs are black."""
    share = frame.groupby("domain")["has_alpha"].mean()
    assert (share[share.index.isin(EMOJI_DOMAINS)] == 1).all()
    assert 0.3 < share["photo"] < 0.8
    glyphs = [image for image, d in zip(decoded, frame["domain"], strict=True) if d == "noto_mono"]
    for image in glyphs:
        dark = max(band.getextrema()[1] for band in image.convert("RGBa").split()[:3])
        assert dark <= 16


def test_pictures_differ_within_a_domain(frame: pd.DataFrame) -> None:
    """No domain holds the same picture twice."""
    assert not frame.duplicated(["domain", "image"]).any()


def test_licences_are_covered(frame: pd.DataFrame) -> None:
    """Every licence has its full text and is declared; none is a catch-all."""
    found = set(frame["licence"])
    texts = {path.stem: path.read_text(encoding="utf-8") for path in ROOT.glob("LICENSES/*.txt")}
    assert found <= set(texts)
    assert all(len(texts[name]) > 900 for name in found)
    assert not any(re.search(r"catch|GFDL|GPL-3|\s", name) for name in found)
    annotations = tomllib.loads((ROOT / "REUSE.toml").read_text("utf-8"))["annotations"]
    path = TABLE.relative_to(ROOT).as_posix()
    (entry,) = [entry for entry in annotations if entry["path"] == path]
    assert set(entry["SPDX-License-Identifier"].split(" AND ")) == found
    notice = (EMBEDDED / "NOTICE.md").read_text(encoding="utf-8")
    assert all(name in notice for name in found | set(frame["domain"]))


def test_share_alike_and_attribution_name_an_author(frame: pd.DataFrame) -> None:
    """Who must be named is named."""
    named = frame[frame["licence"].str.startswith("CC-BY")]
    assert len(named) > 0
    assert not named["author"].str.contains("unknown|contributor$").any()


def test_instances_are_shared_across_styles(frame: pd.DataFrame) -> None:
    """The same emoji has one instance, class and caption in all styles."""
    labelled = frame[frame["class_name"] != ""]
    assert (labelled.groupby("instance")["class_name"].nunique() == 1).all()
    emoji = labelled[labelled["domain"].isin(EMOJI_DOMAINS)]
    assert (emoji.groupby("instance")[["caption", "keywords"]].nunique() == 1).all().all()
    assert not emoji.duplicated(["domain", "instance"]).any()
    styles = emoji.groupby("instance")["domain"].nunique()
    assert (styles >= 5).mean() > 0.7
    for other in ("photo", "openclipart"):
        names = set(labelled.loc[labelled["domain"] == other, "instance"])
        assert len(names & set(emoji["instance"])) >= 80
    assert {"elephant", "banana", "violin", "hammer"} <= names | set(emoji["instance"])


def test_unlike_photos_are_numbered(frame: pd.DataFrame) -> None:
    """Photos that share no more than a word such as "fish" are instances of their own."""
    photos = frame[frame["domain"] == "photo"]
    fish = photos[photos["instance"].str.fullmatch(r"fish-\d\d")]
    assert len(fish) == fish["instance"].nunique() >= 20
    assert "fish" not in set(photos["instance"])


@pytest.mark.parametrize(("class_name", "pattern"), SLIPS)
def test_known_label_slips_are_absent(frame: pd.DataFrame, class_name: str, pattern: str) -> None:
    """Labels that were wrong in the sources stay out of their class."""
    names = frame.loc[frame["class_name"] == class_name, "instance"]
    assert len(names) > 0
    wrong = sorted(set(names[names.str.contains(pattern)]))
    assert wrong == []
