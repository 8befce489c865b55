"""Generalised linear models for inference: coefficients with their covariance, by QR or by iteratively reweighted least squares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, optimize, special

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Bool, Float

FAMILIES = ("gaussian", "multinomial", "poisson", "negative_binomial")
ERRORS = ("model", "hc3", "cluster")


@dataclass(frozen=True)
class GLM:
    """A fitted model with k linear predictors of p coefficients each.

    Args:
        coef: (k, p); a column that others determine has coefficient 0.
        covariance: (k p, k p), equations one after another; NaN for such columns.
        used: (p,) bool, columns that are not determined by those before them.
        log_likelihood: at the solution, without constants that depend on y alone for multinomial and Poisson.
        residual_df: rows minus coefficients.
        dispersion: residual variance (gaussian), alpha of ``var = mu + alpha mu^2`` (negative binomial), else 1.
        rss: weighted residual sum of squares (gaussian only, else NaN).
        converged: whether the coefficients are finite maxima; with perfectly separated classes there are none.
    """

    coef: Float
    covariance: Float
    used: Bool
    log_likelihood: float
    residual_df: int
    dispersion: float
    rss: float
    converged: bool


def fit_glm(
    X: Any,
    y: Any,
    family: str = "gaussian",
    *,
    weight: Any | None = None,
    penalty: Any | None = None,
    errors: str = "model",
    groups: Any | None = None,
) -> GLM:
    """Maximum (penalised) likelihood with standard errors.

    Covariance: ``sigma^2 (X^T X)^-1`` and its likelihood counterpart ("model"); sandwich with residuals over ``1 - leverage`` ("hc3");
    sandwich over sums of the scores by group, times ``G / (G - 1) (n - 1) / (n - p)`` ("cluster"). A penalty adds ``penalty_j b_j^2 / 2``
    (of the residual variance, for gaussian) and its covariance is that of the penalised estimate around its own mean.

    Not for: prediction from many columns (:mod:`.linear` is quicker and chooses penalties).

    Args:
        X: (n, p), an intercept among its columns where one is wanted.
        y: (n,) numbers, counts, or codes 0..C-1 (multinomial: code 0 is the reference, k = C - 1).
        family: "gaussian", "multinomial", "poisson" (log link) or "negative_binomial" (log link).
        weight: (n,) row weights.
        penalty: (p,) ridge penalties >= 0.
        errors: "model", "hc3" or "cluster".
        groups: (n,) codes, for "cluster".

    Raises:
        DataError: an unknown family or kind of errors, "hc3" for more than two classes, no groups for "cluster", counts below 0 (L01).

    Source: McCullagh, Nelder 1989, Generalized Linear Models, chapter 2; HC3: MacKinnon, White 1985, Journal of Econometrics 29:305-325;
        cluster: Liang, Zeger 1986, Biometrika 73:13-22; negative binomial: Lawless 1987, Canadian Journal of Statistics 15:209-225.

    Example:
        >>> import numpy as np
        >>> fit = fit_glm(np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), [1.0, 3.0, 5.0])
        >>> fit.coef.round(6).tolist()
        [[1.0, 2.0]]
    """
    X = _check.matrix(X, "X")
    n, p = X.shape
    if family not in FAMILIES or errors not in ERRORS:
        raise DataError(f"family={family!r}, errors={errors!r}; expected one of {', '.join(FAMILIES)} and one of {', '.join(ERRORS)}")
    w = _check.weights(weight, n)
    ridge = np.zeros(p) if penalty is None else _check.vector(penalty, "penalty", p)
    target = _target(y, family, n)
    k = target.shape[1]
    if errors == "cluster" and groups is None:
        raise DataError("errors='cluster' needs the group of every row; give groups, or choose 'model' or 'hc3'")
    if errors == "hc3" and k > 1:
        raise DataError(f"errors='hc3' is defined for one linear predictor; there are {k}; choose 'model' or 'cluster'")
    norms = np.sqrt((w[:, None] * X**2).sum(axis=0))
    used = (norms > 0) if ridge.any() else independent(np.sqrt(w)[:, None] * X)
    scale = np.where(norms > 0, norms, 1.0) / np.sqrt(n)
    Z, penalties = (X / scale)[:, used], (ridge / scale**2)[used]
    state = _gaussian(Z, target, w, penalties) if family == "gaussian" else _newton(Z, target, w, penalties, family)
    df = n - int(used.sum()) * k
    return _assembled(state, Z, target, w, scale, used, df, errors, None if groups is None else np.asarray(groups))


def independent(X: Float, tolerance: float = 1e-9) -> Bool:
    """(p,) bool: columns that are no linear combination of the columns before them."""
    n, p = X.shape
    basis = np.zeros((n, min(n, p)))
    out = np.zeros(p, dtype=bool)
    rank = 0
    for j in range(p):
        length = float(np.linalg.norm(X[:, j]))
        if rank == min(n, p) or length == 0:
            continue
        rest = X[:, j] / length
        for _ in range(2):
            rest = rest - basis[:, :rank] @ (basis[:, :rank].T @ rest)
        size = float(np.linalg.norm(rest))
        if size > tolerance:
            basis[:, rank] = rest / size
            out[j] = True
            rank += 1
    return out


@dataclass
class _State:
    """Solution in scaled coordinates: b (r, k), residuals dl/deta (n, k), curvature (n, k, k), inverse Hessian of the penalised problem."""

    b: Float
    residual: Float
    curvature: Float
    bread: Float
    information: Float
    log_likelihood: float
    dispersion: float
    rss: float
    converged: bool


def _target(y: Any, family: str, n: int) -> Float:
    """(n, k): numbers, counts, or indicators of the classes but the first."""
    if family == "multinomial":
        codes = np.asarray(y)
        checked = _check.codes(codes, int(codes.max(initial=1)) + 1, n=n)
        return np.eye(max(int(checked.max(initial=0)) + 1, 2))[checked][:, 1:]
    values = _check.vector(y, "y", n)
    if family != "gaussian" and (values < 0).any():
        raise DataError(f"y holds a negative count ({values.min():g}); {family} regression needs counts >= 0", code="L01")
    return values[:, None]


def _gaussian(Z: Float, y: Float, w: Float, penalty: Float) -> _State:
    root = np.sqrt(w)[:, None]
    A, target = root * Z, root * y
    if penalty.any():
        A, target = np.vstack([A, np.diag(np.sqrt(penalty))]), np.vstack([target, np.zeros((len(penalty), 1))])
    q, r = linalg.qr(A, mode="economic")
    b = linalg.solve_triangular(r, q.T @ target)
    inverse = linalg.solve_triangular(r, np.eye(len(r)))
    residual = y - Z @ b
    rss = float(w @ residual[:, 0] ** 2)
    df = len(Z) - Z.shape[1]
    sigma2 = rss / df if df > 0 else np.nan
    likelihood = -0.5 * len(Z) * (np.log(2 * np.pi * max(rss, 1e-300) / len(Z)) + 1)
    bread = inverse @ inverse.T
    information = Z.T @ (w[:, None] * Z)
    return _State(b, w[:, None] * residual, w[:, None, None], bread, information, likelihood, sigma2, rss, True)


Derivatives = Callable[[Float], tuple[float, Float, Float]]


def _newton(Z: Float, y: Float, w: Float, penalty: Float, family: str) -> _State:
    """Newton steps with halving; the negative binomial's alpha is maximised in between."""
    b = np.zeros((Z.shape[1], y.shape[1]))
    alpha = before = 1.0 if family == "negative_binomial" else 0.0
    for turn in range(50 if family == "negative_binomial" else 1):
        derivatives = _likelihood(family, y, w, alpha)
        b, bread, converged = _ascend(Z, b, penalty, derivatives)
        if family != "negative_binomial" or (turn and abs(np.log(alpha / before)) < 1e-6):
            break
        before, alpha = alpha, _best_alpha(y[:, 0], np.exp(np.clip(Z @ b, -700, 700))[:, 0], w)
    value, residual, curvature = derivatives(Z @ b)
    information = _hessian(Z, curvature)
    return _State(b, residual, curvature, bread, information, value, alpha if alpha else 1.0, np.nan, converged)


