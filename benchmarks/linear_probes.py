"""All linear probes of a data set, batched against one after another: time and differences.

    python benchmarks/linear_probes.py [--images 8000] [--device cpu] [--loader]

Both sides have the same images, draws, learning rates and initial weights. The peer is what one
would write: for each run an index of the epoch's draws, `torch.optim.Adam` and `StepLR`; `--loader`
gives it a DataLoader, as WILDS' code has. The fraction 0 trains nothing.
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
from replidg.training.probes import Budget, Features, Probes, Stream

FRACTIONS = (0.0, 0.03, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
RATES = (1e-2, 1e-3, 1e-4, 1e-5)
SCHEDULE = Schedule(20, 15, 0.1)


def one(stream: Stream, rate: float, train: Features, args: argparse.Namespace) -> nn.Linear:
    """Train one probe the usual way."""
    with seeded(seed_of(stream.seed, "head")):
        layer = nn.Linear(train.values.shape[1], args.classes).to(train.values)
    optimizer = torch.optim.Adam(layer.parameters(), lr=rate, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 15, 0.1)
    images = TensorDataset(train.values, train.labels)
    for epoch in range(SCHEDULE.epochs):
        rows = stream.batches(epoch, 128)
        batches = [row[row >= 0] for row in rows]
        if args.loader:
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
    """Print both times, their ratio and the largest difference of a weight."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=8000)
    parser.add_argument("--classes", type=int, default=182)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--fractions", type=float, nargs="+", default=FRACTIONS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--at-once", type=int, help="streams; default: all on a GPU, else 1")
    parser.add_argument("--loader", action="store_true")
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
    size = args.at_once or (len(streams) if args.device == "cuda" else 1)
    budget = Budget(SCHEDULE, 128, 1e-4, args.classes)
    start, found = time.perf_counter(), []
    for first in range(0, len(streams), size):
        probes = Probes(streams[first : first + size], train, None, budget)
        for _ in probes.run():
            pass
        found += probes.results()
    batched = time.perf_counter() - start
    start, worst = time.perf_counter(), 0.0
    for stream, result in zip(streams, found, strict=True):
        for place, rate in enumerate(RATES):
            layer = one(stream, rate, train, args)
            gap = (layer.weight.detach().cpu() - result["weight"][place]).abs().max().item()
            worst = max(worst, gap)
    alone = time.perf_counter() - start
    runs = len(streams) * len(RATES)
    print(f"{runs} runs: batched {batched:.1f} s, one after another {alone:.1f} s, ", end="")
    print(f"{alone / batched:.2f} x; largest difference of a weight {worst:.2g}")


if __name__ == "__main__":
    main()
