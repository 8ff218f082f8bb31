"""Tables of words and numbers, one record a line, as csv, Markdown and LaTeX."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from replidg.files import whole_file
from replidg.reporting.style import EN_DASH
from replidg.reporting.tables import escape


def write_plain(
    df: pd.DataFrame, csv: Path, md: Path, tex: Path, caption: str, label: str, decimals: int = 1
) -> None:
    """Write a table three times, each file under a temporary name first.

    Args:
        df: its columns as they are printed; text stands left, numbers right.
        csv: unrounded.
        md: Markdown.
        tex: LaTeX with booktabs.
        caption: plain text.
        label: LaTeX label.
        decimals: digits after the point, of columns of floats.
    """
    right = [pd.api.types.is_numeric_dtype(df[name]) for name in df]
    cells = [[_cell(value, decimals) for value in row] for row in df.itertuples(index=False)]
    rule = ["---:" if number else ":---" for number in right]
    lines = [list(df.columns), rule, *cells]
    rows = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    width = 0.9 / max(1, right.count(False))
    sides = "".join("r" if number else f"p{{{width:.2f}\\linewidth}}" for number in right)
    if sum(right):
        sides = "".join("r" if number else "l" for number in right)
    body = [" & ".join(map(escape, line)) + r" \\" for line in cells]
    latex = [
        r"% needs \usepackage{booktabs}", r"\begin{table}", r"\centering",
        rf"\caption{{{escape(caption)}}}", rf"\label{{{label}}}", rf"\begin{{tabular}}{{{sides}}}",
        r"\toprule", " & ".join(map(escape, df.columns)) + r" \\", r"\midrule", *body,
        r"\bottomrule", r"\end{tabular}", r"\end{table}",
    ]  # fmt: skip
    texts = {
        csv: df.to_csv(index=False, lineterminator="\n"),
        md: "\n".join([caption, "", *rows]) + "\n",
        tex: "\n".join(latex) + "\n",
    }
    for path, text in texts.items():
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")


def _cell(value: object, decimals: int) -> str:
    if pd.isna(value):
        return EN_DASH
    return f"{value:.{decimals}f}" if isinstance(value, float) else str(value)
