"""Probabilistic CCA: posteriors are the conditional Gaussians of the model's own joint covariance."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.errors import DataError
from mcgurk.functional.cca import fit_cca, fit_gcca
from mcgurk.functional.pcca import probabilistic

R = np.random.default_rng(0)
Z = R.standard_normal((300, 2))
X, Y = (Z @ R.standard_normal((2, d)) + R.standard_normal((300, d)) + 3.0 for d in (4, 3))


@pytest.mark.parametrize(("reg", "ridge"), [(0.0, "absolute"), (0.1, "absolute"), (0.1, "relative"), (0.1, "shrinkage")])
def test_posteriors_are_conditional_gaussians(reg, ridge):
    model = probabilistic(fit_cca(X, Y, 2, reg=reg, ridge=ridge), X, Y, shrunk=ridge == "shrinkage")
    W = np.vstack(model.loadings)
    joint = W @ W.T
    joint[:4, :4] += model.noise[0]
    joint[4:, 4:] += model.noise[1]
    data = np.hstack([X - X.mean(0), Y - Y.mean(0)])
    for given, rows in (((X, None), slice(0, 4)), ((None, Y), slice(4, 7)), ((X, Y), slice(0, 7))):
        expected = data[:, rows] @ np.linalg.solve(joint[rows, rows], W[rows])
        np.testing.assert_allclose(model.posterior(*given), expected, atol=1e-10)
    np.testing.assert_allclose(model.impute(1, X), data[:, :4] @ np.linalg.solve(joint[:4, :4], joint[:4, 4:]) + Y.mean(0), atol=1e-10)
    np.testing.assert_allclose(model.impute(0, Y), data[:, 4:] @ np.linalg.solve(joint[4:, 4:], joint[4:, :4]) + X.mean(0), atol=1e-10)
    for noise in model.noise:
        assert np.linalg.eigvalsh(noise).min() > -1e-10


def test_errors():
    model = probabilistic(fit_cca(X, Y, 2), X, Y)
    with pytest.raises(DataError, match="both views are missing"):
        model.posterior(None, None)
    with pytest.raises(DataError, match="same rows"):
        model.posterior(X, Y[:3])
    with pytest.raises(DataError, match="fitted on 3"):
        probabilistic(model.base, X, X)
    with pytest.raises(DataError, match="defined for two"):
        probabilistic(fit_gcca([X, Y, X], 1)[0], X, Y)
