"""Round-robin timing: every contestant runs once a round, so that a busy machine slows all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of some measurements, in the order they were taken."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return self.quartiles()[0]

    @property
    def high(self) -> float:
        return self.quartiles()[-1]

    def quartiles(self) -> Sequence[float]:
        return statistics.quantiles(self.values, n=4, method="inclusive") if len(self.values) > 1 else self.values

    @staticmethod
    def ratio(a: Spread, b: Spread) -> Spread:
        """a / b, round by round."""
        return Spread(tuple(x / y for x, y in zip(a.values, b.values, strict=True)))


def cpu_rounds(contestants: Mapping[str, Callable[[], object]], rounds: int = 7, least: float = 0.02) -> dict[str, Spread]:
    """Name -> CPU time of one call in milliseconds, in ``rounds`` rounds of at least ``least`` seconds a contestant."""
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
    return {name: Spread(tuple(values)) for name, values in taken.items()}


def cpu_milliseconds(contestants: Mapping[str, Callable[[], object]], rounds: int = 7, least: float = 0.02) -> dict[str, float]:
    """Name -> median CPU time of one call in milliseconds (see :func:`cpu_rounds`)."""
    return {name: spread.median for name, spread in cpu_rounds(contestants, rounds, least).items()}


def quicker(name: str, reference: Spread, ours: Spread) -> dict[str, object]:
    """How many times quicker ours is: the median of the ratios within a round, and their quartiles."""
    ratio = Spread.ratio(reference, ours)
    return {name: ratio.median, f"{name}_quartiles": [ratio.low, ratio.high]}
