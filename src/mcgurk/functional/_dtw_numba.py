"""Compiled dynamic time warping for the one-step patterns; imported on first use.

Cells of one anti-diagonal ``k = i + j`` do not depend on each other, so every inner loop runs along an anti-diagonal and is vectorised. A
buffer holds one anti-diagonal, row i at index i + 1, inf around the rows in use. x is transposed (d, n); y is transposed and reversed, so
that both are read forwards. ``lo, hi``: first and one past the last admitted column of each row, non-decreasing. ``double``: the weight of
a diagonal step.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

SQUARED, ABSOLUTE, EUCLIDEAN, COSINE = range(4)
DIAGONAL, DOWN, RIGHT = range(3)  # how a cell was reached; the order is the tie-break


@numba.njit(cache=True, nogil=True)
def _local(x: Any, y: Any, kind: int, lo: int, hi: int, shift: int, out: Any) -> None:
    """Costs of rows lo to hi of an anti-diagonal; row i meets column ``shift + i`` of the reversed y."""
    size = hi - lo
    cost = out[lo:hi]
    cost[:] = 1.0 if kind == COSINE else 0.0
    for k in range(x.shape[0]):
        a, b = x[k, lo:hi], y[k, shift + lo : shift + hi]
        if kind == COSINE:
            for t in range(size):
                cost[t] -= a[t] * b[t]
        elif kind == ABSOLUTE:
            for t in range(size):
                cost[t] += abs(a[t] - b[t])
        else:
            for t in range(size):
                cost[t] += (a[t] - b[t]) * (a[t] - b[t])
    if kind == EUCLIDEAN:
        for t in range(size):
            cost[t] = np.sqrt(cost[t])
    elif kind == COSINE:
        for t in range(size):
            cost[t] = max(cost[t], 0.0)


@numba.njit(cache=True, nogil=True)
def _cheapest(cost: Any, ups: Any, lefts: Any, corners: Any, double: float, out: Any) -> None:
    for t in range(len(cost)):
        best = ups[t] if ups[t] <= lefts[t] else lefts[t]
        best = best + cost[t]
        across = corners[t] + double * cost[t]
        out[t] = across if across <= best else best


@numba.njit(cache=True, nogil=True)
def _cheapest_and_how(cost: Any, ups: Any, lefts: Any, corners: Any, double: float, out: Any, step: Any) -> None:
    for t in range(len(cost)):
        down = ups[t] <= lefts[t]
        best = (ups[t] if down else lefts[t]) + cost[t]
        across = corners[t] + double * cost[t]
        straight = across <= best
        out[t] = across if straight else best
        step[t] = np.uint8(0) if straight else (np.uint8(1) if down else np.uint8(2))


@numba.njit(cache=True, nogil=True)
def _rows(k: int, first: int, last: int, lo: Any, hi: Any) -> Any:
    """Rows of anti-diagonal k that lie in the window, from those of the one before; both ends only ever move down."""
    n = len(lo)
    while first < n and first + hi[first] <= k:
        first += 1
    while last < n and last + lo[last] <= k:
        last += 1
    return first, last


@numba.njit(cache=True, nogil=True)
def total(x: Any, y: Any, kind: int, lo: Any, hi: Any, double: float) -> float:
    """Cost of the best path; memory for three anti-diagonals."""
    n, m = x.shape[1], y.shape[1]
    cost = np.empty(n)
    before, previous, current = np.full(n + 2, np.inf), np.full(n + 2, np.inf), np.full(n + 2, np.inf)
    first, last = 0, 0
    for k in range(n + m - 1):
        first, last = _rows(k, first, last, lo, hi)
        _local(x, y, kind, first, last, m - 1 - k, cost)
        if k == 0:
            current[1] = cost[0]
        else:
            _cheapest(
                cost[first:last],
                previous[first:last],
                previous[first + 1 : last + 1],
                before[first:last],
                double,
                current[first + 1 : last + 1],
            )
        current[first] = np.inf
        current[last + 1] = np.inf
        before, previous, current = previous, current, before
    return previous[n]


@numba.njit(cache=True, nogil=True)
def totals(xs: Any, x_starts: Any, n: int, ys: Any, y_starts: Any, m: int, kind: int, lo: Any, hi: Any, double: float, out: Any) -> None:
    """:func:`total` for pairs of sequences of lengths n and m that lie in two long arrays, (d, sum of lengths), ``ys`` reversed in each."""
    for p in range(len(out)):
        out[p] = total(xs[:, x_starts[p] : x_starts[p] + n], ys[:, y_starts[p] : y_starts[p] + m], kind, lo, hi, double)


@numba.njit(cache=True, nogil=True)
def path(x: Any, y: Any, kind: int, lo: Any, hi: Any, double: float) -> Any:
    """Cost and cells (l, 2) of the best path; one byte a cell of the window."""
    n, m = x.shape[1], y.shape[1]
    steps = np.empty(np.sum(hi - lo), np.uint8)
    offset, start = np.empty(n + m - 1, np.int64), np.empty(n + m - 1, np.int64)
    cost = np.empty(n)
    before, previous, current = np.full(n + 2, np.inf), np.full(n + 2, np.inf), np.full(n + 2, np.inf)
    first, last, used = 0, 0, 0
    for k in range(n + m - 1):
        first, last = _rows(k, first, last, lo, hi)
        offset[k], start[k] = used, first
        _local(x, y, kind, first, last, m - 1 - k, cost)
        if k == 0:
            current[1] = cost[0]
        else:
            _cheapest_and_how(
                cost[first:last],
                previous[first:last],
                previous[first + 1 : last + 1],
                before[first:last],
                double,
                current[first + 1 : last + 1],
                steps[used : used + last - first],
            )
        used += last - first
        current[first] = np.inf
        current[last + 1] = np.inf
        before, previous, current = previous, current, before
    cells = np.empty((n + m - 1, 2), np.int64)
    i, j, length = n - 1, m - 1, 0
    while np.isfinite(previous[n]):
        cells[length, 0], cells[length, 1] = i, j
        length += 1
        if i == 0 and j == 0:
            break
        step = steps[offset[i + j] + i - start[i + j]]
        if step != RIGHT:
            i -= 1
        if step != DOWN:
            j -= 1
    return previous[n], cells[:length][::-1].copy()
