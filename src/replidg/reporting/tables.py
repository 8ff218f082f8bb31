"""Tables of the `alignment` paper, and their files: csv for programs, md and tex for readers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from replidg.files import whole_file
from replidg.reporting.style import DATASET_ORDER, EN_DASH, METHOD_ORDER, label, order
from replidg.reporting.tidy import artefact_rows

AVERAGE = "Average"


class Table(NamedTuple):
    """Numbers by row and column, and their sample standard deviation over seeds (NaN: none)."""

    mean: pd.DataFrame
    sd: pd.DataFrame


def accuracy_table(metrics: pd.DataFrame, setting: str) -> Table:
    """Table 1a, b, c: accuracy in percent by method and data set, with the row's average.

    A cell is the mean over target domains of the mean over seeds; with one data set the columns
    are its domains instead, as in the paper's Tables 10 to 24. A domain that no method has a
    number for (a split without images) is left out of all means. A method that lacks a domain
    which others have gets NaN there and in what is averaged from it: a mean over fewer domains
    compares with nothing. The standard deviation is that of the cell's own quantity over seeds,
    from the seeds that have every domain.

    Args:
        metrics: tidy metrics with the artefact ``table1``.
        setting: ``IP``, ``OOP`` or ``All``.

    Raises:
        ValueError: there are no such rows.
    """
    rows = artefact_rows(metrics, "table1", "accuracy", setting=setting)
    rows = rows.assign(seed=rows["seed"].astype("Int64").fillna(-1))
    # One row a method and seed, one column a data set and domain: those of all three tables, so
    # that a split without images leaves a column of dashes and not a hole.
    places = artefact_rows(metrics, "table1", "accuracy")[["dataset", "domain"]]
    runs = rows.pivot(index=["method", "seed"], columns=["dataset", "domain"], values="value")
    runs = runs.reindex(columns=pd.MultiIndex.from_frame(places.drop_duplicates())).astype(float)
    level = "domain" if places["dataset"].nunique() == 1 else "dataset"
    methods = order(rows["method"], METHOD_ORDER)
    known = runs.columns[runs.notna().any()]
    mean = _summary(runs.groupby(level="method").mean(), known, level)
    per_seed = _summary(runs, known, level)
    sd = per_seed.groupby(level="method").std(ddof=1)
    columns = [*order((c for c in mean if c != AVERAGE), DATASET_ORDER), AVERAGE]
    return Table(mean.reindex(methods)[columns], sd.reindex(methods)[columns])


def _summary(cells: pd.DataFrame, known: pd.MultiIndex, level: str) -> pd.DataFrame:
    """Means over what shares a name at `level` of the columns, then the average of those means.

    Only the columns in `known` count; a name with none of them is NaN and not averaged.
    """
    names = known.get_level_values(level)
    parts = {
        name: cells[known[names == name]].mean(axis=1, skipna=False) for name in sorted(set(names))
    }
    summary = pd.DataFrame(parts, index=cells.index)
    average = summary.mean(axis=1, skipna=False)
    summary = summary.reindex(columns=sorted(set(cells.columns.get_level_values(level))))
    return summary.assign(**{AVERAGE: average})


def dropped_table(metrics: pd.DataFrame) -> pd.DataFrame:
    """Table 8: percent of each data set's images dropped as mislabelled or as text in the image."""
    rows = artefact_rows(metrics, "table8", "dropped_percent")
    table = rows.pivot(index="dataset", columns="setting", values="value").astype(float)
    columns = order(table.columns, ("mislabelled", "OCR"))
    table = table.reindex(index=order(table.index, DATASET_ORDER), columns=columns)
    return table.rename_axis(columns=None)


