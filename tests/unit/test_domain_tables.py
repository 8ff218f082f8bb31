"""Compositions, clean sets, the tidy rows of Tables 3 to 11, and the tables themselves."""

import json
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from replidg.config.forgotten_sets import WEB
from replidg.metrics.domain_metrics import default_rows, label_rows, strict_rows
from replidg.metrics.domain_shares import (
    Composition,
    class_masks,
    clean_mask,
    clean_rows,
    composition_rows,
    pruned_rows,
)
from replidg.published import load
from replidg.reporting import domain_tables
from replidg.reporting.forgotten_table_files import Options, make

SCRIPTS = Path(__file__).parents[2] / "scripts"
CHOSEN = {
    "natural": {"strict": {"threshold": 0.8}, "relaxed": {"threshold": 0.5}},
    "rendition": {"strict": {"threshold": 0.9}, "relaxed": {"threshold": 0.5}},
}


def labelled():
    """Four pictures of val, two of test, two of ImageNet-V2, one of DomainNet-Clipart."""
    rows = [
        (WEB, "val", "natural", 0.9, 0.1, "natural"),
        (WEB, "val", "natural", 0.6, 0.2, "natural"),
        (WEB, "val", "rendition", 0.7, 0.95, "natural"),
        (WEB, "val", "ambiguous", 0.1, 0.5, "rendition"),
        (WEB, "test", "natural", 0.85, 0.1, "natural"),
        (WEB, "test", "rendition", 0.85, 0.2, "ambiguous"),
        ("imagenet_v2", "test", "natural", 0.9, 0.0, "natural"),
        ("imagenet_v2", "test", "natural", 0.2, 0.0, "rendition"),
        ("domain_net/clipart", "test", "rendition", 0.2, 0.92, "rendition"),
    ]
    columns = ["test_set", "split", "label", "natural_score", "rendition_score", "default"]
    return pd.DataFrame(rows, columns=columns)


def value(rows, **where):
    for column, wanted in where.items():
        rows = rows[rows[column] == wanted]
    assert len(rows) == 1
    return float(rows["value"].iloc[0])


def test_labels_are_counted_by_set_and_split():
    rows = label_rows(labelled())
    assert value(rows, dataset=WEB, domain="val", setting="natural") == 2
    assert value(rows, dataset=WEB, domain="test", setting="total") == 2
    assert value(rows, dataset="domain_net", domain="clipart", setting="rendition") == 1
    assert value(rows, dataset="imagenet_v2", domain="all", setting="ambiguous") == 0


def test_precision_and_recall_by_hand():
    rows = strict_rows({"ft": labelled()}, {"ft": CHOSEN_LEVELS})
    natural = rows[rows["setting"] == "natural"]
    assert value(natural, dataset=WEB, domain="val", metric="precision") == 100
    assert value(natural, dataset=WEB, domain="val", metric="recall") == 50
    assert value(natural, dataset=WEB, domain="test", metric="precision") == 50
    assert value(natural, dataset="imagenet_v2", metric="recall") == 50
    assert value(natural, dataset="average", metric="recall") == pytest.approx(200 / 3)
    rendition = rows[rows["setting"] == "rendition"]
    assert value(rendition, dataset=WEB, domain="test", metric="precision") == 0  # of nothing
    assert value(rendition, dataset="domain_net", domain="clipart", metric="recall") == 100


CHOSEN_LEVELS = {
    "strict": {"natural": {"threshold": 0.8}, "rendition": {"threshold": 0.9}},
}


def test_accuracies_of_the_default_setting():
    rows = default_rows({"ft": labelled()})
    natural = rows[rows["artefact"] == "table5"]
    assert value(natural, dataset=WEB, domain="val") == 100
    assert value(natural, dataset="imagenet_v2") == 50
    assert "domain_net" not in set(natural["dataset"])  # no natural image in it
    assert value(rows[rows["artefact"] == "table6"], dataset=WEB, domain="val") == 0


def web():
    """Ten web pictures: one a duplicate, two pruned."""
    strict = ["natural"] * 3 + ["rendition"] * 3 + ["ambiguous"] * 4
    default = ["natural"] * 5 + ["rendition"] * 4 + ["ambiguous"]
    table = pd.DataFrame({"domain_default": default, "domain_strict": strict})
    table["kept"] = [False] + [True] * 9
    pruned = [False] * 4 + [True] * 2 + [False] * 4
    return table.assign(**{"pruned/combined_pruned": pruned})


