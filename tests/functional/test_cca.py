"""CCA: known answers, invariances, reference implementations, real data."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from scipy import io, linalg
from sklearn.cross_decomposition import CCA as NIPALS
from sklearn.datasets import load_digits

from mcgurk.errors import DataError
from mcgurk.functional.cca import fit_cca, fit_gcca


def rng(seed=0):
    return np.random.default_rng(seed)


def pair(n=200, d=(6, 4), seed=0):
    r = rng(seed)
    z = r.standard_normal((n, 3))
    return tuple(z @ r.standard_normal((3, k)) + r.standard_normal((n, k)) + 5.0 for k in d)


def reference(X, Y):
    """Singular values of the product of orthonormal bases."""
    Qx, Qy = (np.linalg.qr(v - v.mean(0))[0] for v in (X, Y))
    return np.linalg.svd(Qx.T @ Qy)[1]


def exactly(S, n=400):
    """Rows whose sample covariance is S."""
    Z = rng().standard_normal((n, len(S)))
    Z -= Z.mean(0)
    white = np.linalg.solve(linalg.cholesky(Z.T @ Z / (n - 1), lower=True), Z.T).T
    return white @ linalg.cholesky(S)


def test_one_column_each_is_pearson():
    X, Y = pair(d=(1, 1))
    assert fit_cca(X, Y, 1, reg=0.0).values[0] == pytest.approx(abs(np.corrcoef(X[:, 0], Y[:, 0])[0, 1]), abs=1e-12)


def test_limits():
    X, _ = pair()
    np.testing.assert_allclose(fit_cca(X, X @ rng().standard_normal((6, 6)), 6, reg=0.0).values, 1.0)
    independent = fit_cca(rng(1).standard_normal((100_000, 5)), rng(2).standard_normal((100_000, 5)), 5)
    assert independent.values[0] < 0.03


def test_population_values_and_the_absolute_ridge():
    S = np.eye(4)
    S[0, 2] = S[2, 0] = 0.9
    S[1, 3] = S[3, 1] = 0.5
    data = exactly(S)
    np.testing.assert_allclose(fit_cca(data[:, :2], data[:, 2:], 2, reg=0.0).values, (0.9, 0.5), atol=1e-10)
    for thin in (False, True):
        got = fit_cca(data[:, :2], data[:, 2:], 2, reg=0.1, ridge="absolute", thin=thin)
        np.testing.assert_allclose(got.values, (0.818182, 0.454545), atol=1e-6)


def test_affine_invariance_only_without_ridge():
    X, Y = pair()
    moved = X @ (np.eye(6) + 0.3 * rng(3).standard_normal((6, 6))) - 7
    np.testing.assert_allclose(fit_cca(moved, Y, 4, reg=0.0).values, fit_cca(X, Y, 4, reg=0.0).values, atol=1e-10)
    assert np.abs(fit_cca(moved, Y, 4, reg=0.1).values - fit_cca(X, Y, 4, reg=0.1).values).max() > 1e-3


@pytest.mark.parametrize("ridge", ["absolute", "relative", "shrinkage"])
@pytest.mark.parametrize("reg", [0.0, 0.05])
def test_constraints(ridge, reg):
    X, Y = pair()
    model = fit_cca(X, Y, 4, reg=reg, ridge=ridge)
    scale = 1 - reg if ridge == "shrinkage" else 1.0
    Sx, Sy = scale * np.cov(X.T), scale * np.cov(Y.T)
    A, B = model.weights
    np.testing.assert_allclose(A.T @ (Sx + model.ridges[0] * np.eye(6)) @ A, np.eye(4), atol=1e-10)
    np.testing.assert_allclose(B.T @ (Sy + model.ridges[1] * np.eye(4)) @ B, np.eye(4), atol=1e-10)
    cross = A.T @ ((X - X.mean(0)).T @ (Y - Y.mean(0)) / (len(X) - 1)) @ B
    np.testing.assert_allclose(cross, np.diag(model.values), atol=1e-10)
    assert (A[np.abs(A).argmax(0), range(4)] > 0).all()


def test_equals_references():
    X, Y = pair()
    model = fit_cca(X, Y, 3, reg=0.0)
    np.testing.assert_allclose(model.values, reference(X, Y)[:3], atol=1e-10)
    nipals = NIPALS(3, tol=1e-12, max_iter=5000).fit(X, Y)
    assert linalg.subspace_angles(nipals.transform(X), model.project(0, X)).max() < 1e-5


@pytest.mark.parametrize("shape", [(200, 6, 4), (30, 80, 50)])
@pytest.mark.parametrize("ridge", ["absolute", "relative", "shrinkage"])
def test_thin_equals_dense(shape, ridge):
    X, Y = pair(shape[0], shape[1:])
    dense, thin = (fit_cca(X, Y, 3, reg=0.1, ridge=ridge, thin=t) for t in (False, True))
    np.testing.assert_allclose(dense.values, thin.values, atol=1e-10)
    for view, data in enumerate((X, Y)):
        np.testing.assert_allclose(dense.project(view, data), thin.project(view, data), atol=1e-8)


def test_rank_deficient_views_without_ridge():
    X, Y = pair()
    doubled = fit_cca(np.hstack([X, X[:, :2]]), Y, 4, reg=0.0)
    np.testing.assert_allclose(doubled.values, reference(X, Y), atol=1e-10)
    with pytest.raises(DataError, match="rank"):
        fit_cca(np.hstack([X[:, :1]] * 4), Y, 3, reg=0.0)


def test_same_call_same_bits_and_float32_input():
    X, Y = pair()
    np.testing.assert_array_equal(fit_cca(X, Y, 2).weights[0], fit_cca(X, Y, 2).weights[0])
    assert fit_cca(X.astype("f4"), Y, 2).weights[0].dtype == np.float64


def test_digits_halves():
    data = load_digits()
    images = data.data.reshape(-1, 8, 8) / 16
    left, right = images[:, :, :4].reshape(-1, 32), images[:, :, 4:].reshape(-1, 32)
    model = fit_cca(left[:1200], right[:1200], 10, reg=1e-3, ridge="absolute")
    np.testing.assert_allclose(model.values[:3], (0.8124, 0.8014, 0.6922), atol=2e-3)
    assert model.values.sum() == pytest.approx(6.064, abs=2e-3)
    a, b = model.project(0, left[1200:]), model.project(1, right[1200:])
    assert sum(np.corrcoef(a[:, j], b[:, j])[0, 1] for j in range(10)) == pytest.approx(5.618, abs=2e-3)


def test_wikipedia():
    root = Path(os.environ.get("MCGURK_DATA", "")) / "wikipedia" / "raw_features.mat"
    if "MCGURK_DATA" not in os.environ or not root.exists():
        pytest.skip("the Wikipedia features are not in MCGURK_DATA")
    raw = io.loadmat(root)
    model = fit_cca(raw["I_tr"], raw["T_tr"], 9)
    np.testing.assert_allclose(model.values, (0.5575, 0.4475, 0.4362, 0.3714, 0.3463, 0.3291, 0.2926, 0.2792, 0.2474), atol=2e-3)


def test_two_views_of_maxvar_are_cca():
    X, Y = pair()
    rho = reference(X, Y)
    model, G = fit_gcca([X, Y], 10, reg=0.0)
    np.testing.assert_allclose(np.sort(model.values), np.sort(np.r_[1 + rho, 1 - rho, 1, 1]), atol=1e-10)
    np.testing.assert_allclose(G.T @ G, np.eye(10), atol=1e-10)
    pairwise = fit_cca(X, Y, 3, reg=0.0)
    both = pairwise.project(0, X) + pairwise.project(1, Y)
    assert linalg.subspace_angles(both, G[:, :3]).max() < 1e-6


def test_copies_and_noise_views():
    x = rng().standard_normal((2000, 3))
    np.testing.assert_allclose(fit_gcca([x, 2 * x, x @ np.diag([1.0, -1, 3])], 3, reg=0.0)[0].values, 3.0, atol=1e-10)
    noisy, _ = fit_gcca([x, x, x, rng(1).standard_normal((2000, 10))], 3, reg=0.0)
    assert np.abs(noisy.values - 3.0).max() < 0.05


@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize("ridge", ["absolute", "relative", "shrinkage"])
def test_gcca_is_the_eigenproblem_it_claims(ridge, thin):
    views = [*pair(), rng(5).standard_normal((200, 5))]
    w = np.array([1.0, 0.5, 2.0])
    model, G = fit_gcca(views, 2, reg=0.1, ridge=ridge, view_weights=w, thin=thin)
    scale = 0.9 if ridge == "shrinkage" else 1.0
    M = np.zeros((200, 200))
    for j, view in enumerate(views):
        Xc = view - view.mean(0)
        inverse = np.linalg.inv(scale * Xc.T @ Xc + 199 * model.ridges[j] * np.eye(Xc.shape[1]))
        M += w[j] * scale * Xc @ inverse @ Xc.T
        np.testing.assert_allclose(model.weights[j], inverse @ Xc.T @ G, atol=1e-10)
    np.testing.assert_allclose(np.linalg.eigvalsh(M)[::-1][:2], model.values, atol=1e-10)
    np.testing.assert_allclose(M @ G, G * model.values, atol=1e-10)


X0, Y0 = np.arange(12.0).reshape(6, 2) ** 2, np.arange(6.0)[:, None]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: fit_cca(X0, Y0, 2), "narrower view has 1"),
        (lambda: fit_cca(X0, Y0[:3], 1), "6, 3 rows"),
        (lambda: fit_cca(X0[:1], Y0[:1], 1), "at least 2"),
        (lambda: fit_cca(X0, Y0, 0), "k is 0"),
        (lambda: fit_cca(X0, Y0, 1, ridge="l1"), "relative, absolute, shrinkage"),
        (lambda: fit_cca(X0, Y0, 1, reg=-1), "reg is -1"),
        (lambda: fit_cca(X0, Y0, 1, reg=2, ridge="shrinkage"), "between 0 and 1"),
        (lambda: fit_cca(np.ones((6, 2)), Y0, 1, reg=0.0), "constant"),
        (lambda: fit_cca(np.ones((6, 2)), Y0, 1, reg=0.1), "singular"),
        (lambda: fit_cca(X0 * np.nan, Y0, 1), "finite"),
        (lambda: fit_cca(X0, Y0, 1).project(0, Y0), "view 0 was fitted on 2"),
        (lambda: fit_gcca([X0], 1), "at least 2"),
        (lambda: fit_gcca([X0, Y0], 9), "rank 3"),
        (lambda: fit_gcca([X0, X0], 4, reg=1e-20), "rank"),
        (lambda: fit_gcca([X0, Y0], 1, view_weights=[0, 0]), "not all zero"),
    ],
)
def test_errors(call, match):
    with pytest.raises(DataError, match=match):
        call()
