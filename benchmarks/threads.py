"""The thread count a training step is given, against the better of one and all."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from mcgurk.run import Run, cores

SEED = 0
WIDTH = 409
BAR = 1.1


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Wall milliseconds of a step with one thread and with all, and which the library chose."""
    rounds = 25 if full else 9
    torch.manual_seed(SEED)
    return {
        "protocol": f"steps of a network of {WIDTH} inputs and two hidden layers, fused Adam; wall time, the least of {rounds} round-robin "
        f"rounds, one thread against {cores()}; the choice comes from the operations of a step alone, never from a clock",
        "seed": SEED,
        "bar, on a machine with nothing else to do": BAR,
        "load when it began": os.getloadavg()[0] if hasattr(os, "getloadavg") else "unknown",
        **{
            f"batch {batch}, hidden {hidden}": step(batch, hidden, rounds)
            for batch, hidden in ((32, 64), (256, 64), (256, 512), (1024, 1024))
        },
    }


def step(batch: int, hidden: int, rounds: int) -> dict[str, Any]:
    """One size."""
    net = nn.Sequential(nn.Linear(WIDTH, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 2))
    optimiser = torch.optim.Adam(net.parameters(), fused=True)
    x, y = torch.randn(batch, WIDTH), torch.randint(0, 2, (batch,))
    work = 6.0 * sum(p.numel() for p in net.parameters()) * batch
    repeats = max(2, int(2e8 / work))

    def once() -> None:
        optimiser.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimiser.step()

    taken: dict[int, list[float]] = {1: [], cores(): []}
    for _ in range(rounds):
        for threads, times in taken.items():
            with Run(threads=threads).threaded(work):
                once()
                started = time.perf_counter()
                for _ in range(repeats):
                    once()
                times.append((time.perf_counter() - started) / repeats * 1e3)
    with Run().threaded(work) as chosen:
        pass
    least = {threads: min(times) for threads, times in taken.items()}
    return {
        **{f"{threads} thread{'s' if threads > 1 else ''}, ms": value for threads, value in least.items()},
        **{f"{threads} thread{'s' if threads > 1 else ''}, median ms": statistics.median(times) for threads, times in taken.items()},
        "chosen": chosen,
        "chosen against the better": least[chosen] / min(least.values()),
    }
