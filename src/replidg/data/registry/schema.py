"""What a page of the data registry may say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt, model_validator

from replidg.typed import Strict

Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{64}|unknown)$")]


def _inside(path: str) -> str:
    if not path or path.startswith("/") or ".." in path.split("/"):
        raise ValueError("must be a path inside the data set's folder")
    return path


RelativePath = Annotated[str, AfterValidator(_inside)]


class Https(Strict):
    """A plain address."""

    kind: Literal["https"]
    url: str = Field(pattern=r"^https?://\S+$")


class HuggingFace(Strict):
    """A file of a Hugging Face repository."""

    kind: Literal["huggingface"]
    repo: str = Field(pattern=r"^[^/\s]+/[^/\s]+$")
    path: RelativePath
    repo_type: Literal["dataset", "model"] = "dataset"
    revision: str = "main"


class GoogleDrive(Strict):
    """A shared file of Google Drive."""

    kind: Literal["google_drive"]
    id: str = Field(pattern=r"^[\w-]+$")


Source = Annotated[Https | HuggingFace | GoogleDrive, Field(discriminator="kind")]


class File(Strict):
    """One file to download.

    Attributes:
        name: what it is called here and at a mirror.
        size: bytes, where known.
        sha256: of the whole file; "unknown" is recorded at the first download and enforced then.
        archive: how to unpack it (`tar` with any compression; `tar_of_tars`: each inner tar into a
            folder of its name); "none" keeps the file as it is.
        into: folder of the data set that it is unpacked or put into.
        sources: where to get it, in order; none for what only a log-in gives.
    """

    name: str = Field(pattern=r"^[^/\s]+$")
    size: PositiveInt | None = None
    sha256: Sha256 = "unknown"
    archive: Literal["zip", "tar", "tar_of_tars", "rar", "none"]
    into: RelativePath = "."
    sources: list[Source] = Field(default=[])


class Member(Strict):
    """A file or folder that a data set has at its top, and its other names in the wild."""

    name: RelativePath
    aliases: list[RelativePath] = Field(default=[])


class Layout(Strict):
    """One way the data set lies on disk.

    Attributes:
        name: "official", or what this variant is called, e.g. "DomainBed".
        title: one line for the user: how this variant comes about.
        roots: folders, below the one given, in which the members may lie, in order.
        members: what must be there; none: every folder of the root.
        signs: patterns that each match something in this layout and nothing in the others; layouts
            with signs are looked for first.
        converted: already what the conversion would make of the official layout.
    """

    name: str
    title: str
    roots: list[RelativePath] = Field(default=["."])
    members: list[Member] = Field(default=[])
    signs: list[RelativePath] = Field(default=[])
    converted: bool = False

    @model_validator(mode="after")
    def _recognisable(self) -> Layout:
        if not self.members and not self.signs:
            raise ValueError("a layout needs members or signs to be recognised by")
        return self


class Release(Strict):
    """A state of the data set that is known by its counts.

    Attributes:
        name: e.g. "original", "cleaned", "2021 re-upload".
        images: images by domain or split, as `count_by` of the entry says.
        note: where the counts come from, who used this release.
    """

    name: str
    images: dict[str, NonNegativeInt]
    note: str = ""


class Licence(Strict):
    """Terms of use; `verified` is false where only memory or hearsay tells."""

    name: str
    url: str | None = None
    verified: bool


class ImageFolder(Strict):
    """`<domain>/<class>/<image>`, DomainBed's layout."""

    kind: Literal["image_folder"]


class Wilds(Strict):
    """Read by the wilds package."""

    kind: Literal["wilds"]
    dataset: Literal["fmow", "iwildcam"]


class Part(Strict):
    """A part of a segmentation set: image folder, label folder, and the domain it is."""

    images: RelativePath
    labels: RelativePath | None = None


class Segmentation(Strict):
    """Read by a dataset class of mmsegmentation, labels as Cityscapes train ids.

    Attributes:
        dataset: name of the class in mmseg's registry.
        img_suffix: end of an image's name.
        seg_map_suffix: end of its label's name; the rest of the name is the same.
        parts: by split.
    """

    kind: Literal["segmentation"]
    dataset: str
    img_suffix: str
    seg_map_suffix: str
    parts: dict[str, Part]


