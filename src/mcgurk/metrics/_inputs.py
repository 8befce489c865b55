"""What every metric asks of its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcgurk.errors import DataError

Float = NDArray[np.float64]
Int = NDArray[np.int64]


def numbers(values: Any, name: str, shape: tuple[int, ...] | None = None, *, missing: bool = False) -> Float:
    """A finite float64 array (NaN where ``missing``) of that shape, with at least one row."""
    out = np.asarray(values, dtype=np.float64)
    if shape is not None and out.shape != shape:
        raise DataError(f"{name} has shape {out.shape}; expected {shape}: truth and prediction must describe the same rows")
    if out.ndim == 0 or len(out) == 0:
        raise DataError(f"{name} is empty; a metric needs at least one row", code="S01")
    bad = np.isinf(out) if missing else ~np.isfinite(out)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataError(f"{name} holds {out[where]} at position {where}; a metric needs finite numbers", code="N01")
    return out


def weights(values: Any | None, n: int) -> Float:
    """Row weights that sum to 1."""
    if values is None:
        return np.full(n, 1.0 / n)
    out = numbers(values, "weight", (n,))
    if (out < 0).any() or not out.sum() > 0:
        raise DataError("weight must be non-negative with a positive sum")
    return out / out.sum()


def codes(values: Any, n_classes: int | None = None, n: int | None = None) -> Int:
    """Integer class codes from 0."""
    out = np.asarray(values)
    if out.ndim != 1 or not np.issubdtype(out.dtype, np.integer):
        raise DataError(f"the true classes have shape {out.shape} and type {out.dtype}; expected a vector of integer codes")
    if len(out) == 0:
        raise DataError("the true classes are empty; a metric needs at least one row", code="S01")
    if n is not None and len(out) != n:
        raise DataError(f"{len(out)} true classes and {n} rows of scores; they must describe the same rows")
    if out.min() < 0 or (n_classes is not None and out.max() >= n_classes):
        raise DataError(f"class codes run from {out.min()} to {out.max()}; expected 0 to {(n_classes or 0) - 1}", code="L01")
    return out.astype(np.int64)


def probabilities(y: Any, scores: Any) -> tuple[Int, Float]:
    """Class codes (n,) and their class probabilities (n, C)."""
    p = numbers(scores, "scores")
    if p.ndim != 2 or p.shape[1] < 2:
        raise DataError(f"scores have shape {p.shape}; expected (rows, classes) with one column per class")
    return codes(y, p.shape[1], len(p)), p


def totals(group: Any, amounts: Any, size: int = 0) -> Float:
    """Sum of ``amounts`` in each group."""
    return np.bincount(group, weights=amounts, minlength=size).astype(np.float64)


def average_ranks(x: Float) -> Float:
    """Ranks from 1, ties averaged."""
    _, group, count = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    out: Float = (last - (count - 1) / 2.0)[group]
    return out
