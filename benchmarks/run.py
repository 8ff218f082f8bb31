"""Measure this project against its peers and print a table of ratios.

    python benchmarks/run.py [a b c d e f g h] [--rounds 5] [--quick] [--threads 1] [--demo FOLDER]

a data path, b embedding, c training step, d linear probes, e plan of the full configuration,
f run with nothing to do, g the demo's stages, h settings of torch. docs/performance.md explains
each and has results; memory has a command of its own, benchmarks/memory.py.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import torch
from measure import Missing, Options, Row
from table import machine, markdown, write_csv

ROOT = Path(__file__).parents[1]
#: Letter: module and function that measures it.
CASES = {
    "a": ("data_path", "data_path"),
    "b": ("data_path", "embedding"),
    "c": ("training_step", "training_step"),
    "d": ("linear_probes", "probes"),
    "e": ("workflow", "full_plan"),
    "f": ("workflow", "no_op"),
    "g": ("workflow", "stages"),
    "h": ("settings", "settings"),
}


def measure(letter: str, options: Options) -> list[Row]:
    """Return the rows of a case; one row that says why, where it cannot be measured."""
    module, function = CASES[letter]
    case: Callable[[Options], list[Row]] = getattr(import_module(module), function)
    try:
        return case(options)
    except Missing as error:
        return [Row(letter, function.replace("_", " "), note=f"not measured: {error}")]


def main() -> None:
    """Measure the cases that are asked for and write them as csv and markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", metavar="case", help="letters; all if none is given")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each side")
    parser.add_argument("--quick", action="store_true", help="less work a round, more noise")
    parser.add_argument("--threads", type=int, default=1, help="of torch, for each side")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="for b, c, d, h")
    parser.add_argument(
        "--workers", type=int, default=0, help="decoding processes of each side of b and c"
    )
    parser.add_argument("--demo", type=Path, default=ROOT, help="checkout with a finished demo")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks-out" / "peers")
    args = parser.parse_args()
    unknown = sorted(set(args.cases) - set(CASES))
    if unknown:
        parser.error(f"there is no case {', '.join(unknown)}; there are {', '.join(CASES)}")
    if args.rounds < 1 or args.threads < 1:
        parser.error("--rounds and --threads must be at least 1")
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: torch sees no GPU")
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    torch.set_num_threads(args.threads)
    facts = machine(args.threads, args.device, args.workers)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="replidg-benchmarks-") as folder:
        options = Options(
            args.rounds, args.quick, args.threads, Path(folder), args.demo.resolve(), args.device,
            args.workers,
        )  # fmt: skip
        for letter in args.cases or CASES:
            print(f"measuring {letter} …", flush=True)
            rows += measure(letter, options)
            args.out.mkdir(parents=True, exist_ok=True)
            write_csv(rows, facts, args.out / "table.csv")  # after each: a long run may be stopped
            (args.out / "table.md").write_text(markdown(rows, facts, options))
    print(markdown(rows, facts, options))
    print(f"written to {args.out}/table.csv and table.md")


if __name__ == "__main__":
    main()
