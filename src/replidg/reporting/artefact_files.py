"""Draw figures and write tables by name: what all papers share.

A paper plugs in with two modules that are found by its key in `replidg.artefacts.PAPERS`:

- `replidg.reporting.<paper>_figures` with `Options` (a dataclass) and
  `draw(name, metrics, options, style)`, which returns a Matplotlib figure;
- `replidg.reporting.<paper>_table_files` with `Options` and `make(name, metrics, options)`, which
  returns a `Grid` or `Records`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from replidg.artefacts import PAPERS
from replidg.metrics.claims import Claim, claims_table
from replidg.reporting.plain_table import write_plain
from replidg.reporting.style import PlotStyle, save_figure
from replidg.reporting.tables import write_table

CLAIMS = (
    "What the paper claims, asked of this run's numbers. A claim that these are too few or too "
    "noisy for cannot be told."
)


@dataclass(frozen=True)
class Grid:
    """A table of numbers under row and column names, as `write_table` writes it.

    Attributes:
        mean: numbers; names as in the metrics.
        sd: standard deviations of the same shape, or None.
        caption: plain text.
        decimals: digits after the point.
        bold_best: the highest number of a column is bold.
        corner: heading of the row names.
    """

    mean: pd.DataFrame
    sd: pd.DataFrame | None
    caption: str
    decimals: int = 1
    bold_best: bool = True
    corner: str = "Method"


@dataclass(frozen=True)
class Records:
    """A table of words and numbers, one record a line, as `write_plain` writes it.

    Attributes:
        table: columns as they are printed.
        caption: plain text.
        decimals: digits after the point.
    """

    table: pd.DataFrame
    caption: str
    decimals: int = 1


def claim_records(claims: Iterable[Claim]) -> Records:
    """Return what a paper claims, and whether it holds, as a table."""
    found = claims_table(claims)
    told = found["holds"].map({True: "holds", False: "does not hold"}).astype(object)
    table = pd.DataFrame(
        {
            "Claim": found["statement"],
            "Result": told.where(found["holds"].notna(), "cannot be told"),
            "Why": found["reason"],
        }
    )
    return Records(table, CLAIMS)


def read_metrics(files: Path | str | Iterable[Path | str]) -> pd.DataFrame:
    """Return the rows of one or several files of tidy metrics."""
    paths = [files] if isinstance(files, str | Path) else list(files)
    return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)


def draw_figures(
    paper: str,
    metrics: Path | str | Iterable[Path | str],
    names: Sequence[str],
    svg: Sequence[Path | str],
    png: Sequence[Path | str],
    options: Mapping[str, Any],
    style: Mapping[str, Any],
) -> None:
    """Draw several figures of a paper from its metrics.

    Args:
        paper: key of the paper.
        metrics: files of tidy metrics (parquet).
        names: figures, as in `replidg.artefacts`.
        svg: where the vector figures go, one a name.
        png: where the bitmaps go, one a name.
        options: fields of the paper's `Options`.
        style: fields of `PlotStyle`.

    Raises:
        ValueError: there is no such paper or figure, or the metrics lack what it shows.
    """
    module = _module(paper, "figures")
    frame, chosen, look = read_metrics(metrics), module.Options(**options), PlotStyle(**style)
    for name, vector, bitmap in zip(names, svg, png, strict=True):
        save_figure(module.draw(name, frame, chosen, look), Path(vector), Path(bitmap), look)


def write_tables(
    paper: str,
    metrics: Path | str | Iterable[Path | str],
    names: Sequence[str],
    csv: Sequence[Path | str],
    md: Sequence[Path | str],
    tex: Sequence[Path | str],
    options: Mapping[str, Any],
) -> None:
    """Write several tables of a paper from its metrics.

    Args:
        paper: key of the paper.
        metrics: files of tidy metrics, or of what else the tables show (parquet).
        names: tables, as in `replidg.artefacts`.
        csv: numbers for programs, one file a name.
        md: Markdown.
        tex: LaTeX.
        options: fields of the paper's `Options`.

    Raises:
        ValueError: there is no such paper or table, or the metrics lack what it shows.
    """
    module = _module(paper, "table_files")
    frame, chosen = read_metrics(metrics), module.Options(**options)
    for name, *files in zip(names, csv, md, tex, strict=True):
        write_one(paper, name, module.make(name, frame, chosen), *map(Path, files))


def write_one(paper: str, name: str, made: Grid | Records, csv: Path, md: Path, tex: Path) -> None:
    """Write the files of one table; its LaTeX label is `tab:<paper>-<name>`."""
    key = f"tab:{paper}-{name}".replace("_", "-")
    if isinstance(made, Records):
        write_plain(made.table, csv, md, tex, made.caption, key, made.decimals)
        return
    write_table(
        made.mean, made.sd, csv, md, tex, made.caption, key,
        decimals=made.decimals, bold_best=made.bold_best, corner=made.corner,
    )  # fmt: skip


def _module(paper: str, part: str) -> ModuleType:
    if paper not in PAPERS:
        raise ValueError(f"no paper {paper!r}; there are {', '.join(PAPERS)}")
    return import_module(f"replidg.reporting.{paper}_{part}")
