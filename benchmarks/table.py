"""The table of results, as markdown and csv, with a description of the machine."""

from __future__ import annotations

import csv
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import torch
from measure import Options, Row, Span, Spent
from photos import WHAT

PACKAGES = (
    "torch", "torchvision", "open_clip_torch", "timm", "pillow", "numpy", "snakemake",
    "clip_benchmark",
)  # fmt: skip


def machine(threads: int, device: str = "cpu", workers: int = 0) -> dict[str, str]:
    """Return what the numbers depend on: processor, cores, memory, GPU, load, versions."""
    memory = psutil.virtual_memory().total / 2**30
    facts = {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "threads a side": str(threads),
        "decoding processes a side": str(workers),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "not installed"
    return facts


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    known = dict(line.split(":", 1) for line in lines if ":" in line)
    named = {name.strip(): value.strip() for name, value in known.items()}
    name = named.get("model name", platform.machine())
    numbers = [f"{key} {named[key]}" for key in ("cpu family", "model", "stepping") if key in named]
    return f"{name} ({', '.join(numbers)})" if numbers else name


def markdown(rows: list[Row], facts: dict[str, str], options: Options) -> str:
    """Return the table and the machine; ratios are median (lowest to highest) over the rounds."""
    how = "quick, " if options.quick else ""
    clock = "wall" if options.cuda else "CPU"
    lines = [
        ", ".join(f"{name} {value}" for name, value in facts.items())
        + f"; {how}{options.rounds} rounds.",
        "",
        f"| | measured | against | {clock} time: ours, peer | faster by CPU time "
        "| faster by wall time "
        "| goal | note |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        sides = [_seconds(side and getattr(side, clock.lower())) for side in (row.ours, row.theirs)]
        times = ", ".join(sides) if row.theirs else _both(row.ours)
        cells = (row.case, row.what, row.peer, f"{times} {row.unit and 'a ' + row.unit}".strip(),
                 _span(row.by_cpu), _span(row.by_wall), row.goal, row.note)  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    if any(row.case in "abc" for row in rows):
        lines += ["", WHAT]
    return "\n".join(lines) + "\n"


def _seconds(spent: float | None) -> str:
    if spent is None:
        return ""
    return f"{spent * 1e3:.3g} ms" if spent < 1 else f"{spent:.3g} s"


def _both(spent: Spent | None) -> str:
    return f"{spent.cpu:.0f} s (wall {spent.wall:.0f} s)" if spent else ""


def _span(span: Span | None) -> str:
    return f"{span.median:.2f} ({span.low:.2f} to {span.high:.2f})" if span else ""


def write_csv(rows: list[Row], facts: dict[str, str], path: Path) -> None:
    """Write one line a row; the machine's description is repeated in each."""
    columns = ["case", "what", "peer", "unit", "ours_wall_s", "ours_cpu_s", "peer_wall_s"]
    columns += ["peer_cpu_s", "faster_cpu", "faster_cpu_low", "faster_cpu_high", "faster_wall"]
    columns += ["faster_wall_low", "faster_wall_high", "goal", "note", *facts]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            ours, theirs = row.ours or ("", ""), row.theirs or ("", "")
            spans = [*(row.by_cpu or ("",) * 3), *(row.by_wall or ("",) * 3)]
            writer.writerow(
                [row.case, row.what, row.peer, row.unit, *ours, *theirs, *spans, row.goal,
                 row.note, *facts.values()]
            )  # fmt: skip