class Synsets(Strict):
    """`<wnid>/<image>` with ImageNet's synset ids; `split` is what all its images belong to."""

    kind: Literal["synsets"]
    split: str
    root: RelativePath = "."


class WebList(Strict):
    """Parquet lists of image addresses and captions; the images themselves are not here.

    Attributes:
        parts: domain -> glob of its parquet files.
        columns: our name -> the file's: image_id, url, caption, and others to keep.
    """

    kind: Literal["web_list"]
    parts: dict[str, str]
    columns: dict[str, str]


Reader = Annotated[
    ImageFolder | Wilds | Segmentation | Synsets | WebList, Field(discriminator="kind")
]


class Conversion(Strict):
    """How the official layout becomes what the reader reads; `options` are that converter's."""

    kind: Literal[
        "camera_traps",
        "duplicates_removed",
        "train_ids",
        "flatten",
        "numeric_folders",
        "objectnet",
        "validation_labels",
    ]
    options: dict[str, Any] = Field(default={})


class Standin(Strict):
    """A miniature of embedded pictures in the official layout; `options` are that writer's.

    Attributes:
        writer: a key of `replidg.data.standins.WRITERS`.
        classes: its classes in label order, where they are not the entry's.
    """

    writer: str
    classes: list[str] | None = None
    options: dict[str, Any] = Field(default={})


class Entry(Strict):
    """One data set of the registry.

    Attributes:
        name: key, and name of its file.
        title: printed name.
        papers: keys of the papers that use it.
        homepage: of its owners.
        licence: terms of use.
        access: open (no account), login (account, then direct), manual (request or form).
        steps: exact steps to get what no download gives, in order.
        files: to download, with sources in order.
        extracted_size: bytes on disk after extraction, where known.
        layouts: the official one first, then known variants of users' copies.
        domains: in the order of the papers.
        classes: in label order; "imagenet_1k" for ImageNet's list; none where there are none.
        count_by: what `images` of a release counts.
        releases: known states; the first is the one that the papers' numbers belong to.
        drift: known differences between paper, release and today's download, one a line.
        reader: who reads it.
        conversion: what has to be done before.
        standin: the miniature.
        unverified: each fact here that nobody has checked against its owner.
        references: where the facts were read.
    """

    name: str
    title: str
    papers: list[Literal["alignment", "forgotten", "robust_ft", "scipd", "vltseg"]]
    homepage: str
    licence: Licence
    access: Literal["open", "login", "manual", "embedded"]
    steps: list[str] = Field(default=[])
    files: list[File] = Field(default=[])
    extracted_size: PositiveInt | None = None
    layouts: list[Layout] = Field(min_length=1)
    domains: list[str] = Field(min_length=1)
    classes: list[str] | Literal["imagenet_1k"] | None = None
    count_by: Literal["domain", "split"] = "domain"
    releases: list[Release] = Field(min_length=1)
    drift: list[str] = Field(default=[])
    reader: Reader
    conversion: Conversion | None = None
    standin: Standin
    unverified: list[str] = Field(default=[])
    references: list[str] = Field(default=[])

    @model_validator(mode="after")
    def _gated(self) -> Entry:
        if self.access in ("login", "manual") and not self.steps:
            raise ValueError("a gated data set must say the steps to get it")
        return self

    def class_list(self, standin: bool) -> list[str] | None:
        """Return the classes in label order; None where the files decide."""
        chosen = self.standin.classes if standin and self.standin.classes else self.classes
        return imagenet_synsets() if chosen == "imagenet_1k" else chosen


def imagenet_synsets() -> list[str]:
    """Return the 1,000 synset ids of ImageNet-1k in label order, from timm's own list."""
    package = importlib.util.find_spec("timm")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("timm is not installed; run ./replidg once, or pip install .")
    # Its path alone: importing timm would import torch.
    return (Path(package.origin).parent / "data/_info/imagenet_synsets.txt").read_text().split()
