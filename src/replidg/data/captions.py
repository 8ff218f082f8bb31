"""Captions of the embedded pictures: what alt texts on the web say of such pictures."""

from __future__ import annotations

import pandas as pd

STYLES = {
    "photo": "photo",
    "openclipart": "clip art picture",
    "noto": "cartoon",
    "noto_v1": "drawing",
    "fluent_3d": "3d render",
    "fluent_flat": "flat icon",
    "noto_mono": "sketch",
    "twemoji": "emoji",
}


def captions(index: pd.DataFrame) -> list[list[str]]:
    """Return several captions an image, the more general ones last.

    Args:
        index: rows with `domain`, `class_name`, `caption` and `keywords`.

    Returns:
        One list an image, all of the same length.
    """
    columns = index[["domain", "class_name", "caption", "keywords"]].fillna("")
    return [_captions(*row) for row in columns.itertuples(index=False)]


def _captions(domain: str, class_name: str, caption: str, keywords: str) -> list[str]:
    style = STYLES.get(domain, "picture")
    kind = class_name.replace("_", " ")
    tags = [word.strip() for word in keywords.split(",") if word.strip()][:3]
    return [
        f"a {style} of a {caption}.",
        f"a {style} of a {kind}.",
        f"{caption}, a {kind}",
        f"a photo of a {kind}" if domain == "photo" else f"a picture of a {kind}",
        f"a {kind}: {caption} {' '.join(tags)}".strip(),
    ]
