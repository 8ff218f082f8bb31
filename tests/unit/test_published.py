"""The published numbers: their form, and whether they agree with each other."""

from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
import pytest

from replidg import published
from replidg.artefacts import ARTEFACTS, PAPERS
from replidg.metrics import alignment_artefacts as ours
from replidg.metrics.tidy import COLUMNS as TIDY
from replidg.published import PublishedError, errata, load, names, why_empty
from replidg.published.consistency import alignment, check, unexplained
from replidg.published.consistency.check import one, rows
from replidg.published.errata import read_errata
from replidg.published.tolerances import add_tolerances, read_rules

WITH_NUMBERS = ("alignment", "forgotten", "vltseg")
LINE = "table1a,PACS,average,erm,IP,,accuracy,,87.1,,,table,Table 1a,"


HEADER = ",".join(published.COLUMNS)


def folder_of(tmp_path, *lines, columns=HEADER):
    """A folder with the keys and one table."""
    keys = (published.FOLDER / "keys.yaml").read_text()
    (tmp_path / "keys.yaml").write_text(keys)
    (tmp_path / "alignment.csv").write_text("\n".join([columns, *lines]) + "\n")
    return tmp_path


@pytest.mark.parametrize("paper", PAPERS)
def test_every_paper_loads_or_says_why_not(paper):
    table = load(paper)
    assert list(table.columns) == ["paper", *published.COLUMNS]
    assert (
        table.dtypes[["value", "stderr", "x"]].eq("float64").all() and table["n"].dtype == "Int64"
    )
    if paper in WITH_NUMBERS:
        assert why_empty(paper) is None and len(table) > 400
        assert (table["paper"] == paper).all()
    else:
        assert table.empty
        assert "no published table" in why_empty(paper) and f"{paper}.csv" in why_empty(paper)


def test_there_are_as_many_numbers_as_were_read():
    assert {paper: len(load(paper)) for paper in WITH_NUMBERS} == {
        # 1375 in tables (1377 less two dashes), 66 bars, 452 points and 20 from figures and text
        "alignment": 1375 + 66 + 452 + 8 + 5 + 3 + 4,
        "forgotten": 762 + 1889 + 5 + 16 + 60 + 216 + 88 + 99 + 21 + 56 + 42 + 18 + 26,
        "vltseg": 100 + 65 + 43 + 91 + 45 + 60 + 36 + 41 + 10 + 17,
    }


@pytest.mark.parametrize("paper", WITH_NUMBERS)
def test_keys_are_unique_without_the_split(paper):
    table = load(paper)
    assert set(published.KEYS) <= set(TIDY)
    assert not table.duplicated(list(published.KEYS)).any()


def test_artefacts_that_have_numbers_are_named_as_ours():
    found = set(load("alignment")["artefact"])
    listed = {a.name for a in ARTEFACTS if a.paper == "alignment"}
    assert {"table1a", "table1b", "table1c", "table8", "fig2b", "fig11", "fig17"} <= found & listed
    assert "fig7" not in found  # nobody digitised it


def test_names_are_the_workflow_s():
    from replidg.reporting.style import METHOD_ORDER

    assert names("alignment").methods - {"unstated"} == set(METHOD_ORDER)
    table = load("alignment")
    bars = rows(table, artefact="fig17", setting="original", dataset="office_home")
    assert set(bars["domain"]) == {"Art", "Clipart", "Product", "Real World"}
    assert one(table, artefact="table1a", dataset="PACS", method="erm") == 87.1
    assert one(table, artefact="table12", domain="Real World", method="clipood") == 93.6
    assert one(table, artefact="fig2b", x=0.21) == 55.2  # percent, as our curves


def test_data_sets_are_the_registry_s():
    known = {path.stem for path in published.FOLDER.parent.glob("data/registry/*.yaml")}
    mine = set().union(*(set(load(paper)["dataset"]) for paper in WITH_NUMBERS))
    assert mine - known == {
        "average", "all", "unstated", "diverse_weather", "laion_200m", "combined_pruned",
        "sketch_pruned", "r_pruned",
    }  # fmt: skip


