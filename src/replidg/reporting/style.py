"""One look for every figure: sizes, colours, markers, printed names, reproducible files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from replidg.files import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALETTES: dict[str, tuple[str, ...]] = {
    "okabe_ito": (
        "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999", "#F0E442",
    ),
    "tol_muted": (
        "#332288", "#88CCEE", "#117733", "#DDCC77", "#CC6677", "#44AA99", "#882255", "#999933",
        "#AA4499",
    ),
}  # fmt: skip
"""Qualitative colours that stay apart under the common colour-vision deficiencies."""

# Rows of the paper's Table 1, top to bottom.
METHOD_ORDER: tuple[str, ...] = (
    "zero_shot", "coral", "sagm", "erm", "lp_ft", "swad", "miro", "vl2v_sd", "attn_tune", "mpa",
    "clipood", "miro_swad", "miro_mpa", "oracle",
)  # fmt: skip
EN_DASH = "\u2013"
DATASET_ORDER: tuple[str, ...] = ("DomainNet", "OfficeHome", "PACS", "TerraIncognita", "VLCS")


@dataclass(frozen=True)
class MethodStyle:
    """How a method's curve is drawn, the same in every figure."""

    color: str
    marker: str
    linestyle: str = "-"


# Paul Tol's muted set and three Okabe-Ito colours; a marker of its own for each method, so
# that no pair is told apart by colour alone.
METHOD_STYLE: dict[str, MethodStyle] = {
    "zero_shot": MethodStyle("#777777", "x", "--"),
    "coral": MethodStyle("#DDCC77", "v"),
    "sagm": MethodStyle("#999933", "^"),
    "erm": MethodStyle("#332288", "o"),
    "lp_ft": MethodStyle("#88CCEE", "s"),
    "swad": MethodStyle("#117733", "D"),
    "miro": MethodStyle("#CC6677", "P"),
    "vl2v_sd": MethodStyle("#AA4499", "<"),
    "attn_tune": MethodStyle("#44AA99", ">"),
    "mpa": MethodStyle("#E69F00", "p"),
    "clipood": MethodStyle("#0072B2", "h"),
    "miro_swad": MethodStyle("#882255", "X"),
    "miro_mpa": MethodStyle("#D55E00", "d"),
    "oracle": MethodStyle("#000000", "*", ":"),
}
#: Methods of the SCI-PD paper that its figures draw beside those above.
DISTILLATION_STYLE: dict[str, MethodStyle] = {
    "scipd": MethodStyle("#D55E00", "o"),
    "scipd_code": MethodStyle("#882255", "s", "--"),
    "clip_base": MethodStyle("#0072B2", "^"),
    "hinton": MethodStyle("#117733", "D"),
}
_FALLBACK_MARKERS = "oshDv^<>pPXd"

LABELS: dict[str, str] = {
    "zero_shot": "zero-shot",
    "erm": "ERM",
    "lp_ft": "LP-FT",
    "coral": "CORAL",
    "sagm": "SAGM",
    "swad": "SWAD",
    "miro": "MIRO",
    "vl2v_sd": "VL2V-SD",
    "attn_tune": "Attn Tune",
    "mpa": "MPA",
    "clipood": "CLIPood",
    "miro_swad": "MIRO + SWAD",
    "miro_mpa": "MIRO + MPA",
    "oracle": "oracle",
    "scipd": "SCI-PD",
    "scipd_code": "SCI-PD (code)",
    "clip_base": "CLIPBase",
    "mmd": "MMD",
    "dann": "DANN",
    "mixup": "Mixup",
    "mldg": "MLDG",
    "group_dro": "GroupDRO",
    "rsc": "RSC",
    "and_mask": "ANDMask",
    "vrex": "VREx",
    "mixstyle": "MixStyle",
    "arpl": "ARPL",
    "daml": "DAML",
    "hinton": "KD",
    "feature_kd": "Feature KD",
    "contrastive_kd": "Contrastive KD",
    "domain_net": "DomainNet",
    "office_home": "OfficeHome",
    "terra_incognita": "TerraIncognita",
    "pictograms": "Pictograms",
    "fluent_3d": "Fluent 3D",
    "noto_mono": "Noto mono",
    "openclipart": "open clip art",
    "all": "all data sets",
    "original": "original",
    "fmow": "FMoW",
    "iwildcam": "iWildCam",
    "vision_probe": "vision-only linear probe",
    "vision_e2e": "vision-only fine-tuned (E2E)",
    "clip_probe": "CLIP linear probe",
    "clip_e2e": "CLIP fine-tuned (E2E)",
    "clip_e2e_swa": "CLIP fine-tuned (E2E) w/ SWA",
    "clip_contrastive": "CLIP, contrastive",
    "clip_image_tower": "CLIP, text tower frozen",
    "clip_last_stage": "CLIP, last stage only",
    "dropped_low": "dropped (low score)",
    "dropped_high": "dropped (high score)",
    "mislabelled": "Mislabelled",
    "gta5": "GTA5",
    "synthia": "SYNTHIA",
    "gta5_synthia": "GTA5 + SYNTHIA",
    "cityscapes": "Cityscapes",
    "bdd100k": "BDD100K",
    "mapillary_vistas": "Mapillary",
    "mapillary_cityscapes": "Mapillary, then Cityscapes",
    "acdc": "ACDC",
}


