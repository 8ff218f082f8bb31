"""Cases e, f and g: the plan of the full configuration, a run with nothing to do, demo's stages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml
from measure import Missing, Options, Row, Spent, Work, compared, interleaved

ROOT = Path(__file__).parents[1]
EMPTY = "Snakemake with a one-rule Snakefile"
#: Rules that are listed; the others are summed up.
LISTED = 15


def snakemake(folder: Path, snakefile: Path, *arguments: str) -> str:
    """Run Snakemake in a folder and return what it says.

    Raises:
        Missing: it failed; the message has its last words.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    environment.pop("SNAKEMAKE_PROFILE", None)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "--cores", "1"]
    done = subprocess.run(
        [*command, "--directory", str(folder), *arguments],
        capture_output=True, text=True, cwd=folder, env=environment, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    if done.returncode:
        raise Missing(f"snakemake {' '.join(arguments)} failed: {said[-1500:]}")
    return said


def planned(said: str) -> dict[str, int]:
    """Return the jobs that a dry run plans, by rule."""
    lines = said.splitlines()
    if "Job stats:" not in lines:
        return {}
    table = lines[lines.index("Job stats:") + 3 :]
    end = table.index("") if "" in table else len(table)
    counts = dict(line.split() for line in table[:end])
    return {rule: int(number) for rule, number in counts.items() if rule != "total"}


def _empty(folder: Path) -> Work:
    snakefile = folder / "empty" / "Snakefile"
    snakefile.parent.mkdir(parents=True, exist_ok=True)
    snakefile.write_text('rule all:\n    output: touch("done")\n')

    def work() -> int:
        snakemake(snakefile.parent, snakefile, "--dry-run")
        return 1

    return work


def full_plan(options: Options) -> list[Row]:
    """Case e: `-n` of everything in config/full.yaml, with a mirror for every data set."""
    folder = options.folder / "full"
    folder.mkdir(exist_ok=True)
    shutil.copy(ROOT / "config.yaml", folder / "config.yaml")
    full = yaml.safe_load((ROOT / "config" / "full.yaml").read_text())
    # Data sets behind a log-in stop the plan unless one has them; a mirror says that one does.
    full["data_mirrors"] = {name: [str(folder / "data")] for name in full["datasets"]}
    overlay = folder / "full.yaml"
    overlay.write_text(yaml.safe_dump(full))
    jobs: dict[str, int] = {}

    def plan() -> int:
        said = snakemake(folder, ROOT / "Snakefile", "--dry-run", "--configfile", str(overlay))
        jobs.update(planned(said))
        return 1

    found = interleaved({"ours": plan, EMPTY: _empty(options.folder)}, options.rounds)
    note = f"{sum(jobs.values())} jobs of {len(jobs)} rules planned"
    return [
        compared(
            found, "ours", EMPTY, case="e", what="-n of config/full.yaml", unit="plan",
            goal="< 20 s", note=note,
        )
    ]  # fmt: skip


def no_op(options: Options) -> list[Row]:
    """Case f: a run of the demo that finds everything made."""
    demo = options.demo
    if not (demo / "results" / "report.html").is_file():
        raise Missing(f"{demo} has no finished demo: run it there first, or name one with --demo")
    jobs = planned(snakemake(demo, demo / "Snakefile", "--dry-run"))
    if jobs:
        raise Missing(f"the demo in {demo} is not finished or outdated; a run would do {jobs}")

    def run() -> int:
        snakemake(demo, demo / "Snakefile")
        return 1

    found = interleaved({"ours": run, EMPTY: _empty(options.folder)}, options.rounds)
    return [
        compared(
            found, "ours", EMPTY, case="f", what="run of a finished demo", unit="run", goal="< 5 s"
        )
    ]


def stages(options: Options) -> list[Row]:
    """Case g: what the demo's jobs took, from the files that Snakemake wrote for each."""
    jobs = read_benchmarks(options.demo / "benchmarks-out")
    rules = jobs.groupby("rule").agg(
        jobs=("s", "size"), wall=("s", "sum"), cpu=("cpu_time", "sum"), peak=("max_rss", "max")
    )
    rules = rules.sort_values("cpu", ascending=False)
    rows = [_stage(f"demo: {name}", stage) for name, stage in rules.iloc[:LISTED].iterrows()]
    rest = rules.iloc[LISTED:]
    sums = {"jobs": "sum", "wall": "sum", "cpu": "sum", "peak": "max"}
    if len(rest):
        rows.append(_stage(f"demo: {len(rest)} other rules", rest.agg(sums)))
    return [*rows, _stage("demo: all jobs", rules.agg(sums))]


def _stage(what: str, stage: pd.Series) -> Row:
    note = f"{stage['jobs']:.0f} jobs, at most {stage['peak'] / 1024:.1f} GB"
    return Row("g", what, ours=Spent(stage["wall"], stage["cpu"]), note=note)


def read_benchmarks(folder: Path) -> pd.DataFrame:
    """Return one row a job: `rule`, `s`, `cpu_time`, `max_rss` (MB) and Snakemake's other columns.

    Raises:
        Missing: there is no such file.
    """
    files = sorted(folder.glob("**/*.tsv"))
    if not files:
        raise Missing(f"{folder} has no benchmark: run the demo there, or name one with --demo")
    tables = [
        pd.read_csv(path, sep="\t", na_values=["-"]).assign(rule=path.relative_to(folder).parts[0])
        for path in files
    ]
    return pd.concat(tables, ignore_index=True)
