"""Ranking a gallery for each query: average precision, recall at k, ranks.

The gallery is ranked by decreasing similarity; **equal similarities are ranked by gallery index**, so every figure is deterministic.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcgurk.errors import DataError
from mcgurk.metrics import _inputs
from mcgurk.metrics._inputs import Float, Int

Bool = NDArray[np.bool_]
_CELLS = 4_000_000  # similarities ranked at a time


def relevance_of_labels(queries: Any, gallery: Any) -> Bool:
    """(q, g) relevance: equal class codes (n,), or at least one shared label (n, L).

    Example:
        >>> relevance_of_labels([0, 1], [1, 1, 0]).astype(int)
        array([[0, 0, 1],
               [1, 1, 0]])
    """
    a, b = np.asarray(queries), np.asarray(gallery)
    if a.ndim == 1 and b.ndim == 1:
        return a[:, None] == b[None, :]
    if a.ndim == 2 and b.ndim == 2 and a.shape[1] == b.shape[1]:
        return (a.astype(np.float64) @ b.astype(np.float64).T) > 0
    raise DataError(
        f"query labels {a.shape} and gallery labels {b.shape}; expected two code vectors or two indicator matrices of equal width"
    )


def average_precisions(similarity: Any, relevant: Any, *, at: int | None = None, normaliser: str = "total") -> Float:
    """Average precision (q,) of each query: ``AP = (1 / Z) sum_{j <= R} r_j Prec@j``.

    Args:
        similarity: (q, g), larger is nearer.
        relevant: (q, g) bool.
        at: R, the depth of the ranking; all where None.
        normaliser: Z = "total" relevant items, those "retrieved" within R, or "min" of total and R. At full depth all three agree;
            "retrieved" inflates at small R, and is what several published tables use.

    A query without a relevant item gets 0.

    Raises:
        DataError: shapes disagree, a similarity is NaN (N01), unknown normaliser.

    Source: Manning, Raghavan, Schuetze 2008, Introduction to Information Retrieval, section 8.4.

    Example:
        >>> s = -np.arange(6.0)[None, :]
        >>> average_precisions(s, np.array([[1, 0, 1, 0, 0, 1]], bool)).round(6)
        array([0.722222])
    """
    if normaliser not in ("total", "retrieved", "min"):
        raise DataError(f"normaliser is {normaliser!r}; expected 'total', 'retrieved' or 'min'")
    scores, truth = _pair(similarity, relevant)
    depth = scores.shape[1] if at is None else min(at, scores.shape[1])
    if depth < 1:
        raise DataError(f"at is {at}; a ranking needs a depth of at least 1")
    out = np.zeros(len(scores))
    places = np.arange(1, depth + 1)
    for rows, order in _orders(scores):
        hits = np.take_along_axis(truth[rows], order[:, :depth], axis=1)
        found = np.cumsum(hits, axis=1)
        summed = (hits * found / places).sum(axis=1)
        total = truth[rows].sum(axis=1)
        z = {"total": total, "retrieved": found[:, -1], "min": np.minimum(total, depth)}[normaliser]
        out[rows] = np.divide(summed, z, out=np.zeros(len(summed)), where=z > 0)
    return out


def mean_average_precision(similarity: Any, relevant: Any, *, at: int | None = None, normaliser: str = "total") -> float:
    """Mean of :func:`average_precisions` over queries (mAP@R)."""
    return float(average_precisions(similarity, relevant, at=at, normaliser=normaliser).mean())


def first_ranks(similarity: Any, relevant: Any) -> Int:
    """0-based rank (q,) of each query's best relevant item; queries without one get the gallery's size.

    Computed without sorting: items that are strictly nearer than the best relevant one, plus equally near ones of lower index.
    """
    scores, truth = _pair(similarity, relevant)
    best = np.where(truth, scores, -np.inf).max(axis=1)
    index = np.argmax(truth & (scores == best[:, None]), axis=1)
    nearer = (scores > best[:, None]).sum(axis=1)
    tied = ((scores == best[:, None]) & (np.arange(scores.shape[1]) < index[:, None])).sum(axis=1)
    ranks: Int = np.where(truth.any(axis=1), nearer + tied, scores.shape[1]).astype(np.int64)
    return ranks


def recall_at(similarity: Any, relevant: Any, k: int) -> float:
    """Share of queries with a relevant item among the first k.

    Example:
        >>> recall_at([[0.9, 0.1], [0.8, 0.2]], np.eye(2, dtype=bool), 1)
        0.5
    """
    return float((first_ranks(similarity, relevant) < k).mean())


def mean_reciprocal_rank(similarity: Any, relevant: Any) -> float:
    """Mean of 1 / (1-based rank of the first relevant item); 0 for a query without one."""
    truth = np.asarray(relevant, dtype=bool)
    return float(np.where(truth.any(axis=1), 1.0 / (first_ranks(similarity, relevant) + 1.0), 0.0).mean())


def median_rank(similarity: Any, relevant: Any) -> float:
    """``floor(median of 0-based first ranks) + 1``, the convention of the captioning literature.

    Example:
        >>> median_rank([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]], np.array([[1, 0], [0, 1], [1, 0]], bool))
        2.0
    """
    return float(np.floor(np.median(first_ranks(similarity, relevant))) + 1.0)


def mean_rank(similarity: Any, relevant: Any) -> float:
    """Mean 1-based rank of the first relevant item."""
    return float(first_ranks(similarity, relevant).mean() + 1.0)


def ndcg_at(similarity: Any, gains: Any, k: int) -> float:
    """Normalised discounted cumulative gain at depth k: gains / log2(rank + 1), over the best possible; 0 for a query without gain.

    Source: Jaervelin, Kekaelaeinen 2002, ACM TOIS 20:422-446.
    """
    scores = _inputs.numbers(similarity, "similarity")
    value = _inputs.numbers(gains, "gains", scores.shape)
    depth = min(k, scores.shape[1])
    discount = 1.0 / np.log2(np.arange(2, depth + 2))
    got = np.concatenate([np.take_along_axis(value[rows], order[:, :depth], axis=1) @ discount for rows, order in _orders(scores)])
    best = -np.sort(-value, axis=1)[:, :depth] @ discount
    return float(np.divide(got, best, out=np.zeros_like(got), where=best > 0).mean())


def _pair(similarity: Any, relevant: Any) -> tuple[Float, Bool]:
    scores = _inputs.numbers(similarity, "similarity")
    truth = np.asarray(relevant, dtype=bool)
    if scores.ndim != 2 or truth.shape != scores.shape or scores.shape[1] == 0:
        raise DataError(f"similarity has shape {scores.shape} and relevance {truth.shape}; expected the same (queries, gallery)")
    return scores, truth


def _orders(scores: Float) -> Iterator[tuple[slice, Int]]:
    """Gallery order of blocks of queries."""
    step = max(1, _CELLS // scores.shape[1])
    for start in range(0, len(scores), step):
        rows = slice(start, min(start + step, len(scores)))
        yield rows, np.argsort(-scores[rows], axis=1, kind="stable")
