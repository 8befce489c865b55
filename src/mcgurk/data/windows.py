"""Windows in exact arithmetic, and the samples and intervals they hold."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np

from mcgurk.data.pooling import Pairs
from mcgurk.data.timeline import IntervalTrack, RegularTrack, Seconds, exact
from mcgurk.errors import DataError

OVERLAPS = ("error", "multilabel", "highest_confidence", "earliest", "split_equal")


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Half-open windows [low / denominator, high / denominator), integers: an edge is never an accumulated float.

    Example:
        >>> Windows.regular(0, "1001/30000", "1001/30000", 3).start.round(4).tolist()
        [0.0, 0.0334, 0.0667]
    """

    low: np.ndarray
    high: np.ndarray
    denominator: int

    @classmethod
    def regular(cls, origin: Seconds | str, hop: Seconds | str, width: Seconds | str, n: int) -> Windows:
        """Window k = [origin + k hop, origin + k hop + width)."""
        parts = [exact(value) for value in (origin, hop, width)]
        common = lcm(*(p.denominator for p in parts))
        first, step, length = (int(p * common) for p in parts)
        low = _line(first, step, n, length)
        return cls(low, low + length, common)

    @classmethod
    def custom(cls, start: np.ndarray, end: np.ndarray) -> Windows:
        """Windows of any length, to the nanosecond."""
        lows, highs = (np.round(np.asarray(v, dtype=np.float64) * 1e9).astype(np.int64) for v in (start, end))
        if lows.shape != highs.shape or (highs <= lows).any():
            raise DataError("custom windows need as many ends as starts, and every end after its start")
        return cls(lows, highs, 10**9)

    def __len__(self) -> int:
        return len(self.low)

    @property
    def start(self) -> np.ndarray:
        """Seconds, float64."""
        return (self.low / self.denominator).astype(np.float64)

    @property
    def end(self) -> np.ndarray:
        return (self.high / self.denominator).astype(np.float64)

    @property
    def width(self) -> np.ndarray:
        return ((self.high - self.low) / self.denominator).astype(np.float64)

    def samples(self, track: RegularTrack) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Low and high edges in samples of the track, as whole numbers and fractions, cut to the track: exact before the last division."""
        t0, rate, count = track.t0, track.rate, len(track)
        factor, shift = t0.denominator * rate.numerator, t0.numerator * self.denominator * rate.numerator
        divisor = self.denominator * t0.denominator * rate.denominator
        wholes, parts = [], []
        for edge in (self.low, self.high):
            largest = max((abs(int(v)) for v in (edge.min(), edge.max())), default=0) if len(edge) else 0
            exact_edge = edge.astype(object) if largest * factor + abs(shift) >= 2**62 else edge
            place = exact_edge * factor - shift
            whole = place // divisor
            part = ((place - whole * divisor) / divisor).astype(np.float64)
            inside = (whole >= 0) & (whole < count)
            wholes.append(np.clip(whole, 0, count).astype(np.int64))
            parts.append(np.where(inside, part, 0.0))
        return (wholes[0], wholes[1]), (parts[0], parts[1])


def sample_pairs(track: RegularTrack, whole: tuple[np.ndarray, np.ndarray], part: tuple[np.ndarray, np.ndarray]) -> Pairs:
    """Every valid sample a window touches, with its overlap in samples."""
    low, high = whole[0], whole[1] + (part[1] > 0)
    many = np.maximum(high - low, 0)
    window = np.repeat(np.arange(len(low)), many)
    item = np.arange(many.sum()) + np.repeat(low - (np.cumsum(many) - many), many)
    weight = np.ones(len(item))
    weight -= np.where(item == low[window], part[0][window], 0.0)
    weight -= np.where((item == whole[1][window]) & (part[1][window] > 0), 1.0 - part[1][window], 0.0)
    keep = track.valid[item] & (weight > 0) if len(item) else np.zeros(0, dtype=bool)
    return Pairs(window[keep], item[keep], weight[keep], len(low))


def disjoint(track: IntervalTrack, policy: str, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(start, end, item, share) of pieces that do not overlap, or the intervals as they are where they need not be.

    Args:
        track: intervals.
        policy: "error"; "multilabel" (keep all); where intervals overlap: "highest_confidence" (a tie: the earliest), "earliest" (the one
            that began first) or "split_equal" (each an equal share).
        name: of the track, for messages.

    Raises:
        DataError: T04, intervals of one tier overlap and the policy is "error".
    """
    if policy not in OVERLAPS:
        raise DataError(f"overlap {policy!r} was given; expected one of {', '.join(OVERLAPS)}")
    start, end, everything = track.start, track.end, np.arange(len(track))
    before = np.maximum.accumulate(end)[:-1] if len(end) else end
    crossing = np.flatnonzero(start[1:] < before)
    if policy == "multilabel" or not len(crossing):
        return start, end, everything, np.ones(len(start))
    if policy == "error":
        i = int(crossing[0])
        raise DataError(
            f"track {name!r}: the interval that starts at {start[i + 1]:g} s begins before one is over at {before[i]:g} s; "
            "correct the tier, or say overlap='multilabel', 'highest_confidence', 'earliest' or 'split_equal'",
            code="T04",
        )
    from mcgurk.data.pooling import touching

    bounds = np.unique(np.concatenate([start, end]))
    pairs = touching(start, end, bounds[:-1], bounds[1:])
    long = end[pairs.item] > start[pairs.item]
    piece, item = pairs.window[long], pairs.item[long]
    if policy == "split_equal":
        return bounds[piece], bounds[piece + 1], item, 1.0 / np.bincount(piece)[piece]
    rank = -track.confidence[item] if policy == "highest_confidence" else np.zeros(len(item))
    order = np.lexsort((item, rank, piece))
    chosen = order[np.concatenate([[True], np.diff(piece[order]) > 0])] if len(order) else order
    return bounds[piece[chosen]], bounds[piece[chosen] + 1], item[chosen], np.ones(len(chosen))


def _line(first: int, step: int, n: int, length: int) -> np.ndarray:
    small = max(abs(first), abs(first + step * n + length)) < 2**62
    return first + step * np.arange(n, dtype=np.int64 if small else object)


def whole_windows(span: tuple[Fraction, Fraction], origin: Fraction, hop: Fraction, width: Fraction) -> tuple[Fraction, int]:
    """First start and number of the windows on the raster origin + k hop that lie inside a span."""
    first = -((origin - span[0]) // hop)  # ceil((span - origin) / hop)
    start = origin + first * hop
    return start, max(int((span[1] - start - width) // hop) + 1, 0)
