"""Strips for the report: numbers as positions in per cent of a shared axis, so that the page draws them at any width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Mark:
    """One line of a chart; positions are per cent of the axis, None where unknown.

    Args:
        label, sub: what it is.
        at, low, high: the figure and its interval.
        other: a second figure (a hollow dot), such as the same contestant with a modality gone.
        text, note: the figure in words.
        tone: "pick" (the row is tinted), "own", "good", "bad", "flat", "plain" or "base".
    """

    label: str
    sub: str
    at: float | None
    low: float | None
    high: float | None
    other: float | None
    text: str
    note: str
    tone: str


@dataclass(frozen=True)
class Axis:
    """A linear axis from ``low`` to ``high`` with round ticks."""

    low: float
    high: float
    step: float

    @classmethod
    def around(cls, values: Sequence[float], *, zero: bool = False, within: tuple[float, float] | None = None) -> Axis:
        """An axis that holds the finite values, with a little room; ``zero`` puts 0 on it, ``within`` bounds it."""
        known = np.array([v for v in values if v is not None and np.isfinite(v)] + ([0.0] if zero else []))
        if not len(known):
            known = np.array([0.0, 1.0])
        low, high = float(known.min()), float(known.max())
        room = 0.04 * (high - low) or 0.1 * abs(high) or 0.1
        low, high = low - room, high + room
        if within is not None:
            low, high = max(low, within[0]), min(high, within[1])
        rough = (high - low) / 5
        size = 10 ** np.floor(np.log10(rough))
        step = float(size * next(m for m in (1, 2, 2.5, 5, 10) if m * size >= rough * 0.999))
        return cls(low, high, step)

    def at(self, value: float) -> float | None:
        """Position in per cent, kept on the axis; None for an unknown value."""
        if value is None or not np.isfinite(value):
            return None
        return round(float(np.clip(100 * (value - self.low) / (self.high - self.low), 0, 100)), 2)

    def ticks(self) -> list[tuple[float, float]]:
        """(position, value) of round numbers."""
        first = np.ceil(self.low / self.step - 1e-9)
        values = [float(v) for v in (np.arange(first, first + 12) * self.step) if v <= self.high + 1e-12]
        return [(p, 0.0 if abs(v) < self.step * 1e-6 else v) for v in values if (p := self.at(v)) is not None]


@dataclass(frozen=True)
class Chart:
    """Marks over one axis, with a reference line."""

    marks: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    line: float | None = None
    line_label: str = ""
