"""How differently modalities want to be processed, from what an encoder of one is worth on another; and who may share parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Float, Int

LEAST = 0.01  # nats of information below which nothing can be lost
APART = 0.25  # share of the information lost from which sharing is not a matter of course


def null_entropy(codes: Any, held: Any, n_classes: int) -> float:
    """``H_V(Y)`` in nats: cross-entropy on held-out labels of the best constant prediction from training labels.

    Example:
        >>> round(null_entropy(np.array([0, 1]), np.array([0, 1]), 2), 6)
        0.693147
    """
    counts = np.bincount(_check.codes(codes, n_classes), minlength=n_classes)
    share = np.maximum(counts / max(counts.sum(), 1), 1e-12)
    return float(-np.log(share[_check.codes(held, n_classes, "held")]).mean())


def heterogeneity(transfer: Any) -> Float:
    """``d(s, t) = max(0, 1 - T(s -> t) / T(t -> t))``, the mean of both directions.

    T(s -> t) is the usable information, in nats, about the target of t with an encoder trained on s. A direction with less than .01 nats in
    T(t -> t) is undefined; a pair with one defined direction has that one, a pair with none is NaN.

    Args:
        transfer: (m, m), rows s, columns t.

    Shapes: (m, m) symmetric, 0 on the diagonal.

    Source: Liang, Lyu, Fan, Tsaw, Liu, Mo, Yogatama, Morency, Salakhutdinov 2023, High-modality multimodal transformer, TMLR, section 3.1;
        usable information: Xu, Zhao, Song, Stewart, Ermon 2020, ICLR. Dividing by T(t -> t) is ours.

    Example:
        >>> heterogeneity([[1.0, 0.5], [1.0, 1.0]]).tolist()
        [[0.0, 0.25], [0.25, 0.0]]
    """
    T = _check.matrix(transfer, "transfer")
    if T.shape[0] != T.shape[1]:
        raise DataError(f"transfer has shape {T.shape}; expected a square matrix, sources by targets")
    own = np.diag(T)
    with np.errstate(divide="ignore", invalid="ignore"):
        d = np.where(own >= LEAST, np.maximum(0.0, 1 - T / own), np.nan)
    both = np.stack([d, d.T])
    known = ~np.isnan(both)
    count = known.sum(axis=0)
    out: Float = np.where(count > 0, np.where(known, both, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    np.fill_diagonal(out, 0.0)
    return out


def sharing_groups(distance: Any, k: int) -> Int:
    """(m,) group of each, by average linkage into at most ``k`` groups, numbered by first appearance; an undefined distance counts as 1.

    Example:
        >>> sharing_groups([[0.0, 0.1, 0.9], [0.1, 0.0, 0.8], [0.9, 0.8, 0.0]], 2).tolist()
        [0, 0, 1]
    """
    d = _check.matrix(np.nan_to_num(np.asarray(distance, dtype=np.float64), nan=1.0), "distance")
    if d.shape[0] != d.shape[1] or k < 1:
        raise DataError(f"distance has shape {d.shape} and k={k}; expected a square matrix and at least one group")
    if len(d) == 1:
        return np.zeros(1, dtype=np.int64)
    symmetric = (d + d.T) / 2
    np.fill_diagonal(symmetric, 0.0)
    labels = fcluster(linkage(squareform(symmetric, checks=False), "average"), k, "maxclust")
    _, first, codes = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    out: Int = rank[codes].astype(np.int64)
    return out


def silhouette(distance: Any, groups: Any) -> float:
    """Mean over all things of ``(b - a) / max(a, b)``: a the mean distance to one's own group, b to the nearest other; 0 for one alone.

    Source: Rousseeuw 1987, Silhouettes, Journal of Computational and Applied Mathematics 20:53-65.

    Example:
        >>> silhouette([[0.0, 0.1, 0.9], [0.1, 0.0, 0.9], [0.9, 0.9, 0.0]], [0, 0, 1])
        0.5925925925925927
    """
    d = _check.matrix(distance, "distance")
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    member = (codes[:, None] == np.arange(codes.max(initial=0) + 1)).astype(np.float64)
    if member.shape[1] < 2:
        raise DataError("a silhouette compares groups, and there is one; give at least two")
    others = member.sum(axis=0) - member  # members of a group beside oneself
    mean = d @ member / np.maximum(others, 1)
    a, b = mean[np.arange(len(d)), codes], np.where(member > 0, np.inf, mean).min(axis=1)
    top = np.maximum(a, b)
    value = np.where((others[np.arange(len(d)), codes] > 0) & (top > 0), (b - a) / np.where(top > 0, top, 1.0), 0.0)
    return float(value.mean())


def natural_groups(distance: Any) -> Int:
    """(m,) group of each: the number of groups is that of the largest mean silhouette; one group where nothing is ``APART``.

    Where no distance reaches :data:`APART` all are one group; where some do and nothing is nearer to one than to another, each is its own.
    An undefined distance counts as 1.

    Example:
        >>> natural_groups([[0.0, 0.1, 0.9], [0.1, 0.0, 0.8], [0.9, 0.8, 0.0]]).tolist()
        [0, 0, 1]
        >>> natural_groups([[0.0, 0.1], [0.1, 0.0]]).tolist()
        [0, 0]
    """
    d = _check.matrix(np.nan_to_num(np.asarray(distance, dtype=np.float64), nan=1.0), "distance")
    if d.max(initial=0.0) < APART:
        return sharing_groups(d, 1)
    cuts = [sharing_groups(d, k) for k in range(2, len(d))]
    found: Int = max((g for g in cuts if g.max()), key=lambda g: silhouette(d, g), default=np.arange(len(d)))
    return found
