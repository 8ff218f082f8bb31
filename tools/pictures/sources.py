"""Turn the downloaded packages into labelled 64-pixel pictures."""

from __future__ import annotations

import html
import io
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import resvg_py
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

from . import labels, packages

SIZE = 64
CREATIVE_COMMONS_PD = "LicenseRef-PublicDomain"
TUXPAINT_AUTHOR = "Bill Kendrick and the Tux Paint contributors"
EMOJI_AUTHORS = {
    "noto": ("Apache-2.0", "Google Inc."),
    "noto_v1": ("Apache-2.0", "Google Inc."),
    "noto_mono": ("OFL-1.1", "The Noto Project Authors"),
    "fluent_flat": ("MIT", "Microsoft Corporation"),
    "fluent_3d": ("MIT", "Microsoft Corporation"),
    "twemoji": ("CC-BY-4.0", "Twitter, Inc. and other contributors"),
}
ICON_PACKS = {
    "noto": "iconify-json-noto-[0-9]*.tgz",
    "noto_v1": "iconify-json-noto-v1-*.tgz",
    "fluent_flat": "iconify-json-fluent-emoji-flat-*.tgz",
    "twemoji": "iconify-json-twemoji-*.tgz",
}


@dataclass(frozen=True)
class Picture:
    """One picture with its label and origin."""

    domain: str
    class_name: str
    instance: str
    caption: str
    keywords: str
    licence: str
    author: str
    source: str
    image: Image.Image


@dataclass(frozen=True)
class Emoji:
    """What the table keeps of one emoji record."""

    instance: str
    class_name: str
    caption: str
    keywords: str
    hexcode: str


def read_emoji(downloads: Path) -> list[Emoji]:
    """Return the emoji that have a class, from emojibase-data."""
    path = packages.find_download(downloads, "emojibase-data-*.tgz")
    names = ("package/en/data.json", "package/meta/groups.json")
    members = packages.read_tgz(path, lambda name: name in names)
    records, groups = (json.loads(members[name]) for name in names)
    found = []
    for record in records:
        instance = labels.slug(record["label"])
        subgroup = groups["subgroups"].get(str(record.get("subgroup")), "")
        class_name = labels.emoji_class(subgroup, instance)
        if class_name:
            tags = ", ".join(tag.lower() for tag in record["tags"])
            label = record["label"].lower().replace("’", "'")
            found.append(Emoji(instance, class_name, label, tags, record["hexcode"]))
    return found


