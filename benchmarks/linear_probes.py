"""All linear probes of a data set, batched against one after another: time and differences.

    python benchmarks/linear_probes.py [--images 8000] [--device cpu] [--threads 2]

Both sides have the same images, draws, learning rates, initial weights and threads. There are two
peers, each a run after the other with `nn.Linear`, `torch.optim.Adam` as torch chooses it, and
`StepLR`: `loader` is what one would write, a DataLoader over a TensorDataset; `bare` indexes the
tensors for each batch, which is as fast as a plain loop gets. CPU seconds are printed beside wall
time, because a machine that others use stretches that. The fraction 0 trains nothing.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
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


def main() -> None:
    """Print the times, their ratios and the largest difference of a weight."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=8000)
    parser.add_argument("--classes", type=int, default=182)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--fractions", type=float, nargs="+", default=FRACTIONS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument(
        "--at-once", type=int, help="streams a batch; default: all on a GPU, else 1"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--peers", nargs="+", default=["loader", "bare"], help="loader, bare")
    args = parser.parse_args()
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(args.classes, (args.images,), generator=random)
    centres = torch.randn(args.classes, args.dim, generator=random)
    values = 0.3 * (centres[labels] + 2 * torch.randn(args.images, args.dim, generator=random))
    train = Features(values.to(args.device, getattr(torch, args.dtype)), labels.to(args.device))
    groups = np.random.default_rng(0).integers(0, 40, args.images)
    streams = []
    for fraction in filter(None, args.fractions):
        for seed in range(args.seeds):
            rows = subset(args.images, fraction, seed)
            weights = group_weights(groups[rows])
            streams.append(Stream(rows, weights, (seed, f"{fraction:g}"), seed, RATES))
    torch.set_num_threads(args.threads)
    size = args.at_once or (len(streams) if args.device == "cuda" else 1)
    budget = Budget(SCHEDULE, 128, 1e-4, args.classes)
    clock = Clock(args.device)
    firsts = range(0, len(streams), size)
    every = [Probes(streams[first : first + size], train, None, budget) for first in firsts]
    train_all(every, args.threads)
    found = [result for probes in every for result in probes.results()]
    batched = clock.read()
    print(f"{len(streams) * len(RATES)} runs, {args.threads} threads")
    print(f"batched  wall {batched[0]:7.1f} s, CPU {batched[1]:7.1f} s")
    for peer in args.peers:
        clock, layers = Clock(args.device), []
        for stream in streams:
            layers.append([one(stream, r, train, args.classes, peer == "loader") for r in RATES])
        alone = clock.read()
        gaps = [
            (layer.weight.detach().cpu() - result["weight"][place]).abs().max().item()
            for result, own in zip(found, layers, strict=True)
            for place, layer in enumerate(own)
        ]
        print(
            f"{peer:8} wall {alone[0]:7.1f} s, CPU {alone[1]:7.1f} s: {alone[0] / batched[0]:.2f} "
            f"x by wall, {alone[1] / batched[1]:.2f} x by CPU; largest difference of a weight "
            f"{max(gaps):.2g}"
        )


class Clock:
    """Wall and CPU seconds since it was made."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.start = self._now()

    def _now(self) -> tuple[float, float]:
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Return wall and CPU seconds."""
        wall, cpu = self._now()
        return wall - self.start[0], cpu - self.start[1]


if __name__ == "__main__":
    main()
