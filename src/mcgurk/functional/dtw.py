"""Dynamic time warping: the cheapest monotone alignment of two sequences, exactly."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from mcgurk.errors import DataError
from mcgurk.functional import dtw_patterns as patterns
from mcgurk.functional._check import Float, Int

_ONE_STEP = {"symmetric1": 1.0, "symmetric2": 2.0}  # patterns with compiled kernels: weight of the diagonal


def dtw_cost(
    x: Any,
    y: Any,
    *,
    cost: str = "squared",
    pattern: str = "symmetric1",
    band: float | None = None,
    slanted: bool = True,
    itakura: float | None = None,
    normalise: bool = False,
    compiled: bool | None = None,
) -> float:
    """Sum of local costs along the best warping path (no root taken: see :func:`dtw_distance`).

    ``D(i, j) = min{ D(i-1, j-1) + w c(i, j), D(i-1, j) + c(i, j), D(i, j-1) + c(i, j) }``, w = 1 (symmetric1) or 2 (symmetric2); the path
    starts in the first and ends in the last pair. Memory is O(n) for these two patterns.

    Not for: sequences in different feature spaces (canonical time warping); comparing costs across lengths without ``normalise``.

    Args:
        x: (n,) or (n, d).
        y: (m,) or (m, d).
        cost: "squared" (Euclidean, squared), "absolute" (sum over features), "euclidean" or "cosine" (1 - cos; a zero vector costs 1).
        pattern: a key of ``dtw_patterns.PATTERNS``.
        band, slanted, itakura: the window, as :func:`mcgurk.functional.dtw_patterns.window`.
        normalise: divide by the pattern's normaliser (n + m, or n).
        compiled: numba (default where installed) or the numpy recursion.

    Raises:
        DataError: empty or non-finite sequences, different features, unknown names, or a window that admits no path.

    Source: Sakoe, Chiba 1978, IEEE ASSP 26:43-49.

    Example:
        >>> dtw_cost([1.0, 3.0, 4.0, 9.0], [1.0, 3.0, 7.0, 8.0, 9.0], cost="absolute", compiled=False)
        4.0
    """
    a, b = patterns.sequences(x, y, cost)
    lo, hi = patterns.window(len(a), len(b), band=band, slanted=slanted, itakura=itakura)
    divisor = patterns._pattern(pattern).normaliser(len(a), len(b)) if normalise else 1.0
    if pattern in _ONE_STEP and _use_numba(compiled):
        from mcgurk.functional import _dtw_numba as kernels

        value = kernels.total(_across(a), _across(b[::-1]), patterns.COSTS.index(cost), lo, hi, _ONE_STEP[pattern])
    else:
        value = patterns.accumulate(_windowed(a, b, cost, lo, hi), pattern)[0][-1, -1]
    return _reached(value, pattern) / divisor


def dtw_distance(x: Any, y: Any, **window: Any) -> float:
    """Square root of :func:`dtw_cost` with squared local costs: the Euclidean distance of the warped sequences.

    Example:
        >>> round(dtw_distance([1.0, 3.0, 4.0, 9.0], [1.0, 3.0, 7.0, 8.0, 9.0], compiled=False), 6)
        2.44949
    """
    if "cost" in window:
        raise DataError("dtw_distance is the root of squared costs; for another cost use dtw_cost")
    return float(np.sqrt(dtw_cost(x, y, **window)))


def dtw_path(
    x: Any,
    y: Any,
    *,
    cost: str = "squared",
    pattern: str = "symmetric1",
    band: float | None = None,
    slanted: bool = True,
    itakura: float | None = None,
    compiled: bool | None = None,
) -> tuple[Int, float]:
    """The best warping path and its cost.

    Ties go to the diagonal, then to a step in x, then to a step in y. Memory: one byte a cell of the window (symmetric patterns).

    Args: as :func:`dtw_cost`.

    Shapes: path (l, 2) of 0-based indices into x and y, first to last.

    Example:
        >>> path, cost = dtw_path([1.0, 3.0, 4.0, 9.0], [1.0, 3.0, 7.0, 8.0, 9.0], cost="absolute", compiled=False)
        >>> path.tolist(), cost
        ([[0, 0], [1, 1], [2, 2], [3, 3], [3, 4]], 4.0)
    """
    a, b = patterns.sequences(x, y, cost)
    lo, hi = patterns.window(len(a), len(b), band=band, slanted=slanted, itakura=itakura)
    if pattern in _ONE_STEP and _use_numba(compiled):
        from mcgurk.functional import _dtw_numba as kernels

        value, cells = kernels.path(_across(a), _across(b[::-1]), patterns.COSTS.index(cost), lo, hi, _ONE_STEP[pattern])
        return cells, _reached(value, pattern)
    D, choice = patterns.accumulate(_windowed(a, b, cost, lo, hi), pattern)
    return patterns.trace(choice, pattern), _reached(D[-1, -1], pattern)


def dtw_pairwise(
    first: Sequence[Any],
    second: Sequence[Any] | None = None,
    *,
    cost: str = "squared",
    pattern: str = "symmetric1",
    band: float | None = None,
    slanted: bool = True,
    itakura: float | None = None,
    threads: int = 1,
    compiled: bool | None = None,
) -> Float:
    """:func:`dtw_cost` of every sequence of ``first`` with every one of ``second``, (len(first), len(second)).

    With ``second`` left out: of all pairs within ``first``; each is computed once (x the earlier, y the later) and mirrored; the diagonal
    is the cost with itself. Sequences may differ in length, not in features.

    Args:
        first, second: sequences (T,) or (T, d).
        threads: share the pairs among that many threads; the result does not depend on it.

    Example:
        >>> dtw_pairwise([[0.0, 1.0], [0.0, 0.0, 1.0], [5.0]], compiled=False).round(1).tolist()
        [[0.0, 0.0, 41.0], [0.0, 0.0, 66.0], [41.0, 66.0, 0.0]]
    """
    if len(first) == 0 or (second is not None and len(second) == 0):
        raise DataError("no sequences were given; pairwise warping needs at least one on each side", code="S01")
    within = second is None
    others = first if second is None else second
    a = [patterns.sequences(v, others[0], cost)[0] for v in first]
    b = a if within else [patterns.sequences(first[0], v, cost)[1] for v in others]
    pairs = np.argwhere(np.triu(np.ones((len(a), len(b)), bool))) if within else np.argwhere(np.ones((len(a), len(b)), bool))
    if not (pattern in _ONE_STEP and _use_numba(compiled)):

        def one(i: int, j: int) -> float:
            return dtw_cost(a[i], b[j], cost=cost, pattern=pattern, band=band, slanted=slanted, itakura=itakura, compiled=False)

        values = np.array([one(i, j) for i, j in pairs])
    else:
        values = _compiled_pairs(a, b, pairs, patterns.COSTS.index(cost), _ONE_STEP[pattern], (band, slanted, itakura), threads)
    out = np.zeros((len(a), len(b)))
    out[pairs[:, 0], pairs[:, 1]] = values
    return np.triu(out) + np.triu(out, 1).T if within else out


def _compiled_pairs(
    a: list[Float], b: list[Float], pairs: Int, kind: int, double: float, limits: tuple[float | None, bool, float | None], threads: int
) -> Float:
    """Pairs grouped by their two lengths, so that each window is built once."""
    from mcgurk.functional import _dtw_numba as kernels

    xs, ys = _across(np.concatenate(a)), _across(np.concatenate([v[::-1] for v in b]))
    n, m = np.array([len(v) for v in a]), np.array([len(v) for v in b])
    x_start, y_start = np.cumsum(n) - n, np.cumsum(m) - m
    shapes, group = np.unique(np.column_stack([n[pairs[:, 0]], m[pairs[:, 1]]]), axis=0, return_inverse=True)
    out = np.empty(len(pairs))
    jobs = []
    order, edges = np.argsort(group.ravel(), kind="stable"), np.cumsum(np.bincount(group.ravel()))
    for (rows, columns), members in zip(shapes.tolist(), np.split(order, edges[:-1]), strict=True):
        lo, hi = patterns.window(rows, columns, band=limits[0], slanted=limits[1], itakura=limits[2])
        jobs += [(rows, columns, lo, hi, part) for part in np.array_split(members, min(max(threads, 1), len(members)))]

    def run(job: tuple[int, int, Int, Int, Int]) -> None:
        rows, columns, lo, hi, part = job
        values = np.empty(len(part))
        kernels.totals(xs, x_start[pairs[part, 0]], rows, ys, y_start[pairs[part, 1]], columns, kind, lo, hi, double, values)
        out[part] = values

    if threads <= 1:
        for job in jobs:
            run(job)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, jobs))
    return out


def _across(x: Float) -> Float:
    return np.ascontiguousarray(x.T)


def _windowed(a: Float, b: Float, cost: str, lo: Int, hi: Int) -> Float:
    columns = np.arange(len(b))
    return np.where((columns >= lo[:, None]) & (columns < hi[:, None]), patterns.local_costs(a, b, cost), np.inf)


def _reached(value: float, pattern: str) -> float:
    if not np.isfinite(value):
        raise DataError(f"no path of pattern {pattern!r} fits these lengths and this window; widen the window or use 'symmetric1'")
    return float(value)


def _use_numba(compiled: bool | None) -> bool:
    return importlib.util.find_spec("numba") is not None if compiled is None else compiled