def _ascend(Z: Float, b: Float, penalty: Float, derivatives: Derivatives) -> tuple[Float, Float, bool]:
    (_, r), k = Z.shape, b.shape[1]
    ridge = np.tile(penalty, k)
    value, residual, curvature = derivatives(Z @ b)
    objective = value - 0.5 * float((penalty[:, None] * b**2).sum())
    converged = False
    for _ in range(100):
        hessian = _hessian(Z, curvature) + np.diag(ridge)
        gradient = (Z.T @ residual - penalty[:, None] * b).T.ravel()
        bread = linalg.pinvh(hessian)
        step = bread @ gradient
        decrease, size = float(gradient @ step), 1.0
        if decrease < 1e-12 * (1 + abs(objective)):
            converged = bool(np.diag(bread).max(initial=0) * len(Z) < 1e7)  # curvature that vanishes: no finite maximum
            break
        while size > 1e-6:
            trial = b + size * step.reshape(k, r).T
            value, residual, curvature = derivatives(Z @ trial)
            now = value - 0.5 * float((penalty[:, None] * trial**2).sum())
            if np.isfinite(now) and now >= objective:
                break
            size /= 2
        else:
            break
        b, objective = trial, now
    return b, bread, converged


def _hessian(Z: Float, curvature: Float) -> Float:
    r, k = Z.shape[1], curvature.shape[1]
    out = np.empty((k, r, k, r))
    for a in range(k):
        for c in range(a, k):
            out[a, :, c, :] = Z.T @ (curvature[:, a, c, None] * Z)
            out[c, :, a, :] = out[a, :, c, :].T
    return out.reshape(k * r, k * r)


