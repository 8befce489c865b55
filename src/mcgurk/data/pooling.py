"""What a window makes of a track: which items it touches, by how much, and rules that pool them. No loop over windows anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mcgurk.errors import DataError

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Pairs:
    """Every touch of a window and an item: window numbers (ascending), item numbers, seconds of overlap (1 for points)."""

    window: Array
    item: Array
    weight: Array
    count: int


def touching(start: Array, end: Array, first: Array, last: Array) -> Pairs:
    """Windows [first, last) against intervals [start, end): overlap o = min(e, b) - max(s, a) > 0; an interval of no length touches the
    window it lies in, with weight 0. O((N + K) log) where the windows' ends ascend with their starts.
    """
    if (np.diff(first) < 0).any():
        order = np.argsort(first, kind="stable")
        inner = touching(start, end, first[order], last[order])
        window = order[inner.window]
        again = np.argsort(window, kind="stable")
        return Pairs(window[again], inner.item[again], inner.weight[again], len(first))
    point = start == end
    bound = np.maximum.accumulate(last) if len(last) else last
    low = np.searchsorted(bound, start, side="right")
    high = np.where(point, np.searchsorted(first, start, side="right"), np.searchsorted(first, end, side="left"))
    many = np.maximum(high - low, 0)
    item = np.repeat(np.arange(len(start)), many)
    window = np.arange(many.sum()) + np.repeat(low - (np.cumsum(many) - many), many)
    overlap = np.minimum(end[item], last[window]) - np.maximum(start[item], first[window])
    keep = np.where(point[item], (start[item] >= first[window]) & (start[item] < last[window]), overlap > 0)
    item, window, overlap = item[keep], window[keep], np.maximum(overlap[keep], 0.0)
    order = np.lexsort((item, window))
    return Pairs(window[order], item[order], overlap[order], len(first))


def union_length(start: Array, end: Array, first: Array, last: Array) -> Array:
    """Seconds of each window covered by at least one interval, (K,)."""
    if not len(start):
        return np.zeros(len(first))
    order = np.argsort(start, kind="stable")
    start, end = start[order], np.maximum.accumulate(end[order])
    new = np.concatenate([[True], start[1:] > end[:-1]])
    lows, highs = start[new], end[np.concatenate([new[1:], [True]])]
    before = np.concatenate([[0.0], np.cumsum(highs - lows)])

    def covered_until(t: Array) -> Array:
        k = np.searchsorted(lows, t, side="right")
        inside = np.where(k > 0, np.minimum(t, highs[np.maximum(k - 1, 0)]) - lows[np.maximum(k - 1, 0)], 0.0)
        return before[np.maximum(k - 1, 0)] + np.maximum(inside, 0.0)

    return np.maximum(covered_until(last) - covered_until(first), 0.0)


def sample_sums(values: Array, whole: tuple[Array, Array], part: tuple[Array, Array]) -> Array:
    """Sums over [low, high) in sample units of consecutive samples, edge samples in proportion: O(T + K), no cancellation.

    Args:
        values: (T, d), zeros where not valid.
        whole: floor of low and of high, (K,) int64, clipped to [0, T].
        part: their fractions, (K,), 0 where clipped.
    """
    padded = np.concatenate([values, np.zeros((1, values.shape[1]))])
    low, high = whole
    index = np.stack([low, high], axis=1).ravel()
    sums = np.add.reduceat(padded, index, axis=0)[::2] if len(low) else np.zeros((0, values.shape[1]))
    sums = np.where((high > low)[:, None], sums, 0.0)
    return sums + part[1][:, None] * padded[high] - part[0][:, None] * padded[low]


def _sums(values: Array, pairs: Pairs) -> Array:
    out = np.zeros((pairs.count, values.shape[1]))
    np.add.at(out, pairs.window, values)
    return out


def _weights(pairs: Pairs) -> Array:
    """Overlap; 1 where only points are touched, so that means of points exist."""
    total = np.bincount(pairs.window, pairs.weight, minlength=pairs.count)
    return np.where(total[pairs.window] > 0, pairs.weight, 1.0)


def mean(values: Array, pairs: Pairs) -> Array:
    """sum o v / sum o."""
    w = _weights(pairs)
    total = np.bincount(pairs.window, w, minlength=pairs.count)
    return _sums(w[:, None] * values[pairs.item], pairs) / np.where(total > 0, total, 1.0)[:, None]


def sd(values: Array, pairs: Pairs) -> Array:
    """Weighted standard deviation, sqrt(sum o (v - mean)^2 / sum o)."""
    w = _weights(pairs)
    total = np.bincount(pairs.window, w, minlength=pairs.count)
    deviation = values[pairs.item] - mean(values, pairs)[pairs.window]
    return np.sqrt(_sums(w[:, None] * deviation**2, pairs) / np.where(total > 0, total, 1.0)[:, None])


def _edge(values: Array, pairs: Pairs, at_end: bool) -> Array:
    out = np.zeros((pairs.count, values.shape[1]))
    order = np.arange(len(pairs.window)) if at_end else np.arange(len(pairs.window))[::-1]
    out[pairs.window[order]] = values[pairs.item[order]]  # the last assignment wins; items ascend in time
    return out


def first(values: Array, pairs: Pairs) -> Array:
    return _edge(values, pairs, False)


def last(values: Array, pairs: Pairs) -> Array:
    return _edge(values, pairs, True)


def maximum(values: Array, pairs: Pairs) -> Array:
    out = np.full((pairs.count, values.shape[1]), -np.inf)
    np.maximum.at(out, pairs.window, values[pairs.item])
    return np.where(np.isinf(out), 0.0, out)


def minimum(values: Array, pairs: Pairs) -> Array:
    return -maximum(-values, pairs)


def quantile(values: Array, pairs: Pairs, share: float) -> Array:
    """The smallest value at which the weight of what is not above it reaches ``share`` of the window's; the median for 1/2."""
    out, w = np.zeros((pairs.count, values.shape[1])), _weights(pairs)
    total = np.bincount(pairs.window, w, minlength=pairs.count)
    before = np.concatenate([[0.0], np.cumsum(total)])
    for j in range(values.shape[1]):
        order = np.lexsort((values[pairs.item, j], pairs.window))
        window, passed = pairs.window[order], np.cumsum(w[order])
        reached = passed - before[window] >= share * total[window] * (1 - 1e-12)
        chosen = np.flatnonzero(reached)[::-1]
        out[window[chosen], j] = values[pairs.item[order][chosen], j]  # backwards: the first that reaches it is assigned last
    return out