def test_fractions_became_percent():
    table = load("forgotten")
    assert one(table, artefact="table5", method="ft", dataset="objectnet") == 95
    assert one(table, artefact="fig3b", setting="natural=57M", domain="natural", x=16.0) == 45.8


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (LINE.replace("87.1", ""), "value is empty"),
        (LINE.replace("87.1", "nan"), "value 'nan' is not a finite number"),
        (LINE.replace("87.1", "871"), "accuracy 871 is outside 0 to 100"),
        (LINE.replace(",erm,", ",ermm,"), "method 'ermm' is not in keys.yaml; did you mean 'erm'?"),
        (LINE.replace("PACS", "PACs"), "data set 'PACs'"),
        (LINE.replace(",average,", ",Art,"), "domain 'Art'"),
        (LINE.replace(",accuracy,", ",acuracy,"), "metric 'acuracy' is not known; did you mean"),
        (LINE.replace(",table,", ",guessed,"), "quality 'guessed'"),
        (LINE.replace(",,,table", ",-1,,table"), "stderr -1 is negative"),
        (LINE.replace(",,,table", ",,0,table"), "n '0' must be a number of runs"),
        (LINE.replace("Table 1a", " "), "source is empty"),
        (LINE.replace("table1a", "Table 1a", 1), "no name that could be typed"),
        (LINE + ",more", "15 cells, not 14"),
        (LINE.replace("accuracy,,87.1", "images,,87.1"), "images 87.1 is not a whole number"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, words):
    good = LINE.replace("erm", "miro")
    with pytest.raises(PublishedError) as error:
        load("alignment", folder_of(tmp_path, good, line))
    assert words in str(error.value)
    assert f"{tmp_path / 'alignment.csv'}:3: " in str(error.value)


def test_twice_the_same_number_is_named_with_both_lines(tmp_path):
    again = LINE.replace(",IP,,", ",IP,val,")  # a split alone makes no other number
    with pytest.raises(PublishedError, match=r"csv:3: names the same number as line 2"):
        load("alignment", folder_of(tmp_path, LINE, again))


def test_wrong_columns_and_papers(tmp_path):
    with pytest.raises(PublishedError, match=r"csv:1: the columns must be"):
        load("alignment", folder_of(tmp_path, columns="a,b"))
    with pytest.raises(PublishedError, match="no paper 'alignmnt'; did you mean 'alignment'"):
        load("alignmnt")
    with pytest.raises(PublishedError, match="is missing"):
        load("vltseg", tmp_path)


def test_a_digitised_percentage_may_be_off_by_its_reading_error(tmp_path):
    line = LINE.replace("87.1", "100.2")
    with pytest.raises(PublishedError):
        load("alignment", folder_of(tmp_path, line))
    assert len(load("alignment", folder_of(tmp_path, line.replace(",table,", ",digitised,")))) == 1


@pytest.mark.parametrize("paper", WITH_NUMBERS)
def test_numbers_agree_except_for_named_errata(paper):
    made = check(paper)
    assert unexplained(paper, made) == []
    for erratum in errata(paper):
        for pattern in erratum.fails:
            hit = made[made["name"].map(lambda name, p=pattern: fnmatchcase(name, p))]
            assert len(hit) and not hit["ok"].any(), f"{erratum.name}: {pattern} holds after all"


def test_the_checks_are_those_that_should_be():
    families = {paper: check(paper)["name"] for paper in WITH_NUMBERS}
    starts = {p: n.str.split("/").str[0].value_counts().to_dict() for p, n in families.items()}
    assert (
        starts["alignment"]["table1a"] == 14 + 5 * 13
    )  # row averages, and each data set's domains
    assert families["alignment"].str.endswith("/parts").sum() == 13 * 22
    assert starts["forgotten"]["fig2"] == 11 * 4 * 2  # eleven sets have panels, four sizes
    assert starts["forgotten"]["fig15"] > 250 and starts["forgotten"]["fig7"] == 10
    assert families["forgotten"].str.startswith("table2/").sum() == 6
    assert starts["vltseg"]["t3"] == 12 and starts["vltseg"]["t4"] == 9


def test_a_slip_of_the_pen_would_be_found():
    table = load("alignment")
    place = table["source"].eq("Table 17, row MIRO, column Real")
    table.loc[place, "value"] = 38.2  # printed 83.2
    found = unexplained("alignment", check("alignment", table))
    assert {"table17/miro/average", "table1a/miro/domain_net", "table18/miro/real/parts"} == set(
        found
    )


