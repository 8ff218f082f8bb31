"""The SCI-PD paper's scripts, from predictions to every artefact of the demo's configuration."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors.numpy import save_file

from replidg.artefacts import available, of
from replidg.config import load, scipd_arms
from replidg.config.provides import provided
from replidg.reporting.artefact_files import draw_figures, write_tables

ROOT = Path(__file__).parents[2]
SWITCHES = ("score_perturbation", "instance_perturbation", "class_perturbation")


def script(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def predictions(keys, rng) -> pd.DataFrame:
    """Return 30 target images, 10 of them unknown, and 10 hold-outs of each run."""
    tables = []
    for key in keys:
        label = np.array([0, 1, -1] * 10 + [0] * 10)
        table = pd.DataFrame({"label": label, "role": ["target"] * 30 + ["source_validation"] * 10})
        table["correct"] = (rng.random(40) < 0.6) & (label >= 0)
        table["max_softmax"] = rng.random(40) / 2 + 0.5
        table["min_softmax"] = rng.random(40) / 10
        table["max_logit"] = rng.normal(size=40)
        table["feature_row"] = [*range(30), *[-1] * 10]
        facts = {"dataset": key.dataset, "sets": key.split, "target": key.target}
        tables.append(table.assign(**facts, arm=key.arm, seed=key.seed))
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def config():
    return load(yaml.safe_load((ROOT / "config.yaml").read_text()))


@pytest.fixture(scope="module")
def folder(config, tmp_path_factory):
    """Predictions and features of every job, and the metrics made of them."""
    out, rng = tmp_path_factory.mktemp("scipd"), np.random.default_rng(0)
    paths = []
    for number, keys in enumerate(scipd_arms.jobs(config).values()):
        paths.append(out / f"predictions{number}.parquet")
        predictions(keys, rng).to_parquet(paths[-1])
        arrays = {
            f"{k.arm}/{k.split}/{k.target}/seed{k.seed}": rng.normal(size=(30, 4)) for k in keys
        }
        save_file(arrays, out / f"features{number}.safetensors")
    studies = scipd_arms.study_runs(config)
    arms = scipd_arms.arms(config)
    datasets = config.scipd.datasets
    h = {d: {n: float(s.h) for n, s in scipd_arms.splits(config, d).items()} for d in datasets}
    values = {s: {n: a.studies[s] for n, a in arms.items() if s in a.studies} for s in studies}
    script("evaluate_scipd")(paths, studies, h, values, 0.95, 0, out / "metrics.parquet")
    return out


def names(config, kind: str) -> list[str]:
    found = [a for a in of("scipd") if a.kind == kind and available(a, provided(config))]
    return [a.name for a in found if a.name not in ("tsne", "splits")]


def switches(config) -> dict:
    methods = config.scipd.methods
    chosen = config.scipd.ablation.methods
    return {name: [getattr(methods[name], switch) for switch in SWITCHES] for name in chosen}


def test_every_run_of_every_study_is_in_the_metrics(config, folder):
    metrics = pd.read_parquet(folder / "metrics.parquet")
    for study, keys in scipd_arms.study_runs(config).items():
        rows = metrics[(metrics["artefact"] == study) & (metrics["metric"] == "accuracy")]
        own = rows[rows["domain"] != "average"]
        found = set(own[["dataset", "setting", "domain", "method", "seed"]].itertuples(index=False))
        assert {tuple(row) for row in found} == {tuple(key) for key in keys}


def test_tables(config, folder):
    chosen = names(config, "table")
    files = [[folder / f"{n}.{s}" for n in chosen] for s in ("csv", "md", "tex")]
    options = {
        "pages": {"pacs": "PACS", "office_home": "office_home"},
        "methods": list(scipd_arms.arms(config)),
        "switches": switches(config),
    }
    write_tables("scipd", folder / "metrics.parquet", chosen, *files, options)
    assert "main_pacs" in chosen and all(path.stat().st_size for part in files for path in part)
    assert len(pd.read_csv(folder / "main_pacs.csv")) == len(config.scipd.main)


def test_figures(config, folder):
    chosen = names(config, "figure")
    files = [[folder / f"{n}.{s}" for n in chosen] for s in ("svg", "png")]
    pages = {"pacs": "PACS", "office_home": "office_home"}
    arms = scipd_arms.arms(config)
    shares = {name: arm.method for name, arm in arms.items() if "scarcity" in arm.studies}
    options = {"pages": pages, "methods": config.scipd.main, "shares": shares}
    draw_figures("scipd", folder / "metrics.parquet", chosen, *files, options, {"dpi": 40})
    assert "radar" in chosen and all(path.stat().st_size for part in files for path in part)


def test_map_of_features(config, folder):
    index = pd.DataFrame(
        {"hdg_label": [0, 1], "label": [0, 1], "class_name": ["a", "b"], "hdg_role": "known"}
    )
    index.to_parquet(folder / "index.parquet")
    files = [sorted(folder.glob(f"{kind}[0-9].*")) for kind in ("predictions", "features")]
    out = [folder / "tsne.svg", folder / "tsne.png"]
    facts = config.scipd.tsne.model_dump()
    script("draw_scipd_tsne")(*files, folder / "index.parquet", facts, 0, {"dpi": 40}, *out)
    assert out[0].stat().st_size


def test_label_sets(folder):
    counts = pd.DataFrame(
        {"dataset": "PACS", "split": "H0", "hybridness": "0", "sets": "{0}", "n_images": [3],
         "expected": pd.array([None], dtype="Float64")}
    )  # fmt: skip
    counts.to_parquet(folder / "counts.parquet")
    files = [[folder / f"splits.{suffix}"] for suffix in ("csv", "md", "tex")]
    write_tables("scipd", folder / "counts.parquet", ["splits"], *files, {})
    row = pd.read_csv(files[0][0]).iloc[0]
    assert (row["Data set"], row["Counts"], row["Compared"]) == ("PACS", 1, 0)


def test_claims_and_verdicts(config, folder):
    files = [[folder / f"claims.{suffix}"] for suffix in ("csv", "md", "tex")]
    options = {"switches": switches(config)}
    write_tables("scipd", folder / "metrics.parquet", ["claims"], *files, options)
    results = pd.read_csv(files[0][0])
    assert len(results) == 8 and set(results["Result"]) <= {
        "holds", "does not hold", "cannot be told"
    }  # fmt: skip
    facts = folder / "verified.json"
    facts.write_text(json.dumps({"drift": {}, "images": 1, "source": "standin"}))
    out = folder / "verdicts.csv"
    script("compare_scipd")(
        folder / "metrics.parquet", {"PACS": facts}, {"PACS": "PACS"}, "demo", out
    )
    verdicts = pd.read_csv(out)
    assert len(verdicts) and "reproduced" not in set(verdicts["verdict"])
