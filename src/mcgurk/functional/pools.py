"""Weights of late fusion, fitted on held-out decisions: opinion pools and combined forecasts."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg, optimize, special

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Float

_FLOOR = -690.0  # log of the smallest probability a fitted pool believes; keeps the loss finite


def fit_pool_weights(logp: Any, codes: Any, present: Any | None = None, *, kind: str = "log", weight: Any | None = None) -> Float:
    """Simplex weights that minimise the log loss of a linear or logarithmic opinion pool.

    ``min_w -sum_i s_i log q_i(y_i)`` with q of :func:`mcgurk.functional.decisions.linear_pool` or ``logarithmic_pool``; convex in w when
    all modalities are present. Softmax parametrisation, L-BFGS with the exact gradient, started from equal weights.

    Not for: the rows the decisions were trained on: give out-of-fold or held-out decisions.

    Args:
        logp: (n, M, C) log-probabilities.
        codes: (n,) integers.
        present: (n, M) bool, all present where None; rows without any modality are ignored.
        kind: "linear" or "log".
        weight: (n,) row weights s.

    Shapes: (M,), non-negative, sum 1.

    Raises:
        DataError: shapes disagree, unknown kind, or no row has a modality (S01).

    Source: Genest, Zidek 1986, Statistical Science 1:114-135; Ranjan, Gneiting 2010, JRSS B 72:71-91.

    Example:
        >>> import numpy as np
        >>> good, coin = np.log([[0.9, 0.1], [0.1, 0.9]]), np.log([[0.5, 0.5], [0.5, 0.5]])
        >>> fit_pool_weights(np.stack([good, coin], axis=1), np.array([0, 1])).round(3) + 0.0
        array([1., 0.])
    """
    values = np.asarray(logp, dtype=np.float64)
    mask = np.ones(values.shape[:2], dtype=bool) if present is None else present
    values, mask, _ = _check.decisions(values, mask, None)
    y = _check.codes(codes, values.shape[2], n=len(values))
    s = _check.weights(weight, len(values)) * mask.any(axis=1)
    if kind not in ("linear", "log"):
        raise DataError(f"kind is {kind!r}; expected 'linear' or 'log'")
    if not s.any():
        raise DataError("no row has a present modality; pool weights cannot be fitted", code="S01")
    kept = s > 0
    values, mask, y, s = values[kept], mask[kept], y[kept], s[kept] / s.sum()
    values = np.where(mask[:, :, None], np.maximum(values, _FLOOR), 0.0)
    objective = _linear_loss if kind == "linear" else _log_loss

    def of_softmax(theta: Float) -> tuple[float, Float]:
        w = special.softmax(theta)
        loss, gradient = objective(w, values, mask, y, s)
        return loss, w * (gradient - w @ gradient)

    result = optimize.minimize(
        of_softmax,
        np.zeros(values.shape[1]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-30, 30)] * values.shape[1],
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    out: Float = special.softmax(result.x)
    return out


def fit_forecast_weights(predictions: Any, y: Any, *, ridge: float = 1e-6, nonnegative: bool = False, weight: Any | None = None) -> Float:
    """Bates-Granger weights of M numeric forecasts: ``w = S^-1 1 / (1' S^-1 1)``.

    S is the second-moment matrix of the held-out errors (their covariance, where forecasts are unbiased) plus ``ridge * trace(S) / M``, so
    w minimises the held-out squared error among weights that sum to 1. ``nonnegative`` solves the same problem over the simplex by
    non-negative least squares.

    Not for: few held-out rows and many forecasts (equal weights then win; raise ``ridge`` towards them).

    Args:
        predictions: (n, M) held-out forecasts.
        y: (n,) truth.
        weight: (n,) row weights.

    Shapes: (M,), sum 1.

    Raises:
        DataError: shapes disagree, non-finite values (N01).

    Source: Bates, Granger 1969, Operational Research Quarterly 20:451-468; Breiman 1996, Machine Learning 24:49-64 (non-negative).

    Example:
        >>> import numpy as np
        >>> errors = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
        >>> fit_forecast_weights(errors, np.zeros(4), ridge=0.0)
        array([0.8, 0.2])
    """
    forecasts = _check.matrix(predictions, "predictions")
    errors = forecasts - _check.vector(y, "y", len(forecasts))[:, None]
    s = _check.weights(weight, len(errors))
    S = (errors * s[:, None]).T @ errors / s.sum()
    M = len(S)
    S.flat[:: M + 1] += _check.positive(ridge, "ridge", zero=True) * np.trace(S) / M + 1e-300
    try:
        lower = linalg.cholesky(S, lower=True)
    except linalg.LinAlgError as error:
        raise DataError("the forecasts' errors are linearly dependent; raise ridge, or drop a duplicate forecast") from error
    ones = linalg.solve_triangular(lower, np.ones(M), lower=True)
    # min u'Su/2 - 1'u over u >= 0 has the direction of the solution over the simplex
    u = optimize.nnls(lower.T, ones)[0] if nonnegative else linalg.solve_triangular(lower, ones, lower=True, trans=1)
    out: Float = u / u.sum()
    return out


def variance_of_average(n_modalities: int, variance: float, correlation: float) -> float:
    """Variance ``v (1 + (M - 1) r) / M`` of the average of M unbiased predictors: late fusion is ensembling.

    v is the variance of one, r the correlation of any two; low r, diversity, is what the views bring.

    Example:
        >>> variance_of_average(4, 1.0, 0.0), variance_of_average(4, 1.0, 1.0)
        (0.25, 1.0)
    """
    return variance * (1.0 + (n_modalities - 1) * correlation) / n_modalities


def _linear_loss(w: Float, logp: Float, mask: Any, y: Any, s: Float) -> tuple[float, Float]:
    chosen = np.where(mask, np.exp(logp[np.arange(len(y)), :, y]), 0.0)
    pooled, total = chosen @ w, mask @ w
    loss = float(s @ (np.log(total) - np.log(pooled)))
    return loss, (mask / total[:, None] - chosen / pooled[:, None]).T @ s


def _log_loss(w: Float, logp: Float, mask: Any, y: Any, s: Float) -> tuple[float, Float]:
    shares = mask * w
    total = shares.sum(axis=1, keepdims=True)
    shares = shares / total
    scores = np.einsum("nm,nmc->nc", shares, logp)
    log_q = special.log_softmax(scores, axis=1)
    rows = np.arange(len(y))
    per_share = np.einsum("nc,nmc->nm", np.exp(log_q), logp) - logp[rows, :, y]
    gradient = mask * (per_share - (shares * per_share).sum(axis=1, keepdims=True)) / total
    return float(-s @ log_q[rows, y]), gradient.T @ s