def test_the_headline_rests_on_the_swap():
    table = load("alignment")
    cells = rows(table, artefact="table1b", method="miro_mpa").set_index("dataset")["value"]
    assert cells.drop("average").mean() == pytest.approx(57.2, abs=0.05)
    swapped = cells.drop("average").replace({80.3: 78.9})
    assert swapped.mean() == pytest.approx(56.9, abs=0.05)


def test_notes_name_errata_that_exist():
    for paper in WITH_NUMBERS:
        known = {erratum.name for erratum in errata(paper)}
        notes = load(paper)["note"].str.extractall(r"\(errata: (\w+)\)")[0]
        assert set(notes) <= known


def test_errata_are_checked(tmp_path):
    assert {erratum.paper for erratum in errata()} == set(WITH_NUMBERS)
    file = tmp_path / "errata.yaml"
    entry = "- {paper: alignment, name: a, where: x, what: y, treatment: z}\n"
    for text, words in (
        (entry * 2, "twice"),
        (entry.replace("alignment", "nobody"), "no paper 'nobody'"),
        (entry.replace("where: x, ", ""), "where"),
        ("- [", "errata.yaml"),
    ):
        file.write_text(text)
        with pytest.raises(PublishedError, match=words):
            read_errata(file)


@pytest.mark.parametrize("paper", PAPERS)
def test_every_number_has_a_tolerance_with_a_reason(paper):
    table = add_tolerances(load(paper))
    assert (table["tolerance"] >= 0).all() and (table["tolerance_why"] != "").all()
    counts = table[table["metric"].isin(["images", "classes"])]
    assert (counts["tolerance"] == 0).all()


def test_rules_are_all_of_use_and_checked(tmp_path):
    rules = read_rules()
    used = set(pd.concat([add_tolerances(load(p)) for p in WITH_NUMBERS])["tolerance_why"])
    assert {rule.why for rule in rules} <= used
    file = tmp_path / "tolerances.yaml"
    for text, words in (
        ("- {match: {metrik: accuracy}, tolerance: 1, why: x}", "metrik"),
        ("- {match: {metric: acuracy}, tolerance: 1, why: x}", "acuracy"),
        ("- {match: {metric: accuracy}, tolerance: -1, why: x}", "tolerance"),
    ):
        file.write_text(text)
        with pytest.raises(PublishedError, match=words):
            read_rules(file)
    file.write_text("- {match: {metric: mmd}, tolerance: 1, why: x}")
    with pytest.raises(PublishedError, match="no rule fits"):
        add_tolerances(load("vltseg"), file)


def test_oop_rows_get_the_wider_tolerance():
    table = add_tolerances(load("alignment"))
    for artefact, setting, wanted in (("table1a", "IP", 0.7), ("table1b", "OOP", 1.4)):
        row = rows(table, artefact=artefact, dataset="PACS", method="erm", setting=setting)
        assert row["tolerance"].item() == wanted
    other = rows(table, artefact="table2", dataset="PACS", setting="OOP/dinov2")
    assert other["tolerance"].item() == 1.4


def test_the_segmentation_tolerance_is_the_measured_gap():
    table = load("vltseg")
    paper = pd.concat([
        rows(table, artefact="t1", method="eva02_clip"),
        rows(table, artefact="t3", method="vltseg", metric="miou"),
    ]).set_index(["dataset", "setting"])["value"]  # fmt: skip
    again = rows(table, artefact="r1", split="val")
    again = again[again["method"].str.endswith("_1")].set_index(["dataset", "setting"])["value"]
    gap = (again - paper).dropna().abs()
    assert len(gap) == 24
    assert (gap.mean(), gap.max()) == pytest.approx((0.65, 1.46), abs=0.005)
    given = rows(add_tolerances(table), artefact="t3", metric="miou")["tolerance"]
    assert np.allclose(given, 1.46)


def test_our_table_numbers_are_the_published_ones():
    assert {name: tables for name, (tables, _) in ours.PER_DOMAIN.items()} == alignment.PER_DOMAIN
    assert ours.SUMMARY == alignment.SUMMARY
