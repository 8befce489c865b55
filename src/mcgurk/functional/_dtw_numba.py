"""Compiled dynamic time warping for the one-step patterns; imported on first use.

``lo, hi`` are the first and one past the last admitted column of each row, both non-decreasing. ``double`` is a diagonal step's weight.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

SQUARED, ABSOLUTE, EUCLIDEAN, COSINE = range(4)
DIAGONAL, DOWN, RIGHT = range(3)  # how a cell was reached; the order is the tie-break


@numba.njit(cache=True, nogil=True)
def _local(x: Any, i: int, y: Any, kind: int, lo: int, hi: int, out: Any) -> None:
    """Costs of row i against columns lo to hi; y is transposed (d, m), so that the inner loops are vectorised."""
    for j in range(lo, hi):
        out[j] = 1.0 if kind == COSINE else 0.0
    for k in range(x.shape[1]):
        value = x[i, k]
        if kind == COSINE:
            for j in range(lo, hi):
                out[j] -= value * y[k, j]
        elif kind == ABSOLUTE:
            for j in range(lo, hi):
                out[j] += abs(value - y[k, j])
        else:
            for j in range(lo, hi):
                out[j] += (value - y[k, j]) ** 2
    if kind == EUCLIDEAN:
        for j in range(lo, hi):
            out[j] = np.sqrt(out[j])
    elif kind == COSINE:
        for j in range(lo, hi):
            out[j] = max(out[j], 0.0)


@numba.njit(cache=True, nogil=True)
def total(x: Any, y: Any, kind: int, lo: Any, hi: Any, double: float) -> float:
    """Cost of the best path; one row of memory."""
    n, m = len(x), y.shape[1]
    local, row = np.empty(m), np.full(m + 1, np.inf)  # row[j + 1] is D(i - 1, j) ahead of the sweep and D(i, j) behind it
    for i in range(n):
        start, stop = lo[i], hi[i]
        _local(x, i, y, kind, start, stop, local)
        corner = row[start]
        row[lo[i - 1] if i else 0 : start + 1] = np.inf
        left = np.inf
        for j in range(start, stop):
            up, cost = row[j + 1], local[j]
            best = up if up < left else left
            best += cost
            across = corner + double * cost
            best = across if across <= best else best
            if i == 0 and j == 0:
                best = cost
            corner, left = up, best
            row[j + 1] = best
    return row[m]


@numba.njit(cache=True, nogil=True)
def totals(xs: Any, x_starts: Any, n: int, ys: Any, y_starts: Any, m: int, kind: int, lo: Any, hi: Any, double: float, out: Any) -> None:
    """:func:`total` for pairs of sequences of equal lengths n and m that lie in two long arrays."""
    for p in range(len(out)):
        x = xs[x_starts[p] : x_starts[p] + n]
        y = np.ascontiguousarray(ys[y_starts[p] : y_starts[p] + m].T)
        out[p] = total(x, y, kind, lo, hi, double)


@numba.njit(cache=True, nogil=True)
def path(x: Any, y: Any, kind: int, lo: Any, hi: Any, double: float) -> Any:
    """Cost and cells (l, 2) of the best path; one byte a cell of the window."""
    n, m = len(x), y.shape[1]
    width = 0
    for i in range(n):
        width = max(width, hi[i] - lo[i])
    steps = np.zeros((n, width), np.uint8)
    local, row = np.empty(m), np.full(m + 1, np.inf)
    for i in range(n):
        start, stop = lo[i], hi[i]
        _local(x, i, y, kind, start, stop, local)
        corner = row[start]
        row[lo[i - 1] if i else 0 : start + 1] = np.inf
        left = np.inf
        for j in range(start, stop):
            up, cost = row[j + 1], local[j]
            step = DOWN if up <= left else RIGHT
            best = (up if up <= left else left) + cost
            across = corner + double * cost
            if across <= best:
                best, step = across, DIAGONAL
            if i == 0 and j == 0:
                best = cost
            corner, left = up, best
            row[j + 1] = best
            steps[i, j - start] = step
    cells = np.empty((n + m - 1, 2), np.int64)
    i, j, length = n - 1, m - 1, 0
    while np.isfinite(row[m]):
        cells[length, 0], cells[length, 1] = i, j
        length += 1
        if i == 0 and j == 0:
            break
        step = steps[i, j - lo[i]]
        if step != RIGHT:
            i -= 1
        if step != DOWN:
            j -= 1
    return row[m], cells[:length][::-1].copy()
