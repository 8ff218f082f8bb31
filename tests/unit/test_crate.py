"""`replidg bundle`: written, read back by the library, and held against the profile."""

import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate
from test_verdicts import paper, runs

from replidg import cli
from replidg.metrics.verdict_files import write_verdicts
from replidg.metrics.verdicts import judge
from replidg.reporting import crate
from replidg.reporting.crate import Author, CrateError, code_files, parse_author, result_files

ROOT = Path(__file__).parents[2]
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
}


@pytest.fixture
def results(tmp_path):
    """A finished run, as far as its files go, with some that must not leave the house."""
    folder = tmp_path / "results"
    for name, text in {
        "report.html": "<!doctype html></html>",
        "provenance.json": json.dumps(
            {"git": {"short": "abc", "note": "abc, changed"}, "config": "scale: demo\n",
             "versions": {"snakemake": "9.27.1"}}
        ),
        "alignment/tables/table1a.csv": "method,PACS\n",
        "alignment/figures/fig2b.svg": "<svg/>",
        "alignment/annotation/sheet.html": "pictures",
        "alignment/annotation/sheet.csv": "more",
        "models/tiny/model.safetensors": "weights",
        "embeddings/tiny/images.safetensors": "vectors",
        "runs/alignment/erm/predictions.parquet": "p",
        "runs/alignment/erm/metrics.json": "{}",
        "runs/alignment/erm/model.safetensors": "weights",
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    write_verdicts(judge(runs(80), paper()), folder / "alignment" / "verdicts.csv")
    times = tmp_path / "benchmarks" / "train_classifier" / "one.tsv"
    times.parent.mkdir(parents=True)
    times.write_text("s\th:m:s\tcpu_time\n61.5\t0:01:01\t60\n")
    return folder


def bundle(results, *arguments):
    out = results.parent / "bundle.zip"
    status = cli.main(
        ["bundle", "--results", str(results), "--benchmarks", str(results.parent / "benchmarks"),
         "--output", str(out), *arguments]
    )  # fmt: skip
    return status, out


def test_bundle_is_read_back_whole(results, capsys):
    status, out = bundle(
        results, "--author", "Ada Byron <0000-0002-1825-0097>", "--author", "B C",
        "--license", "CC-BY-4.0",
    )  # fmt: skip
    assert status == 0 and capsys.readouterr().err == ""
    assert sorted(p.name for p in results.parent.iterdir()) == [
        "benchmarks", "bundle.zip", "results",
    ]  # fmt: skip
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        metadata = json.loads(archive.read("ro-crate-metadata.json"))
        assert archive.read("run/configuration.yaml") == b"scale: demo\n"
        lock = (ROOT / "envs/requirements.lock").read_bytes()
        assert archive.read("code/envs/requirements.lock") == lock
    entities = {entity["@id"]: entity for entity in metadata["@graph"]}
    root = entities["./"]
    # Whatever is in the archive is described, and the other way round.
    described = {part["@id"] for part in root["hasPart"]}
    assert names - {"ro-crate-metadata.json"} == described
    assert {profile["@id"] for profile in root["conformsTo"]} == PROFILES <= set(entities)
    assert root["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    assert entities[root["license"]["@id"]]["@type"] == "CreativeWork"
    assert [person["@id"] for person in root["author"]] == [
        "https://orcid.org/0000-0002-1825-0097", "#B C",
    ]  # fmt: skip
    read = ROCrate(out)
    assert read.mainEntity.id == "code/workflow/Snakefile"
    assert read.mainEntity["programmingLanguage"].id.endswith("#snakemake")
    assert read.mainEntity["softwareRequirements"].id == "code/envs/requirements.lock"
    (action,) = read.get_by_type("CreateAction")
    assert action["instrument"].id == read.mainEntity.id
    assert {entity.id for entity in action["object"]} == {
        "code/envs/requirements.lock", "run/configuration.yaml",
    }  # fmt: skip
    assert {entity.id for entity in action["result"]} == {
        "results/report.html", "results/provenance.json", "results/alignment/verdicts.csv",
        "results/alignment/tables/table1a.csv", "results/alignment/figures/fig2b.svg",
        "benchmarks/train_classifier/one.tsv",
    }  # fmt: skip
    assert action["startTime"] < action["endTime"]
    assert root["mentions"] == {"@id": "#run"}
    assert entities["#run"]["agent"] == root["author"]


def test_no_weights_no_data_no_annotation_pages(results):
    (results / "alignment" / ".fig4.4711.part.svg").write_text("<svg")  # of a killed job
    kept = {path.as_posix() for path in result_files(results, predictions=True)}
    assert {"runs/alignment/erm/predictions.parquet", "runs/alignment/erm/metrics.json"} <= kept
    assert not [name for name in kept if "annotation" in name or name.endswith(".safetensors")]
    assert not [path for path in result_files(results) if path.parts[0] == "runs"]
    assert not [name for name in kept if "/." in name]


def test_code_is_what_git_tracks_or_else_what_is_there(tmp_path):
    names = {path.as_posix() for path in code_files(ROOT)}
    assert {"Snakefile", "replidg", "src/replidg/cli.py", "workflow/Snakefile"} <= names
    assert not [n for n in names if n.startswith("tests/") or "__pycache__" in n]
    plain = tmp_path / "unpacked"
    for name in (
        "workflow/Snakefile",
        "src/a.py",
        "src/__pycache__/a.pyc",
        "tests/b.py",
        "LICENSE",
    ):
        (plain / name).parent.mkdir(parents=True, exist_ok=True)
        (plain / name).write_text("x")
    found = [path.as_posix() for path in code_files(plain)]
    assert found == ["LICENSE", "src/a.py", "workflow/Snakefile"]
    # What git knows of, but is not there, and a lock of the data that git does not know of.
    subprocess.run(["git", "init", "-q", plain], check=True)
    subprocess.run(["git", "-C", plain, "add", "src", "LICENSE"], check=True)
    (plain / "LICENSE").unlink()
    (plain / "config").mkdir()
    (plain / "config/data.lock.yaml").write_text("{}")
    found = [path.as_posix() for path in code_files(plain)]
    assert found == ["config/data.lock.yaml", "src/__pycache__/a.pyc", "src/a.py"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("Ada Byron", Author("Ada Byron")),
     (" A <0000-0002-1825-009X> ", Author("A", "0000-0002-1825-009X")),
     ("A <https://orcid.org/0000-0002-1825-0097>", Author("A", "0000-0002-1825-0097"))],
)  # fmt: skip
def test_authors(text, wanted):
    assert parse_author(text) == wanted


def test_what_is_wrong_is_said(results, capsys):
    assert bundle(results, "--author", "A <a@example.org>")[0] == 2
    assert "0000-0002-1825-0097" in capsys.readouterr().err
    status, out = bundle(results)
    assert status == 0 and "--author and --license" in capsys.readouterr().err
    before = out.read_bytes()
    (results / "provenance.json").write_text("{")
    assert bundle(results)[0] == 2
    assert "provenance.json is damaged" in capsys.readouterr().err
    (results / "report.html").unlink()
    assert bundle(results)[0] == 2
    assert "./replidg report makes it" in capsys.readouterr().err
    assert out.read_bytes() == before


def test_not_a_checkout(results, tmp_path):
    with pytest.raises(CrateError, match="bundle from a checkout"):
        crate.make_crate(tmp_path / "elsewhere", results, tmp_path)