def square(image: Image.Image) -> Image.Image:
    """Return an RGBA image cut to its visible part and padded to a square, at ``SIZE``."""
    image = image.convert("RGBA")
    image = image.crop(image.getchannel("A").getbbox() or (0, 0, 1, 1))
    side = max(image.size)
    canvas = Image.new("RGBA", (side, side))
    canvas.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return canvas.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def centre_crop(image: Image.Image) -> Image.Image:
    """Return the middle square of an opaque image at ``SIZE``."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return image.convert("RGB").crop(box).resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def render_svg(svg: str, width: int) -> Image.Image:
    """Render SVG markup ``width`` pixels wide with its transparency."""
    png = resvg_py.svg_to_bytes(svg_string=svg, width=width, dpi=90.0, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def _emoji_picture(domain: str, emoji: Emoji, source: str, image: Image.Image) -> Picture:
    licence, author = EMOJI_AUTHORS[domain]
    return Picture(
        domain,
        emoji.class_name,
        emoji.instance,
        emoji.caption,
        emoji.keywords,
        licence,
        author,
        source,
        image,
    )


def icon_pictures(downloads: Path, domain: str, emojis: list[Emoji]) -> Iterator[Picture]:
    """Yield the emoji of one style that comes as an Iconify pack of SVG bodies."""
    path = packages.find_download(downloads, ICON_PACKS[domain])
    pack = json.loads(packages.read_tgz(path, lambda n: n == "package/icons.json").popitem()[1])
    icons = pack["icons"]
    for name, alias in pack.get("aliases", {}).items():
        if set(alias) == {"parent"} and alias["parent"] in icons:
            icons.setdefault(name, icons[alias["parent"]])
    name = f"@iconify-json/{pack['prefix']} {packages.version_of(path)}"
    for emoji in emojis:
        key = emoji.instance.replace("_", "-")
        if key not in icons:
            continue
        icon = {**{k: pack[k] for k in ("width", "height") if k in pack}, **icons[key]}
        width, height = icon.get("width", 16), icon.get("height", 16)
        box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
        links = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        svg = f'<svg {links} width="{width}" height="{height}" viewBox="{box}">{icon["body"]}</svg>'
        image = render_svg(svg, SIZE if width == height else 4 * SIZE)
        if image.size != (SIZE, SIZE):
            image = square(image)
        yield _emoji_picture(domain, emoji, f"{name}: icons.json#{key}", image)


def fluent_3d_pictures(downloads: Path, emojis: list[Emoji]) -> Iterator[Picture]:
    """Yield the rendered 3-D emoji."""
    path = packages.find_download(downloads, "lobehub-fluent-emoji-3d-*.tgz")
    members = packages.read_tgz(path, lambda name: name.endswith(".webp"))
    name = f"@lobehub/fluent-emoji-3d {packages.version_of(path)}"
    for emoji in emojis:
        code = emoji.hexcode.lower()
        for stem in (code, code.replace("-fe0f", ""), code + "-fe0f"):
            member = f"package/assets/{stem}.webp"
            if member in members:
                image = Image.open(io.BytesIO(members[member])).convert("RGBA")
                image = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
                source = f"{name}: assets/{stem}.webp"
                yield _emoji_picture("fluent_3d", emoji, source, image)
                break


def noto_mono_pictures(downloads: Path, emojis: list[Emoji]) -> Iterator[Picture]:
    """Yield the black line glyphs of the Noto Emoji font on a transparent ground."""
    path = packages.find_download(downloads, "manimgx_fonts-*.whl")
    member = "NotoEmoji[wght].ttf"
    name = f"manimgx-fonts {packages.version_of(path)}: manimgx_fonts/{member}"
    blob = packages.read_wheel(path, member)
    known = TTFont(io.BytesIO(blob)).getBestCmap()
    with tempfile.NamedTemporaryFile(suffix=".ttf") as handle:
        handle.write(blob)
        handle.flush()
        font = ImageFont.truetype(handle.name, 4 * SIZE, layout_engine=ImageFont.Layout.BASIC)
        font.set_variation_by_axes([400])
        for emoji in emojis:
            points = [int(part, 16) for part in emoji.hexcode.split("-") if part != "FE0F"]
            if len(points) > 1 or points[0] not in known:
                continue
            ink = Image.new("L", (8 * SIZE, 8 * SIZE))
            ImageDraw.Draw(ink).text((SIZE, SIZE), chr(points[0]), fill=255, font=font)
            black = Image.new("L", ink.size)
            image = square(Image.merge("RGBA", (black, black, black, ink)))
            yield _emoji_picture("noto_mono", emoji, f"{name}#U+{points[0]:04X}", image)


def clipart_author(svg: str) -> str:
    """Return the creator that a drawing's metadata name, without addresses."""
    for tag in ("creator", "rights"):
        block = re.search(rf"<(?:dc:)?{tag}\b[^>]*>(.*?)</(?:dc:)?{tag}>", svg, re.DOTALL)
        title = re.search(r"<(?:dc:)?title[^>]*>([^<]+)<", block[1]) if block else None
        if title:
            name = html.unescape(html.unescape(title[1]))
            name = re.sub(r"\s*(- |\()?\S+(@| ON )\S+\)?", "", name).strip()
            if name and not re.match(r"hash\(|open ?clip ?art|anonymous|unknown", name.lower()):
                return name
    return "an Open Clip Art Library contributor"


