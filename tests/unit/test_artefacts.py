"""The listing of artefacts and the command that prints it."""

import re
import subprocess
import sys

import pytest

from replidg import artefacts, cli
from replidg.artefacts import ARTEFACTS, PAPERS, of, target


def test_targets_are_unique_and_safe_to_type():
    names = [target(artefact) for artefact in ARTEFACTS]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    assert not set(names) & {*PAPERS, *cli.STAGES}


def test_every_artefact_belongs_to_a_paper_and_says_what_it_is():
    for artefact in ARTEFACTS:
        assert artefact.paper in PAPERS
        assert artefact.kind in artefacts.SUFFIXES
        assert artefact.number.lower().startswith(artefact.kind)
        assert artefact.title and not artefact.title.endswith(".")


def test_alignment_has_the_artefacts_it_should():
    names = {artefact.name for artefact in of("alignment")}
    assert {"fig2b", "fig7", "fig11", "fig17", "table1a", "table1b", "table1c", "table8"} <= names


def test_of_keeps_the_order_and_knows_its_papers():
    assert [a for paper in PAPERS for a in of(paper)] == sorted(
        ARTEFACTS, key=lambda a: list(PAPERS).index(a.paper)
    )
    with pytest.raises(KeyError, match="no paper 'alignmnt'"):
        of("alignmnt")


def test_files_follow_the_layout():
    by_target = {target(artefact): artefact for artefact in ARTEFACTS}
    assert artefacts.files(by_target["alignment_table1a"]) == (
        "results/alignment/tables/table1a.csv",
        "results/alignment/tables/table1a.md",
        "results/alignment/tables/table1a.tex",
    )
    assert artefacts.files(by_target["alignment_fig2b"], "elsewhere") == (
        "elsewhere/alignment/figures/fig2b.svg",
        "elsewhere/alignment/figures/fig2b.png",
    )


def test_imports_nothing_but_the_standard_library():
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; before = set(sys.modules)\n"
        "import replidg.artefacts\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*(new - set(sys.stdlib_module_names)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["replidg"]


def test_list_prints_everything_in_aligned_columns(capsys):
    assert cli.main(["list"]) == 0
    text = capsys.readouterr().out
    rows = [line for line in text.splitlines() if line.startswith("  ")]
    names = [row.split()[0] for row in rows]
    assert names == [*map(target, ARTEFACTS), *PAPERS, *cli.STAGES]
    starts = {re.match(r"  \S+ +", row).end() for row in rows}
    assert len(starts) == 1


def test_a_paper_without_artefacts_is_planned(monkeypatch):
    monkeypatch.setattr(artefacts, "ARTEFACTS", of("alignment"))
    words = dict(cli.paper_rows())
    assert words["vltseg"].startswith("planned: ")
    assert not words["alignment"].startswith("planned")


def test_help_and_unknown_commands(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    assert "list" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 2


def test_a_reader_that_stops_early_is_no_error():
    shell = f"{sys.executable} -m replidg.cli list | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True,
        env={"PYTHONPATH": ":".join(filter(None, sys.path)), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
