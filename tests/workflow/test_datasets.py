"""Every data set of the registry, from its stand-in to its index, by the workflow's own rules."""

import json
from pathlib import Path

import pandas as pd
import pytest
from workspace import Workspace

from replidg.config.inputs import RegisteredDataset
from replidg.data import availability, registry
from replidg.data.registry.schema import Entry

STANDIN = RegisteredDataset(source="standin")
PAGES = {name: registry.load(name) for name in registry.names() if name != "pictograms"}


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace in which the data of all papers was retrieved, converted and indexed."""
    workspace = Workspace(tmp_path_factory.mktemp("indexed"), None)
    workspace.run("data")
    return workspace


def read(workspace: Workspace, name: str) -> tuple[pd.DataFrame, dict]:
    """Return the index of a data set and its checked facts."""
    index = pd.read_parquet(workspace.folder / "results" / "data" / name / "index.parquet")
    facts = availability.facts_path(name, STANDIN, workspace.folder)
    return index, json.loads(facts.read_text())


@pytest.mark.demo
@pytest.mark.parametrize("entry", PAGES.values(), ids=PAGES)
def test_index_and_facts_agree(indexed: Workspace, entry: Entry) -> None:
    """What was counted is what is listed, and every file of it is there."""
    index, facts = read(indexed, entry.name)
    assert len(index) == facts["images"] > 0 and index["image_id"].is_unique
    assert index.groupby("domain").size().to_dict() == facts["per_domain"]
    assert index.groupby("split").size().to_dict() == facts["per_split"]
    assert facts["release"] == "stand-in" and facts["source"] == "standin"
    if "path" in index:
        assert all((indexed.folder / path).is_file() for path in index["path"])
        assert index["image_id"].is_monotonic_increasing
    if entry.reader.kind == "image_folder":
        assert set(index["domain"]) == set(entry.domains)
    classes = json.loads((indexed.folder / f"results/data/{entry.name}/classes.json").read_text())
    assert index["label"].max() < max(len(classes), 1)


@pytest.mark.demo
def test_columns_that_the_papers_need(indexed: Workspace) -> None:
    """Regions, locations, conditions, masks, HDG roles."""
    expected = {
        "fmow": {"region", "year"},
        "iwildcam": {"location"},
        "acdc": {"condition", "mask_path"},
        "PACS": {"hdg_label", "hdg_role"},
        "objectnet": {"synset", "accepted", "border_px"},
        "laion400m": {"url", "caption"},
    }
    for name, columns in expected.items():
        assert columns <= set(read(indexed, name)[0].columns), name
    conditions = read(indexed, "acdc")[0].groupby("condition").size()
    assert list(conditions.index) == ["fog", "night", "rain", "snow"] and conditions.nunique() == 1
    assert set(read(indexed, "PACS")[0]["hdg_role"]) == {"known", "unknown"}
    assert read(indexed, "fmow")[0]["split"].nunique() == 5


@pytest.mark.demo
def test_a_second_run_does_nothing(indexed: Workspace) -> None:
    """And a set that changes its source is retrieved again, alone."""
    assert indexed.planned("data") == {}
    own = indexed.folder / "own.yaml"
    own.write_text("datasets: {gta5: {source: official}}\n")
    indexed.overlay = own
    jobs = indexed.planned("data")
    indexed.overlay = None
    chain = {"retrieve_dataset": 1, "convert_dataset": 1, "index_dataset": 1}
    assert {rule: jobs.get(rule) for rule in chain} == chain


@pytest.mark.demo
def test_the_users_folder_is_the_tree_that_a_stand_in_is(indexed: Workspace) -> None:
    """A stand-in's folder passes for a user's copy: linked, converted, indexed as the stand-in."""
    source = indexed.folder / "resources" / "datasets" / "acdc"
    before = sorted(path.relative_to(source) for path in Path(source).rglob("*"))
    own = indexed.folder / "own.yaml"
    own.write_text(f"datasets: {{acdc: {{source: official}}}}\ndata_root: {{acdc: {source}-own}}\n")
    (source.parent / "acdc-own").mkdir()
    for name in ("rgb_anon", "gt"):
        (source / name).rename(source.parent / "acdc-own" / name)
    wanted = read(indexed, "acdc")[0].drop(columns="bytes")
    indexed.overlay = own
    indexed.run("data_acdc")
    indexed.overlay = None
    index, facts = read(indexed, "acdc")
    pd.testing.assert_frame_equal(index.drop(columns="bytes"), wanted)
    assert facts["source"] == f"linked from {source}-own" and facts["drift"]
    after = source.parent / "acdc-own"
    assert sorted(p.relative_to(after) for p in after.rglob("*")) == [
        path for path in before if path.parts[0][0] != "."
    ]