def clipart_pictures(downloads: Path, known: dict[str, Emoji]) -> Iterator[Picture]:
    """Yield the drawings of openclipart that ``clipart.tsv`` names."""
    path = packages.find_download(downloads, "openclipart-svg_*.deb")
    root = "usr/share/openclipart/svg/"
    wanted = labels.clipart_labels()
    files = {root + label.path for label in wanted}
    members = packages.read_deb(path, files.__contains__)
    name = f"openclipart-svg {packages.version_of(path)}"
    for label in wanted:
        svg = members[root + label.path].decode("utf-8", "replace")
        if not re.search(r"<[^>]*License[^>]*[Pp]ublic-?[Dd]omain", svg, re.IGNORECASE):
            raise ValueError(f"{label.path}: not marked as being in the public domain")
        yield Picture(
            "openclipart",
            label.class_name,
            label.instance,
            known[label.instance].caption if label.instance in known else label.caption,
            known[label.instance].keywords if label.instance in known else "",
            CREATIVE_COMMONS_PD,
            clipart_author(svg),
            f"{name}: {label.path}",
            square(render_svg(svg, 5 * SIZE)),
        )


def tuxpaint_pictures(downloads: Path, known: dict[str, Emoji]) -> Iterator[Picture]:
    """Yield the cut-out photographs among Tux Paint's stamps."""
    path = packages.find_download(downloads, "tuxpaint-stamps-default_*.deb")
    root = "usr/share/tuxpaint/stamps/"
    wanted = labels.photo_labels("tuxpaint")
    files = {root + label.path for label in wanted}
    members = packages.read_deb(path, files.__contains__)
    name = f"tuxpaint-stamps-default {packages.version_of(path)}"
    for label in wanted:
        yield Picture(
            "photo",
            label.class_name,
            label.instance,
            label.caption,
            known[label.instance].keywords if label.instance in known else "",
            "GPL-2.0-or-later",
            TUXPAINT_AUTHOR,
            f"{name}: {label.path}",
            square(Image.open(io.BytesIO(members[root + label.path]))),
        )


def readme_credits(folder: str, readme: str) -> dict[str, tuple[str, str]]:
    """Return ``path -> (licence, author)`` from a README of GCompris.

    The README files inside the archives describe the pictures that are shipped; Debian's copyright
    file describes older pictures of the same names and must not be used.
    """
    credits = {}
    for block in re.split(r"\n\s*\n", readme):
        fields = dict(re.findall(r"^(License|Copyright):\s*(.+?)\s*$", block, re.MULTILINE))
        files = re.search(r"^Files?:\s*(.*)", block, re.DOTALL | re.MULTILINE)
        if files and fields.get("License") in labels.LICENCE_IDS:
            author = re.sub(r"^(©\s*)?(\d{4}\s+)?", "", fields.get("Copyright", "")) or "unknown"
            for file in files[1].split():
                credits[f"{folder}/{file}"] = (labels.LICENCE_IDS[fields["License"]], author)
    return credits


def gcompris_pictures(downloads: Path, known: dict[str, Emoji]) -> Iterator[Picture]:
    """Yield the photographs of GCompris, each under the licence its README gives it."""
    path = packages.find_download(downloads, "gcompris-qt-data_*.deb")
    wanted = labels.photo_labels("gcompris")
    archives = {label.path.partition("/")[0] + ".rcc" for label in wanted}
    blobs = packages.read_deb(path, lambda name: name.rpartition("/")[2] in archives)
    members = {file: data for blob in blobs.values() for file, data in packages.read_rcc(blob)}
    root = "gcompris/src/activities/"
    credits: dict[str, tuple[str, str]] = {}
    for file, data in members.items():
        if file.endswith("/README"):
            credits |= readme_credits(file.rpartition("/")[0], data.decode("utf-8"))
    name = f"gcompris-qt-data {packages.version_of(path)}"
    for label in wanted:
        licence, author = credits[root + label.path]
        yield Picture(
            "photo",
            label.class_name,
            label.instance,
            label.caption,
            known[label.instance].keywords if label.instance in known else "",
            licence,
            author,
            f"{name}: {label.path}",
            centre_crop(Image.open(io.BytesIO(members[root + label.path]))),
        )
