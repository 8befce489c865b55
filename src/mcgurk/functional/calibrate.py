"""Calibration of scores on held-out rows: temperature, Platt's sigmoid, isotonic steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import optimize, special

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Float

TEMPERATURES = (0.01, 100.0)  # the range searched: a separable sample would otherwise ask for temperature 0


def fit_temperature(logits: Any, codes: Any, *, weight: Any | None = None) -> float:
    """The temperature T that minimises the log loss of ``softmax(logits / T)``.

    ``sum_i s_i (E_{p_i(b)}[z_i] - z_{i,y_i}) = 0`` in ``b = 1 / T``: the log loss is convex in b, so its slope is monotone and has one
    root, found by bracketing within ``TEMPERATURES``. Ranking and arg-max are untouched.

    Not for: the rows the scores were trained on (they are over-confident there); wrong class proportions (needs a bias: Platt).

    Args:
        logits: (n, k); one column is a binary log-odds; log-probabilities serve as well.
        codes: (n,) integers.
        weight: (n,) row weights s.

    Raises:
        DataError: shapes disagree, or a value is not finite (N01; clip log-probabilities of zero first).

    Source: Guo, Pleiss, Sun, Weinberger 2017, ICML, section 4.2.

    Example:
        >>> import numpy as np
        >>> round(fit_temperature(np.array([[2.0], [2.0], [2.0], [2.0]]), np.array([1, 1, 1, 0])), 3)
        1.82
    """
    z = _two_columns(_check.matrix(logits, "logits"))
    y = _check.codes(codes, z.shape[1], n=len(z))
    s = _check.weights(weight, len(z))
    chosen = s @ z[np.arange(len(z)), y]

    def slope(b: float) -> float:
        return float(s @ (special.softmax(b * z, axis=1) * z).sum(axis=1) - chosen)

    low, high = 1.0 / TEMPERATURES[1], 1.0 / TEMPERATURES[0]
    if slope(low) >= 0:
        return TEMPERATURES[1] if slope(low) > 0 else 1.0  # flat logits: every temperature is the same
    if slope(high) <= 0:
        return TEMPERATURES[0]
    return 1.0 / float(optimize.brentq(slope, low, high, xtol=1e-12, rtol=1e-12))


def apply_temperature(logits: Any, temperature: float) -> Float:
    """Log-probabilities (n, C) of ``logits / temperature``; one column counts as a binary log-odds.

    Example:
        >>> import numpy as np
        >>> np.exp(apply_temperature(np.array([[2.0]]), 2.0)).round(3)
        array([[0.269, 0.731]])
    """
    z = _two_columns(_check.matrix(logits, "logits", rows=0))
    out: Float = special.log_softmax(z / _check.positive(temperature, "temperature"), axis=1)
    return out


def fit_platt(scores: Any, codes: Any, *, weight: Any | None = None) -> tuple[float, float]:
    """Platt's sigmoid: ``P(y = 1 | s) = 1 / (1 + exp(-(a s + b)))``, the slope and the intercept.

    Targets are smoothed to ``(n_1 + 1) / (n_1 + 2)`` and ``1 / (n_0 + 2)``, which keeps a separable sample finite. Damped Newton.

    Not for: more than two classes (one temperature, or one sigmoid a class and renormalise); curves that are not sigmoids (isotonic).

    Args:
        scores: (n,) any real scores.
        codes: (n,) of 0 and 1, both present.

    Raises:
        DataError: one class only (S01), shapes disagree, a value is not finite (N01).

    Source: Platt 1999, Advances in Large Margin Classifiers; Lin, Lin, Weng 2007, Machine Learning 68:267-276.

    Example:
        >>> import numpy as np
        >>> a, b = fit_platt(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0, 0, 1, 1]))
        >>> round(a, 3), abs(b) < 1e-9
        (0.674, True)
    """
    x = _check.vector(scores, "scores")
    y = _check.codes(codes, 2, n=len(x))
    w = _check.weights(weight, len(x))
    mass = np.bincount(y, weights=w, minlength=2)
    if (mass == 0).any():
        raise DataError("Platt scaling saw one class only; give held-out rows of both classes", code="S01")
    target = np.where(y == 1, (mass[1] + 1) / (mass[1] + 2), 1 / (mass[0] + 2))
    center, spread = np.average(x, weights=w), max(float(x.std()), 1e-300)
    design = np.column_stack([(x - center) / spread, np.ones(len(x))])
    theta = np.array([0.0, np.log((mass[1] + 1) / (mass[0] + 1))])

    def loss(t: Float) -> float:
        eta = design @ t
        return float(w @ (np.logaddexp(0, eta) - target * eta))

    for _ in range(100):
        p = special.expit(design @ theta)
        gradient = design.T @ (w * (p - target))
        hessian = (design * (w * p * (1 - p))[:, None]).T @ design + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        while loss(theta - step) > loss(theta) + 1e-12 * abs(loss(theta)):
            step *= 0.5
        theta = theta - step
        if np.abs(step).max() <= 1e-10 * (1 + np.abs(theta).max()):
            break
    a = theta[0] / spread
    return float(a), float(theta[1] - a * center)


def apply_platt(scores: Any, a: float, b: float) -> Float:
    """Log-probabilities (n, 2) of the sigmoid ``a s + b``."""
    eta = a * _check.vector(scores, "scores") + b
    return np.column_stack([special.log_expit(-eta), special.log_expit(eta)])


def fit_isotonic(scores: Any, targets: Any, *, weight: Any | None = None) -> tuple[Float, Float]:
    """Isotonic calibration: the non-decreasing function of the score that is nearest to the targets in weighted least squares.

    Returns knots ``(x, f)``; :func:`apply_isotonic` interpolates between them and is flat outside. Equal scores share one value.

    Not for: fewer than some hundred held-out rows (it overfits: use Platt or a temperature).

    Args:
        scores: (n,).
        targets: (n,) of 0 and 1, or any numbers.

    Source: Zadrozny, Elkan 2002, KDD; pool adjacent violators: Barlow et al. 1972.

    Example:
        >>> import numpy as np
        >>> fit_isotonic(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.0]))
        (array([1., 2., 3.]), array([0. , 0.5, 0.5]))
    """
    x = _check.vector(scores, "scores")
    t = _check.vector(targets, "targets", len(x))
    w = _check.weights(weight, len(x))
    x, t, w = x[w > 0], t[w > 0], w[w > 0]
    knots, group = np.unique(x, return_inverse=True)
    mass = np.bincount(group, weights=w)
    fitted = optimize.isotonic_regression(np.bincount(group, weights=w * t) / mass, weights=mass).x
    return knots, np.asarray(fitted, dtype=np.float64)


def apply_isotonic(scores: Any, knots: Float, values: Float) -> Float:
    """Values of the isotonic function at ``scores``.

    Example:
        >>> import numpy as np
        >>> apply_isotonic(np.array([0.0, 1.5, 9.0]), np.array([1.0, 2.0]), np.array([0.2, 0.6]))
        array([0.2, 0.4, 0.6])
    """
    return np.interp(_check.vector(scores, "scores"), knots, values)


def _two_columns(logits: Float) -> Float:
    return np.hstack([np.zeros_like(logits), logits]) if logits.shape[1] == 1 else logits
