"""Canonical correlation analysis in closed form, for two views and for several."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Float

RIDGES = ("relative", "absolute", "shrinkage")


@dataclass(frozen=True, slots=True)
class CCA:
    """Centres, projections and what they explain.

    ``means``: per view (d_m,). ``weights``: per view (d_m, k); scores are ``(X_m - mean_m) @ weights_m``. ``values (k,)``: (regularised)
    canonical correlations for :func:`fit_cca`, eigenvalues for :func:`fit_gcca`. ``ridges``: what was added to each covariance.
    """

    means: tuple[Float, ...]
    weights: tuple[Float, ...]
    values: Float
    ridges: tuple[float, ...]

    def project(self, view: int, X: Any) -> Float:
        """Scores (n, k) of rows of one view."""
        rows = _check.matrix(X, "X", rows=0)
        if rows.shape[1] != len(self.means[view]):
            raise DataError(f"X has {rows.shape[1]} columns; view {view} was fitted on {len(self.means[view])}")
        return (rows - self.means[view]) @ self.weights[view]


def fit_cca(X: Any, Y: Any, k: int, *, reg: float = 1e-4, ridge: str = "relative", thin: bool | None = None) -> CCA:
    """Linear projections of two views with maximal correlation.

    ``L1 L1^T = S11 + r1 I``, ``L2 L2^T = S22 + r2 I``, ``L1^-1 S12 L2^-T = P D Q^T``, ``A = L1^-T P_k``, ``B = L2^-T Q_k``, so that
    ``A^T (S11 + r1 I) A = I`` and ``A^T S12 B = diag(rho)``. One Gram matrix of the concatenated centred views gives all covariances. For
    more columns than rows, or r = 0 (where directions without variance are dropped), thin singular vectors ``X = U s V^T`` take the place
    of the Cholesky factors. Signs: the entry of each column of A that is largest in size is positive. Unregularised with more columns than
    rows every rho is 1: regularise.

    Not for: non-linear relations (kernel or deep CCA); unpaired rows.

    Args:
        X: (n, d1).
        Y: (n, d2), the same rows.
        k: number of directions, at most min(d1, d2).
        reg: r; "absolute": added to the covariance; "relative": times trace(S) / d; "shrinkage": ``(1 - r) S + r I``.
        thin: force or forbid the singular-vector route (default: chosen by shape and r).

    Raises:
        DataError: shapes disagree, k exceeds the rank, fewer than two rows (S01), values not finite (N01), unknown ridge.

    Source: Hotelling 1936, Biometrika 28:321-377; Vinod 1976, J. Econometrics 4:147-166; Hardoon, Szedmak, Shawe-Taylor 2004, Neural
    Computation 16:2639-2664.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> z = rng.standard_normal((100, 1))
        >>> model = fit_cca(z @ [[1.0, 2.0]] + rng.standard_normal((100, 2)), -z, 1, reg=0.0)
        >>> bool(0.8 < model.values[0] < 1)
        True
    """
    views = _views((X, Y), k)
    if k > min(views[0].shape[1], views[1].shape[1]):
        raise DataError(f"k is {k}; the narrower view has {min(v.shape[1] for v in views)} columns: ask for at most that many directions")
    _ridge_kind(reg, ridge)
    if thin is None:
        thin = reg == 0.0 or max(v.shape[1] for v in views) > len(views[0])
    means = tuple(v.mean(axis=0) for v in views)
    centred = [v - m for v, m in zip(views, means, strict=True)]
    a, b, values, ridges = (_thin if thin else _cholesky)(centred[0], centred[1], k, reg, ridge)
    signs = _signs(a)
    return CCA(means, (a * signs, b * signs), values, ridges)


def fit_gcca(
    views: Sequence[Any],
    k: int,
    *,
    reg: float = 1e-4,
    ridge: str = "relative",
    view_weights: Sequence[float] | None = None,
    thin: bool | None = None,
) -> tuple[CCA, Float]:
    """Generalised CCA for several views (MAXVAR): a shared score space G that every view predicts well.

    ``min sum_j w_j |G - X_j U_j|^2`` over ``G^T G = I``: ``U_j = (X_j^T X_j + (n - 1) r_j I)^-1 X_j^T G``, and G holds the top eigenvectors
    of ``sum_j w_j X_j (X_j^T X_j + (n - 1) r_j I)^-1 X_j^T``, with the same ridge. Solved in the views' columns through one Gram matrix and
    its diagonal blocks' Cholesky factors, or, for wide views and r = 0, through thin singular vectors. Two views without ridge: eigenvalues
    ``1 +- rho``. Scores of one view estimate G. Signs: the entry of each column of G that is largest in size is positive.

    Not for: missing rows in a view; two views (use :func:`fit_cca`, whose scores have unit variance).

    Args:
        views: at least two matrices (n, d_j) over the same rows.
        k: number of shared directions.
        reg, ridge, thin: as :func:`fit_cca`.
        view_weights: w_j >= 0, default 1.

    Returns:
        The model, and G (n, k) of the training rows.

    Raises:
        DataError: as :func:`fit_cca`.

    Source: Kettenring 1971, Biometrika 58:433-451; Carroll 1968, APA; Rastogi, Van Durme, Arora 2015, NAACL.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).standard_normal((50, 3))
        >>> fit_gcca([x, x @ np.diag([1.0, 2.0, 3.0]), -x], 2, reg=0.0)[0].values.round(6)
        array([3., 3.])
    """
    arrays = _views(views, k)
    _ridge_kind(reg, ridge)
    w = np.ones(len(arrays)) if view_weights is None else _check.vector(view_weights, "view_weights", len(arrays))
    if (w < 0).any() or not w.any():
        raise DataError("view_weights must be non-negative and not all zero")
    width = sum(v.shape[1] for v in arrays)
    if thin is None:
        thin = reg == 0.0 or width > len(arrays[0])
    means = tuple(v.mean(axis=0) for v in arrays)
    centred = [v - m for v, m in zip(arrays, means, strict=True)]
    weights, values, ridges, G = (_thin_several if thin else _cholesky_several)(centred, w, k, reg, ridge)
    signs = _signs(G)
    return CCA(means, tuple(u * signs for u in weights), values, ridges), G * signs


def _views(views: Sequence[Any], k: int) -> list[Float]:
    arrays = [_check.matrix(v, f"view {j}", rows=2) for j, v in enumerate(views)]
    if len(arrays) < 2:
        raise DataError(f"{len(arrays)} view was given; canonical correlation needs at least 2")
    if len({len(v) for v in arrays}) > 1:
        raise DataError(f"the views have {', '.join(str(len(v)) for v in arrays)} rows; expected the same rows in each")
    if k < 1:
        raise DataError(f"k is {k}; ask for at least one direction")
    return arrays


def _ridge_kind(reg: float, ridge: str) -> None:
    if ridge not in RIDGES:
        raise DataError(f"ridge is {ridge!r}; expected one of {', '.join(RIDGES)}")
    _check.positive(reg, "reg", zero=True)
    if ridge == "shrinkage" and reg > 1:
        raise DataError(f"reg is {reg}; shrinkage needs a share between 0 and 1")


def _ridge(trace: float, d: int, reg: float, ridge: str) -> tuple[float, float]:
    """``scale, r`` of the regularised covariance ``scale S + r I``."""
    if ridge == "shrinkage":
        return 1.0 - reg, reg
    return 1.0, reg * trace / d if ridge == "relative" else reg


def _cholesky(X: Float, Y: Float, k: int, reg: float, ridge: str) -> tuple[Float, Float, Float, tuple[float, float]]:
    p = X.shape[1]
    joint = np.hstack([X, Y])
    gram = joint.T @ joint / (len(X) - 1)
    (first, _, r1), (second, _, r2) = _factor(gram[:p, :p], reg, ridge), _factor(gram[p:, p:], reg, ridge)
    whitened = linalg.solve_triangular(first, gram[:p, p:], lower=True, check_finite=False)
    whitened = linalg.solve_triangular(second, whitened.T, lower=True, check_finite=False).T
    P, rho, Qt = linalg.svd(whitened, full_matrices=False, check_finite=False)
    a = linalg.solve_triangular(first, P[:, :k], lower=True, trans=1, check_finite=False)
    b = linalg.solve_triangular(second, Qt[:k].T, lower=True, trans=1, check_finite=False)
    return a, b, rho[:k], (r1, r2)


def _thin(X: Float, Y: Float, k: int, reg: float, ridge: str) -> tuple[Float, Float, Float, tuple[float, float]]:
    n = len(X)
    sides, ridges = [], []
    for view in (X, Y):
        U, s, V = _svd(view)
        scale, r = _ridge(float((s**2).sum()) / (n - 1), view.shape[1], reg, ridge)
        sd = np.sqrt(scale * s**2 / (n - 1) + r)  # of the regularised covariance, along V
        sides.append((U, s / np.sqrt(n - 1) / sd, V / sd))
        ridges.append(r)
    (U1, g1, V1), (U2, g2, V2) = sides
    if k > min(len(g1), len(g2)):
        raise DataError(f"k is {k}; the views have ranks {len(g1)} and {len(g2)}: ask for at most the smaller")
    P, rho, Qt = linalg.svd(g1[:, None] * (U1.T @ U2) * g2, full_matrices=False, check_finite=False)
    return V1 @ P[:, :k], V2 @ Qt[:k].T, rho[:k], (ridges[0], ridges[1])


_Several = tuple[list[Float], Float, tuple[float, ...], Float]


def _cholesky_several(centred: list[Float], w: Float, k: int, reg: float, ridge: str) -> _Several:
    """With ``B = [sqrt(w_j) X_j L_j^-T, ..] / sqrt(n - 1)``: eigenvectors of the small ``B^T B`` instead of ``B B^T``."""
    n = len(centred[0])
    joint = np.hstack(centred)
    gram = joint.T @ joint / (n - 1)
    edges = np.cumsum([0, *(v.shape[1] for v in centred)])
    blocks = [slice(a, b) for a, b in itertools.pairwise(edges)]
    factors, ridges = [], []
    small = gram.copy()
    for block, weight in zip(blocks, w, strict=True):
        factor, scale, r = _factor(gram[block, block], reg, ridge)
        small[block] = np.sqrt(weight * scale) * linalg.solve_triangular(factor, small[block], lower=True, check_finite=False)
        small[:, block] = np.sqrt(weight * scale) * linalg.solve_triangular(factor, small[:, block].T, lower=True, check_finite=False).T
        factors.append((factor, np.sqrt(weight * scale)))
        ridges.append(r)
    _at_most(k, len(small))
    values, E = linalg.eigh(small, subset_by_index=[len(small) - k, len(small) - 1], check_finite=False)
    values, E = values[::-1], E[:, ::-1]
    _at_most(k, int((values > len(small) * np.finfo(np.float64).eps * values[0]).sum()))
    inner = np.vstack(
        [c * linalg.solve_triangular(f, E[b], lower=True, trans=1, check_finite=False) for b, (f, c) in zip(blocks, factors, strict=True)]
    ) / np.sqrt((n - 1) * values)
    toward = gram @ inner
    weights = [linalg.cho_solve((f, True), toward[b], check_finite=False) for b, (f, _) in zip(blocks, factors, strict=True)]
    return weights, values, tuple(ridges), joint @ inner


def _thin_several(centred: list[Float], w: Float, k: int, reg: float, ridge: str) -> _Several:
    n = len(centred[0])
    parts, blocks, ridges = [], [], []
    for weight, view in zip(w, centred, strict=True):
        U, s, V = _svd(view)
        scale, r = _ridge(float((s**2).sum()) / (n - 1), view.shape[1], reg, ridge)
        total = scale * s**2 + (n - 1) * r
        parts.append((U, s, V, total))
        blocks.append(U * np.sqrt(weight * scale * s**2 / total))
        ridges.append(r)
    stacked = np.hstack(blocks)
    _at_most(k, min(stacked.shape))
    G, values, _ = linalg.svd(stacked, full_matrices=False, check_finite=False)
    weights = [V @ ((s / total)[:, None] * (U.T @ G[:, :k])) for U, s, V, total in parts]
    return weights, values[:k] ** 2, tuple(ridges), G[:, :k]


def _at_most(k: int, rank: int) -> None:
    if k > rank:
        raise DataError(f"k is {k}; the views have rank {rank} together: ask for at most that many directions")


def _factor(covariance: Float, reg: float, ridge: str) -> tuple[Float, float, float]:
    """Cholesky factor of ``scale S + r I``, scale and r."""
    scale, r = _ridge(float(np.trace(covariance)), len(covariance), reg, ridge)
    regularised = scale * covariance
    regularised.flat[:: len(covariance) + 1] += r
    try:
        return linalg.cholesky(regularised, lower=True, check_finite=False), scale, r
    except linalg.LinAlgError as error:
        raise DataError(f"a view's covariance is singular with reg={reg:g}; raise reg, or drop columns that repeat others") from error


def _svd(centred: Float) -> tuple[Float, Float, Float]:
    """Thin ``U, s, V`` without the directions that rounding alone fills."""
    U, s, Vt = linalg.svd(centred, full_matrices=False, check_finite=False)
    kept = s > max(centred.shape) * np.finfo(np.float64).eps * s[0]
    if not kept.any():
        raise DataError("a view is constant; canonical correlation needs columns that vary", code="N02")
    return U[:, kept], s[kept], Vt[kept].T


def _signs(columns: Float) -> Float:
    largest = columns[np.abs(columns).argmax(axis=0), np.arange(columns.shape[1])]
    return np.where(largest < 0, -1.0, 1.0)