def _likelihood(family: str, y: Float, w: Float, alpha: float) -> Derivatives:
    def multinomial(eta: Float) -> tuple[float, Float, Float]:
        whole = np.hstack([np.zeros((len(eta), 1)), eta])
        total = special.logsumexp(whole, axis=1)
        p = np.exp(eta - total[:, None])
        curvature = -p[:, :, None] * p[:, None, :]
        curvature[:, range(p.shape[1]), range(p.shape[1])] += p
        return float(w @ ((y * eta).sum(axis=1) - total)), w[:, None] * (y - p), w[:, None, None] * curvature

    def counts(eta: Float) -> tuple[float, Float, Float]:
        mu = np.exp(np.clip(eta, -700, 700))
        if not alpha:
            return float(w @ (y * eta - mu)[:, 0]), w[:, None] * (y - mu), (w[:, None] * mu)[:, :, None]
        spread = 1 + alpha * mu
        value = float(w @ _negative_binomial(y[:, 0], mu[:, 0], alpha))
        return value, w[:, None] * (y - mu) / spread, (w[:, None] * mu / spread)[:, :, None]

    return multinomial if family == "multinomial" else counts


def _negative_binomial(y: Float, mu: Float, alpha: float) -> Float:
    """Log-probabilities of counts with mean mu and variance mu + alpha mu^2."""
    size = 1 / alpha
    out: Float = special.gammaln(y + size) - special.gammaln(size) - special.gammaln(y + 1) - (y + size) * np.log1p(alpha * mu)
    out += special.xlogy(y, alpha * mu)
    return out


def _best_alpha(y: Float, mu: Float, w: Float) -> float:
    found = optimize.minimize_scalar(lambda t: -float(w @ _negative_binomial(y, mu, np.exp(t))), bounds=(-12.0, 6.0), method="bounded")
    return float(np.exp(found.x))


def _assembled(state: _State, Z: Float, y: Float, w: Float, scale: Float, used: Bool, df: int, errors: str, groups: Any | None) -> GLM:
    (n, r), k, p = Z.shape, y.shape[1], len(scale)
    gaussian = np.isfinite(state.rss)
    scores = (state.residual[:, :, None] * Z[:, None, :]).reshape(n, k * r)
    if errors == "hc3":
        leverage = state.curvature[:, 0, 0] * np.einsum("ij,jk,ik->i", Z, state.bread, Z)
        scores = scores / np.maximum(1 - leverage, 1e-12)[:, None]
        meat = scores.T @ scores
    elif errors == "cluster":
        codes = np.unique(np.asarray(groups), return_inverse=True)[1]
        sums = np.zeros((codes.max(initial=0) + 1, k * r))
        np.add.at(sums, codes, scores)
        g = len(sums)
        factor = g / (g - 1) * (n - 1) / max(n - r, 1) if g > 1 else np.nan
        meat = factor * sums.T @ sums
    else:
        meat = state.information * (state.dispersion if gaussian else 1.0)
    inner = state.bread @ meat @ state.bread
    places = (np.arange(k)[:, None] * p + np.flatnonzero(used)[None, :]).ravel()
    factors = np.tile(1 / scale[used], k)
    covariance = np.full((k * p, k * p), np.nan)
    covariance[np.ix_(places, places)] = inner * np.outer(factors, factors)
    coef = np.zeros((k, p))
    coef[:, used] = state.b.T / scale[used]
    return GLM(coef, covariance, used, state.log_likelihood, df, state.dispersion, state.rss, state.converged)
