"""What is here, what can be had, and what only the user can get."""

import json
from pathlib import Path

import pytest

from replidg import cli
from replidg.config.inputs import EmbeddedDataset, FolderDataset, RegisteredDataset
from replidg.data import availability, registry

OFFICIAL = RegisteredDataset(source="official")
STANDIN = RegisteredDataset(source="standin")


def state(tmp_path, name="cityscapes", dataset=OFFICIAL, root=None, mirrors=()):
    return availability.state(name, dataset, root, list(mirrors), tmp_path)


def problem(tmp_path, name="cityscapes", dataset=OFFICIAL, root=None, mirrors=()):
    return availability.problem(name, dataset, root, list(mirrors), tmp_path)


def verified(tmp_path: Path, name: str, **facts) -> None:
    path = availability.facts_path(name, OFFICIAL, tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"source": "official", "images": 5, "drift": {}} | facts))


def test_a_gated_set_stops_with_its_steps(tmp_path):
    told = problem(tmp_path)
    entry = registry.load("cityscapes")
    assert state(tmp_path).state == "missing"
    assert entry.title in told and all(step in told for step in entry.steps)
    assert "1. " in told and "data_root.cityscapes" in told


def test_every_gated_set_stops_and_every_open_one_does_not(tmp_path):
    for name in registry.names():
        gated = registry.load(name).access in ("login", "manual")
        assert (problem(tmp_path, name) is not None) == gated, name


def test_archives_of_the_user_are_enough(tmp_path):
    assert problem(tmp_path, mirrors=["/data/archives"]) is None
    assert state(tmp_path, mirrors=["/data/archives"]).state == "download"


def test_a_folder_is_looked_at_before_the_run(tmp_path):
    (tmp_path / "city" / "leftImg8bit").mkdir(parents=True)
    assert "lacks gtFine" in problem(tmp_path, root="city")
    assert state(tmp_path, root="city").state == "unusable"
    (tmp_path / "city" / "gtFine").mkdir()
    assert problem(tmp_path, root="city") is None
    assert state(tmp_path, root="city").state == "own folder"


def test_what_was_verified_needs_nothing_more(tmp_path):
    verified(tmp_path, "cityscapes")
    assert problem(tmp_path) is None
    assert state(tmp_path).state == "verified" and state(tmp_path).images == 5


def test_drift_is_a_state_of_its_own(tmp_path):
    verified(tmp_path, "PACS", drift={"photo": {"expected": 7, "found": 6}})
    found = state(tmp_path, "PACS")
    assert (found.state, found.detail) == ("wrong count", "photo: 6 of 7")


def test_a_stand_in_is_not_the_real_thing(tmp_path):
    verified(tmp_path, "cityscapes", source="standin")
    assert state(tmp_path).state == "missing" and problem(tmp_path) is not None
    assert state(tmp_path, dataset=STANDIN).state == "verified"


def test_another_folder_is_looked_at_again(tmp_path):
    verified(tmp_path, "PACS", source="linked from /data/PACS")
    assert state(tmp_path, "PACS", root="/data/PACS").state == "verified"
    assert state(tmp_path, "PACS", root="/data/other").state == "unusable"
    assert state(tmp_path, "PACS").state == "download"


def test_where_the_facts_lie():
    plain = availability.facts_path("PACS", OFFICIAL)
    converted = availability.facts_path("gta5", OFFICIAL)
    renamed = RegisteredDataset(source="official", registry="gta5")
    assert plain == Path("resources/datasets/PACS/.verified.json")
    assert converted == Path("resources/prepared/gta5/.verified.json")
    assert availability.facts_path("mine", renamed) == Path(
        "resources/prepared/mine/.verified.json"
    )


def test_other_sources_need_nothing(tmp_path):
    embedded = EmbeddedDataset(source="embedded", tree=["photo"], domains=["photo"])
    folder = FolderDataset(source="folder", domains=["a", "b"])
    assert state(tmp_path, "x", embedded).state == state(tmp_path, "PACS", STANDIN).state
    assert state(tmp_path, "x", folder, root="/data").where == "/data"
    assert problem(tmp_path, "x", folder) is problem(tmp_path, dataset=STANDIN) is None


# --- ./replidg datasets ------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "config.yaml").write_text((ROOT / "config.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def datasets(capsys, *arguments: str) -> tuple[int, str, str]:
    status = cli.main(["datasets", *arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_the_table_has_every_data_set(checkout, capsys):
    status, out, _ = datasets(capsys)
    assert status == 0
    firsts = [line.split()[0] for line in out.splitlines()[1:]]
    assert sorted(firsts, key=str.lower) == list(registry.names())
    assert all("stand-in" in line for line in out.splitlines()[1:])


def test_csv_at_full_scale(checkout, capsys):
    full = str(ROOT / "config" / "full.yaml")
    status, out, _ = datasets(capsys, "--csv", "--configfile", full)
    rows = dict(line.split(",", 1) for line in out.splitlines())
    assert status == 0 and ",missing," in rows["cityscapes"] and ",download," in rows["PACS"]


def test_steps_of_one_paper(checkout, capsys):
    full = str(ROOT / "config" / "full.yaml")
    status, out, _ = datasets(capsys, "--for", "vltseg", "--configfile", full)
    assert status == 0
    for name in ("cityscapes", "bdd100k", "mapillary_vistas", "acdc"):
        assert f"data_root.{name}" in out and registry.load(name).steps[0] in out
    assert "imagenet" not in out and "office_home" not in out


def test_verified_counts_are_shown(checkout, capsys):
    verified(checkout, "PACS", images=1234, source="standin")
    _, out, _ = datasets(capsys, "--for", "PACS")
    assert "1,234" in out and "resources/datasets/PACS" in out


def test_unknown_names_and_files(checkout, capsys):
    assert datasets(capsys, "--for", "vltsegg")[0] == 2
    cli.main(["datasets", "--for", "pacs"])
    assert "did you mean 'PACS'?" in capsys.readouterr().err
    status, _, err = datasets(capsys, "--configfile", "mine.yaml")
    assert status == 1 and "cannot read mine.yaml" in err
    (checkout / "mine.yaml").write_text("data_root: {PACS: /data}")
    status, _, err = datasets(capsys, "--configfile", "mine.yaml")
    assert status == 1 and "data_root.PACS is given, but" in err and "full.yaml" in err
