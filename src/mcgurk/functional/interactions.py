"""Additive, multiplicative and combined regressions of two or more sets of columns, and what tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Bool, Float, Int
from mcgurk.functional.glm import GLM, fit_glm

FORMS = ("additive", "multiplicative", "combined")


@dataclass(frozen=True)
class InteractionTest:
    """Whether the products add to the main effects.

    Args:
        statistic: F (gaussian) or the likelihood ratio, twice the gain in log-likelihood.
        p_value: of the nested test; for other families from the chi-squared distribution.
        df: interaction coefficients tested, and residual degrees of freedom (infinite for likelihood ratios).
        partial_r2: share of the additive model's unexplained sum of squares that they explain; 1 - exp(-ratio / n) for likelihood ratios.
    """

    statistic: float
    p_value: float
    df: tuple[int, float]
    partial_r2: float


@dataclass(frozen=True)
class Interactions:
    """A fitted regression on ``[1, mains, products]`` in centred and in raw coordinates.

    Args:
        center: (p,) means of the main columns.
        centred, raw: (k, 1 + p + q) coefficients of ``c_i`` and ``c_i c_j`` with ``c = x - center``, and of ``x_i`` and ``x_i x_j``.
        centred_error, raw_error: their standard errors; NaN for columns that others determine, 0 for terms that are not in the model.
        df: of the t distribution behind intervals (infinite for other families than gaussian).
        test: products against main effects only (form "combined"), else None.
        model: the regression behind it.
    """

    center: Float
    centred: Float
    raw: Float
    centred_error: Float
    raw_error: Float
    df: float
    test: InteractionTest | None
    model: GLM


def fit_interactions(
    X: Any,
    y: Any,
    pairs: Any,
    *,
    form: str = "combined",
    family: str = "gaussian",
    ridge: float = 0.0,
    errors: str = "model",
    weight: Any | None = None,
    groups: Any | None = None,
) -> Interactions:
    """``z = w_0 + sum_i w_i x_i + sum_(i,j) w_ij x_i x_j``: "additive" without products, "multiplicative" with products only.

    Main columns are centred before products are formed, because main effects and product are collinear otherwise and main effects mean
    effects where the other factor is 0; both coordinate systems are returned. A "multiplicative" model is a model of raw products, since
    products of centred columns alone span another space.

    Not for: ridge and standard errors together, unless the shrunken estimate itself is of interest: its bias is not in them.

    Args:
        X: (n, p) main columns.
        y: as :func:`.glm.fit_glm`.
        pairs: (q, 2) column numbers multiplied.
        form: "additive", "multiplicative" or "combined".
        family, errors, weight, groups: as :func:`.glm.fit_glm`.
        ridge: penalty on standardised columns, in units of rows; the intercept is free.

    Raises:
        DataError: form unknown, pairs not column numbers, and as :func:`.glm.fit_glm`.

    Source: Aiken, West 1991, Multiple Regression: Testing and Interpreting Interactions, chapters 2 and 3.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [2.0, 1.0]])
        >>> fit = fit_interactions(x, 1 + 2 * x[:, 0] + 3 * x[:, 1] - 1.5 * x[:, 0] * x[:, 1], [[0, 1]])
        >>> fit.raw.round(6).tolist()
        [[1.0, 2.0, 3.0, -1.5]]
    """
    X = _check.matrix(X, "X")
    products = _pairs(pairs, X.shape[1])
    if form not in FORMS:
        raise DataError(f"form={form!r}; expected one of {', '.join(FORMS)}")
    w = _check.weights(weight, len(X))
    center = w @ X / w.sum()
    present = terms(X.shape[1], len(products), form)
    design = design_matrix(X - (0.0 if form == "multiplicative" else center), products)[:, present]
    penalty = ridge * len(X) * (w / w.sum()) @ (design - w @ design / w.sum()) ** 2 if ridge else None
    model = fit_glm(design, y, family, weight=weight, penalty=penalty, errors=errors, groups=groups)
    k, size = len(model.coef), len(present)
    coef = np.zeros((k, size))
    coef[:, present] = model.coef
    covariance = np.zeros((k * size, k * size))
    places = (np.arange(k)[:, None] * size + np.flatnonzero(present)[None, :]).ravel()
    covariance[np.ix_(places, places)] = model.covariance
    move = change_of_center(-center if form == "multiplicative" else center, products)
    other, other_error = coef @ move.T, _errors(covariance, np.kron(np.eye(k), move).astype(np.float64), k)
    own_error = _errors(covariance, np.eye(k * size), k)
    test = None
    if form == "combined" and len(products):
        reduced = fit_glm(
            design[:, : 1 + X.shape[1]], y, family, weight=weight, penalty=None if penalty is None else penalty[: 1 + X.shape[1]]
        )
        test = nested_test(reduced, model, len(X))
    df = float(model.residual_df) if family == "gaussian" else np.inf
    if form == "multiplicative":
        return Interactions(center, other, coef, other_error, own_error, df, test, model)
    return Interactions(center, coef, other, own_error, other_error, df, test, model)


def terms(p: int, q: int, form: str) -> Bool:
    """(1 + p + q,) bool: which of ``[1, mains, products]`` a form has."""
    out: Bool = np.r_[True, np.full(p, form != "multiplicative"), np.full(q, form != "additive")]
    return out


def design_matrix(X: Float, pairs: Int) -> Float:
    """(n, 1 + p + q): ones, columns, products."""
    return np.hstack([np.ones((len(X), 1)), X, X[:, pairs[:, 0]] * X[:, pairs[:, 1]]])


def change_of_center(center: Float, pairs: Int) -> Float:
    """Matrix from coefficients of ``c = x - center`` to coefficients of x: ``w_i - sum_j w_ij center_j``, and the constant to match."""
    p, q = len(center), len(pairs)
    out = np.eye(1 + p + q)
    out[0, 1 : 1 + p] = -center
    for column, (i, j) in enumerate(pairs, start=1 + p):
        out[0, column] = center[i] * center[j]
        out[1 + i, column] -= center[j]
        out[1 + j, column] -= center[i]
    return out


def nested_test(reduced: GLM, full: GLM, n: int) -> InteractionTest:
    """F test ``((RSS_add - RSS_full) / q) / (RSS_full / (n - p))`` for least squares, likelihood ratio otherwise.

    q counts the coefficients that the full model has beyond the reduced one; without any, or without residual degrees of freedom, the
    test is NaN.
    """
    q = reduced.residual_df - full.residual_df
    if np.isfinite(full.rss):
        gain = max(reduced.rss - full.rss, 0.0)
        partial = gain / reduced.rss if reduced.rss > 0 else np.nan
        if q <= 0 or full.residual_df <= 0:
            return InteractionTest(np.nan, np.nan, (max(q, 0), float(full.residual_df)), partial)
        variance = full.rss / full.residual_df
        F = gain / q / variance if variance > 0 else np.inf
        return InteractionTest(float(F), float(stats.f.sf(F, q, full.residual_df)), (q, float(full.residual_df)), float(partial))
    ratio = max(2 * (full.log_likelihood - reduced.log_likelihood), 0.0)
    p_value = float(stats.chi2.sf(ratio, q)) if q > 0 else np.nan
    return InteractionTest(ratio, p_value, (max(q, 0), np.inf), float(-np.expm1(-ratio / n)))


def mixed_difference(function: Callable[[Float, Float], Float], a: Any, a_other: Any, b: Any, b_other: Any) -> Float:
    """``f(a, b) - f(a', b) - f(a, b') + f(a', b')``: zero everywhere if and only if f is additive in its two arguments.

    Args:
        function: any model of two blocks, (n, d_1), (n, d_2) -> (n,) or (n, k).
        a, a_other: (n, d_1) values of the first block.
        b, b_other: (n, d_2) values of the second.

    Source: Friedman, Popescu 2008, Predictive learning via rule ensembles, Annals of Applied Statistics 2:916-954, section 8.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0], [2.0]])
        >>> mixed_difference(lambda u, v: 2 * (u * v)[:, 0], x, 0 * x, x, 0 * x).tolist()
        [2.0, 8.0]
    """
    a, a_other, b, b_other = (_check.matrix(v, name) for v, name in ((a, "a"), (a_other, "a_other"), (b, "b"), (b_other, "b_other")))
    out: Float = function(a, b) - function(a_other, b) - function(a, b_other) + function(a_other, b_other)
    return out


def intervals(estimate: Float, error: Float, df: float, level: float) -> tuple[Float, Float, Float]:
    """Lower and upper bounds and two-sided p-values, from the t distribution (the normal one for infinite ``df``)."""
    distribution = stats.norm() if np.isinf(df) else stats.t(max(df, 1e-12))
    half = distribution.ppf(0.5 + level / 2) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * distribution.sf(np.abs(estimate / error))
    return estimate - half, estimate + half, p


def all_pairs(blocks: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Every product of columns of two different blocks."""
    return [(i, j) for m, one in enumerate(blocks) for other in blocks[m + 1 :] for i in one for j in other]


def _pairs(pairs: Any, p: int) -> Int:
    out = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    if out.size and (out.min() < 0 or out.max() >= p):
        raise DataError(f"pairs name columns {out.min()} to {out.max()}, but X has {p} columns; number them from 0")
    return out


def _errors(covariance: Float, move: Float, k: int) -> Float:
    """(k, terms) square roots of the diagonal of ``move covariance move^T``; NaN for terms that others determine."""
    undetermined = np.isnan(np.diag(covariance))
    known = np.where(undetermined[:, None] | undetermined[None, :], 0.0, covariance)
    variance = np.einsum("ij,jk,ik->i", move, known, move)
    out: Float = np.where(undetermined, np.nan, np.sqrt(np.maximum(variance, 0.0))).reshape(k, -1)
    return out
