"""Ridge regression in closed form: one penalty, a path of penalties, and the penalty that leave-one-out prefers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import LinearOperator, cg

from mcgurk.errors import DataError, ResourceError
from mcgurk.functional import _check
from mcgurk.functional._check import Float

_DENSE = 12000  # largest Gram matrix that is formed (1.2 GB)


def fit_ridge(X: Any, y: Any, alpha: float = 1.0, weight: Any | None = None) -> tuple[Float, Float]:
    """Ridge regression with an unpenalised intercept.

    ``min_{w,b} sum_i s_i |y_i - x_i w - b|^2 + alpha |w|^2``, solved by Cholesky of the smaller Gram matrix (``X^T X`` or, for p > n,
    ``X X^T``); sparse X by conjugate gradients with implicit centring. scikit-learn's ``Ridge`` minimises the same function.

    Not for: columns on very different scales (standardise first).

    Args:
        X: (n, p) dense or scipy sparse.
        y: (n,) or (n, q).
        alpha: penalty > 0.
        weight: (n,) row weights s.

    Shapes: ``coef (q, p), intercept (q,)``; q = 1 for a vector y.

    Raises:
        DataError: shapes disagree, a value is not finite (N01), alpha is not positive.

    Source: Hoerl, Kennard 1970, Technometrics 12:55-67; dual form: Saunders, Gammerman, Vovk 1998, ICML.

    Example:
        >>> import numpy as np
        >>> coef, intercept = fit_ridge(np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0]), alpha=2.0)
        >>> coef, intercept
        (array([[0.5]]), array([0.5]))
    """
    X, targets, s = _inputs(X, y, weight)
    alpha = _check.positive(alpha, "alpha")
    total = s.sum()
    mean_x, mean_y = np.asarray(X.T @ s).ravel() / total, s @ targets / total
    root = np.sqrt(s)
    rhs = root[:, None] * (targets - mean_y)
    if sparse.issparse(X):
        coef = _sparse_solve(sparse.diags_array(root) @ X, root, mean_x, rhs, alpha)
    else:
        centred = root[:, None] * (X - mean_x)
        if centred.shape[0] >= centred.shape[1]:
            coef = _solve(centred.T @ centred, alpha, centred.T @ rhs)
        else:
            coef = centred.T @ _solve(centred @ centred.T, alpha, rhs)
    return np.ascontiguousarray(coef.T), mean_y - mean_x @ coef


@dataclass(frozen=True, slots=True)
class RidgePath:
    """Ridge solutions along a grid of penalties.

    ``coef (A, q, p)``, ``intercept (A, q)``; ``loo (A, q)`` weighted mean squared leave-one-out error; ``gcv (A, q)`` generalised
    cross-validation; ``dof (A,)`` effective degrees of freedom, the intercept counted; ``loo_predictions (A, n, q)``.
    """

    alphas: Float
    coef: Float
    intercept: Float
    loo: Float
    gcv: Float
    dof: Float
    loo_predictions: Float


def ridge_path(X: Any, y: Any, alphas: Sequence[float], weight: Any | None = None, groups: Any | None = None) -> RidgePath:
    """:func:`fit_ridge` for a grid of penalties from one decomposition, with exact leave-one-out errors.

    ``S^{1/2} (X - mean) = U D V^T``; ``w(alpha) = V D / (D^2 + alpha) U^T y``; hat diagonal
    ``h_i = s_i / sum s + sum_j U_ij^2 d_j^2 / (d_j^2 + alpha)``; leave-one-out residual ``r_i / (1 - h_i)``;
    ``gcv = mean_i r_i^2 / (1 - dof / n)^2``. With ``groups`` whole groups are left out: ``(I - H_gg)^-1 r_g`` for the block of rows g of
    the (weighted) hat matrix H. U, D, V come from the eigenvectors of the smaller Gram matrix, so alphas below about
    ``1e-12 d_max^2`` are not resolved.

    Not for: n and p both above 12,000 (fit single penalties with :func:`fit_ridge`).

    Args:
        X: (n, p) dense or scipy sparse, n >= 2.
        y: (n,) or (n, q).
        alphas: penalties > 0, any order.
        weight: (n,) row weights s; rows of weight 0 take no part in ``loo`` and ``gcv``.
        groups: (n,) labels of rows that are left out together, or None for single rows.

    Raises:
        DataError: as :func:`fit_ridge`.
        ResourceError: both sides of X exceed 12,000.

    Source: Golub, Heath, Wahba 1979, Technometrics 21:215-223; Allen 1974 (PRESS).

    Example:
        >>> import numpy as np
        >>> x = np.arange(6.0)[:, None]
        >>> path = ridge_path(x, 2 * x[:, 0] + 1, [1e-6, 10.0])
        >>> path.coef.ravel().round(3), bool(path.loo[0, 0] < path.loo[1, 0])
        (array([2.   , 1.273]), True)
    """
    X, targets, s = _inputs(X, y, weight, rows=2)
    penalties = np.array([_check.positive(a, "alpha") for a in alphas])
    total = s.sum()
    mean_x, mean_y = np.asarray(X.T @ s).ravel() / total, s @ targets / total
    root = np.sqrt(s)
    U, d, back = _decompose(X, root, mean_x)
    response = root[:, None] * (targets - mean_y)
    projected = U.T @ response
    counted = s > 0
    n = int(counted.sum())
    shape = (len(penalties), targets.shape[1])
    coef, loo, gcv = np.zeros((*shape, X.shape[1])), np.zeros(shape), np.zeros(shape)
    dof, left_out = np.zeros(len(penalties)), np.zeros((len(penalties), *targets.shape))
    together = _together(groups, counted)
    for i, alpha in enumerate(penalties):
        shrink = d**2 / (d**2 + alpha)
        coef[i] = back(d / (d**2 + alpha) * projected.T)
        fitted = mean_y + np.divide(U @ (shrink[:, None] * projected), root[:, None], where=counted[:, None], out=np.zeros_like(targets))
        hat = s / total + (U**2) @ shrink
        dof[i] = hat.sum()
        residual = targets - fitted
        error = residual / np.maximum(1.0 - hat, 1e-12)[:, None]
        for g in together:
            block = np.eye(len(g)) - np.outer(root[g], root[g]) / total - (U[g] * shrink) @ U[g].T
            error[g] = np.linalg.solve(block + 1e-12 * np.eye(len(g)), root[g, None] * residual[g]) / root[g, None]
        left_out[i] = targets - error
        loo[i] = s @ error**2 / total
        gcv[i] = (s @ residual**2 / total) / max(1.0 - dof[i] / n, 1e-12) ** 2
    return RidgePath(penalties, coef, mean_y - coef @ mean_x, loo, gcv, dof, left_out)


def best_alpha(path: RidgePath, criterion: str = "loo") -> int:
    """Index of the penalty with the smallest mean ``"loo"`` or ``"gcv"`` over outputs; of equals the strongest penalty.

    Example:
        >>> import numpy as np
        >>> x = np.arange(6.0)[:, None]
        >>> best_alpha(ridge_path(x, 2 * x[:, 0] + 1, [1e-6, 10.0]))
        0
    """
    if criterion not in ("loo", "gcv"):
        raise DataError(f"criterion is {criterion!r}; expected 'loo' or 'gcv'")
    error = (path.loo if criterion == "loo" else path.gcv).mean(axis=1)
    return int(min(range(len(error)), key=lambda i: (error[i], -path.alphas[i])))


def _together(groups: Any | None, counted: Any) -> list[Any]:
    """Row numbers of every group of two rows or more; rows of weight 0 have no residual to correct."""
    if groups is None:
        return []
    labels = np.asarray(groups)
    if labels.shape != counted.shape:
        raise DataError(f"groups has shape {labels.shape}, expected {counted.shape}: give one label a row")
    rows = np.flatnonzero(counted)
    rows = rows[np.argsort(labels[rows], kind="stable")]
    bounds = np.flatnonzero(labels[rows][1:] != labels[rows][:-1]) + 1
    return [g for g in np.split(rows, bounds) if len(g) > 1]


def _inputs(X: Any, y: Any, weight: Any | None, rows: int = 1) -> tuple[Any, Float, Float]:
    X = _check.matrix_or_sparse(X, "X", rows=rows)
    targets = np.asarray(y, dtype=np.float64)
    targets = _check.matrix(targets[:, None] if targets.ndim == 1 else targets, "y")
    if len(targets) != X.shape[0]:
        raise DataError(f"y has {len(targets)} rows and X {X.shape[0]}; give one target per row of X")
    return X, targets, _check.weights(weight, len(targets))


def _solve(gram: Float, alpha: float, rhs: Float) -> Float:
    gram.flat[:: len(gram) + 1] += alpha
    try:
        solution: Float = linalg.solve(gram, rhs, assume_a="pos", overwrite_a=True, check_finite=False)
    except linalg.LinAlgError as error:
        raise DataError(f"alpha={alpha:g} is too small for columns this collinear; raise alpha or standardise X") from error
    return solution


def _sparse_solve(X: Any, root: Float, mean: Float, rhs: Float, alpha: float) -> Float:
    """Conjugate gradients on ``(Xc^T Xc + alpha I) w = Xc^T y`` with ``Xc = X - root mean^T`` never formed."""
    transpose = X.T.tocsr()
    diagonal = np.asarray(X.multiply(X).sum(axis=0)).ravel() - (root @ root) * mean**2 + alpha

    def normal(w: Float) -> Float:
        rows = X @ w - root * (mean @ w)
        out: Float = transpose @ rows - mean * (root @ rows) + alpha * w
        return out

    p = X.shape[1]
    operator = LinearOperator((p, p), matvec=normal, dtype=np.float64)
    jacobi = LinearOperator((p, p), matvec=lambda w: w / np.maximum(diagonal, alpha), dtype=np.float64)
    columns = []
    for target in rhs.T:
        solution, failed = cg(operator, transpose @ target - mean * (root @ target), rtol=1e-11, atol=0.0, maxiter=20 * p + 100, M=jacobi)
        if failed:
            raise DataError(f"ridge regression on sparse X did not converge with alpha={alpha:g}; raise alpha or scale the columns")
        columns.append(solution)
    return np.column_stack(columns)


def _decompose(X: Any, root: Float, mean: Float) -> tuple[Float, Float, Any]:
    """``U, d`` of the weighted centred X, and the map from ``(q, r)`` in the right singular basis to ``(q, p)``."""
    n, p = X.shape
    if min(n, p) > _DENSE:
        raise ResourceError(f"ridge_path needs a {min(n, p)} x {min(n, p)} matrix; above {_DENSE} fit single penalties with fit_ridge")
    if sparse.issparse(X):
        scaled = sparse.diags_array(root) @ X
        along = np.asarray(scaled @ mean).ravel()
        if p <= n:
            gram = (scaled.T @ scaled).toarray() - (root @ root) * np.outer(mean, mean)
        else:
            gram = (scaled @ scaled.T).toarray() - np.outer(root, along) - np.outer(along, root) + (mean @ mean) * np.outer(root, root)

        def times(v: Float) -> Float:
            out: Float = scaled @ v - np.outer(root, mean @ v)
            return out

        def transposed(u: Float) -> Float:
            out: Float = scaled.T @ u - np.outer(mean, root @ u)
            return out
    else:
        centred = root[:, None] * (X - mean)
        gram = centred.T @ centred if p <= n else centred @ centred.T

        def times(v: Float) -> Float:
            out: Float = centred @ v
            return out

        def transposed(u: Float) -> Float:
            out: Float = centred.T @ u
            return out

    values, vectors = linalg.eigh(gram, overwrite_a=True, check_finite=False)
    kept = values > max(n, p) * np.finfo(float).eps * max(float(values[-1]), 0.0)
    d, vectors = np.sqrt(values[kept]), vectors[:, kept]
    if p <= n:
        return times(vectors) / d, d, lambda c: c @ vectors.T
    return vectors, d, lambda c: (transposed(vectors @ (c / d).T)).T
