"""Case d: all linear probes of a data set, batched against one after another.

    python benchmarks/linear_probes.py [--images 8000] [--device cpu] [--threads 2]

measures other sizes than `run.py d`. Both sides have the same images, draws, learning rates,
initial weights and threads. There are two peers, each a run after the other with `nn.Linear`,
`torch.optim.Adam` as torch chooses it, and `StepLR`: one is what one would write, a DataLoader
over a TensorDataset; the other indexes the tensors for each batch, as fast as a plain loop gets.
The fraction 0 trains nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from measure import Options, Row, Work, compared, interleaved
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from replidg.data.epoch_draws import group_weights, subset
from replidg.methods.epoch_schedule import Schedule
from replidg.seeds import seed_of, seeded
from replidg.training.probes import Budget, Features, Probes, Stream, train_all

FRACTIONS = (0.0, 0.03, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
RATES = (1e-2, 1e-3, 1e-4, 1e-5)
SCHEDULE = Schedule(20, 15, 0.1)
LOADER, BARE = "one run after another, DataLoader", "one run after another, tensors indexed"


def one(stream: Stream, rate: float, train: Features, classes: int, loader: bool) -> nn.Linear:
    """Train one probe the usual way."""
    with seeded(seed_of(stream.seed, "head")):
        layer = nn.Linear(train.values.shape[1], classes).to(train.values)
    optimizer = torch.optim.Adam(layer.parameters(), lr=rate, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 15, 0.1)
    images = TensorDataset(train.values, train.labels)
    for epoch in range(SCHEDULE.epochs):
        rows = stream.batches(epoch, 128)
        batches = [row[row >= 0] for row in rows]
        if loader:
            pairs = DataLoader(images, batch_sampler=[row.tolist() for row in batches])
        else:
            index = [torch.from_numpy(row).to(train.values.device) for row in batches]
            pairs = ((train.values[row], train.labels[row]) for row in index)
        for x, y in pairs:
            optimizer.zero_grad()
            F.cross_entropy(layer(x), y).backward()
            optimizer.step()
        scheduler.step()
    return layer


class Grid:
    """Made embeddings, and all runs on them: fractions x seeds x learning rates.

    Args:
        images: number of them.
        classes: number of classes.
        dim: values an embedding.
        fractions: of the images.
        seeds: of the draws.
        device: where everything lies.
        threads: of torch.
    """

    def __init__(
        self, images: int, classes: int, dim: int, fractions: tuple[float, ...], seeds: int,
        device: str, threads: int,
    ) -> None:  # fmt: skip
        random = torch.Generator().manual_seed(0)
        labels = torch.randint(classes, (images,), generator=random)
        centres = torch.randn(classes, dim, generator=random)
        values = 0.3 * (centres[labels] + 2 * torch.randn(images, dim, generator=random))
        self.train = Features(values.to(device), labels.to(device))
        self.classes, self.device, self.threads = classes, device, threads
        groups = np.random.default_rng(0).integers(0, 40, images)
        self.streams = []
        for fraction in filter(None, fractions):
            for seed in range(seeds):
                rows = subset(images, fraction, seed)
                weights = group_weights(groups[rows])
                self.streams.append(Stream(rows, weights, (seed, f"{fraction:g}"), seed, RATES))
        self.runs = len(self.streams) * len(RATES)
        self.weights: dict[str, list[torch.Tensor]] = {}

    def batched(self) -> int:
        """Train all runs as the project does."""
        size = len(self.streams) if self.device == "cuda" else 1
        budget = Budget(SCHEDULE, 128, 1e-4, self.classes)
        every = [
            Probes(self.streams[first : first + size], self.train, None, budget)
            for first in range(0, len(self.streams), size)
        ]
        train_all(every, self.threads)
        self.weights["ours"] = [r["weight"].cpu() for each in every for r in each.results()]
        return self.runs

    def alone(self, peer: str) -> Work:
        """Return the training of all runs one after another."""

        def work() -> int:
            self.weights[peer] = [
                one(stream, rate, self.train, self.classes, peer == LOADER).weight.detach().cpu()
                for stream in self.streams
                for rate in RATES
            ]
            return self.runs

        return work

    def gap(self, peer: str) -> float:
        """Return the largest difference of a weight; results are in the order stream, rate."""
        ours = torch.stack([w.reshape(-1) for w in self.weights["ours"]]).reshape(self.runs, -1)
        other = torch.stack([w.reshape(-1) for w in self.weights[peer]])
        return (ours - other).abs().max().item()


def measured(grid: Grid, rounds: int) -> list[Row]:
    """Return the comparison of a grid with both peers."""
    sides = {"ours": grid.batched, LOADER: grid.alone(LOADER), BARE: grid.alone(BARE)}
    found = interleaved(sides, rounds)
    images, dim = grid.train.values.shape
    what = f"{grid.runs} linear probes, {images} x {dim}, {grid.classes} classes"
    return [
        compared(
            found, "ours", peer, case="d", what=what, unit="run", goal=">= 10 x",
            note=f"weights differ by at most {grid.gap(peer):.1g}",
        )
        for peer in (LOADER, BARE)
    ]  # fmt: skip


def probes(options: Options) -> list[Row]:
    """Case d: three of the paper's nine fractions, one of its three seeds, half the images.

    A GPU, where the runs of a batch cost little more than one, has all fractions.
    """
    images = 1000 if options.quick else 4000
    fractions = FRACTIONS if options.cuda else (0.03, 0.3, 1.0)
    grid = Grid(images, 182, 512, fractions, 1, options.device, options.threads)
    return measured(grid, options.rounds)


def main() -> None:
    """Measure the grid that the command line describes and print it."""
    from table import machine, markdown

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=8000)
    parser.add_argument("--classes", type=int, default=182)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--fractions", type=float, nargs="+", default=FRACTIONS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    fractions = tuple(args.fractions)
    grid = Grid(
        args.images, args.classes, args.dim, fractions, args.seeds, args.device, args.threads
    )
    options = Options(args.rounds, False, args.threads, Path(), Path(), args.device)
    print(markdown(measured(grid, args.rounds), machine(args.threads, args.device), options))


if __name__ == "__main__":
    main()