def slope(values: Array, pairs: Pairs, middle: Array) -> Array:
    """Weighted least squares of the values on the middles of the items, per second; 0 for fewer than two moments."""
    w, t = _weights(pairs)[:, None], middle[pairs.item][:, None]
    center = mean(middle[:, None], pairs)[pairs.window]
    height = mean(values, pairs)[pairs.window]
    along = _sums(w * (t - center) * (values[pairs.item] - height), pairs)
    square = _sums(w * (t - center) ** 2, pairs)
    return np.divide(along, square, out=np.zeros_like(along), where=square > 1e-18)


RULES: dict[str, Callable[[Array, Pairs], Array]] = {
    "mean": mean,
    "sd": sd,
    "max": maximum,
    "min": minimum,
    "first": first,
    "last": last,
    "median": lambda values, pairs: quantile(values, pairs, 0.5),
}


def rule(name: str) -> Callable[[Array, Pairs], Array]:
    """A rule on values by name; "q10" is the 10 % quantile.

    Raises:
        DataError: no such rule.
    """
    if name in RULES:
        return RULES[name]
    if name[:1] == "q" and name[1:].isdigit() and 0 < int(name[1:]) < 100:
        share = int(name[1:]) / 100
        return lambda values, pairs: quantile(values, pairs, share)
    known = [*RULES, "q01 … q99", "sum", "slope", "count", "any", "vote", "shares", "entropy"]
    raise DataError(f"pooling rule {name!r}; expected one of {', '.join(known)}")


def label_weights(codes: Array, weight: Array, pairs: Pairs, classes: int) -> Array:
    """(K, C): weight of each label in each window."""
    out = np.zeros((pairs.count, classes))
    np.add.at(out, (pairs.window, codes[pairs.item]), weight)
    return out


def vote(codes: Array, weight: Array, pairs: Pairs, classes: int) -> Array:
    """argmax_c of the weights; a tie goes to the label that begins earliest. (K,), -1 where nothing is touched."""
    totals = label_weights(codes, weight, pairs, classes)
    rank = np.full((pairs.count, classes), np.inf)
    np.minimum.at(rank, (pairs.window, codes[pairs.item]), pairs.item.astype(float))
    touched = np.isfinite(rank)
    top = np.where(touched, totals, -np.inf).max(axis=1, keepdims=True)
    best = touched & (totals >= top * (1 - 1e-12))
    return np.where(touched.any(axis=1), np.where(best, rank, np.inf).argmin(axis=1), -1)


def entropy(shares: Array) -> Array:
    """Entropy of rows that are made to sum to 1, natural logarithm; 0 for an empty row. (K, C) -> (K, 1)."""
    p = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
    return -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1, keepdims=True)
