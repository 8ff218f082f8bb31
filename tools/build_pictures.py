"""Remake the embedded picture table from downloaded packages (see ``tools/README.md``)."""

from __future__ import annotations

import argparse
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pictures import sources
from PIL import Image

SCHEMA = pa.schema(
    [
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
)
BACKGROUND = "background"
DEFAULT_OUTPUT = Path(__file__).parents[1] / "src/replidg/data/embedded/pictures.parquet"


def collect(downloads: Path, domains: Iterable[str]) -> Iterator[sources.Picture]:
    """Yield the pictures of all ``domains`` from the packages in ``downloads``."""
    emojis = sources.read_emoji(downloads)
    known = {emoji.instance: emoji for emoji in emojis}
    for domain in domains:
        if domain in sources.ICON_PACKS:
            yield from sources.icon_pictures(downloads, domain, emojis)
        elif domain == "fluent_3d":
            yield from sources.fluent_3d_pictures(downloads, emojis)
        elif domain == "noto_mono":
            yield from sources.noto_mono_pictures(downloads, emojis)
        elif domain == "openclipart":
            yield from sources.clipart_pictures(downloads, known)
        else:
            yield from sources.tuxpaint_pictures(downloads, known)
            yield from sources.gcompris_pictures(downloads, known)


def encode(image: Image.Image, quality: int) -> tuple[bytes, bool]:
    """Return WebP bytes and whether the picture has alpha (never where all is opaque)."""
    has_alpha = image.mode == "RGBA" and image.getchannel("A").getextrema()[0] < 255
    buffer = io.BytesIO()
    image.convert("RGBA" if has_alpha else "RGB").save(
        buffer, "WEBP", quality=quality, alpha_quality=100, method=4
    )
    return buffer.getvalue(), has_alpha


def rows(pictures: Iterable[sources.Picture], quality: int) -> list[dict[str, object]]:
    """Return the table's rows, sorted by their unique ``image_id``; same images only once."""
    seen: Counter[str] = Counter()
    images: set[tuple[str, bytes]] = set()
    out = []
    for picture in pictures:
        data, has_alpha = encode(picture.image, quality)
        if (picture.domain, data) in images:
            continue
        images.add((picture.domain, data))
        stem = f"{picture.domain}/{picture.class_name or BACKGROUND}/{picture.instance}"
        seen[stem] += 1
        out.append(
            {
                "image_id": stem if seen[stem] == 1 else f"{stem}-{seen[stem]}",
                "domain": picture.domain,
                "class_name": picture.class_name,
                "instance": picture.instance,
                "caption": picture.caption,
                "keywords": picture.keywords,
                "has_alpha": has_alpha,
                "licence": picture.licence,
                "author": picture.author,
                "source": picture.source,
                "image": data,
            }
        )
    return sorted(out, key=lambda row: str(row["image_id"]))


def write(table: list[dict[str, object]], output: Path) -> None:
    """Write the table so that the same rows always give the same bytes."""
    part = output.with_suffix(".part")
    pq.write_table(
        pa.Table.from_pylist(table, schema=SCHEMA),
        part,
        compression="zstd",
        compression_level=19,
        version="2.6",
        row_group_size=len(table),
        write_statistics=False,
        use_dictionary=["domain", "class_name", "licence", "author", "keywords", "instance"],
    )
    part.replace(output)


def parser() -> argparse.ArgumentParser:
    """Return the command-line parser."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--downloads", type=Path, required=True, help="folder of the packages")
    made.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, help="default: %(default)s")
    made.add_argument("--quality", type=int, default=90, help="of WebP (default: %(default)s)")
    made.add_argument(
        "--domains",
        nargs="+",
        metavar="DOMAIN",
        choices=["photo", "openclipart", *sources.EMOJI_AUTHORS],
        default=["photo", "openclipart", *sources.EMOJI_AUTHORS],
        help="choose from %(choices)s (default: all)",
    )
    return made


def main() -> None:
    """Build the table and say what is in it."""
    args = parser().parse_args()
    table = rows(collect(args.downloads, args.domains), args.quality)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    write(table, args.output)
    for column in ("domain", "class_name", "licence"):
        print(column, dict(sorted(Counter(str(row[column]) for row in table).items())))
    print(f"{args.output}: {len(table)} pictures, {args.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
