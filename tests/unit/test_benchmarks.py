"""The benchmarks' own arithmetic: ratios round by round, what a plan says, what a case lacks."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NAMES = ("measure", "run", "table", "workflow", "photos")


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in NAMES:
        sys.modules.pop(name, None)


def options(folder: Path, **changed):
    from measure import Options

    return Options(
        **({"rounds": 3, "quick": True, "threads": 1, "folder": folder, "demo": folder} | changed)
    )


def test_ratios_are_taken_round_by_round():
    from measure import Spent, compared, middle

    ours = [Spent(1.0, 0.5), Spent(2.0, 0.5), Spent(4.0, 1.0)]
    peer = [Spent(3.0, 2.0), Spent(2.0, 1.0), Spent(20.0, 3.0)]
    row = compared({"o": ours, "p": peer}, "o", "p", case="a", what="w", unit="image")
    assert row.by_wall == (3.0, 1.0, 5.0) and row.by_cpu == (3.0, 2.0, 4.0)
    assert row.ours == middle(ours) == (2.0, 0.5)


def test_sides_take_turns_after_a_first_time():
    from measure import interleaved

    seen = []
    sides = {name: lambda name=name: seen.append(name) or 2 for name in ("o", "p")}
    found = interleaved(sides, 2)
    assert seen == ["o", "p"] * 3
    assert [len(found[name]) for name in sides] == [2, 2]


def test_what_cannot_be_measured_has_a_row_that_says_so(tmp_path):
    from run import measure
    from table import machine, markdown

    (row,) = measure("f", options(tmp_path))
    assert row.by_cpu is None and "has no finished demo" in row.note
    assert "has no finished demo" in markdown([row], machine(1), options(tmp_path))
    (row,) = measure("g", options(tmp_path))
    assert "no benchmark" in row.note


def test_the_jobs_of_a_plan():
    from workflow import planned

    table = "job      count\n-----  -------\na            2\nb            1\ntotal        3\n"
    said = f"x\nJob stats:\n{table}\nmore"
    assert planned(said) == {"a": 2, "b": 1} and planned("Nothing to be done") == {}


def test_stages_are_summed_by_rule(tmp_path):
    from workflow import stages

    for rule, name, seconds in (("r", "a", 1.5), ("r", "b", 2.5), ("s", "a", 10.0)):
        path = tmp_path / "benchmarks-out" / rule / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\tcpu_time\n{seconds}\t0:00:01\t2048\t{seconds / 2}\n")
    rows = stages(options(tmp_path))
    assert [row.what for row in rows] == ["demo: s", "demo: r", "demo: all jobs"]
    assert rows[1].ours == (4.0, 2.0) and rows[2].ours == (14.0, 7.0)
    assert rows[1].note == "2 jobs, at most 2.0 GB"
