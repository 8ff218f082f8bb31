"""`replidg published` and `replidg verdicts`, through the command line."""

import io

import pandas as pd
import pytest
from test_verdicts import paper, runs

from replidg import cli
from replidg.metrics.verdict_files import read_verdicts, write_verdicts
from replidg.metrics.verdicts import judge


def call(capsys, *arguments):
    status = cli.main([str(argument) for argument in arguments])
    done = capsys.readouterr()
    return status, done.out, done.err


def test_published_prints_one_artefact(capsys):
    status, out, _ = call(capsys, "published", "alignment", "--artefact", "table8")
    lines = out.splitlines()
    assert status == 0 and len(lines) == 11
    assert lines[0].split()[:3] == ["artefact", "dataset", "domain"]
    assert "stderr" not in lines[0]  # empty columns are left out
    assert call(capsys, "published", "alignment", "--artefact", "alignment_table8")[1] == out


def test_published_as_csv_and_markdown(capsys):
    _, out, _ = call(capsys, "published", "vltseg", "--artefact", "t1", "--format", "csv")
    table = pd.read_csv(io.StringIO(out), keep_default_na=False)
    assert len(table) == 91 and "source" in table.columns
    _, out, _ = call(capsys, "published", "vltseg", "--artefact", "t6", "--format", "md")
    lines = out.splitlines()
    assert len(lines) == 12 and set(lines[1]) == set("|- ")
    assert len({line.count("|") for line in lines}) == 1


def test_published_hints_at_near_names(capsys):
    status, out, err = call(capsys, "published", "vltsg")
    assert (status, out) == (2, "") and "did you mean 'vltseg'" in err
    status, _, err = call(capsys, "published", "forgotten", "--artefact", "tabel11")
    assert status == 2 and "did you mean 'table11'" in err


def test_published_without_numbers_says_how_to_add_some(capsys):
    status, out, err = call(capsys, "published", "scipd")
    assert (status, out) == (0, "") and "no published table" in err and "scipd.csv" in err
    status, out, _ = call(capsys, "published", "scipd", "--errata")
    assert (status, out) == (0, "no error is known\n")


def test_published_errata_and_checks(capsys):
    _, out, _ = call(capsys, "published", "alignment", "--errata")
    assert "vlcs_oop_swapped (Table 1b and Table 19, VLCS)" in out
    status, out, _ = call(capsys, "published", "vltseg", "--check")
    assert status == 0 and "known error: t2/gta5/didex/mean" in out
    assert out.splitlines()[-1].endswith("1 fail, 0 of them without a known error")


@pytest.mark.parametrize("command", ["published", "verdicts"])
def test_help(capsys, command):
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert "--" in capsys.readouterr().out


@pytest.fixture
def results(tmp_path):
    """Results of one paper: two numbers reproduced, one deviating."""
    theirs = pd.concat([paper(setting=s) for s in ("IP", "OOP", "All")])
    values = (("IP", 80), ("OOP", 80.5), ("All", 99))
    table = judge(pd.concat([runs(value, setting=s) for s, value in values]), theirs)
    write_verdicts(table, tmp_path / "results" / "alignment" / "verdicts.csv")
    return tmp_path / "results"


def test_verdicts_are_counted(capsys, results):
    status, out, _ = call(capsys, "verdicts", "--results", results)
    lines = [line.split() for line in out.splitlines()]
    assert status == 0
    assert lines[1] == ["alignment_table1a", "2", "1", "0", "0", "0"]
    assert lines[2] == ["total", "2", "1", "0", "0", "0"]


def test_verdicts_need_results_and_a_baseline(capsys, results, tmp_path):
    status, _, err = call(capsys, "verdicts", "--results", tmp_path / "none")
    assert status == 2 and "verdicts.csv" in err
    baseline = tmp_path / "base.csv"
    status, _, err = call(
        capsys, "verdicts", "--results", results, "--strict", "--baseline", baseline
    )
    assert status == 2 and "--write-baseline makes one" in err
    status, _, err = call(capsys, "verdicts", "alignmnt", "--results", results)
    assert status == 2 and "did you mean 'alignment'" in err
    (results / "alignment" / "verdicts.csv").write_text("nothing\n")
    status, _, err = call(capsys, "verdicts", "--results", results)
    assert status == 2 and "is no table of verdicts" in err


def test_strict_fails_when_a_reproduced_number_deviates_or_is_gone(capsys, results, tmp_path):
    baseline = tmp_path / "base.csv"
    options = ("verdicts", "--results", results, "--baseline", baseline)
    assert call(capsys, *options, "--write-baseline")[0] == 0
    status, out, _ = call(capsys, *options, "--strict")
    assert status == 0 and "nothing" in out
    file = results / "alignment" / "verdicts.csv"
    table = read_verdicts(file)
    table.loc[table["setting"] == "IP", "verdict"] = "deviates"
    write_verdicts(table[table["setting"] != "OOP"], file)
    assert call(capsys, *options)[0] == 0  # only --strict fails
    status, _, err = call(capsys, *options, "--strict", "--write-baseline")
    assert status == 2 and "left as it is" in err
    status, _, err = call(capsys, *options, "--strict")
    assert status == 1
    assert "2 numbers" in err and "IP / accuracy: deviates" in err and ": gone" in err
    assert call(capsys, *options, "alignment", "--strict")[0] == 1
    # Another paper's results are no reason to fail for this one.
    write_verdicts(table.assign(paper="vltseg"), results / "vltseg" / "verdicts.csv")
    assert call(capsys, *options, "vltseg", "--strict")[0] == 0
