"""Tables of the report: what stands in their cells."""

import pytest
from report_pages import CSV, MARKDOWN

from replidg.reporting.report_cells import read_csv_grid, read_markdown_grid, words_for


def test_csv_grid_rounds_and_joins_spreads():
    grid = read_csv_grid(CSV)
    assert [column.name for column in grid.columns] == ["method", "PACS", "Average"]
    assert [column.numeric for column in grid.columns] == [False, True, True]
    assert [column.mean for column in grid.columns] == [False, False, True]
    assert grid.headed
    erm = grid.rows[1][1]
    assert (erm.text, erm.full, erm.spread) == ("70.0", "70.00004", "1.2")
    assert grid.rows[0][1].spread == ""


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"a,b\nx,1\ny\n", [["x", "1"], ["y", "\u2013"]]),
        (b"a,b\nx,0.123456\ny,0.05\n", [["x", "0.123"], ["y", "0.050"]]),
        (b"a,b\nx,1e-05\ny,nan\n", [["x", "0.000010"], ["y", "\u2013"]]),
        (b"a,b\nx,78.9 \xc2\xb1 0.3\n", [["x", "78.9 \u00b1 0.3"]]),
        (b'\xef\xbb\xbfa,b\n"x, ""y""",-1\n', [['x, "y"', "-1"]]),
        (b"a,b\n", []),
        (b"", []),
        (b"a\n\xff\n", [["\ufffd"]]),
    ],
)
def test_csv_grid_of_odd_files(data, shown):
    grid = read_csv_grid(data)
    assert [[cell.text for cell in row] for row in grid.rows] == shown


def test_markdown_grid_is_as_its_author_set_it():
    grid = read_markdown_grid(MARKDOWN)
    best = grid.rows[1][1]
    assert (best.text, best.spread, best.best) == ("70.0", "1.2", True)
    assert grid.rows[2][0].text == "a | b" and grid.rows[2][1].tone == "missing"
    assert [column.numeric for column in grid.columns] == [False, True, True]
    assert [column.spread for column in grid.columns] == [False, True, False]
    assert read_markdown_grid(b"no table") is None
    assert read_markdown_grid(b"| a |\n| b |\n") is None
    assert read_markdown_grid(b"| a | b |\n| --- | --- |\n| 1 |\n") is None


def test_verdicts_are_set_in_their_tone():
    grid = read_csv_grid(b"claim,verdict\na,holds\nb,does not hold\nc,not comparable\n")
    assert [row[1].tone for row in grid.rows] == ["good", "bad", "mute"]


def test_words_for_any_value():
    assert words_for({"a": [1, 2000], "b": True, "c": None}) == "a: 1, 2,000; b: yes; c: "
