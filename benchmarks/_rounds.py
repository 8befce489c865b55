"""Round-robin timing: every contestant runs once a round, so that a busy machine slows all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def cpu_milliseconds(contestants: Mapping[str, Callable[[], object]], rounds: int = 7, least: float = 0.02) -> dict[str, float]:
    """Name -> median CPU time of one call in milliseconds, over ``rounds`` rounds of at least ``least`` seconds a contestant."""
    repeats = {}
    for name, call in contestants.items():
        call()
        started = time.process_time()
        call()
        repeats[name] = max(1, int(least / max(time.process_time() - started, 1e-6)))
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, call in contestants.items():
            started = time.process_time()
            for _ in range(repeats[name]):
                call()
            taken[name].append((time.process_time() - started) / repeats[name] * 1e3)
    return {name: statistics.median(values) for name, values in taken.items()}
