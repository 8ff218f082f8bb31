"""Typed configuration of image stores: a data set's images in few large files, decoded once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt

from replidg.typed import Named, Strict, without_nulls


class PackedStore(Strict):
    """The encoded files as they are, one behind the other."""

    kind: Literal["packed"] = Field(description="the files' own bytes: few large reads, same bits")


class ExactStore(Strict):
    """Decoded pixels at their own size."""

    kind: Literal["exact"] = Field(description="decoded RGB pixels: no decoding, same bits")


class ResizedStore(Strict):
    """Smaller copies. What is trained on them is not, bit for bit, what the files give."""

    kind: Literal["resized"] = Field(description="smaller copies: another result, see docs/images")
    shorter: PositiveInt = Field(
        320,
        description="shorter side in pixels; smaller images keep their size. A crop of DomainBed's "
        "augmentation has at least 0.72 of it",
    )
    format: Literal["raw", "jpeg"] = Field("raw", description="raw: pixels; jpeg: a tenth of it")
    quality: int = Field(95, ge=1, le=100, description="of jpeg, without chroma subsampling")


class InputStore(Strict):
    """Pixels as a model takes them, for jobs that augment nothing; other inputs read the files."""

    kind: Literal["input"] = Field(description="resized and cropped for a model: same bits")
    size: PositiveInt = Field(224, description="side in pixels")
    resize: Literal["squash", "crop"] = Field("crop", description="as in `preprocessing`")
    interpolation: Literal["bicubic", "bilinear"] = Field("bicubic", description="of the resize")
    crop_share: float = Field(
        1.0, gt=0, le=1, description="side of the crop relative to the resized shorter side"
    )


ImageStore = Annotated[
    PackedStore | ExactStore | ResizedStore | InputStore, Field(discriminator="kind")
]

#: Stores that a configuration need not define.
PREDEFINED: dict[str, dict[str, Any]] = {
    name: {"kind": name} for name in ("packed", "exact", "resized", "input")
}


def _with_predefined(value: Any) -> Any:
    return PREDEFINED | without_nulls(value) if isinstance(value, dict) else value


#: Stores by name, the predefined ones among them.
ImageStores = Annotated[dict[str, ImageStore], BeforeValidator(_with_predefined)]


class StoreUse(Strict):
    """Which jobs read which data set from which store; a data set that is not named: its files."""

    training: Named[str] = Field(
        default={}, description="data set: store, for the images of trainings; null: files"
    )
    evaluation: Named[str] = Field(
        default={},
        description="data set: input store, for what trainings validate and predict without "
        "augmentation; null: what they train on",
    )
    embedding: Named[str] = Field(
        default={},
        description="data set: store, for embeddings and all that is made of them (AlignmentScore, "
        "zero-shot, probes); null: files",
    )


class Packing(Strict):
    """Budget of the jobs that fill stores; has no effect on the result."""

    processes: PositiveInt = Field(1, description="processes that decode")