def composition(*parts):
    found = Composition()
    for part in parts:
        found.add(part)
    return found


def test_compositions_do_not_depend_on_the_pieces():
    whole, pieces = composition(web()), composition(web()[:4], web()[4:])
    assert whole.counts == pieces.counts and whole.pruned == pieces.pruned
    assert whole.total() == 9 and whole.total("combined_pruned") == 7
    assert whole.counts["all", "strict", "natural"] == 2
    assert whole.pruned["combined_pruned", "strict"] == 2


def test_shares_and_pruned_renditions():
    images = pd.DataFrame({"domain_default": ["natural"] * 4, "domain_strict": ["ambiguous"] * 4})
    sets = {
        ("imagenet_train", "all"): composition(images),
        ("objectnet", "all"): composition(images),
    }
    rows = composition_rows(composition(web()), sets, "98")
    seven = rows[rows["artefact"] == "table7"]
    assert value(seven, dataset=WEB, setting="default/natural") == pytest.approx(400 / 9)
    assert value(seven, dataset="combined_pruned", setting="98/rendition") == pytest.approx(100 / 7)
    assert value(seven, dataset="imagenet_train", setting="98/ambiguous") == 100
    assert "objectnet" not in set(seven["dataset"])
    assert value(rows, artefact="table9", dataset="objectnet", setting="98/natural") == 0
    assert value(rows, artefact="table8", dataset=WEB, setting="total") == 9
    ten = pruned_rows(composition(web()), "98")
    assert value(ten, setting="98/size") == 7
    assert value(ten, setting="98/renditions_within") == 1
    assert value(ten, setting="98/renditions_pruned") == 2


def images():
    table = pd.DataFrame({"domain": ["real"] * 3 + ["sketch"] * 3 + ["clipart"]})
    table["label"] = [0, 1, 1, 0, 2, 2, 0]
    table["natural_score"] = np.array([0.9, 0.1, 0.8, 0.9, 0.9, 0.9, 0.9], np.float32)
    table["rendition_score"] = np.array([0.95, 0, 0, 0.95, 0.1, 0.9, 0.95], np.float32)
    return table.assign(image_id=[f"i{n}" for n in range(7)])


def test_clean_sets_keep_what_is_of_their_suite():
    """Real keeps natural, sketch renditions; clipart is none of the test sets here."""
    sets = ["domain_net/real", "domain_net/sketch"]
    kept = clean_mask(images(), "domain_net", sets, CHOSEN)
    assert kept.tolist() == [True, False, True, True, False, True, False]
    tables = {"domain_net": images().assign(kept=kept)}
    masks = class_masks(tables, sets)
    assert masks == {
        "domain_net/real": {"standard": [0, 1], "clean": [0, 1]},
        "domain_net/sketch": {"standard": [0, 2], "clean": [0, 2]},
    }
    rows = clean_rows(tables, masks, composition(web()))
    assert value(rows, dataset="domain_net", domain="sketch", metric="images") == 2
    assert value(rows, dataset=WEB, setting="clean/rendition") == 3
    none = class_masks({"domain_net": images().assign(kept=False)}, sets)
    assert none["domain_net/real"]["clean"] == []


def rows_of_a_run():
    sets = {("imagenet_train", "all"): composition(web()), ("objectnet", "all"): composition(web())}
    tables = {"domain_net": images().assign(kept=True)}
    masks = class_masks(tables, ["domain_net/real"])
    return pd.concat(
        [
            label_rows(labelled()),
            strict_rows(
                {"ft": labelled(), "own": labelled()}, dict.fromkeys(("ft", "own"), CHOSEN_LEVELS)
            ),
            default_rows({"ft": labelled()}),
            composition_rows(composition(web()), sets, "98"),
            pruned_rows(composition(web()), "98"),
            clean_rows(tables, masks, composition(web())),
        ],
        ignore_index=True,
    )