def write_table(
    df: pd.DataFrame,
    sd: pd.DataFrame | None,
    csv: Path,
    md: Path,
    tex: Path,
    caption: str,
    label: str,
    *,
    decimals: int = 1,
    bold_best: bool = True,
    corner: str = "Method",
) -> None:
    r"""Write a table three times, each file under a temporary name first.

    Args:
        df: numbers; names as in the metrics, printed names are put in here.
        sd: their standard deviations, same shape, or None; NaN prints no ``±``.
        csv: wide, unrounded, with a column ``<name>_sd`` beside each if `sd` is given.
        md: Markdown, ``62.3 ± 1.1``, the highest of each column in bold.
        tex: the same for LaTeX with booktabs.
        caption: plain text, escaped where needed.
        label: LaTeX label, such as ``tab:alignment-table1a``.
        decimals: digits after the point in md and tex. Numbers that print alike are a tie: all
            bold. The oracle is never bold, nor does it count as a rival.
        bold_best: False for a table in which more isn't better.
        corner: heading of the column of row names.
    """
    wide = df.copy()
    if sd is not None:
        for place, name in enumerate(df.columns):
            wide.insert(2 * place + 1, f"{name}_sd", sd[name])
    best = _best(df, decimals) if bold_best else None
    texts = {
        csv: wide.rename_axis(index=corner.lower()).to_csv(lineterminator="\n"),
        md: _markdown(df, sd, best, decimals, caption, corner),
        tex: _latex(df, sd, best, decimals, caption, label, corner),
    }
    for path, text in texts.items():
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")


def _best(df: pd.DataFrame, decimals: int) -> pd.DataFrame:
    """Where a column's highest printed number is, the oracle left out."""
    printed = df.drop(index="oracle", errors="ignore").map(lambda v: float(f"{v:.{decimals}f}"))
    return printed.eq(printed.max()).reindex(df.index, fill_value=False)


def _cell(value: float, sd: float | None, decimals: int, plus_minus: str, none: str) -> str:
    """A number and its standard deviation as printed."""
    if pd.isna(value):
        return none
    text = f"{value:.{decimals}f}"
    return text if sd is None or pd.isna(sd) else f"{text}{plus_minus}{sd:.{decimals}f}"


def _grid(
    df: pd.DataFrame, sd: pd.DataFrame | None, best: pd.DataFrame | None, decimals: int,
    plus_minus: str, none: str, bold: tuple[str, str],
) -> list[list[str]]:  # fmt: skip
    """The body's cells as text, row by row."""
    grid = []
    for row in df.index:
        cells = []
        for column in df.columns:
            spread = None if sd is None else sd.loc[row, column]
            text = _cell(df.loc[row, column], spread, decimals, plus_minus, none)
            is_best = best is not None and bool(best.loc[row, column])
            cells.append(f"{bold[0]}{text}{bold[1]}" if is_best else text)
        grid.append(cells)
    return grid


def _markdown(
    df: pd.DataFrame, sd: pd.DataFrame | None, best: pd.DataFrame | None, decimals: int,
    caption: str, corner: str,
) -> str:  # fmt: skip
    """The table in Markdown, the caption as a paragraph above it."""
    grid = _grid(df, sd, best, decimals, " ± ", EN_DASH, ("**", "**"))
    lines = [[corner, *(label(str(c)) for c in df.columns)], [":---", *["---:"] * df.shape[1]]]
    lines += [[label(str(row)), *cells] for row, cells in zip(df.index, grid, strict=True)]
    rows = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join([caption, "", *rows]) + "\n"


def _latex(
    df: pd.DataFrame, sd: pd.DataFrame | None, best: pd.DataFrame | None, decimals: int,
    caption: str, name: str, corner: str,
) -> str:  # fmt: skip
    """The table as a LaTeX float; the oracle stands under a rule of its own."""
    grid = _grid(df, sd, best, decimals, r" $\pm$ ", "--", (r"\textbf{", "}"))
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(caption)}}}",
        rf"\label{{{name}}}",
        rf"\begin{{tabular}}{{l{'r' * df.shape[1]}}}",
        r"\toprule",
        " & ".join(escape(text) for text in [corner, *(label(str(c)) for c in df.columns)])
        + r" \\",
        r"\midrule",
    ]
    for place, (row, cells) in enumerate(zip(df.index, grid, strict=True)):
        if row == "oracle" and place:
            lines.append(r"\midrule")
        lines.append(" & ".join([escape(label(str(row))), *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def escape(text: str) -> str:
    """Plain text as LaTeX."""
    special = {
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
        "±": r"$\pm$", EN_DASH: "--", ">": r"$>$", "<": r"$<$",
    } | {character: f"\\{character}" for character in "&%$#_{}"}  # fmt: skip
    return "".join(special.get(character, character) for character in text)
