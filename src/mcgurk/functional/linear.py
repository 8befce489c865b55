"""Penalised linear models: logistic (binary, multinomial, multilabel) and Poisson regression; ridge from :mod:`.ridge`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import sparse, special

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Float, Int
from mcgurk.functional._newton import Design, Loss, minimise
from mcgurk.functional.ridge import best_alpha, fit_ridge, ridge_path

__all__ = [
    "best_alpha",
    "fit_logistic",
    "fit_logistic_path",
    "fit_multilabel",
    "fit_poisson",
    "fit_ridge",
    "log_proba",
    "ridge_path",
    "scores",
]


def fit_logistic(
    X: Any, codes: Any, n_classes: int, *, C: float = 1.0, weight: Any | None = None, tol: float = 1e-7
) -> tuple[Float, Float]:
    """L2-penalised logistic regression, binary or multinomial.

    ``min_{W,b} C sum_i s_i [logsumexp(x_i W + b) - (x_i W + b)_{y_i}] + |W|_F^2 / 2``; two classes use one column and the sigmoid.
    The intercept is not penalised. Solved by Newton steps with preconditioned conjugate gradients in float64; wide dense data are solved
    in as many unknowns as rows. scikit-learn's ``LogisticRegression`` minimises the same function.

    Not for: columns on very different scales (the penalty is one for all: standardise first); feature selection (use L1).

    A class without rows (or with zero weight) keeps coefficients 0 and an intercept that gives it an average training probability of
    about ``1 / (n + 2)``.

    Args:
        X: (n, p) dense or scipy sparse.
        codes: (n,) integers ``0 .. n_classes - 1``.
        n_classes: at least 2.
        C: inverse strength of the penalty.
        weight: (n,) row weights s; 0 leaves a row out.
        tol: bound on the distance of the slopes from the optimum.

    Shapes: ``coef (k, p), intercept (k,)`` with k = 1 for two classes, else ``n_classes``.

    Raises:
        DataError: shapes disagree, a value is not finite (N01), a code is out of range (L01).

    Source: Bishop 2006, Pattern Recognition and Machine Learning, eq. 4.90 and 4.108; truncated Newton: Lin, Weng, Keerthi 2008, JMLR.

    Example:
        >>> import numpy as np
        >>> coef, intercept = fit_logistic(np.array([[-1.0], [0.0], [1.0], [2.0]]), np.array([0, 0, 1, 1]), 2)
        >>> coef.round(4), intercept.round(4)
        (array([[0.9583]]), array([-0.4791]))
    """
    coefs, intercepts = fit_logistic_path(X, codes, n_classes, [C], weight=weight, tol=tol)
    return coefs[0], intercepts[0]


def fit_logistic_path(
    X: Any, codes: Any, n_classes: int, Cs: Sequence[float], *, weight: Any | None = None, tol: float = 1e-7
) -> tuple[Float, Float]:
    """:func:`fit_logistic` for every C of a grid, each started from the next stronger penalty's solution.

    Args: as :func:`fit_logistic`; ``Cs`` in any order.

    Shapes: ``coefs (len(Cs), k, p), intercepts (len(Cs), k)``, in the order of ``Cs``.

    Example:
        >>> import numpy as np
        >>> coefs, _ = fit_logistic_path(np.array([[-1.0], [0.0], [1.0], [2.0]]), np.array([0, 0, 1, 1]), 2, [0.01, 1.0])
        >>> coefs.ravel().round(4)
        array([0.0198, 0.9583])
    """
    X = _check.matrix_or_sparse(X, "X")
    if n_classes < 2:
        raise DataError(f"n_classes is {n_classes}; a classifier needs at least 2 classes", code="S01")
    y = _check.codes(codes, n_classes, n=X.shape[0])
    s = _check.weights(weight, len(y))
    return _logistic_path(Design(X), X.shape[1], y, n_classes, Cs, s, tol)


def fit_multilabel(X: Any, Y: Any, *, C: float = 1.0, weight: Any | None = None, tol: float = 1e-7) -> tuple[Float, Float]:
    """L independent binary logistic regressions that share one factorisation of X.

    Not for: labels that exclude each other (use :func:`fit_logistic`).

    Args:
        X: (n, p) dense or scipy sparse.
        Y: (n, L) of 0, 1 or NaN; a NaN label is left out of its own regression only.
        C, weight, tol: as :func:`fit_logistic`.

    Shapes: ``coef (L, p), intercept (L,)``.

    Raises:
        DataError: as :func:`fit_logistic`; an entry of Y other than 0, 1, NaN (L01); a label without a labelled row (S01).

    Source: binary relevance; Tsoumakas, Katakis 2007, IJDWM 3(3).

    Example:
        >>> import numpy as np
        >>> X = np.array([[-1.0], [0.0], [1.0], [2.0]])
        >>> fit_multilabel(X, np.array([[0, 1], [0, np.nan], [1, 0], [1, 0]]))[0].round(3).ravel()
        array([ 0.958, -0.848])
    """
    X = _check.matrix_or_sparse(X, "X")
    labels = _check.matrix(Y, "Y", missing=True)
    if len(labels) != X.shape[0]:
        raise DataError(f"Y has {len(labels)} rows and X {X.shape[0]}; give one row of labels per row of X")
    known = ~np.isnan(labels)
    if not np.isin(labels[known], (0.0, 1.0)).all():
        raise DataError("Y holds values other than 0, 1 and NaN; encode multilabel targets as indicators", code="L01")
    s = _check.weights(weight, len(labels))
    design = Design(X)
    coef, intercept = np.zeros((labels.shape[1], X.shape[1])), np.zeros(labels.shape[1])
    for j in range(labels.shape[1]):
        own = s * known[:, j]
        if not own.any():
            raise DataError(f"label {j} has no labelled row; drop it or label some rows", code="S01")
        y = np.where(known[:, j], labels[:, j], 0.0).astype(np.int64)
        coefs, intercepts = _logistic_path(design, X.shape[1], y, 2, [C], own, tol)
        coef[j], intercept[j] = coefs[0, 0], intercepts[0, 0]
    return coef, intercept


def fit_poisson(
    X: Any, y: Any, *, C: float = 1.0, weight: Any | None = None, offset: Any | None = None, tol: float = 1e-7
) -> tuple[Float, Float]:
    """L2-penalised Poisson regression with log link.

    ``min_{w,b} C sum_i s_i [mu_i - y_i log mu_i] + |w|^2 / 2``, ``log mu_i = x_i w + b + offset_i`` (iteratively reweighted least squares,
    damped). scikit-learn's ``PoissonRegressor(alpha)`` is ``C = 1 / (alpha sum_i s_i)``.

    Not for: counts whose variance exceeds their mean by far, where standard errors are wanted (use a negative binomial).

    Args:
        X: (n, p) dense or scipy sparse.
        y: (n,) counts >= 0, not all zero.
        offset: (n,) log exposure, known.

    Shapes: ``coef (1, p), intercept (1,)``: log mu is a linear score.

    Raises:
        DataError: negative counts (L01), no positive count (S01), non-finite values (N01).

    Source: McCullagh, Nelder 1989, Generalized Linear Models, section 2.5 and chapter 6.

    Example:
        >>> import numpy as np
        >>> coef, intercept = fit_poisson(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 4.0, 8.0]), C=1e6)
        >>> np.exp(coef[0, 0]).round(3)
        np.float64(2.0)
    """
    X = _check.matrix_or_sparse(X, "X")
    counts = _check.vector(y, "y", X.shape[0])
    if (counts < 0).any():
        raise DataError(f"y holds a negative count ({counts.min():g}); Poisson regression needs counts >= 0", code="L01")
    s = _check.weights(weight, len(counts)) * _check.positive(C, "C")
    if not s @ counts > 0:
        raise DataError("every count is zero; a Poisson regression needs a positive count", code="S01")
    shift = np.zeros(len(counts)) if offset is None else _check.vector(offset, "offset", len(counts))
    design = Design(X)
    start = np.zeros((design.Z.shape[1] + 1, 1))
    start[-1] = np.log(s @ counts) - np.log(s @ np.exp(shift))
    return design.coefficients(minimise(design, _Poisson(counts, shift), s, start, tol=tol))


def scores(X: Any, coef: Float, intercept: Float) -> Float:
    """Linear scores ``X coef^T + intercept``, (n, k); X dense or sparse."""
    out: Float = np.asarray(X @ coef.T) + intercept if sparse.issparse(X) else _check.matrix(X, "X", rows=0) @ coef.T + intercept
    return out


def log_proba(raw: Float) -> Float:
    """Log-probabilities (n, C) of linear scores: one column is a binary logit (C = 2), several are multinomial logits.

    Example:
        >>> import numpy as np
        >>> np.exp(log_proba(np.zeros((1, 1))))
        array([[0.5, 0.5]])
    """
    if raw.shape[1] == 1:
        out: Float = np.hstack([special.log_expit(-raw), special.log_expit(raw)])
        return out
    out = special.log_softmax(raw, axis=1)
    return out


def _logistic_path(design: Design, p: int, y: Int, n_classes: int, Cs: Sequence[float], s: Float, tol: float) -> tuple[Float, Float]:
    strengths = [_check.positive(C, "C") for C in Cs]
    mass = np.bincount(y, weights=s, minlength=n_classes)
    seen = np.flatnonzero(mass > 0)
    k = 1 if n_classes == 2 else n_classes
    coefs, intercepts = np.zeros((len(strengths), k, p)), np.zeros((len(strengths), k))
    n_effective = int((s > 0).sum())
    if len(seen) == 1:
        odds = np.log(n_effective + 1.0)
        intercepts[:] = (odds if seen[0] == 1 else -odds) if k == 1 else np.where(np.arange(k) == seen[0], odds, 0.0)
        return coefs, intercepts
    loss: Loss
    if k == 1:
        loss, first = _Binary(y.astype(np.float64)), np.log(mass[1:] / mass[:1])
    else:
        loss = _Multinomial(np.searchsorted(seen, np.where(s > 0, y, seen[0])), len(seen))
        first = np.log(mass[seen]) - np.log(mass[seen]).mean()
    params = np.zeros((design.Z.shape[1] + 1, len(first)))
    params[-1] = first
    for i in np.argsort(strengths, kind="stable"):
        params = minimise(design, loss, strengths[i] * s, params, tol=tol)
        columns = slice(None) if k == 1 else seen
        coefs[i, columns], intercepts[i, columns] = design.coefficients(params)
        if k > 1 and len(seen) < n_classes:
            level = special.logsumexp(design.forward(params), axis=1)[s > 0].mean() - np.log(n_effective + 1.0)
            intercepts[i, np.setdiff1d(np.arange(n_classes), seen)] = level
    return coefs, intercepts


class _Binary:
    """``log(1 + exp(eta)) - y eta``."""

    def __init__(self, y: Float) -> None:
        self._y = y[:, None]

    def value(self, eta: Float) -> Float:
        out: Float = (np.logaddexp(0.0, eta) - self._y * eta)[:, 0]
        return out

    def expand(self, eta: Float) -> tuple[Float, Callable[[Float], Float], float]:
        p = special.expit(eta)
        variance = p * (1.0 - p)
        return p - self._y, lambda v: variance * v, float(variance.mean())


class _Multinomial:
    """``logsumexp(eta) - eta_y``."""

    def __init__(self, y: Int, n_classes: int) -> None:
        self._pick = np.arange(len(y)), y
        self._onehot = np.eye(n_classes)[y]

    def value(self, eta: Float) -> Float:
        out: Float = special.logsumexp(eta, axis=1) - eta[self._pick]
        return out

    def expand(self, eta: Float) -> tuple[Float, Callable[[Float], Float], float]:
        p = special.softmax(eta, axis=1)

        def hessian(v: Float) -> Float:
            out: Float = p * v
            out -= p * out.sum(axis=1, keepdims=True)
            return out

        return p - self._onehot, hessian, float((p * (1.0 - p)).mean())


class _Poisson:
    """``exp(eta) - y eta``, eta including the offset."""

    def __init__(self, y: Float, offset: Float) -> None:
        self._y, self._offset = y[:, None], offset[:, None]

    def value(self, eta: Float) -> Float:
        eta = eta + self._offset
        with np.errstate(over="ignore"):  # an infinite trial value is simply refused by the line search
            out: Float = (np.exp(eta) - self._y * eta)[:, 0]
        return out

    def expand(self, eta: Float) -> tuple[Float, Callable[[Float], Float], float]:
        mu = np.exp(eta + self._offset)
        return mu - self._y, lambda v: mu * v, float(mu.mean())