@pytest.mark.parametrize("name", ["table1", *domain_tables.tables("98")])
def test_every_table_has_our_numbers_above_the_published(name):
    table = make(name, rows_of_a_run(), Options()).table
    keys = [c for c in ("Data set", "Classifier", "Domain", "Precision") if c in table]
    lines = [tuple(line) for line in table[[*keys, ""]].to_numpy()]
    ours = {line[:-1] for line in lines if line[-1] == "this run"}
    theirs = {line[:-1] for line in lines if line[-1] == "published"}
    assert ours and theirs and ours & theirs and len(lines) == len(ours) + len(theirs)
    for line in ours & theirs:
        assert lines.index((*line, "published")) == lines.index((*line, "this run")) + 1


def test_published_numbers_are_at_their_places():
    """Against numbers read off the paper by hand (FT's row of Table 4, Tables 7 and 11)."""
    four = make("table4", rows_of_a_run(), Options()).table
    ft = four[
        (four["Classifier"] == "FT") & (four[""] == "published") & (four["Domain"] == "natural")
    ]
    assert ft["Val R"].item() == 41 and ft["IN-V2 P"].item() == 99 and ft["Average R"].item() == 43
    assert "own" in set(four["Classifier"])
    seven = make("table7", rows_of_a_run(), Options()).table
    whole = seven[(seven["Data set"] == "LAION-200M") & (seven[""] == "published")]
    assert whole["images"].item() == 199_663_250 and whole["natural, 98 %"].item() == 28.40
    eleven = make("table11", rows_of_a_run(), Options()).table
    sketch = eleven[(eleven["Data set"] == "ImageNet-Sketch") & (eleven[""] == "published")]
    assert (sketch["classes"].item(), sketch["images"].item()) == (991, 34_564)
    with pytest.raises(ValueError, match="no row"):
        make("table7", rows_of_a_run().iloc[:5], Options())
    with pytest.raises(ValueError, match="no table 'table99'"):
        make("table99", rows_of_a_run(), Options())


def test_our_rows_are_named_as_the_published():
    """Each published number of these tables has a name that a whole run would give."""
    published = load("forgotten")
    ours = rows_of_a_run()
    for artefact in ("table3", "table4", "table5", "table7", "table9", "table10", "table11"):
        mine = ours[ours["artefact"] == artefact]
        theirs = published[published["artefact"] == artefact]
        for column in ("setting", "metric"):
            assert set(theirs[column]) <= set(mine[column]), (artefact, column)


def test_parts_of_the_corpus_are_gathered_in_the_shards_order(tmp_path):
    """Two filter jobs hold shards 0, 2 and 1; marks and unreadable pictures decide what is kept."""
    import pyarrow as pa
    from pyarrow import parquet

    def write(path, shards):
        writer = None
        for shard in shards:
            table = pa.Table.from_pandas(
                pd.DataFrame(
                    {
                        "shard": shard, "image_id": [f"{shard}a", f"{shard}b"],
                        "natural_score": np.array([0.9, 0.1], np.float32),
                        "rendition_score": np.array([0.0, 0.95], np.float32),
                        "natural_default": [True, False], "rendition_default": [False, True],
                        "readable": [True, shard != 1],
                    }
                ), preserve_index=False,
            )  # fmt: skip
            writer = writer or parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
        writer.close()

    write(tmp_path / "0", [0, 2])
    write(tmp_path / "1", [1])
    marks = {"duplicate": [False, False, True, False], "pruned/r_pruned": [False, True] * 2}
    pd.DataFrame(marks).to_parquet(tmp_path / "m0")
    pd.DataFrame({name: given[:2] for name, given in marks.items()}).to_parquet(tmp_path / "m1")
    (tmp_path / "chosen.json").write_text(json.dumps(CHOSEN))
    gather = runpy.run_path(str(SCRIPTS / "gather_corpus.py"))["gather_corpus"]
    paths = [[tmp_path / f"{k}{n}" for n in (0, 1)] for k in ("", "m")]
    gather(*paths, tmp_path / "chosen.json", tmp_path / "out.parquet")
    table = pd.read_parquet(tmp_path / "out.parquet")
    assert table["image_id"].tolist() == ["0a", "0b", "1a", "1b", "2a", "2b"]
    assert table["kept"].tolist() == [True, True, True, False, False, True]
    assert table["domain_strict"].tolist() == ["natural", "rendition"] * 3
    assert table["pruned/r_pruned"].tolist() == [False, True] * 3
    assert "readable" not in table and table["natural_relaxed"].tolist() == [True, False] * 3
