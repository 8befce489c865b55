"""Where and how a computation runs: seed, device, precision, threads, progress; the only place besides train/backend that knows."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk import seeding
from mcgurk.config import config

SMALL = 2e8


@dataclass(frozen=True)
class Run:
    """One run's circumstances.

    Args:
        seed: every random number of the run derives from it and a stream's name.
        device: "cpu", "cuda", "cuda:1" or "mps".
        dtype: "float32", "float64", "bfloat16" (mixed precision: parameters stay float32).
        threads: threads of one computation, or None to choose by the size of the work.
        checkpoint: folder for checkpoints, or None.
        progress: whether to show a progress bar.
    """

    seed: int = 0
    device: str = "cpu"
    dtype: str = "float32"
    threads: int | None = None
    checkpoint: Path | None = None
    progress: bool = False
    facts: dict[str, Any] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, random_state: Any = None, checkpoint: Any = None, dtype: str = "float32") -> Run:
        """A run under the machine's settings (:mod:`mcgurk.config`)."""
        folder = None if checkpoint is None else Path(checkpoint)
        return cls(seeding.resolve(random_state), _device(config.device), dtype, config.threads, folder, config.shows_progress)

    def rng(self, *stream: object) -> np.random.Generator:
        """A fresh generator for a named stream, such as "init", "order", "noise" or "workers"."""
        return seeding.generator(self.seed, *stream)

    def derive(self, *stream: object) -> int:
        """An integer seed for a named stream."""
        return seeding.derive(self.seed, *stream)

    def inner(self, *stream: object) -> Run:
        """The run of a part, such as one fold: its own seed, no bar, no checkpoint of its own."""
        return Run(self.derive(*stream), self.device, self.dtype, self.threads, None, False)

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Everybody's global random state is left as it was; inside, it is seeded by this run."""
        with seeding.guard(self.derive("init") % 2**32):
            yield

    @contextlib.contextmanager
    def threaded(self, work: float) -> Iterator[int]:
        """Use one thread for small work and all cores for large; ``work`` counts the operations of one step.

        Below :data:`SMALL` operations a second thread costs more than it gives, and on a busy machine ten times more.
        """
        import torch
        from threadpoolctl import threadpool_limits

        before = torch.get_num_threads()
        wanted = self.threads or (1 if work < SMALL else cores())
        self.facts["threads"] = wanted
        with threadpool_limits(wanted):
            torch.set_num_threads(wanted)
            try:
                yield wanted
            finally:
                torch.set_num_threads(before)

    def track(self, items: Iterable[Any], total: int, label: str) -> Iterable[Any]:
        """``items`` behind a progress bar with the time left, where bars are wanted."""
        return progress(items, total, label) if self.progress else items


def progress(items: Iterable[Any], total: int, label: str) -> Iterator[Any]:
    """A bar with the time left on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task(label, total=total)
        for item in items:
            yield item
            bar.advance(task)


def cores() -> int:
    """Cores this process may use, which in a container are often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "cpu"


def versions() -> dict[str, str]:
    """Versions that a result depends on."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    out = {"python": platform.python_version()}
    for package in ("mcgurk", "numpy", "scipy", "scikit-learn", "torch"):
        with contextlib.suppress(PackageNotFoundError):
            out[package] = version(package)
    return out
