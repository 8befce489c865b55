"""Generalised linear models: against closed forms, against an optimiser, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special

from mcgurk.errors import DataError
from mcgurk.functional.glm import fit_glm, independent


def data(n=200, seed=0):
    rng = np.random.default_rng(seed)
    return np.column_stack([np.ones(n), rng.normal(size=(n, 2))]), rng


def test_least_squares_and_its_three_kinds_of_errors():
    X, rng = data()
    y = X @ [1.0, 2.0, -1.0] + rng.normal(size=200) * (1 + np.abs(X[:, 1]))
    groups = np.arange(200) // 4
    bread = np.linalg.inv(X.T @ X)
    u = y - X @ (bread @ X.T @ y)
    h = np.einsum("ij,jk,ik->i", X, bread, X)
    sums = np.array([(X * u[:, None])[groups == g].sum(axis=0) for g in range(50)])
    expected = {
        "model": bread * (u @ u) / 197,
        "hc3": bread @ (X.T * (u / (1 - h)) ** 2) @ X @ bread,
        "cluster": 50 / 49 * 199 / 197 * bread @ sums.T @ sums @ bread,
    }
    for errors, covariance in expected.items():
        np.testing.assert_allclose(fit_glm(X, y, errors=errors, groups=groups).covariance, covariance, rtol=1e-9)


def test_weights_count_rows():
    X, rng = data(40)
    y = rng.normal(size=40)
    w = rng.integers(1, 4, 40)
    np.testing.assert_allclose(fit_glm(X, y, weight=w).coef, fit_glm(np.repeat(X, w, axis=0), np.repeat(y, w)).coef, rtol=1e-10)


def test_multinomial_is_the_maximum_and_its_covariance_the_inverse_curvature():
    X, rng = data()
    y = rng.integers(0, 3, 200)

    def loss(b):
        eta = np.column_stack([np.zeros(200), X @ b.reshape(2, 3).T])
        return (special.logsumexp(eta, axis=1) - eta[np.arange(200), y]).sum()

    fit = fit_glm(X, y, "multinomial")
    found = optimize.minimize(loss, np.zeros(6), method="BFGS", options={"gtol": 1e-7})
    np.testing.assert_allclose(fit.coef.ravel(), found.x, atol=1e-5)
    np.testing.assert_allclose(fit.log_likelihood, -found.fun, rtol=1e-9)
    hessian = optimize.approx_fprime(fit.coef.ravel(), lambda b: optimize.approx_fprime(b, loss, 1e-5), 1e-4)
    np.testing.assert_allclose(np.linalg.inv(fit.covariance), hessian, rtol=0.02, atol=0.5)


def test_poisson_score_is_zero_and_negative_binomial_finds_its_dispersion():
    X, rng = data(4000)
    mu = np.exp(X @ [0.5, 0.4, -0.3])
    poisson = fit_glm(X, rng.poisson(mu), "poisson")
    np.testing.assert_allclose(poisson.coef[0], [0.5, 0.4, -0.3], atol=0.06)
    y = rng.poisson(mu * rng.gamma(2.0, 0.5, 4000))
    wide = fit_glm(X, y, "negative_binomial")
    np.testing.assert_allclose(wide.dispersion, 0.5, atol=0.08)
    assert (np.diag(wide.covariance) > np.diag(fit_glm(X, y, "poisson").covariance)).all()


def test_separation_is_reported_and_a_penalty_cures_it():
    X = np.column_stack([np.ones(20), np.arange(20.0)])
    y = (np.arange(20) > 9).astype(int)
    assert not fit_glm(X, y, "multinomial").converged
    cured = fit_glm(X, y, "multinomial", penalty=[0.0, 1.0])
    assert cured.converged and np.isfinite(cured.covariance).all()


def test_independent_keeps_the_first_of_equals():
    X = np.array([[1.0, 2.0, 0.0, 1.0], [1.0, 2.0, 1.0, 2.0], [1.0, 2.0, 5.0, 6.0]])
    assert independent(X).tolist() == [True, False, True, False]
    fit = fit_glm(X, [1.0, 2.0, 6.0])
    assert fit.used.tolist() == [True, False, True, False] and np.isnan(fit.covariance[1]).all()


@pytest.mark.parametrize(
    ("y", "options", "match"),
    [
        ([1.0, 2.0], {"family": "odd"}, "family='odd'"),
        ([1.0, 2.0], {"errors": "cluster"}, "needs the group"),
        ([0, 2, 1], {"family": "multinomial", "errors": "hc3"}, "one linear predictor"),
        ([-1.0, 2.0], {"family": "poisson"}, "negative count"),
    ],
)
def test_refusals(y, options, match):
    with pytest.raises(DataError, match=match):
        fit_glm(np.ones((len(y), 1)), y, **options)
