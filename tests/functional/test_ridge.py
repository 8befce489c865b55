"""Ridge: equal to scikit-learn's, leave-one-out equal to leaving out one by one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from mcgurk.errors import DataError, ResourceError
from mcgurk.functional import ridge

RNG = np.random.default_rng(0)


def problem(n, p, q=1):
    X = RNG.standard_normal((n, p)) + 3.0
    return X, X @ RNG.standard_normal((p, q)) + RNG.standard_normal((n, q))


@pytest.mark.parametrize(("n", "p"), [(60, 7), (20, 50)])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_scikit_learn(n, p, make, weighted):
    X, y = problem(n, p, 2)
    weight = RNG.uniform(0.1, 3.0, n) if weighted else None
    coef, intercept = ridge.fit_ridge(make(X), y, 0.8, weight)
    model = Ridge(0.8).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(coef, model.coef_, atol=1e-8)
    np.testing.assert_allclose(intercept, model.intercept_, atol=1e-7)


@pytest.mark.parametrize(("n", "p"), [(25, 6), (12, 30)])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_path_equals_single_fits_and_loo_equals_leaving_out(n, p, make):
    X, y = problem(n, p)
    weight = np.ones(n)
    weight[3] = 2.0
    alphas = [5.0, 0.1]
    path = ridge.ridge_path(make(X), y[:, 0], alphas, weight)
    for a, alpha in enumerate(alphas):
        coef, intercept = ridge.fit_ridge(X, y, alpha, weight)
        np.testing.assert_allclose(path.coef[a], coef, atol=1e-8)
        np.testing.assert_allclose(path.intercept[a], intercept, atol=1e-7)
        for i in range(n):
            rest = np.arange(n) != i
            coef, intercept = ridge.fit_ridge(X[rest], y[rest], alpha, weight[rest])
            assert path.loo_predictions[a, i, 0] == pytest.approx((X[i] @ coef.T + intercept)[0], abs=1e-7)
        expected = np.average((y - path.loo_predictions[a])[:, 0] ** 2, weights=weight)
        assert path.loo[a, 0] == pytest.approx(expected)
    assert path.dof[1] > path.dof[0]


def test_gcv_by_hand_and_choice():
    X, y = problem(30, 4)
    path = ridge.ridge_path(X, y, [2.0])
    Xc = X - X.mean(0)
    hat = Xc @ np.linalg.solve(Xc.T @ Xc + 2 * np.eye(4), Xc.T) + 1 / 30
    residual = y - hat @ y
    assert path.gcv[0, 0] == pytest.approx((residual**2).mean() / (1 - np.trace(hat) / 30) ** 2)
    noise = ridge.ridge_path(X, RNG.standard_normal(30), [1e-3, 1e6])
    assert ridge.best_alpha(noise, "gcv") == ridge.best_alpha(noise) == 1


def test_equal_errors_choose_the_stronger_penalty():
    path = ridge.ridge_path(np.zeros((5, 2)), np.arange(5.0), [1.0, 7.0, 3.0])
    assert ridge.best_alpha(path) == 1


def test_rows_of_weight_zero_take_no_part():
    X, y = problem(20, 3)
    weight = np.r_[np.ones(15), np.zeros(5)]
    path, alone = ridge.ridge_path(X, y, [1.0], weight), ridge.ridge_path(X[:15], y[:15], [1.0])
    np.testing.assert_allclose(path.coef, alone.coef)
    np.testing.assert_allclose(path.loo, alone.loo)
    np.testing.assert_allclose(path.gcv, alone.gcv)


def test_errors(monkeypatch):
    with pytest.raises(DataError, match="alpha is 0"):
        ridge.fit_ridge(np.ones((3, 1)), np.ones(3), 0)
    with pytest.raises(DataError, match="y has 2 rows and X 3"):
        ridge.fit_ridge(np.ones((3, 1)), np.ones(2))
    with pytest.raises(DataError, match="too small for columns"):
        ridge.fit_ridge(np.outer(np.arange(9.0), np.ones(3)) * 1e6, np.ones(9), 1e-12)
    with pytest.raises(DataError, match="criterion"):
        ridge.best_alpha(ridge.ridge_path(np.arange(3.0)[:, None], np.ones(3), [1.0]), "aic")
    monkeypatch.setattr(ridge, "_DENSE", 2)
    with pytest.raises(ResourceError, match="fit_ridge"):
        ridge.ridge_path(np.ones((3, 3)), np.ones(3), [1.0])


@pytest.mark.parametrize(("n", "p"), [(40, 5), (20, 40)])
def test_groups_are_left_out_together(n, p):
    X, y = problem(n, p, 2)
    weight, groups = RNG.uniform(0.2, 2.0, n), RNG.integers(0, 6, n)
    path = ridge.ridge_path(X, y, [0.5, 5.0], weight, groups)
    for i, alpha in enumerate((0.5, 5.0)):
        for g in np.unique(groups):
            out = groups == g
            coef, intercept = ridge.fit_ridge(X[~out], y[~out], alpha, weight[~out])
            np.testing.assert_allclose(path.loo_predictions[i][out], X[out] @ coef.T + intercept, atol=1e-7)
    np.testing.assert_array_equal(ridge.ridge_path(X, y, [0.5], weight, np.arange(n)).loo, ridge.ridge_path(X, y, [0.5], weight).loo)


def test_groups_need_one_label_a_row():
    X, y = problem(10, 2)
    with pytest.raises(DataError, match=r"groups has shape \(9,\), expected \(10,\)"):
        ridge.ridge_path(X, y, [1.0], groups=np.zeros(9))
