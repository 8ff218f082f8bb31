"""The listing of artefacts and the command that prints it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from replidg import artefacts, cli
from replidg.artefacts import ARTEFACTS, PAPERS, of, target
from replidg.config import Config, load
from replidg.config.merge import merge
from replidg.config.provides import paper_datasets, provided
from replidg.metrics.alignment_artefacts import PER_DOMAIN

ROOT = Path(__file__).parents[2]


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
    # Fig 1 is a cartoon; Table 9 needs a language model (docs/alignment.md).
    figures = {"fig2a", "fig2b", *(f"fig{number}" for number in range(3, 34))}
    tables = {"table1a", "table1b", "table1c", *(f"table{number}" for number in range(2, 25))}
    ours = {"thresholds", "claims", "correlations", "seeds", "cross_splits"}
    assert names == (figures | tables | ours) - {"table9"}


def test_numbering_is_the_paper_s():
    """Against the published numbers: which data set and part each table holds."""
    for name, (dataset, setting) in artefacts.DOMAIN_TABLES.items():
        assert PER_DOMAIN[dataset][0][setting] == name
    assert artefacts.CLASS_FIGURES["fig19"] == ("domain_net", "IP")
    assert artefacts.CLASS_FIGURES["fig33"] == ("VLCS", "unsplit")
    assert artefacts.DATASET_CURVES["fig14"] == "office_home"


def test_what_artefacts_need_is_told():
    by_name = {artefact.name: artefact for artefact in of("alignment")}
    assert artefacts.available(by_name["table1a"], [])
    assert not artefacts.available(by_name["table22"], ["dataset:VLCS"])
    assert artefacts.missing(by_name["table22"], []) == ["PACS among alignment.datasets"]
    assert artefacts.available(by_name["table22"], ["dataset:PACS"])
    assert "alignment.corpus" in artefacts.missing(by_name["fig2a"], [])[0]
    needs = {need for artefact in ARTEFACTS for need in artefact.needs}
    assert {need for need in needs if not need.startswith("dataset:")} == set(artefacts.NEEDS)


def demo(*overlays):
    content = {}
    for path in (ROOT / "config.yaml", *overlays):
        content = merge(content, yaml.safe_load(path.read_text()))
    return content


def test_what_a_configuration_provides():
    config = demo()
    found = provided(load(config))
    others = ("scipd", "robust", "vltseg", "forgotten")
    assert {need for need in found if not need.startswith(others)} == {
        "dataset:PACS", "dataset:VLCS", "corpus", "zero_shot", "labels", "sizes", "backbones",
        "scratch",
    }  # fmt: skip
    # A stand-in is in its data set's place, also under another name.
    config["datasets"]["mine"] = {"source": "standin", "registry": "PACS"}
    config["alignment"]["datasets"] = ["mine", "VLCS"]
    config["models"]["big"] = {"source": "timm", "name": "vit_base_patch14_dinov2.lvd142m"}
    config["models"]["new"] = {"source": "timm", "name": "resnet50", "pretrained": False}
    config["alignment"]["backbones"] = {
        "big": {"methods": ["erm"], "datasets": ["mine"]},
        "new": {"methods": ["swad"], "datasets": ["PACS"]},  # not where the paper's own is trained
    }
    found = load(config)
    assert {"dataset:PACS", "dataset:VLCS", "backbones"} < provided(found)
    assert "scratch" not in provided(found)
    assert paper_datasets(found) == {"PACS": "mine", "VLCS": "VLCS"}
    config["alignment"]["backbones"]["new"]["datasets"] = ["VLCS"]
    assert "scratch" in provided(load(config))


def test_sizes_need_a_way_to_measure_them(monkeypatch):
    config = demo()
    config["alignment"]["object_size"] = {"source": "owlv2"}
    for installed in (True, False):
        spec = object() if installed else None
        monkeypatch.setattr("importlib.util.find_spec", lambda name, spec=spec: spec)
        assert ("sizes" in provided(Config.model_validate(config))) == installed
    folder = {"source": "folder", "domains": ["a", "b"]}
    config["alignment"] |= {"object_size": {"source": "alpha"}, "datasets": ["own"]}
    config["datasets"]["own"] = folder
    assert "sizes" not in provided(Config.model_validate(config))


def test_full_scale_lacks_what_a_user_has_to_bring():
    found = provided(load(demo(ROOT / "config/full.yaml")))
    lacking = {a.name for a in of("alignment") if not artefacts.available(a, found)}
    assert {"fig2a", "fig4", "fig5", "fig8", "table3", "table7"} <= lacking
    assert not lacking & {*artefacts.DOMAIN_TABLES, *artefacts.CLASS_FIGURES, "fig9", "table5"}


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


def test_list_tells_what_is_missing(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert cli.main(["list"]) == 0
    text = capsys.readouterr().out
    needs = r"\(needs domain_net among alignment.datasets\)"
    assert re.search(rf"alignment_table16 .*{needs}", text)
    assert "alignment_table1a  " in text and "DomainBed-IP\n" in text
    assert cli.main(["list", "--configfile", "config/full.yaml"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"alignment_table22 .*PACS, OOP\n", text)
    assert re.search(r"alignment_fig2a .*\(needs a pretraining corpus", text)
    assert cli.main(["list", "--configfile", "nowhere.yaml"]) == 1


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