@dataclass(frozen=True)
class PlotStyle:
    """The sizes and the palette of the figures; the config's ``style`` keys, ``PlotStyle(**dict)``.

    Attributes:
        font_size: points; ticks and legends are one point smaller.
        column_width_in: width of a one-column figure.
        page_width_in: width of a figure across the page.
        dpi: resolution of the PNG.
        palette: colours of data sets, one of ``PALETTES``.
        grid: light lines behind the data.
        line_width: points.
        marker_size: points.
        font_family: must be installed; the default comes with Matplotlib.
    """

    font_size: float = 9
    column_width_in: float = 3.4
    page_width_in: float = 7.0
    dpi: int = 200
    palette: str = "okabe_ito"
    grid: bool = True
    line_width: float = 1.3
    marker_size: float = 3.4
    font_family: str = "DejaVu Sans"

    def __post_init__(self) -> None:
        """Reject a palette that does not exist and sizes that draw nothing."""
        if self.palette not in PALETTES:
            raise ValueError(f"palette {self.palette!r} is none of {sorted(PALETTES)}")
        for name in ("font_size", "column_width_in", "page_width_in", "dpi"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")

    @property
    def small(self) -> float:
        """Size of tick labels, legends and printed counts, in points."""
        return max(self.font_size - 2, 4)

    def rc(self) -> dict[str, Any]:
        """The Matplotlib settings of this style."""
        ink, line = "#222222", "#666666"
        return {
            "font.family": [self.font_family],
            "font.size": self.font_size,
            "axes.titlesize": self.font_size,
            "axes.titleweight": "bold",
            "axes.labelsize": self.font_size,
            "xtick.labelsize": self.font_size - 1,
            "ytick.labelsize": self.font_size - 1,
            "legend.fontsize": self.font_size - 1,
            "legend.frameon": False,
            "legend.handlelength": 2.2,
            "legend.columnspacing": 1.2,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": line,
            "axes.linewidth": 0.7,
            "xtick.color": line,
            "ytick.color": line,
            "xtick.labelcolor": ink,
            "ytick.labelcolor": ink,
            "axes.labelcolor": ink,
            "text.color": ink,
            "xtick.major.width": 0.7,
            "ytick.major.width": 0.7,
            "xtick.major.size": 2.5,
            "ytick.major.size": 2.5,
            "axes.grid": self.grid,
            "axes.axisbelow": True,
            "axes.xmargin": 0.02,
            "grid.color": "#E3E3E3",
            "grid.linewidth": 0.6,
            "lines.linewidth": self.line_width,
            "lines.markersize": self.marker_size,
            "lines.markeredgewidth": 0.8,
            "savefig.dpi": self.dpi,
            "svg.fonttype": "path",
            "svg.hashsalt": "replidg",
        }


@contextmanager
def apply(style: PlotStyle) -> Iterator[None]:
    """Use `style` inside the block, over Matplotlib's own defaults and not the user's."""
    # Here: the workflow reads printed names from this module each time it is parsed.
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(style.rc())
        yield


def label(name: str) -> str:
    """The name as printed in the field; an unknown one with its underscores as spaces."""
    return LABELS.get(name, name.replace("_", " "))


def order(names: Iterable[str], known: tuple[str, ...]) -> list[str]:
    """Unique `names`: the `known` ones in their order, then the others by name, the oracle last."""
    unique = set(names)
    first = [name for name in known if name in unique and name != "oracle"]
    rest = sorted(unique - set(known) - {"oracle"})
    return first + rest + (["oracle"] if "oracle" in unique else [])


def method_style(name: str) -> MethodStyle:
    """The style of a method; one without an entry gets a colour and marker set by its name."""
    for styles in (METHOD_STYLE, DISTILLATION_STYLE):
        if name in styles:
            return styles[name]
    code = sum(name.encode())
    colors = PALETTES["okabe_ito"]
    return MethodStyle(
        colors[code % len(colors)], _FALLBACK_MARKERS[code % len(_FALLBACK_MARKERS)], "-."
    )


def dataset_colors(names: Iterable[str], style: PlotStyle) -> dict[str, str]:
    """A colour for each data set: the paper's five keep theirs, the others take what is left."""
    colors = PALETTES[style.palette]
    ordered = order(names, DATASET_ORDER)
    chosen = {name: colors[DATASET_ORDER.index(name)] for name in ordered if name in DATASET_ORDER}
    # Taken from the end of the palette's first colours, so that "another data set" is the same
    # colour whichever of the five stand beside it.
    spare = [*colors[len(DATASET_ORDER) :], *colors[: len(DATASET_ORDER)]]
    others = [name for name in ordered if name not in chosen]
    for index, name in enumerate(others):
        chosen[name] = spare[index % len(spare)]
    return {name: chosen[name] for name in ordered}


def save_figure(fig: Figure, svg: Path, png: Path, style: PlotStyle) -> None:
    """Write `fig` as SVG and PNG, each under a temporary name first; equal input, equal bytes."""
    metadata: dict[str, dict[str, Any]] = {
        "svg": {"Date": None, "Creator": None},
        "png": {"Software": None},
    }
    for target, kind in ((svg, "svg"), (png, "png")):
        with whole_file(target) as temporary, apply(style):
            fig.savefig(temporary, format=kind, dpi=style.dpi, metadata=metadata[kind])
