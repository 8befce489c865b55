"""Figures of merit for numbers and counts; several outputs are averaged."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcgurk.errors import DataError
from mcgurk.metrics import _inputs
from mcgurk.metrics._inputs import Float


def mae(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Mean absolute error."""
    a, b, w = _pair(y, predicted, weight)
    return float((w @ np.abs(a - b)).mean())


def mse(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Mean squared error."""
    a, b, w = _pair(y, predicted, weight)
    return float((w @ (a - b) ** 2).mean())


def rmse(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Root of the mean squared error, per output, averaged over outputs."""
    a, b, w = _pair(y, predicted, weight)
    return float(np.sqrt(w @ (a - b) ** 2).mean())


def mape(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Mean absolute percentage error, in percent: ``100 mean |y - f| / |y|``.

    Not for: targets near zero, where it explodes.

    Raises:
        DataError: a true value is 0.

    Example:
        >>> mape([100.0, 200.0], [110.0, 180.0])
        10.0
    """
    a, b, w = _pair(y, predicted, weight)
    if (a == 0).any():
        raise DataError("a true value is 0, so a percentage error is undefined; use mae")
    return float((w @ (np.abs(a - b) / np.abs(a))).mean()) * 100.0


def r2(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Share of variance explained, ``1 - SSE / SST``; a constant truth gives 1 if hit exactly, else 0."""
    a, b, w = _pair(y, predicted, weight)
    residual, total = w @ (a - b) ** 2, w @ (a - w @ a) ** 2
    constant = np.where(residual == 0, 1.0, 0.0)
    return float(np.where(total > 0, 1.0 - np.divide(residual, total, out=np.zeros_like(total), where=total > 0), constant).mean())


def pearson(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Pearson correlation; 0 where either side is constant."""
    a, b, w = _pair(y, predicted, weight)
    covariance, va, vb, _ = _moments(a, b, w)
    return float(_ratio(covariance, np.sqrt(va * vb)).clip(-1.0, 1.0).mean())


def spearman(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Spearman's rank correlation, ties averaged; rows cannot be weighted.

    Example:
        >>> spearman([1.0, 2.0, 3.0], [1.0, 4.0, 9.0])
        1.0
    """
    if weight is not None:
        raise DataError("spearman takes no weights; repeat the rows, or use pearson")
    a, b, w = _pair(y, predicted, None)
    a, b = (np.column_stack([_inputs.average_ranks(column) for column in x.T]) for x in (a, b))
    covariance, va, vb, _ = _moments(a, b, w)
    return float(_ratio(covariance, np.sqrt(va * vb)).clip(-1.0, 1.0).mean())


def ccc(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Lin's concordance correlation ``2 s_xy / (s_x^2 + s_y^2 + (m_x - m_y)^2)``: agreement, not mere association.

    Source: Lin 1989, Biometrics 45:255-268.

    Example:
        >>> round(ccc([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]), 4)
        0.5714
    """
    a, b, w = _pair(y, predicted, weight)
    covariance, va, vb, shift = _moments(a, b, w)
    return float(_ratio(2 * covariance, va + vb + shift**2).mean())


def poisson_deviance(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Mean Poisson deviance ``2 (y log(y / mu) - y + mu)`` of counts y and expected counts mu > 0.

    Example:
        >>> round(poisson_deviance([2.0, 0.0], [1.0, 1.0]), 4)
        1.3863
    """
    a, b, w = _pair(y, predicted, weight)
    if (a < 0).any() or (b <= 0).any():
        raise DataError("poisson_deviance needs counts >= 0 and expected counts > 0", code="L01")
    log_ratio = np.where(a > 0, np.log(np.where(a > 0, a, 1.0) / b), 0.0)
    return float((w @ (2 * (a * log_ratio - a + b))).mean())


def _pair(y: Any, predicted: Any, weight: Any | None) -> tuple[Float, Float, Float]:
    a = _inputs.numbers(y, "the truth")
    b = _inputs.numbers(predicted, "the prediction")
    a, b = (x[:, None] if x.ndim == 1 else x for x in (a, b))
    if a.ndim != 2 or a.shape != b.shape:
        raise DataError(f"the truth has shape {a.shape} and the prediction {b.shape}; expected the same (rows,) or (rows, outputs)")
    return a, b, _inputs.weights(weight, len(a))


def _moments(a: Float, b: Float, w: Float) -> tuple[Float, Float, Float, Float]:
    ma, mb = w @ a, w @ b
    da, db = a - ma, b - mb
    return w @ (da * db), w @ da**2, w @ db**2, ma - mb


def _ratio(above: Float, below: Float) -> Float:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
